"""Packets of every type are those of the reference, octet for octet."""

from __future__ import annotations

import hashlib

import pytest
from support.recorded import PLAIN, PLAIN_SAMPLES

from portbook.emulators.reftek import steim, writer
from portbook.emulators.reftek.dates import Tag, tag
from portbook.emulators.reftek.filler import Filler
from portbook.protocols.reftek import packets
from portbook.seismic.health import HealthText
from portbook.seismic.samples import decode

TRIGGER = Tag(2015, "282225051000")
MADE = Tag(2026, "325050000000")
KW1 = writer.Station(
    name="KW1",
    stream_name="EH",
    source="1",
    quality="?",
    comment="STATION COMMENT",
    position="",
)


def digest(octets: bytes) -> str:
    assert 1024 == len(octets)
    return hashlib.sha256(octets).hexdigest()


def test_a_real_event_header() -> None:
    octets = writer.event(
        "EH", 0xAE4C, TRIGGER, 0, number=427, stream=0, rate="200", coding="C0", first=TRIGGER,
        station=KW1,
    )  # fmt: skip

    assert "45480015ae4c2822250510000416000004270000000000c0" == octets[:24].hex()
    assert "460640b023149066f404b0d9f8b02a20090a54e1d80e4e9dad45930d22b49b85" == digest(octets)


def test_a_real_event_trailer() -> None:
    last = Tag(2015, "282225125385")
    octets = writer.event(
        "ET", 0xAE4C, TRIGGER, 28, number=427, stream=0, rate="200", coding="C0", first=TRIGGER,
        last=last, detrigger=last,
        station=KW1._replace(source="2", position="N 4807.311E01235.830+00547"),
    )  # fmt: skip

    assert "f74f6444a296c5d640ff4b81aebdb2cc79215280ac15666163b8ba12ef4d7396" == digest(octets)


def test_a_real_event_header_with_sensors() -> None:
    trigger = Tag(2016, "039221935615")
    told = writer.Station(
        name="TL02",
        stream_name="DS 1",
        weights=("1.584 uV", "1.582 uV", "1.582 uV"),
        sensor_scales="222",
        sensor_volts=("2.400",) * 3,
        sensor_units="GGG",
        comment="STATION COMMENT",
        position="N 3654.254E02143.509+00206",
    )
    octets = writer.event(
        "EH", 0x9E16, trigger, 0, number=1288, stream=0, rate="100", coding="C0", first=trigger,
        station=told,
    )  # fmt: skip

    assert "3bedb0e16bac5a70a60d88240d215cd38b47c6390133477c41af35755d4d7014" == digest(octets)


def test_a_real_packet_of_plain_samples() -> None:
    body = b"".join(one.to_bytes(2, signed=True) for one in PLAIN_SAMPLES)
    octets = writer.data(
        0x91F5, Tag(2016, "100122840000"), 13, event=9, stream=8, channel=0, samples=90,
        coding="16", body=body,
    )  # fmt: skip

    assert octets == PLAIN


def test_state_of_health() -> None:
    lines = [
        (MADE, "INTERNAL CLOCK PHASE ERROR OF 12 USEC"),
        (Tag(2026, "325050001000"), "CLOCK IS LOCKED"),
        (Tag(2026, "325050002000"), "BATTERY VOLTAGE = 12.9V, TEMPERATURE = 25C, BACKUP = 3.3V"),
    ]
    (octets,) = writer.health(0x9ABC, MADE, 0, lines)

    assert "534800269abc32505000000001780000" == octets[:16].hex()
    assert "be77de560e29e2524078d2488e9f273cf3eccf02a9db4e58a38982521e7b8232" == digest(octets)


@pytest.mark.parametrize(
    ("kind", "sequence", "texts", "expected"),
    [
        (
            "SC",
            1,
            writer.channels_of("9ABC", "PB01", ("CHZ", "CHN", "CHE")),
            "3e7fde3063f7f973fef971c35e77fad3a78ed36a6663880a614bff01d4c9d43f",
        ),
        (
            "OM",
            2,
            writer.OPERATION,
            "6ee5a16c1d1e67ebdfe46f293c97c80a642f3a79987c49fc0241dad6ca4034a2",
        ),
        (
            "DS",
            3,
            writer.streams_of([(0, 3, "100", "C0", 3600)]),
            "9b6e8a821004442e3e58387e7b90fae5d10998e627bd5345a9729d4d9c80725d",
        ),
        (
            "AD",
            4,
            writer.AUXILIARY,
            "4b93cc7741ef20d9d011ffe1a51c84d9686bad85841120c441745710da559569",
        ),
        (
            "CD",
            5,
            writer.CALIBRATION,
            "b6a6b4c333f0919bf284f80d4bac9ec2a2392a4a018ceaf95b25f6668f87cf89",
        ),
        (
            "FD",
            6,
            writer.FILTERS,
            "ef41d503c79a1882b50736ae2cc9b86c07d08a80ed7a74470c0783fbf2f3080e",
        ),
    ],
)
def test_parameter_packets(
    kind: str, sequence: int, texts: dict[int, str | bytes], expected: str
) -> None:
    assert expected == digest(writer.parameters(kind, 0x9ABC, MADE, sequence, texts))


def test_health_that_is_too_long_for_a_packet_runs_on_into_the_next() -> None:
    lines = [(MADE, f"LINE {number} " + "X" * 80) for number in range(20)]
    found = writer.health(0x9ABC, MADE, 9998, lines)
    assert 3 == len(found)
    reader = HealthText(2026)
    told = []
    for octets in found:
        packet = packets.read(octets)
        assert packet is not None
        told += reader.take(packet)

    assert [text for _, text in lines] == [one.text for one in told]
    assert ["9998", "9999", "0000"] == [octets[14:16].hex() for octets in found]


def test_old_memory_in_a_packet_changes_no_sample() -> None:
    samples = [n % 7 for n in range(67)]
    for coding in ("C0", "C2"):
        frames = steim.pack(samples, 0, coding).frames
        for seed in range(10):
            filler = Filler(seed)
            soiled = filler.behind(frames)
            assert soiled != frames
            octets = writer.data(
                0x9ABC, MADE, 1, event=1, stream=0, channel=0, samples=67, coding=coding,
                body=filler.before(10**9) + soiled,
            )  # fmt: skip
            packet = packets.read(octets)
            assert packet is not None
            values = decode(packet).values
            assert values is not None
            assert samples == values.tolist()


def test_a_full_packet_has_no_room_for_old_memory() -> None:
    frames = steim.pack([n % 2 for n in range(892)], 0, "C0").frames
    assert frames == Filler(1).behind(frames)
    assert bytes(960) == Filler(1).behind(bytes(960))


@pytest.mark.parametrize(
    ("time_ns", "leap", "expected"),
    [
        (1_767_225_599_999_000_000, False, (2025, "365235959999")),
        (1_767_225_600_000_000_000, False, (2026, "001000000000")),
        (1_483_228_800_250_000_000, True, (2016, "366235960250")),
    ],
)
def test_time_tags(time_ns: int, leap: bool, expected: tuple[int, str]) -> None:
    assert expected == tag(time_ns, leap)
