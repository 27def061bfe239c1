"""MMS (IEC 61850, TASE.2): ISO transport whose session and presentation carry MMS to their ends."""

from __future__ import annotations

from typing import NamedTuple

from portbook.addresses import Scope
from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Signature, Usual, ber, confirmed, plausible
from portbook.protocols.moulds import Ber, Length, Mould, Octets, OneOf, Rest, Sized, Speech
from portbook.protocols.moulds import Message as Steps
from portbook.protocols.tpkt import CARRIES, CONFIRM, CONFIRMS, CONNECT, CONNECTS, Stream, read
from portbook.records import Identification, Source

NAME = "mms"
SYNTAX = bytes.fromhex("28ca220201")  # abstract syntax 1.0.9506.2.1
OPENINGS = (0x0D, 0x0E)  # session: connect, accept
TRANSFER = b"\x01\x00\x01\x00"  # session: give tokens, data transfer
FINISH = b"\x09"  # session: finish
PRESENTED, VALUE = 0x61, 0xA0  # fully encoded data; a single ASN.1 type
REQUEST, RESPONSE, ERROR, UNCONFIRMED, REJECT = 0xA0, 0xA1, 0xA2, 0xA3, 0xA4
CONCLUDE, CONCLUDED = 0x8B, 0x8C
PLAIN = {0x85, 0x86, 0xA7, CONCLUDE, CONCLUDED, 0xAD}  # cancel, conclude: nothing to look into
NUMBERED = (REQUEST, RESPONSE, ERROR)
SERVICES = {
    0: "status", 1: "get name list", 2: "identify", 4: "read", 5: "write",
    6: "get variable attributes", 7: "define variable", 11: "define variable list",
    12: "get variable list attributes", 13: "delete variable list",
}  # fmt: skip
REPORT, CONTEXT, NUMBER = 0, 0x80, 0x1F
IDENTIFY = 2
TOLD = {0x80: "vendor", 0x81: "product", 0x82: "version"}


class Unit(NamedTuple):
    """One MMS unit: its kind, invoke id, and the service with its content."""

    kind: int
    invoke: bytes
    service: int | None
    content: bytes


def recognise(payload: Payload) -> Identification | None:
    """Name MMS by the syntax of a connect or by units of data; confirm it by both sides."""
    if payload.transport is not Transport.TCP:
        return None
    asked, answered = read(payload.to_server), read(payload.to_client)
    if not (speaks_mms(asked) or speaks_mms(answered)):
        return None
    if asked.first(CONFIRM) or answered.first(CONNECT):
        return None
    if any(one.walk.wrong and not one.telegrams for one in (asked, answered)):
        return None
    requests, answers = units(asked), units(answered)
    if _serves(requests) and not _serves(answers):
        return None
    numbers = {one.invoke for one in requests if one.kind == REQUEST}
    agreed = sum(one.invoke in numbers for one in answers if one.kind in (RESPONSE, ERROR))
    opened = opens(asked) and opens(answered)
    because = _because(asked, answered, len(requests) + len(answers), agreed)
    against = tuple(one.walk.wrong for one in (asked, answered) if one.walk.wrong)
    say = confirmed if (agreed or opened) and not against else plausible
    facts = _facts(requests + answers)
    return say(NAME, *because, against=against, facts=facts, server=identity(answers))


def speaks_mms(stream: Stream) -> bool:
    """Tell whether a direction opens MMS, or carries a unit of it."""
    return opens(stream) or bool(units(stream))


def opens(stream: Stream) -> bool:
    """Tell whether a session connect or accept speaks of the syntax of MMS."""
    told = (*stream.units, stream.started)
    return any(unit[:1] in map(_octet, OPENINGS) and SYNTAX in unit for unit in told)


def _serves(found: list[Unit]) -> bool:
    """Tell whether a side only answers and reports; of two peers each may ask."""
    kinds = {one.kind for one in found}
    return REQUEST not in kinds and bool(kinds & {RESPONSE, ERROR, UNCONFIRMED})


def units(stream: Stream) -> list[Unit]:
    """Return the units of MMS in a direction; what is something else is left out."""
    return [found for unit in stream.units if (found := _unit(unit))]


def identity(answers: list[Unit]) -> dict[str, str]:
    """Return what a server told of itself when it was asked to identify itself.

    Source: ISO 9506-2, Identify-Response: vendor, model, revision.
    """
    found: dict[str, str] = {}
    for one in answers:
        if one.kind != RESPONSE or one.service != IDENTIFY:
            continue
        whole = ber.Item(0xA2, 0, len(one.content))
        for part in ber.items(one.content, whole, 8) or ():
            text = part.of(one.content).decode("utf-8", "replace")
            if part.tag in TOLD and text and text.isprintable():
                found[TOLD[part.tag]] = text
    return found


