"""REF TEK: real headers and packets, the client protocol's transcripts, links, bad input.

Real packets: obspy test data (units AE4C, 9EEF, 9E16, 91F5, D1EE); each whole one is checked by
its SHA-256. Transcripts were exchanged with the maker's own library.
"""

from __future__ import annotations

import hashlib
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import CAPTURES, needs_captures
from support.examples import CONFIRMED, PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload, Side, identify
from portbook.protocols.reftek import PROTOCOL, client, packets, recognise

UDP, TCP = Transport.UDP, Transport.TCP


def _spaces(header: str, *texts: tuple[int, str | bytes]) -> bytes:
    octets = bytearray(unhex(header).ljust(1024, b" "))
    for at, text in texts:
        raw = text.encode("latin-1") if isinstance(text, str) else text
        octets[at : at + len(raw)] = raw
    return bytes(octets)


DATA_C0 = unhex("""
44540015ae4c2822251250551024002704270000006700c03238303a1f73a5be
373a3338205254503a2053544f50504544204259204556454e54204f50454e0d
015555550004217800041606cbc2e7e3d1d0cfeed9c6f6e9becde7eccdc8ddcd
cdc7d8ebbedce9b9d1d8dfe5c1cfe4dcb8aed0c3b7c3dff7d2d9e2d3c4c7fee7
15b00000c1d5ced0bdace2e0bdd0d3e3ffccffbefffffff40000000000000000
0000000000000000000000000000000000000000000000000000000000000000
""").ljust(1024, b"\0")
DATA_C2 = unhex("""
445400169eef1391048368201024001300150000010600c2ffffffe620b686e7
fffffccafffffaaefffffcb9000003f400000895000000d4fffff28dfffff3fb
017d7a95000065c600006561dcfd3c08f4f1d5dd2cdb8a691716f5a60e0fd829
f8fb2a03196fad9ffcb02fdef532401bf6a0ac09452ff5e1b01c0c1a41dbedfb
15d55750e309ef052ff90103fd272c052da7f4f3deea14ccb3f9df0ff5f915de
0c08250df213da0c1c1033012692c3cbf9fce2d64b1c012afa3d1afcd0db141d
""").ljust(1024, b"\0")
_KW1 = (
    (88, "200 CON 20152822250510002015282225051000"),
    (160, "104.2 mV" * 3),
    (288, "1.585 uV1.587 uV1.587 uV"),
    (416, "111"),
    (432, "333"),
    (448, "333"),
    (860, "3 STATION COMMENT"),
)
EVENT = _spaces(
    "45480015ae4c2822250510000416000004270000000000c0",
    (24, "Trigger Time = 2015282225051000\r\n1? KW1 EH"),
    *_KW1,
)
TRAILER = _spaces(
    "45540015ae4c2822250510000416002804270000000000c0",
    (24, "Trigger Time = 2015282225051000\r\n2? KW1 EH"),
    *_KW1,
    (128, "2015282225125385" * 2),
    (918, "N 4807.311E01235.830+00547"),
)
_IMPLEMENTED = (1008, "2026325050000000")
HEALTH = _spaces(
    "534800269abc32505000000001780000",
    (
        24,
        "325:05:00:00 INTERNAL CLOCK PHASE ERROR OF 12 USEC\r\n325:05:00:01 CLOCK IS LOCKED\r\n"
        "325:05:00:02 BATTERY VOLTAGE = 12.9V, TEMPERATURE = 25C, BACKUP = 3.3V\r\n",
    ),
)
STATION = _spaces(
    "534300269abc32505000000010240001",
    (16, "00"),
    (18, "EMULATED"),
    (82, "0001"),
    (86, "PB01"),
    (150, "RT130"),
    (162, "9ABC"),
    *(
        (202 + 146 * number + at, text)
        for number, name in enumerate(("CHZ", "CHN", "CHE"))
        for at, text in (
            (0, str(number + 1)),
            (2, name),
            (70, "1"),
            (74, "SENSOR"),
            (86, "0001"),
            (138, "104.2 mV"),
        )
    ),
    _IMPLEMENTED,
)
MODE = _spaces(
    "4f4d00269abc32505000000010240002",
    *((18, "SC"), (24, "Y"), (26, "66"), (32, "N"), (36, "3"), _IMPLEMENTED),
)
FILTERS = _spaces(
    "464400269abc32505000000010240006",
    (16, unhex("0059020f04040032")),
    (24, b"".join(one.to_bytes(4, "big", signed=True) for one in (1, -2, 3, -4))),
    _IMPLEMENTED,
)
WHOLE = {
    "A, DT C0": (DATA_C0, "ef9b94ba48760457319c66b32f1dcace4d42a1baebbfcaa608afccf942ef25a3"),
    "B, DT C2": (DATA_C2, "a1fef76d4384d1916eae0c2c52e1681085f4952b339a963fbee3b3f0a7bb2dca"),
    "D, EH": (EVENT, "460640b023149066f404b0d9f8b02a20090a54e1d80e4e9dad45930d22b49b85"),
    "E, ET": (TRAILER, "f74f6444a296c5d640ff4b81aebdb2cc79215280ac15666163b8ba12ef4d7396"),
    "SH": (HEALTH, "be77de560e29e2524078d2488e9f273cf3eccf02a9db4e58a38982521e7b8232"),
    "SC": (STATION, "3e7fde3063f7f973fef971c35e77fad3a78ed36a6663880a614bff01d4c9d43f"),
    "OM": (MODE, "6ee5a16c1d1e67ebdfe46f293c97c80a642f3a79987c49fc0241dad6ca4034a2"),
    "FD": (FILTERS, "ef41d503c79a1882b50736ae2cc9b86c07d08a80ed7a74470c0783fbf2f3080e"),
}
# Reference section 8.1: first 24 octets of real packets, and what they say.
HEADERS = {
    "45480015ae4c2822250510000416000004270000000000c0": ("EH", "AE4C", 0, 427, 0, None, "C0"),
    "44540015ae4c2822250510001024000104270000054900c0": ("DT", "AE4C", 1, 427, 0, 549, "C0"),
    "45540015ae4c2822250510000416002804270000000000c0": ("ET", "AE4C", 28, 427, 0, None, "C0"),
    "454800169eef1391048000000416000000150000000000c2": ("EH", "9EEF", 0, 15, 0, None, "C2"),
    "445400169eef1391048000001024000100150000091300c2": ("DT", "9EEF", 1, 15, 0, 913, "C2"),
    "4548001691f5100065520000041600000009080000000016": ("EH", "91F5", 0, 9, 8, None, "16"),
    "4454001691f5100122840000020400130009080000900016": ("DT", "91F5", 13, 9, 8, 90, "16"),
    "45480018d1ee019230000000041600000005000000000032": ("EH", "D1EE", 0, 5, 0, None, "32"),
    "44540018d1ee019230000005102400010005000002500032": ("DT", "D1EE", 1, 5, 0, 250, "32"),
}
HELLO, HELLO_2 = client.HELLOS
ASKED = unhex("""
000100000000 000b000000040000522b
00030000001c00000000 00000110 000000ff 0000001e 00000000 00000000 00000000
""")
ANSWERED = unhex("""
000100000000 000b0000000400001092
00030000001c00000000 00000110 000000ff 0000001e 00000000 00000000 00000000
""")
FORWARDED = client.build(client.REFTEK, DATA_C0)
HEARTBEAT = unhex("000200000000")
COMMANDS = {
    "identify all, v1": "000100000018 0000 0014 8400 30303030 30303130 49444944 36343939 0d0a",
    "acquisition status, v1": "000100000028 0000 0024 8400 30303030 30303236 53534151 20*14"
    " 5353 33353641 0d0a",
    "unit status of 9EEF, v1": "000100000028 9eef 0024 8400 39454546 30303236 53535553 20*14"
    " 5353 45344335 0d0a",
}

