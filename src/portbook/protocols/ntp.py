"""NTP modes 1 to 5: 48 octets whose fields are all in range; answers repeat the question's time.

Modes 6 and 7 have nothing of their own to tell them by, so they are not named.
"""

from __future__ import annotations

from typing import Any

from portbook.ports import PortRange, Transport
from portbook.protocols import (
    Cast,
    Payload,
    Piece,
    Protocol,
    Side,
    Signature,
    Usual,
    confirmed,
    moulds,
    plausible,
)
from portbook.protocols.datagrams import judged
from portbook.protocols.layout import BE, RAW, Field, Layout
from portbook.protocols.moulds import Mark, Message, Mould, Number, Run, Speech
from portbook.protocols.text import clean
from portbook.records import Identification, Source

NAME = "ntp"
SOURCES = (
    Source("RFC 5905, Network Time Protocol version 4", "2010-06", "sections 7.3 and 7.4"),
    Source("RFC 4330, Simple Network Time Protocol version 4", "2006-01", "sections 4 and 5"),
    Source("RFC 9769, NTP interleaved modes", "2025-05", "section 2: originate timestamp"),
    Source("RFC 1305, Network Time Protocol version 3", "1992-03", "appendix A"),
)
SIZE = 48
# Octets of a message with a key and digest behind it: RFC 1305 (12), RFC 5905 (20, 24).
SIZES = frozenset((48, 60, 68, 72))
ACTIVE, PASSIVE, CLIENT, SERVER, BROADCAST = range(1, 6)
STRATUM, PRECISION = 16, -40
POLLS = range(-8, 18)  # the standard begins at 16 s; chrony asks up to 128 times a second
HIDDEN = 32  # chrony puts this for the precision of its clock where it asks
YEAR_1990 = 2_840_140_800  # seconds from 1900 to 1990
KISSES = frozenset(("RATE", "DENY", "RSTR", "STEP", "INIT", "CRYP", "AUTH", "AUTO", "BCST"))

HEADER = Layout(
    "NTP header",
    SIZE,
    (
        Field("first", 0, 1, BE, None, "2 bits leap, 3 bits version, 3 bits mode"),
        Field("stratum", 1, 1, BE, None, "distance from a clock; 0 unknown, 16 not in step"),
        Field("poll", 2, 1, BE, "log2 s", "signed: how often it asks"),
        Field("precision", 3, 1, BE, "log2 s", "signed: of the clock"),
        Field("root_delay", 4, 4, BE, "s/65536", "to the clock and back"),
        Field("root_dispersion", 8, 4, BE, "s/65536", "error to the clock"),
        Field("reference", 12, 4, RAW, None, "which clock: text at stratum 1, else an address"),
        Field("reference_time", 16, 8, BE, "s/2^32", "when the clock was last set"),
        Field("originate_time", 24, 8, BE, "s/2^32", "transmit time of the question"),
        Field("receive_time", 32, 8, BE, "s/2^32", "when the question came"),
        Field("transmit_time", 40, 8, BE, "s/2^32", "when this was sent"),
    ),
)


def recognise(payload: Payload) -> Identification | None:
    """Name NTP: clients ask in mode 3, servers answer in mode 4 or tell everybody in mode 5."""
    if payload.transport is not Transport.UDP:
        return None
    if payload.cast is not Cast.UNICAST and not payload.to_client:
        told = _recognise(payload.swapped(), frozenset((BROADCAST,)))
        if told:
            return told
    return _recognise(payload, frozenset((PASSIVE, SERVER, BROADCAST, ACTIVE)))


def _recognise(payload: Payload, from_server: frozenset[int]) -> Identification | None:
    asked = _read(payload.to_server, frozenset((ACTIVE, CLIENT)))
    answered = _read(payload.to_client, from_server)
    if asked is None or answered is None or not (asked or answered):
        return None
    modes = {one["first"] & 7 for one in answered}
    if ACTIVE in modes and not any(one["first"] & 7 == ACTIVE for one in asked):
        return None
    facts = _facts((answered or asked)[0])
    if not (asked and answered):
        if not all(map(_dated, answered)) or not all(map(_orderly, asked + answered)):
            return None
        only = "questions" if asked else "answers"
        return plausible(
            NAME, "all fields are in range", against=(f"only {only} were seen",), facts=facts
        )
    times = {one["transmit_time"] for one in asked}
    # in interleaved mode an answer repeats the receive time of its question instead
    times |= {one["receive_time"] for one in asked} - {0}
    if not all(map(_dated, answered)):
        return plausible(
            NAME,
            "all fields are in range, both directions",
            against=("the answer has no time",),
            facts=facts,
        )
    if any(one["originate_time"] in times for one in answered):
        return confirmed(
            NAME, "all fields are in range", "the answer repeats the question's time", facts=facts
        )
    return plausible(
        NAME,
        "all fields are in range, both directions",
        against=("no answer repeats a question's time",),
        facts=facts,
    )


