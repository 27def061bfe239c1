"""The compiled Steim decoder and libmseed tell the same of every packet, damaged or not."""

from __future__ import annotations

import random
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymseed.clib import clibmseed
from support.recorded import C0, C2, SIZE, steim_1

from portbook.seismic import frames, libmseed_frames

ENCODINGS = {"C0": clibmseed.DE_STEIM1, "C2": clibmseed.DE_STEIM2}
needs_compiled = pytest.mark.skipif(not frames.COMPILED, reason="the Steim decoder is not compiled")


def both(octets: list[bytes], samples: list[int], encoding: int) -> None:
    """Hold the two ways to each other, packet by packet."""
    rows = np.frombuffer(b"".join(octets), np.uint8).reshape(-1, SIZE)
    many = np.array(samples, np.int64)
    ours, before, told = frames.joined(rows, many, encoding)
    theirs = libmseed_frames.unpack(rows, many, encoding)
    theirs_before, theirs_told = libmseed_frames.befores(rows, encoding)

    assert theirs.sound.tolist() == ours.sound.tolist()
    counted = theirs.sound & theirs.counted
    assert counted.tolist() == (ours.sound & ours.counted).tolist()
    assert (counted & theirs.agree).tolist() == (counted & ours.agree).tolist()
    begin = 0
    for end, good in zip(ours.ends.tolist(), counted.tolist(), strict=True):
        assert not good or ours.values[begin:end].tolist() == theirs.values[begin:end].tolist()
        begin = end
    assert not (counted & theirs_told & ~told).any()
    where = counted & theirs_told
    assert theirs_before[where].tolist() == before[where].tolist()


@needs_compiled
@given(
    st.sampled_from(sorted(ENCODINGS)),
    st.lists(
        st.tuples(st.integers(1, 1561), st.integers(), st.sampled_from((0x3F, 0x15, 0xFF))),
        min_size=1,
        max_size=8,
    ),
)
def test_random_frames(coding: str, packets: list[tuple[int, int, int]]) -> None:
    made = []
    for samples, seed, mask in packets:
        words = random.Random(seed)
        frame = bytearray(words.randbytes(SIZE))
        for at in range(64, SIZE, 64):
            frame[at] &= mask if words.random() < 0.9 else 0xFF
        frame[64] &= 0x03
        made.append((bytes(frame), samples))
    both([octets for octets, _ in made], [samples for _, samples in made], ENCODINGS[coding])


@needs_compiled
@pytest.mark.parametrize(("coding", "real", "many"), [("C0", C0, 67), ("C2", C2, 106)])
def test_a_real_packet_with_each_octet_of_its_frames_changed(
    coding: str, real: bytes, many: int
) -> None:
    damaged = [
        real[:at] + bytes([real[at] ^ flip]) + real[at + 1 :]
        for at in range(64, 256)
        for flip in (0x01, 0x40, 0x80)
    ]
    both([real, *damaged], [many] * (1 + len(damaged)), ENCODINGS[coding])


@needs_compiled
@given(st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1, max_size=200), st.integers(0, 2))
def test_any_samples_and_counts_that_are_off(values: list[int], off: int) -> None:
    octets = bytes(64) + steim_1(values)
    both([octets] * 3, [len(values), len(values) + off, max(1, len(values) - off)], ENCODINGS["C0"])


@needs_compiled
def test_samples_without_room_are_refused_before_anything_is_written() -> None:
    rows = np.frombuffer(C0, np.uint8).reshape(1, SIZE)
    room = np.full(3, 7, np.int32)

    with pytest.raises(ValueError, match="no room"):
        frames.joined(rows, np.array([67], np.int64), ENCODINGS["C0"], room)
    with pytest.raises(ValueError, match="1024"):
        frames.joined(rows[:, :1000].copy(), np.array([1], np.int64), ENCODINGS["C0"])

    assert [7, 7, 7] == room.tolist()


@needs_compiled
def test_a_count_of_more_differences_than_samples_never_writes_behind_them() -> None:
    full = struct.pack(">I", 0x15555555)
    packet = bytearray(C0[:64] + b"\x01" * 960)
    for at in range(64, SIZE, 64):
        packet[at : at + 4] = full
    packet[64:68] = struct.pack(">I", 0x01555555)
    values = np.full(20, 7, np.int32)

    done = frames.joined(
        np.frombuffer(bytes(packet), np.uint8).reshape(1, SIZE),
        np.array([10], np.int64),
        ENCODINGS["C0"],
        values,
    )

    assert not done.unpacked.counted.any()
    assert [7] * 10 == values[10:].tolist()