EXAMPLES = (
    *(
        Example(f"datagram {title}", Payload.of(UDP, [octets]), "reftek")
        for title, (octets, _) in WHOLE.items()
    ),
    Example(
        "datagrams of an event",
        Payload.of(UDP, [EVENT, DATA_C0, TRAILER]),
        "reftek",
        facts={
            "units": ("AE4C",),
            "packet_types": ("EH", "DT", "ET"),
            "streams": (0,),
            "formats": ("C0",),
            "stations": ("KW1",),
            "rates": ("200",),
            "positions": ("N 4807.311E01235.830+00547",),
        },
        client={"vendor": "REF TEK", "serial": "AE4C", "name": "KW1"},
    ),
    Example(
        "station packet",
        Payload.of(UDP, [STATION]),
        "reftek",
        client={"product": "RT130", "name": "PB01", "serial": "9ABC"},
    ),
    Example(
        "packets of a recorder on TCP",
        Payload.of(TCP, [EVENT, DATA_C0]),
        "reftek",
        client={"serial": "AE4C"},
    ),
    Example(
        "packets that a server sends on TCP",
        Payload.of(TCP, (), [EVENT, DATA_C0]),
        "reftek",
        server={"serial": "AE4C"},
    ),
    *(
        Example(
            f"packet behind {at} octets of a link that is not public",
            Payload.of(UDP, [bytes(at) + DATA_C0]),
            "reftek",
            PLAUSIBLE,
            facts={"packet_at": at},
        )
        for at in (2, 6, 16, 64)
    ),
    Example("packet behind 66 octets", Payload.of(UDP, [bytes(66) + DATA_C0]), None),
    Example(
        "packet and trailing octets",
        Payload.of(UDP, [DATA_C0 + b"\0\0"]),
        "reftek",
        PLAUSIBLE,
        facts={"packet_at": 0},
    ),
    Example("half a packet in a datagram", Payload.of(UDP, [DATA_C0[:512]]), None),
    Example(
        "client protocol, SeisComP-like, with packets",
        Payload.of(TCP, [ASKED], [ANSWERED + HEARTBEAT + FORWARDED]),
        "reftek",
        facts={
            "asks_packets": "DT SH",
            "asks_unit": "all",
            "asks_streams": (0, 1, 2, 3, 4, 5, 6, 7),
            "timeout_s": 30,
            "client_version": 1,
            "server_version": 1,
            "units": ("AE4C",),
        },
    ),
    Example(
        "client protocol, one unit and auxiliary data",
        Payload.of(
            TCP,
            [ASKED[:16] + unhex("00030000001c000091f500000070000001ff0000001e") + b"\0\0\0\1" * 3],
            [ANSWERED],
        ),
        "reftek",
        facts={"client_version": 1},
    ),
    Example(
        "version 2 to a server of version 1",
        Payload.of(TCP, [HELLO_2 + ASKED[6:16]], [HELLO]),
        "reftek",
        facts={"client_version": 2, "server_version": 1},
    ),
    Example(
        "probe: hello and break", Payload.of(TCP, [HELLO, b"\0\x08\0\0\0\0"], [HELLO]), "reftek"
    ),
    Example("hello both ways and no more", Payload.of(TCP, [HELLO], [HELLO]), "reftek", PLAUSIBLE),
    Example(
        "a server that is full",
        Payload.of(TCP, [HELLO], [b"\0\x09\0\0\0\0"]),
        "reftek",
        PLAUSIBLE,
    ),
    Example("nobody answers", Payload.of(TCP, [ASKED]), "reftek", PLAUSIBLE),
    Example(
        "joined in the middle",
        Payload(TCP, Side(started=False), Side.of(FORWARDED, HEARTBEAT, started=False)),
        "reftek",
        facts={"units": ("AE4C",)},
    ),
    *(
        Example(
            f"client protocol with a command: {title}",
            Payload.of(TCP, [ASKED, unhex(text)], [ANSWERED]),
            "reftek",
            facts={"commands": (unhex(text)[20:24].decode(),)},
        )
        for title, text in COMMANDS.items()
    ),
    Example("hello alone is too little", Payload.of(TCP, [HELLO]), None),
    Example("hello answered by text", Payload.of(TCP, [HELLO], [b"HTTP/"]), None),
    Example("hello and octets that are no message", Payload.of(TCP, [HELLO + b"\xff" * 10]), None),
    Example("CODESYS over TCP begins 00 01 too", Payload.of(TCP, [unhex("000117e8")]), None),
    Example("1024 octets of text", Payload.of(UDP, [b"EH" + b"a" * 1022]), None),
    Example(
        "an RT-125A file is another instrument",
        Payload.of(TCP, [unhex("0108") + b"REFTEK 125A".ljust(1022, b"\0")]),
        None,
    ),
    Example(
        "a bit of BCD is wrong",
        Payload.of(UDP, [DATA_C0[:6] + b"\x2a" + DATA_C0[7:]]),
        None,
    ),
)


