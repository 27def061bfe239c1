"""ObsPy and libmseed, which know nothing of us, read what emulated recorders make."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.recorded import needs_obspy, obspy_traces

from portbook.emulators import plant
from portbook.emulators.reftek.clocks import Clock
from portbook.emulators.reftek.instruments import Plan, Stream, packets
from portbook.protocols.reftek import packets as reading
from portbook.seismic.miniseed import Name, swapped
from portbook.seismic.samples import decode_all

NANO = 1_000_000_000


def event(coding: str, clean: bool) -> list[bytes]:
    """Return the first event of a recorder, half a minute with a quake in it."""
    plan = Plan(
        0x9D20,
        Clock(plant.START_NS),
        (Stream(coding=coding, record_s=30),),
        shaking=((10 * NANO, 15 * NANO),),
        clean=clean,
    )
    found = []
    for made in packets(plan):
        if made.octets[:2] in (b"EH", b"DT", b"ET"):
            found.append(made.octets)
        if made.octets[:2] == b"ET":
            return found
    raise AssertionError("recorders never end")


def samples(octets: list[bytes]) -> dict[int, list[int]]:
    """Return what our own decoder reads, by channel."""
    data = [one for each in octets if (one := reading.read(each)) and one.type == "DT"]
    found: dict[int, list[int]] = {}
    for packet, decoded in zip(data, decode_all(data), strict=True):
        assert decoded.values is not None
        found.setdefault(packet.channel or 0, []).extend(decoded.values.tolist())
    return found


@needs_obspy
@pytest.mark.parametrize("coding", ["16", "32", "C0", "C2"])
@pytest.mark.parametrize("clean", [True, False])
def test_obspy_reads_an_event_without_a_break(tmp_path: Path, coding: str, clean: bool) -> None:
    made = event(coding, clean)
    path = tmp_path / "event.rt130"
    path.write_bytes(b"".join(made))
    traces = obspy_traces(path)

    assert [(channel, plant.START_NS, 100.0) for channel in range(3)] == [one[:3] for one in traces]
    assert samples(made) == {channel: values for channel, _, _, values in traces}
    assert [3000] * 3 == [len(values) for *_, values in traces]


@pytest.mark.parametrize("coding", ["C0", "C2"])
def test_libmseed_reads_the_frames_of_each_packet(coding: str) -> None:
    pymseed = pytest.importorskip("pymseed")
    made = event(coding, clean=False)
    told: dict[int, list[int]] = {}
    for octets in made:
        packet = reading.read(octets)
        assert packet is not None
        if packet.type == "DT":
            record = swapped(packet, Name("XX", "TEST", "00", "HHZ"), 100.0, 2026)
            (read,) = pymseed.MS3Record.from_buffer(bytearray(record), unpack_data=True)
            told.setdefault(packet.channel or 0, []).extend(read.datasamples)

    assert samples(made) == told
