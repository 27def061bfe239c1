"""SeedLink: seismic data from a server to whoever asks, TCP 18000; versions 3 and 4.

The client speaks first, in lines; the server answers with lines and, once asked, with packets.
Sources: SeisComP/seedlink, EarthScope/ringserver.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Side, Signature, Usual, confirmed, plausible
from portbook.protocols.layout import LE, TEXT, Field, Layout
from portbook.records import Identification, Source

NAME = "seedlink"
LONGEST_LINE = 255
RECORD = 512  # octets of a miniSEED record in version 3
LARGEST = 1 << 20  # octets of a payload in version 4
MOST_PARTS = 512

_TELLING = frozenset(("SLPROTO", "STATION", "SELECT", "FETCH", "CAPABILITIES", "GETCAPABILITIES"))
COMMANDS = _TELLING | {
    "HELLO",
    "DATA",
    "TIME",
    "END",
    "ENDFETCH",
    "INFO",
    "BYE",
    "CAT",
    "BATCH",
    "USERAGENT",
    "AUTH",
}
_HELLO = re.compile(rb"SeedLink v(\d+\.\d+)([^\r\n]*)")
_PROGRAM = re.compile(r"[(\[]([A-Za-z][\w .-]*?)[/ ]v?(\d[\w.]*)")
_PACKET = re.compile(rb"SL[0-9A-F]{6}")
_INFO = re.compile(rb"SLINFO [ *]")
_ENDS = re.compile(rb"\r\n?|\n")

PACKET_4 = Layout(
    "SeedLink version 4 packet header",
    17,
    (
        Field("magic", 0, 2, TEXT, None, "always SE", "SE"),
        Field("format", 2, 1, TEXT, None, "2, 3 miniSEED; J JSON; X XML", "3"),
        Field("subformat", 3, 1, TEXT, None, "D data, E event, C calibration, I info, ...", "D"),
        Field("length", 4, 4, LE, "octet", "of the payload"),
        Field("sequence", 8, 8, LE),
        Field("station_length", 16, 1, LE, "octet", "of the station id that follows"),
    ),
)
RECORD_HEAD = Layout(
    "miniSEED 2 record, start of its header",
    20,
    (
        Field("sequence", 0, 6, TEXT, None, "six digits"),
        Field("quality", 6, 1, TEXT, None, "D, R, Q or M"),
        Field("station", 8, 5, TEXT),
        Field("location", 13, 2, TEXT),
        Field("channel", 15, 3, TEXT),
        Field("network", 18, 2, TEXT),
    ),
)


class Said(NamedTuple):
    """What the server said: its lines, the streams of its packets, and where it stops making sense.

    packets: how many; whole: how many of them were kept from end to end
    """

    lines: tuple[str, ...]
    streams: tuple[str, ...]
    packets: int
    whole: int
    info: bool
    wrong: int | None


def recognise(payload: Payload) -> Identification | None:
    """Name SeedLink by the dialogue of lines, the server's greeting, or its packets."""
    if payload.transport is not Transport.TCP:
        return None
    asked, said = _asked(payload.to_server), _said(payload.to_client)
    hello = _HELLO.match(payload.to_client.octets)
    if payload.to_server and not asked:
        return None
    if payload.to_client and not (hello or said.packets or _plain_answers(said)):
        return None
    if not payload.to_client and not _TELLING & set(asked):
        return None
    if not (hello or said.packets or _TELLING & set(asked)):
        return None
    because, sure = [], False
    if asked:
        because.append(f"commands: {' '.join(asked[:4])}")
    if hello:
        because.append("the server greets as SeedLink")
        sure = bool(asked)
    if said.packets:
        because.append("packets: a SeedLink header, then a miniSEED record or a told length")
        sure = sure or said.whole > 0
    wrong = () if said.wrong is None else (f"octet {said.wrong}: neither line nor packet",)
    facts: dict[str, Any] = {"commands": asked} if asked else {}
    if said.streams:
        facts["streams"] = said.streams[:64]
    if said.info:
        facts["info"] = True
    server = _server(hello, said, facts) if hello else {}
    return (confirmed if sure and not wrong else plausible)(
        NAME, *because, against=wrong, facts=facts, server=server
    )


def _plain_answers(said: Said) -> bool:
    return bool(said.lines) and all(line.split(" ")[0] in ("OK", "ERROR") for line in said.lines)


def _server(hello: re.Match[bytes], said: Said, facts: dict[str, Any]) -> dict[str, str]:
    version, rest = hello[1].decode(), hello[2].decode("latin-1")
    if len(said.lines) > 1 and said.lines[1] not in ("OK", "ERROR"):
        facts["organisation"] = said.lines[1]
    program = _PROGRAM.search(rest)
    if program:
        facts["protocol_version"] = version
        return {"product": program[1], "version": program[2]}
    told = rest.partition("::")[0].strip()
    text = f"{version} {told}".strip()
    return {"product": "SeedLink server", "version": text if text.isprintable() else version}


