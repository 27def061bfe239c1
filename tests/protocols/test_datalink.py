"""DataLink: frames of a client and a ring server, constructed after the protocol description."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from support.examples import CONFIRMED, PLAUSIBLE, Example

from portbook.ports import Transport
from portbook.protocols import Payload, Side
from portbook.protocols.datalink import ANSWERS, COMMANDS, frames, recognise

TCP = Transport.TCP


def frame(header: str, data: bytes = b"") -> bytes:
    return b"DL" + bytes((len(header),)) + header.encode("ascii") + data


ID = frame("ID dalitool:ada:4711:Linux-x86_64")
HELLO = frame("ID DataLink 2024.020 :: DLPROTO:1.0 PACKETSIZE:512 WRITE")
OLD_HELLO = frame("ID DataLink (v2009.100) :: DLPROTO:1.0")
WRITE = frame("WRITE XX_KW1_00_HHZ/MSEED 1700000000000000 1700000001000000 A 512", bytes(512))
OK = frame("OK 4711 0")
PACKET = frame("PACKET XX_KW1_00_HHZ/MSEED 9 1700000000000000 1 2 512", bytes(512))

EXAMPLES = (
    Example(
        "a program that writes",
        Payload.of(TCP, [ID, WRITE], [HELLO, OK]),
        "datalink",
        facts={"commands": ("ID", "WRITE"), "streams": ("XX_KW1_00_HHZ/MSEED",)},
        server={"product": "DataLink server", "version": "2024.020"},
    ),
    Example(
        "a program that reads",
        Payload.of(TCP, [ID, frame("MATCH 5", b"XX_.*"), frame("STREAM")], [HELLO, OK, PACKET]),
        "datalink",
    ),
    Example(
        "the greeting of an old server",
        Payload.of(TCP, [ID], [OLD_HELLO]),
        "datalink",
        server={"version": "2009.100"},
    ),
    Example("a client alone", Payload.of(TCP, [ID, WRITE]), "datalink", PLAUSIBLE),
    Example("packets alone", Payload.of(TCP, (), [PACKET]), "datalink", PLAUSIBLE),
    Example("a server alone that gives its name", Payload.of(TCP, (), [HELLO]), "datalink"),
    Example("another word", Payload.of(TCP, [frame("HELO there")]), None),
    Example("a header that is cut", Payload.of(TCP, [ID[:9]]), None),
    Example("a header that is no text", Payload.of(TCP, [b"DL\x04\x00\x01\x02\x03"]), None),
    Example("the magic alone", Payload.of(TCP, [b"DL"]), None),
    Example("a size that is no number", Payload.of(TCP, [frame("MATCH five")]), None),
    Example("a size beyond all data", Payload.of(TCP, [frame("MATCH 99999999")]), None),
)


def test_frames_are_cut_by_header_and_data() -> None:
    found = frames(Side.of(ID + WRITE + frame("READ 9")), COMMANDS)

    assert [("ID", 0, True), ("WRITE", 512, True), ("READ", 0, True)] == [
        (one.words[0], one.size, one.whole) for one in found
    ]


def test_data_that_are_cut_by_what_was_kept_are_no_fault() -> None:
    side = Side((HELLO + OK + PACKET)[:128], ((600, 128),), 60_000)

    told = recognise(Payload(TCP, Side.of(ID), side))

    assert told is not None
    assert CONFIRMED == told.confidence
    assert not frames(side, ANSWERS)[-1].whole


def test_frames_followed_by_something_else_are_none() -> None:
    assert recognise(Payload.of(TCP, [ID + b"GET / HTTP/1.1\r\n"], [HELLO])) is None


@given(st.sampled_from(sorted(COMMANDS)), st.lists(st.integers(0, 99), min_size=4, max_size=9))
def test_every_command_that_is_written_is_read(word: str, numbers: list[int]) -> None:
    counts = COMMANDS[word][1]
    header = " ".join([word, *map(str, numbers)])

    found = frames(Side.of(frame(header, bytes(numbers[-1]) if counts else b"")), COMMANDS)

    assert [(word, numbers[-1] if counts else 0, True)] == [
        (one.words[0], one.size, one.whole) for one in found
    ]
