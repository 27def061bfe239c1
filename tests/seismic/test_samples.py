"""Samples of REF TEK packets: bit-exact, and refused when anything does not add up."""

from __future__ import annotations

import hashlib
import struct
import threading
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.recorded import (
    C0,
    C2,
    FILES,
    PLAIN,
    REAL,
    SIZE,
    changed,
    needs_obspy,
    obspy_traces,
    read,
    real_file,
    split,
    steim_1,
)

from portbook.protocols.reftek import packets
from portbook.seismic.samples import Decoded, decode, decode_all

COUNT, FORMAT = 20, 23


def values(decoded: Decoded) -> list[int]:
    assert decoded.values is not None, decoded.refusal
    return [int(one) for one in decoded.values]


def refusal(octets: bytes) -> str | None:
    decoded = decode(read(octets))
    assert (decoded.values is None) == (decoded.refusal is not None)
    return decoded.refusal[0] if decoded.refusal else None


@pytest.mark.parametrize(("octets", "samples"), REAL, ids=["C0", "C2", "16"])
def test_a_real_packet_is_bit_exact(octets: bytes, samples: list[int]) -> None:
    assert samples == values(decode(read(octets)))


def test_packets_of_all_formats_are_decoded_together_in_their_order() -> None:
    many = [octets for octets, _ in REAL] * 100

    found = decode_all([read(octets) for octets in many])

    assert [samples for _, samples in REAL] * 100 == list(map(values, found))


def test_thirty_two_bits_are_read_as_they_stand() -> None:
    told = [0, -1, 2**31 - 1, -(2**31), 65536]
    octets = changed(PLAIN, 12, bytes.fromhex("0044"))
    octets = changed(octets, COUNT, bytes.fromhex("00050032") + struct.pack(">5i", *told))

    assert told == values(decode(read(octets)))


@pytest.mark.parametrize("name", FILES)
def test_a_real_file_has_the_samples_that_three_decoders_agree_on(name: str) -> None:
    found = defaultdict(list)
    data = [one for one in split(real_file(name).read_bytes()) if one.type == "DT"]
    for packet, decoded in zip(data, decode_all(data), strict=True):
        found[packet.stream, packet.channel] += values(decoded)

    told = {key: (len(each), _digest(each)) for key, each in found.items()}
    assert FILES[name] == {key: told[key] for key in FILES[name]}
    assert FILES[name].keys() == told.keys()


def _digest(samples: list[int]) -> str:
    return hashlib.sha256(struct.pack(f">{len(samples)}i", *samples)).hexdigest()


@needs_obspy
@pytest.mark.parametrize("name", FILES)
def test_obspy_reads_the_same_samples(name: str) -> None:
    path = real_file(name)
    theirs = defaultdict(list)
    for channel, _, _, samples in obspy_traces(path):
        theirs[channel] += samples
    ours = defaultdict(list)
    data = [one for one in split(path.read_bytes()) if one.type == "DT"]
    for packet, decoded in zip(data, decode_all(data), strict=True):
        ours[packet.channel] += values(decoded)

    assert theirs == ours


@given(st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1, max_size=200), st.integers(-9, 9))
def test_what_is_packed_as_steim_comes_back(samples: list[int], before: int) -> None:
    head = changed(C0, COUNT, bytes.fromhex(f"{len(samples):04}"))[:64]

    assert samples == values(decode(read(head + steim_1(samples, before))))


@pytest.mark.parametrize("octets", [C0, C2], ids=["C0", "C2"])
@pytest.mark.parametrize("other", [-1, 1, 40])
def test_another_number_of_differences_is_refused(octets: bytes, other: int) -> None:
    told = int(octets[COUNT : COUNT + 2].hex())
    wrong = changed(octets, COUNT, bytes.fromhex(f"{told + other:04}"))

    assert "impossible-count" == refusal(wrong)


@pytest.mark.parametrize("octets", [C0, C2], ids=["C0", "C2"])
def test_another_last_sample_is_refused(octets: bytes) -> None:
    assert "last-sample-mismatch" == refusal(changed(octets, 75, bytes((octets[75] ^ 1,))))


@pytest.mark.parametrize("at", [64, 128, 960])
@pytest.mark.parametrize("octets", [C0, C2], ids=["C0", "C2"])
def test_a_control_word_that_cannot_be_is_refused(octets: bytes, at: int) -> None:
    assert "corrupt-frames" == refusal(changed(octets, at, b"\x40"))