@pytest.mark.parametrize(("octets", "digest"), WHOLE.values(), ids=WHOLE)
def test_the_packets_here_are_those_that_were_published(octets: bytes, digest: str) -> None:
    assert digest == hashlib.sha256(octets).hexdigest()


@pytest.mark.parametrize(("text", "said"), HEADERS.items())
def test_a_real_header_says(text: str, said: tuple[object, ...]) -> None:
    packet = packets.read(unhex(text))

    assert packet is not None
    assert said == (
        packet.type,
        packet.unit,
        packet.sequence,
        packet.event,
        packet.stream,
        packet.samples,
        packet.format,
    )
    assert () == packet.faults


@pytest.mark.parametrize(
    ("at", "octets"),
    [
        (0, "5858"),
        (2, "0a"),
        (3, "a5"),
        (6, "0002"),
        (6, "3672"),
        (7, "2240"),
        (8, "6051"),
        (8, "2605"),
        (9, "0610"),
        (12, "0015"),
        (12, "1025"),
        (14, "00fa"),
    ],
)
def test_a_header_with_an_impossible_digit_is_none(at: int, octets: str) -> None:
    change = unhex(octets)
    packet = DATA_C0[:at] + change + DATA_C0[at + len(change) :]

    assert packets.read(packet) is None
    assert recognise(Payload.of(UDP, [packet])) is None


