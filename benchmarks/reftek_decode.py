"""REF TEK decoding beside ObsPy, and miniSEED by swapped headers, in one run.

    python benchmarks/reftek_decode.py [PACKETS]

Needs ObsPy in the same environment: it is the peer, and carries the two real recordings (C0 and
C2). They are read as they are, and repeated in memory to one event of an hour (1,440 packets) and
of a day and more (20,000), sequences and times going on. Both read a file from memory to arrays
that are checked for gaps; the samples must be equal. Runs take turns; the best of each counts, in
processor time.
"""

from __future__ import annotations

import io
import sys
import time
import warnings
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from portbook.protocols.reftek import packets
from portbook.protocols.reftek.packets import Packet
from portbook.seismic.blocks import swap
from portbook.seismic.files import pieces
from portbook.seismic.miniseed import Name, swapped
from portbook.seismic.samples import decode_all
from portbook.seismic.tags import span_ns, time_ns
from portbook.seismic.traces import Trace, read, traces

RUNS, YEAR, SIZE = 5, 2016, 1024
BLOCK = 1024 * SIZE
FILES = {"C0": ("225051000_00008656", 200.0), "C2": ("104800000_000093F8", 100.0)}


def main() -> None:
    spec = find_spec("obspy")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("ObsPy is not installed here: nothing to compare with")
    folder = Path(spec.submodule_search_locations[0], "io", "reftek", "tests", "data")
    most = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    for coding, (name, rate_hz) in FILES.items():
        octets = (folder / name).read_bytes()
        print(f"{coding}: best of {RUNS} runs, processor time", flush=True)
        for many in (0, 1440, most):
            decoding(repeated(octets, many, rate_hz) if many else octets)
        swapping(repeated(octets, most, rate_hz), rate_hz)


def decoding(octets: bytes) -> None:
    """Compare one file; a short one is read often enough to be measured."""
    count = len(octets) // SIZE
    times = max(1, 2000 // count)

    def often(way: Callable[[], object]) -> Callable[[], object]:
        return lambda: [way() for _ in range(times)]

    taken = best(
        {
            "portbook": often(lambda: read(octets, YEAR)),
            "packet by packet": often(lambda: traces(found(octets), YEAR)),
            "ObsPy": often(lambda: obspy_read(octets)),
        }
    )
    same(read(octets, YEAR), obspy_read(octets))
    ours, singly, theirs = (count * times / one for one in taken)
    print(f"  file of {count} packets to checked arrays: {ours / theirs:.1f} times ObsPy (goal: 5)")
    print(f"    portbook                         {ours:12,.0f} packets/s")
    print(f"    portbook, packet by packet       {singly:12,.0f} packets/s")
    print(f"    ObsPy                            {theirs:12,.0f} packets/s")


def swapping(octets: bytes, rate_hz: float) -> None:
    data = [one for one in found(octets) if one.type == "DT"]
    (alone,) = best({"samples": lambda: decode_all(data)})
    print(f"  samples alone, checked             {len(data) / alone:12,.0f} packets/s")
    unit = data[0].unit
    names = {(unit, 0, at): Name("XX", "TEST", "00", f"HH{code}") for at, code in enumerate("ZNE")}
    block = b"".join(one.octets for one in data)
    blocks = [block[at : at + BLOCK] for at in range(0, len(block), BLOCK)]

    def batch() -> None:
        for one in blocks:  # as for a file that is written block by block
            swap(one, names, {(unit, 0): rate_hz}, YEAR)

    def single() -> None:
        for one in data:
            swapped(one, names[unit, 0, one.channel or 0], rate_hz, YEAR)

    def whole() -> None:
        for at in range(0, len(block), SIZE):
            one = packets.read(block, at)
            assert one
            swapped(one, names[unit, 0, one.channel or 0], rate_hz, YEAR)

    in_blocks, one_by_one, with_reading = best({"batch": batch, "single": single, "whole": whole})
    print(
        f"  headers swapped, in blocks         {len(data) / in_blocks:12,.0f} records/s (goal: 2 M)"
    )
    print(
        f"  headers swapped, one by one        {len(data) / one_by_one:12,.0f} rec./s (goal: 200 k)"
    )
    print(f"  the same with reading the packet   {len(data) / with_reading:12,.0f} records/s")


def best(ways: dict[str, Callable[[], object]]) -> list[float]:
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(RUNS):
        for name, run in ways.items():
            began = time.process_time()
            run()
            taken[name].append(time.process_time() - began)
    return [min(times) for times in taken.values()]


def found(octets: bytes) -> list[Packet]:
    return [one.packet for one in pieces(io.BytesIO(octets).read) if one.packet]


def obspy_read(octets: bytes) -> object:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from obspy.io.reftek.core import _read_reftek130

        return _read_reftek130(io.BytesIO(octets))


def same(ours: list[Trace], theirs: object) -> None:
    """Compare all samples of a channel: where a repetition begins, only portbook sees a break."""
    left = joined((one.segment.channel, one.segment.start_ns, one.values) for one in ours)
    right = joined(
        (int(one.stats.reftek130["channel_number"]), one.stats.starttime.ns, one.data)
        for one in theirs  # type: ignore[attr-defined]
    )
    if left != right:
        raise SystemExit("the samples differ: nothing to compare")


def joined(parts: Iterable[tuple[int, int, NDArray[np.int32]]]) -> dict[int, bytes]:
    found: dict[int, list[tuple[int, bytes]]] = {}
    for channel, at_ns, values in parts:
        found.setdefault(channel, []).append((at_ns, values.astype(np.int32).tobytes()))
    return {
        channel: b"".join(octets for _, octets in sorted(each)) for channel, each in found.items()
    }


def repeated(octets: bytes, many: int, rate_hz: float) -> bytes:
    """Return one long event: the data again and again, each channel's times going on."""
    whole = [one for at in range(0, len(octets), SIZE) if (one := packets.read(octets, at))]
    data = [one for one in whole if one.type == "DT"]
    due: dict[int | None, int] = {}
    made = [whole[0].octets]
    while len(made) <= many:
        for one in data:
            at_ns = due.setdefault(one.channel, time_ns(one, YEAR) or 0)
            due[one.channel] = at_ns + span_ns(one.samples or 0, rate_hz)
            made.append(dated(one.octets, at_ns, len(made)))
    return b"".join(made)


def dated(octets: bytes, at_ns: int, sequence: int) -> bytes:
    moment = time.gmtime(at_ns // 10**9)
    clock = time.strftime("%j%H%M%S", moment) + f"{at_ns // 10**6 % 1000:03}"
    year = bytes.fromhex(f"{moment.tm_year % 100:02}")
    head = octets[:3] + year + octets[4:6] + bytes.fromhex(clock) + octets[12:14]
    return head + bytes.fromhex(f"{sequence % 10_000:04}") + octets[16:]


if __name__ == "__main__":
    main()