def _asked(side: Side) -> tuple[str, ...]:
    """Return the words of the client's lines; empty when one of them is no command."""
    lines = _ENDS.split(side.octets)
    last = lines.pop()
    if last and (side.complete or len(last) > LONGEST_LINE):
        return ()
    words = []
    for line in lines[:MOST_PARTS]:
        if len(line) > LONGEST_LINE or not line.isascii():
            return ()
        text = line.decode("ascii").split()
        if text and text[0].upper() not in COMMANDS:
            return ()
        if text:
            words.append(text[0].upper())
    return tuple(dict.fromkeys(words))


def _said(side: Side) -> Said:
    """Cut what the server said into lines and packets."""
    octets, at = side.octets, 0
    lines: list[str] = []
    streams: dict[str, None] = {}
    packets = whole = 0
    info, wrong = False, None
    while at < len(octets) and packets + len(lines) < MOST_PARTS:
        found = _packet(octets, at)
        if found:
            stream, size, is_info = found
            packets += 1
            whole += at + size <= len(octets)
            info = info or is_info
            if stream and len(streams) < 64:
                streams[stream] = None
            at += size
            continue
        match = _ENDS.search(octets, at, at + LONGEST_LINE + 2)
        line = octets[at : match.start()] if match else octets[at:]
        if match is None or not line.decode("latin-1").isprintable():
            # The last thing that was kept may be the start of a packet or of a line.
            if side.complete or len(line) > LONGEST_LINE:
                wrong = at
            break
        if line:
            lines.append(line.decode("latin-1"))
        at = match.end()
    return Said(tuple(lines), tuple(streams), packets, whole, info, wrong)


def _packet(octets: bytes, at: int) -> tuple[str | None, int, bool] | None:
    """Return stream, size and whether it is information, of the packet that begins there."""
    is_info = bool(_INFO.match(octets, at))
    if is_info or _PACKET.match(octets, at):
        record = octets[at + 8 : at + 8 + RECORD]
        if not _is_record(record):
            return None
        return (None if is_info else _stream(record)), 8 + RECORD, is_info
    head = PACKET_4.read(octets, at) if octets[at : at + 2] == b"SE" else None
    if (
        head is None
        or head["format"] not in ("2", "3", "J", "X")
        or not head["subformat"].isalpha()
    ):
        return None
    if head["length"] > LARGEST or not head["station_length"] <= 64:
        return None
    begin = at + PACKET_4.size
    station = octets[begin : begin + head["station_length"]].decode("latin-1")
    payload = octets[begin + head["station_length"] :][: head["length"]]
    if not station.isprintable() or not _fits(head["format"], payload):
        return None
    size = PACKET_4.size + head["station_length"] + head["length"]
    return station or None, size, head["subformat"] == "I"


def _is_record(record: bytes) -> bool:
    digits, quality = record[:6], record[6:7]
    return len(record) >= 8 and digits.replace(b" ", b"0").isdigit() and quality in b"DRQM"


def _fits(format_: str, payload: bytes) -> bool:
    if not payload:
        return True
    return {
        "2": payload[6:7] in (b"D", b"R", b"Q", b"M"),
        "3": payload.startswith(b"MS\x03"[: len(payload)]),
        "J": payload[:1] in b"{[",
        "X": payload[:1] == b"<",
    }[format_]


def _stream(record: bytes) -> str | None:
    head = RECORD_HEAD.read(record)
    if head is None:
        return None
    names = [head[name].strip() for name in ("network", "station", "location", "channel")]
    text = "_".join(names)
    return text if text.isascii() and text.isprintable() else None


_UPPER = b"\xdf"  # either case of a letter


def _word(text: bytes) -> Signature:
    mask = b"".join(_UPPER if octet > 64 else b"\xff" for octet in text)
    return Signature(Transport.TCP, 0, text, mask)


PROTOCOL = Protocol(
    name=NAME,
    title="SeedLink: real-time seismic data",
    recognise=recognise,
    sources=(
        Source("SeisComP: seedlink, protocol and server", where="SeisComP/seedlink, doc"),
        Source("EarthScope ringserver: SeedLink 3 and 4", where="src/slclient.h, doc/ring.conf"),
    ),
    signatures=(
        *(
            _word(text)
            for text in (
                b"HELLO",
                b"SLPROTO",
                b"STATION ",
                b"SELECT ",
                b"DATA",
                b"INFO ",
                b"CAT",
                b"BATCH",
                b"USERAGEN",
                b"CAPABILI",
                b"GETCAPAB",
                b"AUTH ",
            )
        ),
        Signature(Transport.TCP, 0, b"SeedLink"),
        # SL and six hex digits, or INFO and two more: octets below 80.
        Signature(Transport.TCP, 0, b"SL\0\0\0\0\0\0", b"\xff\xff\x80\x80\x80\x80\x80\x80"),
        Signature(Transport.TCP, 0, b"SE\0\0", b"\xff\xff\x80\x80"),
    ),
    usual=(
        Usual(
            PortRange(18000, 18000), Transport.TCP, "server", "SeedLink server", "two sources", 1
        ),
        Usual(
            PortRange(18500, 18500),
            Transport.TCP,
            "server",
            "SeedLink server, TLS",
            "one source",
            1,
        ),
    ),
    layouts=(PACKET_4, RECORD_HEAD),
    safety="Open by design in many networks: whoever connects may read what the server has.",
    programs=("seedlink", "ringserver", "slarchive", "slinktool", "scslarchive", "portbook"),
)