def test_a_leap_second_is_a_time() -> None:
    # 23:59:60 of day 366
    assert packets.is_header(unhex("445400160000 366235960000 1024 0001"))


@pytest.mark.parametrize(
    ("at", "octets", "fault"),
    [
        (20, "9999", "packet 27: 9999 samples, format C0 holds 892"),
        (23, "cc", "packet 27: format CC is not known"),
        (20, "00ff", "packet 27: channel or samples are not binary-coded decimal"),
        (18, "0f", "packet 27: event or stream is not binary-coded decimal"),
        (23, "16", "packet 27: 67 samples do not fill 1024 octets"),
    ],
)
def test_a_data_packet_that_cannot_be_is_only_plausible(at: int, octets: str, fault: str) -> None:
    change = unhex(octets)
    packet = DATA_C0[:at] + change + DATA_C0[at + len(change) :]

    for transport in (UDP, TCP):
        told = recognise(Payload.of(transport, [packet]))

        assert told is not None
        assert (PLAUSIBLE, (fault,)) == (told.confidence, told.against)


def test_sixteen_bit_samples_fill_what_they_say() -> None:
    packet = unhex("4454001691f5100122840000020400130009080000900016").ljust(1024, b"\0")

    told = recognise(Payload.of(UDP, [packet]))

    assert told is not None
    assert (CONFIRMED, (8,)) == (told.confidence, told.facts["streams"])


def test_a_packet_cut_by_the_snapshot_length_is_only_plausible() -> None:
    side = Side(DATA_C0[:54], ((1024, 54),), 1024)

    told = recognise(Payload(UDP, side))

    assert told is not None
    assert (PLAUSIBLE, "AE4C") == (told.confidence, told.client["serial"])


