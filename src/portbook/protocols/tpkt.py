"""TPKT and COTP, the layers that S7comm, MMS and RDP share: telegrams and what they carry.

Sources: RFC 1006, section 6 (TPKT); ISO 8073 / RFC 905, section 13 (COTP, class 0).
"""

from __future__ import annotations

from typing import NamedTuple

from portbook.ports import Transport
from portbook.protocols import Side
from portbook.protocols.framing import MORE, Walk, walk
from portbook.protocols.layout import BE, Field, Layout
from portbook.protocols.moulds import Any, Counted, Length, Message, Number, Octets, Repeat, Sized

TPKT = Layout(
    "TPKT and the start of COTP",
    6,
    (
        Field("version", 0, 1, BE, None, "always 3", 3),
        Field("reserved", 1, 1, BE, None, "always 0", 0),
        Field("length", 2, 2, BE, "octet", "of the whole telegram, these four included"),
        Field("indicator", 4, 1, BE, "octet", "COTP header that follows this octet"),
        Field("type", 5, 1, BE, None, "0xE0 connect, 0xD0 confirm, 0xF0 data, 0x80 disconnect"),
    ),
)
CONNECT, CONFIRM, DATA, ERROR = 0xE0, 0xD0, 0xF0, 0x70
DISCONNECT, DISCONNECTED = 0x80, 0xC0  # the second is of other classes, yet servers send it
LEAST = {  # smallest length indicators
    CONNECT: 6, CONFIRM: 6, DISCONNECT: 6, DISCONNECTED: 5, DATA: 2, ERROR: 4,
}  # fmt: skip
DATA_HEADER = 7
LAST = 0x80  # in the third octet of data: no more parts of this unit follow
CALLING, CALLED = 0xC1, 0xC2
_PARAMETERS = Repeat((Number(1, 0xC0, 0xCF), Counted(1)))  # of RDP, what follows is none of these


def _opening(kind: int) -> Message:
    header = (Octets(bytes((kind,))), Any(5), _PARAMETERS)  # two references and the class
    return (Octets(b"\x03\0"), Sized(2, (Sized(1, header),), add=-4))


# for moulds: telegrams that open, and the start of one that carries a whole unit
CONNECTS, CONFIRMS = _opening(CONNECT), _opening(CONFIRM)
CARRIES: Message = (Octets(b"\x03\0"), Length(2, -4), Octets(bytes((2, DATA, LAST))))
NOTHING: Message = (Octets(b"\x03\0\0\x07\2\xf0"), Number(1))  # a unit's end, or none


class Telegram(NamedTuple):
    """One telegram: its COTP type, header after the type, and the data behind the header."""

    type: int
    header: bytes
    data: bytes

    @property
    def target(self) -> int:
        """Return the destination reference of a connect or confirm."""
        return int.from_bytes(self.header[:2], "big")

    @property
    def origin(self) -> int:
        """Return the source reference of a connect or confirm."""
        return int.from_bytes(self.header[2:4], "big")


class Stream(NamedTuple):
    """One direction, read: telegrams, and the units of data that they carry, put together."""

    walk: Walk
    telegrams: tuple[Telegram, ...]
    units: tuple[bytes, ...]
    started: bytes  # a unit whose end was not kept, or not captured

    def __bool__(self) -> bool:
        return bool(self.walk)

    def first(self, kind: int) -> Telegram | None:
        """Return the first telegram of a type."""
        return next((one for one in self.telegrams if one.type == kind), None)


def read(side: Side) -> Stream:
    """Read one direction of a TCP conversation as telegrams."""
    found = walk(side, Transport.TCP, measure)
    telegrams = tuple(_telegram(octets) for octets in found.messages)
    units: list[bytes] = []
    rest = b""
    for one in telegrams:
        if one.type != DATA:
            continue
        rest += one.data
        if one.header[0] & LAST:
            if rest:
                units.append(rest)
            rest = b""
    if len(found.cut) >= DATA_HEADER and found.cut[5] == DATA:
        rest += found.cut[DATA_HEADER:]
    return Stream(found, telegrams, tuple(units), rest)


def measure(octets: bytes, at: int) -> int | None:
    """Tell how long the telegram at `at` is; see framing.Measure."""
    start = octets[at : at + 2]
    if start != b"\x03\x00"[: len(start)]:
        return None
    length, indicator, kind = (
        TPKT.get(octets, name, at) for name in ("length", "indicator", "type")
    )
    if length is None or indicator is None or kind is None:
        return MORE if length is None or length >= DATA_HEADER else None
    fits = kind in LEAST and LEAST[kind] <= indicator and 5 + indicator <= length
    if not fits or (kind in (DATA, DISCONNECTED) and indicator != LEAST[kind]):
        return None
    return int(length)


def parameters(telegram: Telegram) -> dict[int, bytes]:
    """Return the parameters of a connect or confirm by code, as far as they can be read."""
    found: dict[int, bytes] = {}
    here = 5  # two references and the class
    while here + 2 <= len(telegram.header):
        code, size = telegram.header[here], telegram.header[here + 1]
        if here + 2 + size > len(telegram.header):
            break
        found.setdefault(code, telegram.header[here + 2 : here + 2 + size])
        here += 2 + size
    return found


def access_point(octets: bytes) -> str:
    """Print a TSAP: as text where it is text, else in hex."""
    text = octets.decode("latin-1")
    return text if len(octets) > 2 and text.isprintable() and text.isascii() else octets.hex()


def _telegram(octets: bytes) -> Telegram:
    end = 5 + octets[4]
    return Telegram(octets[5], octets[6:end], octets[end:])