def test_more_samples_than_the_format_holds_are_refused() -> None:
    assert "impossible-count" == refusal(changed(C0, COUNT, bytes.fromhex("9999")))
    assert "impossible-count" == refusal(changed(C2, COUNT, bytes.fromhex("1562")))
    assert "impossible-count" == refusal(changed(PLAIN, COUNT, bytes.fromhex("0501")))


@pytest.mark.parametrize("coding", ["CC", "24", "00", "C4"])
def test_a_format_that_nobody_knows_is_refused(coding: str) -> None:
    assert "unknown-format" == refusal(changed(C0, FORMAT, bytes.fromhex(coding)))


def test_what_is_cut_or_no_data_is_refused() -> None:
    cut = packets.read(C0[:1023])
    header = changed(C0, 0, b"EH")

    assert cut
    assert ("cut-packet", "1023 of 1024 octets") == decode(cut).refusal
    assert "no-data-packet" == refusal(header)


def test_no_samples_are_no_fault() -> None:
    assert [] == values(decode(read(changed(C0, COUNT, b"\0\0"))))


@pytest.mark.parametrize(("marked", "base"), [("C1", "C0"), ("C3", "C2")])
def test_marked_formats_are_read_as_their_base(marked: str, base: str) -> None:
    octets = {"C0": C0, "C2": C2}[base]
    decoded = decode(read(changed(octets, FORMAT, bytes.fromhex(marked))))

    assert values(decode(read(octets))) == values(decoded)
    assert 0 == decoded.overscaled


def test_overscaled_samples_get_their_sign_back_and_are_counted() -> None:
    told = [5, 0x10000005, 0x70000001, -5, -0x10000005, -(2**31)]
    octets = changed(PLAIN, 12, bytes.fromhex("0048"))
    octets = changed(octets, COUNT, bytes.fromhex("00060033") + struct.pack(">6i", *told))
    decoded = decode(read(octets))

    assert [5, 5, 1, -5, -5, -0x10000000] == values(decoded)
    assert 4 == decoded.overscaled


def test_unused_frames_and_the_filler_may_hold_anything() -> None:
    """Octets 24 to 63, and words whose code is 0, are old memory of the recorder."""
    dirty = changed(changed(C0, 24, b"\xff" * 40), 964, b"\xee" * 60)

    assert values(decode(read(C0))) == values(decode(read(dirty)))


@given(st.integers(0, SIZE - 1), st.integers(0, 255), st.sampled_from([C0, C2, PLAIN]))
def test_one_changed_octet_gives_samples_or_a_refusal(at: int, new: int, octets: bytes) -> None:
    packet = packets.read(changed(octets, at, bytes((new,))))
    if packet is None:
        return
    decoded = decode(packet)
    among = decode_all([packet, *[read(C0), read(C2), read(PLAIN)] * 6])[0]

    assert (decoded.refusal, decoded.overscaled) == (among.refusal, among.overscaled)
    if decoded.values is None:
        assert decoded.refusal
    else:
        assert values(decoded) == values(among)
        assert len(decoded.values) == packet.samples
        assert np.int32 == decoded.values.dtype


@given(st.binary(min_size=960, max_size=960), st.integers(0, 1561), st.sampled_from("02"))
def test_random_frames_never_raise(frames: bytes, samples: int, level: str) -> None:
    head = changed(C2, COUNT, bytes.fromhex(f"{samples:04}00C{level}"))[:64]
    decoded = decode(read(head + frames))
    among = decode_all([read(head + frames)] * 5)[4]

    assert decoded.refusal == among.refusal
    assert decoded.values is not None or decoded.refusal


@pytest.mark.parametrize("octets", [C0, C2, PLAIN], ids=["C0", "C2", "16"])
def test_every_prefix_is_refused(octets: bytes) -> None:
    for size in range(SIZE):
        packet = packets.read(octets[:size])
        assert packet is None or decode(packet).refusal


def test_libmseed_says_nothing_in_a_thread_of_its_own(capfd: pytest.CaptureFixture[str]) -> None:
    found: list[Decoded] = []
    wrong = read(changed(C0, COUNT, bytes.fromhex("0068")))
    worker = threading.Thread(target=lambda: found.append(decode(wrong)))
    worker.start()
    worker.join()

    assert found[0].refusal
    assert ("", "") == capfd.readouterr()