def test_a_stream_of_which_the_start_was_kept_is_plausible_too() -> None:
    told = recognise(Payload(TCP, Side(EVENT[:128], ((1024, 128),), 90_000)))

    assert told is not None
    assert (PLAUSIBLE, "KW1") == (told.confidence, told.client["name"])


def test_two_units_in_one_conversation_are_no_single_recorder() -> None:
    told = recognise(Payload.of(UDP, [DATA_C0, DATA_C2]))

    assert told is not None
    assert ({}, ("AE4C", "9EEF")) == (dict(told.client), told.facts["units"])


def test_a_message_longer_than_the_library_takes_ends_the_reading() -> None:
    found, wrong = client.messages(unhex("000000000405") + bytes(1029))

    assert ([], "octet 0: no message begins here") == (found, wrong)
    assert client.messages(unhex("0000ffffffff"))[1]


def test_an_extended_message_has_four_octets_that_its_length_does_not_count() -> None:
    stream = unhex("000d00000004 00000010 61626364") + HEARTBEAT

    found, wrong = client.messages(stream)

    assert wrong is None
    assert [(13, b"abcd"), (2, b"")] == [(one.type, one.payload) for one in found]


def test_an_unknown_message_of_the_server_is_skipped_by_its_length() -> None:
    told = recognise(Payload.of(TCP, [ASKED], [ANSWERED + client.build(77, b"abc") + FORWARDED]))

    assert told is not None
    assert (CONFIRMED, ("AE4C",)) == (told.confidence, told.facts["units"])


def test_a_client_of_version_2_tells_its_program() -> None:
    pid = client.build(client.PID, bytes(4) + b"edgecwb".ljust(32))
    attributes = client.build(client.ATTR, client.ATTRIBUTES.write(packets=0x3FFFF) + b"\0\0\0\1")

    told = recognise(Payload.of(TCP, [HELLO_2 + pid + attributes], [HELLO_2 + pid]))

    assert told is not None
    assert {"product": "edgecwb"} == dict(told.client)
    assert ("all", True) == (told.facts["asks_packets"], told.facts["may_command"])


def test_roles_are_turned_when_the_server_was_met_first() -> None:
    told = identify(Payload.of(TCP, [ANSWERED + FORWARDED], [ASKED]))

    assert told is not None
    assert "reftek" == told.protocol


@pytest.mark.parametrize(
    ("digits", "near", "year"),
    [(15, 2026, 2015), (99, 2026, 1999), (80, 2026, 1980), (26, 2026, 2026), (2, 1999, 2002)],
)
def test_the_century_is_the_nearest_one(digits: int, near: int, year: int) -> None:
    assert year == packets.century(digits, near)


@given(st.binary(min_size=1024, max_size=1100))
def test_random_datagrams_hold_no_packet(octets: bytes) -> None:
    assert packets.find(octets, len(octets)) is None


def test_noise_that_begins_with_a_type_is_no_packet() -> None:
    dice = random.Random(7)
    for _ in range(5000):
        octets = b"DT" + dice.randbytes(1022)
        assert not packets.is_header(octets)


def test_every_example_behind_an_even_prefix_passes_the_prefilter() -> None:
    ats = {one.at for one in PROTOCOL.signatures if one.transport is UDP}

    assert set(range(0, 65, 2)) == ats


@needs_captures
def test_a_real_file_is_all_packets_and_another_instrument_is_none() -> None:
    recorded = (CAPTURES / "reftek" / "225051000_00008656").read_bytes()
    cut = [recorded[at : at + 1024] for at in range(0, len(recorded), 1024)]

    told = recognise(Payload.of(UDP, cut))

    assert told is not None
    assert CONFIRMED == told.confidence
    assert {"vendor": "REF TEK", "serial": "AE4C", "name": "KW1"} == dict(told.client)
    assert 29 == sum(packets.read(one) is not None for one in cut)
    assert all(not found.faults for one in cut if (found := packets.read(one)))
    other = (CAPTURES / "reftek" / "I2183RAW.TRD").read_bytes()
    assert not any(packets.is_header(other, at) for at in range(len(other)))