def _unit(octets: bytes) -> Unit | None:
    """Read one unit of data, whose lengths must agree down to the MMS in it.

    Source: ISO 8327-1 (session), ISO 8823-1 (presentation, fully-encoded-data), ISO 9506-2.
    """
    if not octets.startswith(TRANSFER):
        return None
    outer = ber.item(octets, len(TRANSFER), len(octets), PRESENTED)
    if outer is None or outer.end != len(octets):
        return None
    lists = ber.items(octets, outer, 2)
    if not lists or len(lists) != 1 or lists[0].tag != ber.SEQUENCE:
        return None
    parts = ber.items(octets, lists[0], 3)
    if not parts or [part.tag for part in parts] != [ber.INTEGER, VALUE]:
        return None
    inner = ber.item(octets, parts[1].start, parts[1].end)
    return _service(octets, inner) if inner and inner.end == parts[1].end else None


def _service(octets: bytes, unit: ber.Item) -> Unit | None:
    """Read kind, number and service; a service whose tag has two octets stays unnamed."""
    if unit.tag in PLAIN:
        return Unit(unit.tag, b"", None, b"")
    at, invoke = unit.start, b""
    if unit.tag in NUMBERED:
        number = ber.item(octets, at, unit.end)
        if number is None or number.tag not in (ber.INTEGER, CONTEXT):
            return None
        invoke, at = number.of(octets), number.end
    elif unit.tag not in (UNCONFIRMED, REJECT):
        return None
    if at >= unit.end or octets[at] & 0x80 == 0:
        return Unit(unit.tag, invoke, None, b"") if unit.tag == REQUEST and at < unit.end else None
    service = ber.item(octets, at, unit.end)
    if service is None:
        return Unit(unit.tag, invoke, None, b"") if octets[at] & NUMBER == NUMBER else None
    return Unit(unit.tag, invoke, service.tag & NUMBER, service.of(octets))


def _because(asked: Stream, answered: Stream, count: int, agreed: int) -> list[str]:
    because = []
    if opens(asked) or opens(answered):
        because.append("a session is opened with the syntax of MMS")
    if count:
        because.append(f"{count} units of data end where their layers do")
    if agreed:
        because.append(f"{agreed} answers repeat the number of a request")
    return because


def _facts(found: list[Unit]) -> dict[str, object]:
    told = {one.service for one in found if one.kind in (REQUEST, RESPONSE)}
    names = [name for number, name in SERVICES.items() if number in told]
    if any(one.kind == UNCONFIRMED and one.service == REPORT for one in found):
        names.append("report")
    return {"services": names} if names else {}


def _octet(value: int) -> bytes:
    return bytes((value,))


def _mould() -> Mould:
    """A session that is opened with the syntax of MMS, then requests and their answers."""
    start: Steps = (*CARRIES, Octets(TRANSFER))
    opened = (*CONNECTS, *_session(OPENINGS[0]), *start, _presented(REQUEST, ber.INTEGER))
    accepted = tuple(
        (*CONFIRMS, *_session(OPENINGS[1]), *start, _presented(kind, number))
        for kind, number in ((RESPONSE, ber.INTEGER), (ERROR, CONTEXT))
    )
    asks: Steps = (*CARRIES, OneOf((TRANSFER, FINISH)), Rest())
    tells: Steps = (Octets(b"\x03\0"), Length(2, -4), OneOf((b"\2\xf0\x80", b"\2\xf0\0")), Rest())
    return Mould(Transport.TCP, Speech((opened,), (asks,)), Speech(accepted, (tells,)))


def _presented(kind: int, number: int) -> Ber:
    """Return a unit whose number is a mark, down to its service."""
    unit = Ber(kind, (Ber(number, mark=True), Ber(0x80, None, 0xBF)))
    return Ber(PRESENTED, (Ber(ber.SEQUENCE, (Ber(ber.INTEGER), Ber(VALUE, (unit,)))),))


def _session(kind: int) -> Steps:
    telegram = (Octets(bytes((2, 0xF0, 0x80, kind))), Rest())
    return (Octets(b"\x03\0"), Sized(2, telegram, add=-4))


PROTOCOL = Protocol(
    name=NAME,
    title="MMS (IEC 61850, TASE.2)",
    recognise=recognise,
    sources=(
        Source("ISO 9506-2: Manufacturing Message Specification, protocol", "2003", "units"),
        Source("IEC 61850-8-1: mapping to MMS over ISO transport on TCP", None, "port 102"),
    ),
    signatures=(Signature(Transport.TCP, 0, b"\x03\x00"),),
    usual=(Usual(PortRange(102, 102), Transport.TCP, confidence="two sources", source=1),),
    moulds=(_mould(),),
    stays_inside=Scope.PRIVATE,
    safety=(
        "MMS operates breakers of a substation, mostly without a login. Keep it inside the "
        "station's network."
    ),
)
