"""A made-up REF TEK event has the packets, times and samples that a real one has."""

from __future__ import annotations

from portbook.emulators import plant, recorder
from portbook.ports import Transport
from portbook.protocols import Payload, identify
from portbook.records import Confidence


def test_its_packets_are_recognised_for_what_they_are() -> None:
    packets = recorder.event("9D20", plant.START_NS, seconds=10)
    told = identify(Payload.of(Transport.UDP, packets[:4]))

    assert told is not None
    assert ("reftek", Confidence.CONFIRMED) == (told.protocol, told.confidence)


def test_a_recorders_event_has_a_header_data_and_a_trailer() -> None:
    packets = recorder.event("9D20", plant.START_NS, seconds=10, number=7)

    assert {1024} == {len(packet) for packet in packets}
    assert ["EH"] + ["DT"] * 12 + ["ET"] == [packet[:2].decode() for packet in packets]
    assert list(range(14)) == [int(packet[14:16].hex()) for packet in packets]
    # 2026-01-05 is day 5; the second round starts 500 samples at 200/s later
    assert "26" + "9d20" + "005080002500" + "1024" == packets[4][3:14].hex()
    assert "0007" + "00" + "00" + "0500" + "0016" == packets[4][16:24].hex()
    assert b"Trigger Time = 2026005080000000\r\n20 DEMO" == packets[0][24:64]
    first, last = packets[0][96:112], packets[-1][144:160]
    assert (b"2026005080000000", b"2026005080009995") == (first, last)


def test_samples_swing_and_fade() -> None:
    packets = [one for one in recorder.event("9D20", 0, seconds=30) if one[18:20] == b"\0\0"]
    samples = [
        int.from_bytes(packet[at : at + 2], "big", signed=True)
        for packet in packets
        if packet[:2] == b"DT"
        for at in range(24, 1024, 2)
    ]

    assert 6000 == len(samples)
    assert min(samples[:500]) < -2000 < 2000 < max(samples[:500])
    assert max(map(abs, samples[-500:])) < 100
