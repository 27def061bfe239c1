"""Asking SNMP agents for the system group: one GET of version 2c, with the user's own community.

Sources: RFC 3416, section 4.2.1 (GetRequest); RFC 3418, section 2 (system group); ITU-T X.690.
"""

from __future__ import annotations

from portbook.ports import Transport
from portbook.protocols import ber
from portbook.protocols.questions import Asking, Line, Question, Verdict

V1, V2C = 0, 1
GET, RESPONSE = 0xA0, 0xA2
SYSTEM = (1, 3, 6, 1, 2, 1, 1)
# description, object id, up since, contact, name, location
WANTED = tuple((*SYSTEM, number, 0) for number in (1, 2, 3, 4, 5, 6))


def lines(asking: Asking) -> tuple[Line, ...]:
    """Return the one request."""
    octets = get(V2C, asking.secret, asking.number, WANTED)
    place = octets.index(ber_octets(asking.secret), 2) + len(_head(ber.OCTETS, asking.secret))
    return (
        Line(
            octets,
            "GET sysDescr, sysObjectID, sysUpTime, sysContact, sysName, sysLocation",
            fits,
            secret=(place, len(asking.secret)),
        ),
    )


def get(version: int, community: bytes, number: int, wanted: tuple[tuple[int, ...], ...]) -> bytes:
    """Make a GetRequest; version: 0 is 1, 1 is 2c; number: request id, below 2**31."""
    bound = b"".join(
        _tagged(ber.SEQUENCE, _tagged(ber.OID, _arcs(arcs)) + _tagged(ber.NULL, b""))
        for arcs in wanted
    )
    pdu = integer(number & 0x7FFFFFFF) + integer(0) + integer(0) + _tagged(ber.SEQUENCE, bound)
    return _tagged(ber.SEQUENCE, integer(version) + ber_octets(community) + _tagged(GET, pdu))


def fits(sent: bytes, came: bytes) -> Verdict:
    """Tell whether a datagram is a response that carries the request's number."""
    number = _number(sent, GET)
    same = number is not None and number == _number(came, RESPONSE)
    return Verdict.ANSWER if same else Verdict.OTHER


def integer(value: int) -> bytes:
    """Return an integer that is not negative, in as few octets as it takes."""
    return _tagged(ber.INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def ber_octets(octets: bytes) -> bytes:
    """Return a string of octets."""
    return _tagged(ber.OCTETS, octets)


def _number(octets: bytes, kind: int) -> int | None:
    outer = ber.item(octets, 0, len(octets), ber.SEQUENCE)
    parts = ber.items(octets, outer) if outer else None
    if not parts or len(parts) != 3 or parts[2].tag != kind:
        return None
    first = ber.item(octets, parts[2].start, parts[2].end, ber.INTEGER)
    return ber.integer(first.of(octets)) if first else None


def _arcs(arcs: tuple[int, ...]) -> bytes:
    return b"".join(map(_arc, (40 * arcs[0] + arcs[1], *arcs[2:])))


def _arc(arc: int) -> bytes:
    octets = [arc & 0x7F]
    while arc := arc >> 7:
        octets.append(0x80 | arc & 0x7F)
    return bytes(reversed(octets))


def _tagged(tag: int, content: bytes) -> bytes:
    return _head(tag, content) + content


def _head(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes((tag, size))
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets


def questions() -> tuple[Question, ...]:
    """Return the question over UDP."""
    return (
        Question(
            "snmp",
            "snmp",
            "system group: who is there",
            Transport.UDP,
            (161,),
            lines,
            secret="community",
        ),
    )
