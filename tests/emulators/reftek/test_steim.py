"""Samples go into Steim frames as real recorders put them there, and come out as they went in."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.recorded import C0, C0_SAMPLES, C2, C2_SAMPLES, FILES, real_file

from portbook.emulators.reftek import steim, writer
from portbook.emulators.reftek.dates import Tag
from portbook.errors import UsageError
from portbook.protocols.reftek import packets
from portbook.protocols.reftek.packets import Packet
from portbook.seismic.samples import decode
from portbook.seismic.tags import chain

TAG = Tag(2026, "325050000000")
CODINGS = pytest.mark.parametrize("coding", ["C0", "C2"])


def packet(frames: bytes, samples: int, coding: str) -> Packet:
    octets = writer.data(
        0x9ABC,
        TAG,
        1,
        event=1,
        stream=0,
        channel=0,
        samples=samples,
        coding=coding,
        body=bytes(40) + frames,
    )
    found = packets.read(octets)
    assert found is not None
    assert () == found.faults
    return found


def used(frames: bytes) -> list[int]:
    """Return the words that say something: control words, and those with a code but 0."""
    words = struct.unpack(">240I", frames)
    found = []
    for at in range(0, 240, 16):
        codes = words[at]
        found += [codes, *words[at + 1 : at + 3]] if not at else [codes]
        found += [words[at + n] for n in range(1, 16) if codes >> 30 - 2 * n & 3]
    return found


@pytest.mark.parametrize(
    ("real", "samples", "before", "coding"),
    [(C0, C0_SAMPLES, 270712 + 53, "C0"), (C2, C2_SAMPLES, 26054 + 36, "C2")],
)
def test_real_packets_are_packed_the_same_way(
    real: bytes, samples: list[int], before: int, coding: str
) -> None:
    packed = steim.pack(samples, before, coding)

    assert len(samples) == packed.samples
    assert used(real[64:]) == used(packed.frames)


@pytest.mark.parametrize("name", ["225051000_00008656", "104800000_000093F8"])
def test_every_packet_of_a_real_file_is_packed_the_same_way(name: str) -> None:
    assert name in FILES
    octets = real_file(name).read_bytes()
    seen = 0
    for at in range(0, len(octets), 1024):
        real = packets.read(octets, at)
        assert real is not None
        if real.type != "DT":
            continue
        values, link = decode(real).values, chain(real)
        assert values is not None
        assert link is not None
        codes = int.from_bytes(real.octets[64 + 14 * 64 : 68 + 14 * 64])
        # a full packet has to be full for us as well: another sample follows
        more = values.tolist() + [0] * bool(codes & 3)
        packed = steim.pack(more, link.before, str(real.format))
        assert used(real.octets[64:]) == used(packed.frames)
        assert real.samples == packed.samples
        seen += 1
    assert seen > 12


steps = st.one_of(
    st.integers(-8, 7), st.integers(-128, 127), st.integers(-(2**15), 2**15 - 1),
    st.integers(-(2**28), 2**28 - 1),
)  # fmt: skip


@CODINGS
@given(st.lists(steps, min_size=1, max_size=400), st.integers(-(2**20), 2**20), st.booleans())
def test_what_is_packed_comes_out_again(
    coding: str, taken: list[int], before: int, wide: bool
) -> None:
    samples, last = [], before
    for step in taken:
        last = last + step if abs(last + step) < 2**29 else last - step
        samples.append(last)
    packed = steim.pack(samples, before, coding, wide=wide)
    made = packet(packed.frames, packed.samples, coding)

    decoded = decode(made)
    assert decoded.refusal is None
    assert decoded.values is not None
    assert samples[: packed.samples] == decoded.values.tolist()
    assert steim.last_of(packed.frames) == samples[packed.samples - 1]
    link = chain(made)
    assert link is not None
    assert before == link.before


@pytest.mark.parametrize(
    ("coding", "step", "most"),
    [("C0", 1, 892), ("C0", 1 << 20, 223), ("C2", 1, 1561), ("C2", 1 << 20, 223)],
)
def test_a_packet_holds_as_much_as_the_format_can(coding: str, step: int, most: int) -> None:
    samples = [n % 2 * step for n in range(2000)]

    assert most == steim.pack(samples, 0, coding).samples


@CODINGS
@given(first=st.integers(-(2**20), 2**20), other=st.integers(-(2**20), 2**20))
def test_a_packet_can_be_chained_to_another_sample_afterwards(
    coding: str, first: int, other: int
) -> None:
    packed = steim.pack([first, first + 1, first + 2], 0, coding, wide=True)
    made = packet(steim.rechained(packed.frames, other, coding), packed.samples, coding)

    link, decoded = chain(made), decode(made)
    assert link is not None
    assert other == link.before
    assert decoded.values is not None
    assert [first, first + 1, first + 2] == decoded.values.tolist()


def test_a_step_that_no_word_of_steim_2_holds_is_refused_and_steim_1_wraps() -> None:
    with pytest.raises(UsageError, match="30 bits"):
        steim.pack([1 << 29], 0, "C2")
    made = packet(steim.pack([2**31 - 1, -(2**31)], 0, "C0").frames, 2, "C0")
    decoded = decode(made)
    assert decoded.values is not None
    assert [2**31 - 1, -(2**31)] == decoded.values.tolist()


def test_no_samples_are_no_frames() -> None:
    assert (bytes(960), 0) == steim.pack([], 0, "C0")


@CODINGS
def test_libmseed_reads_it(coding: str) -> None:
    pymseed = pytest.importorskip("pymseed")
    samples = [n * n % 1000 - 500 for n in range(300)]
    packed = steim.pack(samples, 17, coding)
    head = bytes.fromhex(
        "30303030303144205445535420303048485a585807df011a1633190002260000"
        "00c8000100000002000000000040003003e800380a010a0003e900006400000f"
    )
    record = bytearray(head + packed.frames)
    record[30:32] = packed.samples.to_bytes(2)
    record[52] = {"C0": 10, "C2": 11}[coding]
    (read,) = pymseed.MS3Record.from_buffer(record, unpack_data=True)
    assert samples[: packed.samples] == list(read.datasamples)
