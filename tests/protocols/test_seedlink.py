"""SeedLink: dialogues of versions 3 and 4, packets, the greeting of several servers, bad input."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import CAPTURES, needs_captures
from support.examples import CONFIRMED, PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload, Side, identify
from portbook.protocols.seedlink import PACKET_4, recognise

TCP = Transport.TCP

HELLO = unhex("48454c4c4f0d0a")
# Constructed: SeedLink v3.3 (2024.020), Example observatory.
GREETING = unhex(
    "536565644c696e6b2076332e332028323032342e303230290d0a4578616d706c65206f627365727661746f72790d0a"
)
RINGSERVER = b"SeedLink v4.0 (RingServer/4.5.6) :: SLPROTO:4.0 SLPROTO:3.1 CAP WS:13\r\nRing\r\n"
# The start of a miniSEED 2 record: sequence 1, KW1, HHZ, XX.
RECORD = b"000001D KW1    HHZXX".ljust(512, b"\0")
PACKET = b"SL00001A" + RECORD
# First octets of obspy's info_packet_iris.slink.
INFO = b"SLINFO *000001D INFO   INFSL".ljust(520, b"\0")


def packet_4(payload: bytes, kind: str = "3", station: bytes = b"XX_KW1", sub: str = "D") -> bytes:
    head = PACKET_4.write(
        format=kind, subformat=sub, length=len(payload), sequence=7, station_length=len(station)
    )
    return head + station + payload


DIALOGUE = [HELLO, b"STATION KW1 XX\r\n", b"SELECT HHZ.D\r\n", b"DATA\r\n", b"END\r\n"]

EXAMPLES = (
    Example(
        "hello and greeting, constructed",
        Payload.of(TCP, [HELLO], [GREETING]),
        "seedlink",
        facts={"organisation": "Example observatory", "commands": ("HELLO",)},
        server={"product": "SeedLink server", "version": "3.3 (2024.020)"},
    ),
    Example(
        "hello to ringserver",
        Payload.of(TCP, [HELLO, b"SLPROTO 4.0\r\n"], [RINGSERVER + b"OK\r\n"]),
        "seedlink",
        facts={"organisation": "Ring", "protocol_version": "4.0"},
        server={"product": "RingServer", "version": "4.5.6"},
    ),
    Example(
        "dialogue and packets of version 3",
        Payload.of(TCP, DIALOGUE, [GREETING, b"OK\r\n" * 3, PACKET, PACKET]),
        "seedlink",
        facts={"streams": ("XX_KW1__HHZ",)},
    ),
    Example(
        "dialogue and packets of version 4",
        Payload.of(
            TCP,
            [b"SLPROTO 4.0\r\n", b"STATION XX_KW1\r\n", b"SELECT *\r\n", b"DATA\r\n", b"END\r\n"],
            [b"OK\r\n" * 3, packet_4(b"MS\x03" + bytes(60))],
        ),
        "seedlink",
        facts={"streams": ("XX_KW1",)},
    ),
    Example(
        "information of version 4",
        Payload.of(TCP, [b"INFO ID\r\n"], [packet_4(b'{"software": 1}', "J", b"", "I")]),
        "seedlink",
        facts={"info": True},
    ),
    Example(
        "information of version 3",
        Payload.of(TCP, [b"INFO ID\r\n"], [INFO]),
        "seedlink",
        facts={"info": True},
    ),
    Example(
        "packets alone, joined in the middle",
        Payload(TCP, Side(started=False), Side.of(PACKET, PACKET, started=False)),
        "seedlink",
    ),
    Example("greeting alone", Payload.of(TCP, (), [GREETING]), "seedlink", PLAUSIBLE),
    Example("dialogue alone", Payload.of(TCP, DIALOGUE), "seedlink", PLAUSIBLE),
    Example(
        "commands in lower case, line feeds only",
        Payload.of(TCP, [b"hello\n"], [GREETING]),
        "seedlink",
    ),
    Example("hello alone says too little", Payload.of(TCP, [HELLO]), None),
    Example("hello to something else", Payload.of(TCP, [HELLO], [b"ERR unknown\r\n"]), None),
    Example("lower-case hex", Payload.of(TCP, (), [b"SL00001a" + RECORD]), None),
    Example("a header without a record", Payload.of(TCP, (), [b"SL00001A" + bytes(512)]), None),
    Example("version 4 with a mad length", Payload.of(TCP, (), [b"SE3D" + b"\xff" * 30]), None),
    Example("a line over 255", Payload.of(TCP, [b"STATION " + b"A" * 300 + b"\r\n"]), None),
)


def test_a_packet_that_is_cut_is_not_confirmed() -> None:
    told = recognise(Payload(TCP, Side(), Side(PACKET[:128], ((520, 128),), 52_000)))

    assert told is not None
    assert PLAUSIBLE == told.confidence
    assert ("XX_KW1__HHZ",) == told.facts["streams"]


def test_octets_that_are_neither_line_nor_packet_are_told() -> None:
    told = recognise(Payload.of(TCP, [HELLO], [GREETING + b"\x00\x01\x02\r\n"]))

    assert told is not None
    assert (PLAUSIBLE, (f"octet {len(GREETING)}: neither line nor packet",)) == (
        told.confidence,
        told.against,
    )


def test_a_password_never_travels_into_the_facts() -> None:
    told = recognise(Payload.of(TCP, [HELLO, b"AUTH USERPASS ada secret\r\n"], [GREETING]))

    assert told is not None
    assert "secret" not in repr(told)


@pytest.mark.parametrize("end", [b"\r\n", b"\n", b"\r"])
def test_lines_end_in_three_ways(end: bytes) -> None:
    told = recognise(Payload.of(TCP, [b"HELLO" + end], [GREETING.replace(b"\r\n", end)]))

    assert told is not None
    assert (CONFIRMED, "Example observatory") == (told.confidence, told.facts["organisation"])


def test_roles_are_turned_when_the_server_was_met_first() -> None:
    told = identify(Payload.of(TCP, [GREETING], [HELLO]))

    assert told is not None
    assert (True, "SeedLink server") == (told.swapped, told.server["product"])


@given(st.binary(max_size=700))
def test_whatever_follows_a_greeting_breaks_nothing(octets: bytes) -> None:
    assert recognise(Payload.of(TCP, [HELLO], [GREETING + octets])) is not None


@needs_captures
def test_a_real_information_packet_is_seedlink() -> None:
    octets = (CAPTURES / "seedlink" / "info_packet_iris.slink").read_bytes()

    told = recognise(Payload.of(TCP, [b"INFO STREAMS\r\n"], [octets]))

    assert told is not None
    assert (CONFIRMED, True) == (told.confidence, told.facts["info"])