def _read(side: Side, modes: frozenset[int]) -> list[dict[str, Any]] | None:
    found = []
    for piece in judged(side):
        header = read(piece)
        if header is None or header["first"] & 7 not in modes:
            return None
        found.append(header)
    return found


def read(piece: Piece) -> dict[str, Any] | None:
    """Read one message of modes 1 to 5, or None when a field is out of range."""
    header = HEADER.read(piece.octets)
    if header is None:
        return None
    version, mode = header["first"] >> 3 & 7, header["first"] & 7
    if not (1 <= version <= 4 and ACTIVE <= mode <= BROADCAST):
        return None
    extended = version == 4 and piece.length > SIZE and piece.length % 4 == 0
    if piece.length not in SIZES and not extended:
        return None
    if header["stratum"] > STRATUM or _signed(header["poll"]) not in POLLS:
        return None
    hidden = mode == CLIENT and header["precision"] == HIDDEN
    if not hidden and not PRECISION <= _signed(header["precision"]) <= 0:
        return None
    if mode != CLIENT and not _dated(header) and header["transmit_time"]:
        return None
    return header


def _signed(octet: int) -> int:
    return octet - 256 * (octet > 127)


def _dated(header: dict[str, Any]) -> bool:
    """Tell whether it was sent after 1990, or is a refusal, which may lack all times."""
    return header["transmit_time"] >> 32 >= YEAR_1990 or _kiss(header)


def _orderly(header: dict[str, Any]) -> bool:
    """Tell whether times are unset or after 1990, and distances below 256 s.

    Asked where one direction stands alone. A transmit time may be anything: clients make it up
    so that nobody reads their clock.
    """
    times = (header[name] >> 32 for name in ("reference_time", "originate_time", "receive_time"))
    if not all(seconds == 0 or seconds >= YEAR_1990 for seconds in times):
        return False
    return all(header[name] < 1 << 24 for name in ("root_delay", "root_dispersion"))


def _kiss(header: dict[str, Any]) -> bool:
    """Tell whether it is a kiss-of-death, which may lack all times (RFC 5905 section 7.4)."""
    return header["stratum"] == 0 and clean(header["reference"], 4) in KISSES


def _facts(header: dict[str, Any]) -> dict[str, Any]:
    facts: dict[str, Any] = {"ntp_version": header["first"] >> 3 & 7, "mode": header["first"] & 7}
    if header["first"] & 7 in (SERVER, BROADCAST):
        facts["stratum"] = header["stratum"]
        if header["stratum"] <= 1:
            facts["reference"] = clean(header["reference"].rstrip(b"\0"), 4)
        else:
            facts["reference"] = ".".join(map(str, header["reference"]))
    return facts


def _mould() -> Mould:
    """A client in mode 3 and a server that repeats its time, with a digest or not."""

    def octets(*values: range) -> Run:
        return Run(bytes(value & 0xFF for span in values for value in span), 1, 1)

    def first(mode: int) -> Run:
        values = (leap << 6 | version << 3 | mode for leap in range(4) for version in range(1, 5))
        return Run(bytes(values), 1, 1)

    stratum, polls, precision = octets(range(STRATUM + 1)), octets(POLLS), range(PRECISION, 1)
    hidden = octets(precision, range(HIDDEN, HIDDEN + 1))
    ask: Message = (first(CLIENT), stratum, polls, hidden, moulds.Any(36), Mark(8))
    tell: Message = (
        first(SERVER),
        stratum,
        polls,
        octets(precision),
        moulds.Any(20),
        Mark(8),
        moulds.Any(8),
    )
    tell = (*tell, Number(4, YEAR_1990), moulds.Any(4))
    digests: tuple[Message, ...] = (
        (),
        *((moulds.Any(size - SIZE),) for size in sorted(SIZES - {SIZE})),
    )
    return Mould(
        Transport.UDP,
        Speech(tuple((*ask, *more) for more in digests)),
        Speech(tuple((*tell, *more) for more in digests)),
    )


PROTOCOL = Protocol(
    name=NAME,
    title="Network Time Protocol",
    recognise=recognise,
    sources=SOURCES,
    signatures=tuple(
        # Any leap bits, stratum below 32.
        Signature(Transport.UDP, 0, bytes((version << 3 | mode, 0)), b"\x3f\xe0")
        for version in range(1, 5)
        for mode in range(ACTIVE, BROADCAST + 1)
    ),
    usual=(Usual(PortRange(123, 123), Transport.UDP, role="both", confidence="verified"),),
    moulds=(_mould(),),
    layouts=(HEADER,),
    safety="Old servers answer mode 6 and 7 questions at length and are used to flood others.",
    programs=("ntpd", "chronyd", "systemd-timesyncd", "systemd-timesyn", "openntpd", "ntpdate"),
)
