"""Modbus/TCP: every message counted to its exact end, every function held to its own shape.

The header alone (two zero octets and a length) is worn by others: Microsoft's LDAP looks like
function 2. So a payload counts only when all of its messages fit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from portbook.addresses import Scope
from portbook.ports import PortRange, Transport
from portbook.protocols import (
    Payload,
    Protocol,
    Signature,
    Usual,
    confirmed,
    modbus_asking,
    plausible,
)
from portbook.protocols.framing import MORE, Walk, both
from portbook.protocols.layout import BE, Field, Layout
from portbook.protocols.moulds import Any, Length, Mark, Mould, Number, Octets, Rest, Speech
from portbook.records import Identification, Source

NAME = "modbus"
HEADER = Layout(
    "Modbus/TCP header (MBAP)",
    8,
    (
        Field("transaction", 0, 2, BE, None, "chosen by the client, repeated in the answer"),
        Field("protocol", 2, 2, BE, None, "always 0", 0),
        Field("length", 4, 2, BE, "octet", "octets that follow: unit, function, data"),
        Field("unit", 6, 1, BE, None, "station behind the address"),
        Field("function", 7, 1, BE, None, "function code; plus 128 in an exception"),
    ),
)
BITS_AT_MOST, REGISTERS_AT_MOST = 2000, 125
EXCEPTION = 0x80
EXCEPTIONS = frozenset((1, 2, 3, 4, 5, 6, 7, 8, 10, 11))
FIXED_REQUESTS = {1: 6, 2: 6, 3: 6, 4: 6, 5: 6, 6: 6, 7: 2, 11: 2, 12: 2, 17: 2, 22: 8, 24: 4}
COUNTED_REQUESTS = {15: (7, 12), 16: (7, 12), 20: (3, 8), 21: (3, 8), 23: (11, 16)}
FIXED_ANSWERS = {5: 6, 6: 6, 7: 3, 11: 6, 15: 6, 16: 6, 22: 8}
COUNTED_ANSWERS = frozenset((1, 2, 3, 4, 12, 17, 20, 21, 23))
DIAGNOSTICS, SERVER_ID, FIFO, ENCAPSULATED, UMAS = 8, 17, 24, 43, 90
IDENTIFICATION, CANOPEN = 0x0E, 0x0D
FUNCTIONS = {
    *FIXED_REQUESTS, *COUNTED_REQUESTS, DIAGNOSTICS, ENCAPSULATED, UMAS,
}  # fmt: skip
OBJECTS = {
    0: "vendor",
    1: "product",
    2: "version",
    3: "url",
    4: "product name",
    5: "model",
    6: "application",
}


class Message(NamedTuple):
    """One message: who asks whom for what. The octets may be cut, the size is what it tells."""

    transaction: int
    unit: int
    function: int
    size: int  # octets after the length field, as told
    octets: bytes

    @property
    def key(self) -> tuple[int, int, int]:
        """Return what an answer repeats of its request."""
        return self.transaction, self.unit, self.function & ~EXCEPTION

    def at(self, offset: int, default: int) -> int:
        """Return the octet at an offset, or the default where it was not kept."""
        return self.octets[offset] if offset < len(self.octets) else default


def recognise(payload: Payload) -> Identification | None:
    """Name Modbus/TCP when every message of both directions has its function's shape.

    A stream with misshapen messages is still named, with doubt, where answers repeat what
    requests say, or where most messages fit.
    """
    asked, answered = both(payload, _measure)
    requests, answers = _messages(asked), _messages(answered)
    if not (requests or answers) or _is_ldap(requests + answers):
        return None
    misfits = _misfits(asked, is_request) + _misfits(answered, is_answer)
    pairs = _pairs(requests, answers)
    if misfits and payload.transport is not Transport.TCP:
        return None
    broken = asked.wrong or answered.wrong
    if misfits and not (
        any(map(_speaks, pairs))
        or _mostly_fit(requests, answers, least=4 if broken else 2)
        or (not broken and _only_quantities_misfit(requests, answers))
    ):
        return None
    because = [f"{len(requests) + len(answers)} whole messages, each in the shape of its function"]
    if misfits:
        because = ["streams of Modbus headers whose lengths meet"]
    against = misfits + _quarrels(requests, answers)
    if pairs:
        because.append(f"{len(pairs)} answers repeat transaction, unit and function of a request")
    elif requests and answers:
        against += ("no answer repeats the transaction of a request",)
    say = confirmed if pairs and not misfits else plausible
    facts = _facts(requests + answers)
    return say(NAME, *because, against=against, facts=facts, server=identity(answers))


def is_request(message: Message) -> bool:
    """Tell whether a message has the shape of a request.

    Source: Modbus Application Protocol 1.1b3, section 6.
    """
    size, function = message.size, message.function
    if function in FIXED_REQUESTS:
        return size == FIXED_REQUESTS[function] and _excess(message) is None
    if function in COUNTED_REQUESTS:
        least, at = COUNTED_REQUESTS[function]
        return size == least + message.at(at, size - least)
    if function == ENCAPSULATED:
        # a request padded by one octet exists in the field
        kind = message.at(8, IDENTIFICATION)
        return size in (5, 6) if kind == IDENTIFICATION else kind == CANOPEN and size >= 5
    return _has_free_shape(message)


def is_answer(message: Message) -> bool:
    """Tell whether a message has the shape of an answer or of an exception."""
    size, function = message.size, message.function
    if function & EXCEPTION:
        known = function & ~EXCEPTION in FUNCTIONS or function == EXCEPTION
        return known and is_exception(message)
    if function in FIXED_ANSWERS:
        return size == FIXED_ANSWERS[function]
    if function in COUNTED_ANSWERS:
        return size == 3 + message.at(8, size - 3)
    if function == FIFO:
        return size >= 4 and size == 4 + (message.at(8, 0) << 8 | message.at(9, size - 4))
    if function == ENCAPSULATED:
        kind = message.at(8, IDENTIFICATION)
        return size >= 9 if kind == IDENTIFICATION else kind == CANOPEN and size >= 5
    return _has_free_shape(message)


def is_exception(message: Message) -> bool:
    """Tell whether a message is an exception, of a function that exists or not.

    Some devices pad it with one zero octet.
    """
    padded = message.size == 4 and message.at(9, 0) == 0
    fits = (message.size == 3 or padded) and message.at(8, 1) in EXCEPTIONS
    return fits and message.function >= EXCEPTION


def identity(answers: list[Message]) -> dict[str, str]:
    """Return what the server told of itself: read device identification, report server id."""
    found: dict[str, str] = {}
    for message in answers:
        if message.function == ENCAPSULATED and message.at(8, 0) == IDENTIFICATION:
            found |= _objects(message.octets)
    for message in answers:
        if message.function == SERVER_ID and (text := _readable(message.octets[9:])):
            found.setdefault("product", text)
    return found


def _objects(octets: bytes) -> dict[str, str]:
    """Read the objects of a device identification answer, as far as they lie in it."""
    found: dict[str, str] = {}
    here = 14  # after MEI type, code, conformity, more follows, next object, number of objects
    for _ in range(octets[13] if len(octets) > 13 else 0):
        if here + 2 > len(octets) or here + 2 + octets[here + 1] > len(octets):
            break
        number, size = octets[here], octets[here + 1]
        text = _readable(octets[here + 2 : here + 2 + size])
        if number in OBJECTS and text:
            found[OBJECTS[number]] = text
        here += 2 + size
    return found


def _readable(octets: bytes) -> str:
    """Return the longest readable part: status octets stand around the text of a server id."""
    text = "".join(chr(octet) if 32 <= octet < 127 else "\0" for octet in octets)
    longest = max((part.strip() for part in text.split("\0")), key=len, default="")
    return longest if len(longest) > 1 else ""


def _measure(octets: bytes, at: int) -> int | None:
    if any(octets[at + 2 : at + 4]):
        return None
    length = HEADER.get(octets, "length", at)
    if length is None:
        return MORE
    return 6 + int(length) if 2 <= length <= 254 else None


def _message(octets: bytes) -> Message:
    length = int.from_bytes(octets[4:6], "big")
    return Message(int.from_bytes(octets[:2], "big"), octets[6], octets[7], length, octets)


def _messages(found: Walk) -> list[Message]:
    return [_message(octets) for octets in found.messages]


def _misfits(found: Walk, shape: Callable[[Message], bool]) -> tuple[str, ...]:
    """Say what in a direction is no message, or not in the shape of its function."""
    started = found.messages + ((found.cut,) if len(found.cut) >= HEADER.size else ())
    wrong = [one for octets in started if not shape(one := _message(octets))]
    told: tuple[str, ...] = (found.wrong,) if found.wrong else ()
    if wrong:
        first = wrong[0]
        why = _excess(first) if shape is is_request else None
        why = why or f"function {first.function} with length {first.size}"
        told += (f"{len(wrong)} messages misfit: {why}",)
    return told


def _mostly_fit(requests: list[Message], answers: list[Message], least: int) -> bool:
    """Tell whether enough messages, and two in three, have the shape of their function."""
    fit = sum(map(is_request, requests)) + sum(map(is_answer, answers))
    return fit >= least and 3 * fit >= 2 * (len(requests) + len(answers))


def _only_quantities_misfit(requests: list[Message], answers: list[Message]) -> bool:
    """Tell whether nothing is wrong but that more is asked for than one answer can hold.

    A fuzzer and a careless client do so; the answers must fit, and be of a unit and a function
    that were asked.
    """
    asked = {(message.unit, message.function) for message in requests}
    return (
        bool(answers)
        and all(is_request(message) or _excess(message) for message in requests)
        and all(
            is_answer(message) and (message.unit, message.function) in asked for message in answers
        )
    )


def _is_ldap(messages: list[Message]) -> bool:
    """Tell whether all messages are LDAP in Microsoft's long form: 30 84 n, integer, operation.

    Source: RFC 4511, section 4.2: the operation's tag is of the application class.
    """
    return all(
        message.transaction == 0x3084
        and message.unit == 2
        and 1 <= message.function <= 4
        and message.at(8 + message.function, 0x40) & 0xC0 == 0x40
        for message in messages
    )


def _excess(message: Message) -> str | None:
    """Say that a request to read asks for nothing, or for more than one answer may hold."""
    function = message.function
    if not 1 <= function <= 4 or message.size != FIXED_REQUESTS[function]:
        return None
    quantity = message.at(10, 0) << 8 | message.at(11, 1)
    most = BITS_AT_MOST if function <= 2 else REGISTERS_AT_MOST
    if 1 <= quantity <= most:
        return None
    return f"function {function} asks for {quantity}, not 1 to {most}"


def _has_free_shape(message: Message) -> bool:
    if message.function == DIAGNOSTICS:
        return message.size >= 6 and message.size % 2 == 0
    return message.function == UMAS and message.size >= 4


def _pairs(requests: list[Message], answers: list[Message]) -> list[tuple[Message, Message]]:
    """Return the answers that repeat transaction, unit and function of a request, with it.

    A server that does not know a function at all may answer with exception 0x80.
    """
    asked = {(message.transaction, message.unit, 0): message for message in requests}
    asked |= {message.key: message for message in requests}
    return [(asked[message.key], message) for message in answers if message.key in asked]


def _speaks(pair: tuple[Message, Message]) -> bool:
    """Tell whether at least one of request and answer has the shape that it must have."""
    request, answer = pair
    return is_request(request) or is_answer(answer) or is_exception(answer)


def _quarrels(requests: list[Message], answers: list[Message]) -> tuple[str, ...]:
    """Name the first answer that holds another amount than its request asked for."""
    times = Counter(message.key for message in requests)
    asked = {message.key: message for message in requests if times[message.key] == 1}
    for answer in answers:
        request = asked.get(answer.key)
        if request is None or answer.function not in (1, 2, 3, 4):
            continue
        quantity = request.at(10, 0) << 8 | request.at(11, 0)
        wanted = (quantity + 7) // 8 if answer.function <= 2 else 2 * quantity
        if answer.at(8, wanted) != wanted:
            return (f"an answer holds {answer.at(8, 0)} octets where {wanted} were asked for",)
    return ()


def _facts(messages: list[Message]) -> dict[str, object]:
    facts: dict[str, object] = {
        "functions": sorted({message.function & ~EXCEPTION for message in messages} - {0}),
        "units": sorted({message.unit for message in messages}),
    }
    exceptions = sorted({message.at(8, 0) for message in messages if message.function & EXCEPTION})
    if exceptions:
        facts["exceptions"] = exceptions
    if UMAS in facts["functions"]:  # type: ignore[operator]
        facts["dialect"] = "umas"
    return facts


def _signatures() -> tuple[Signature, ...]:
    """Zero protocol id, a length below 256, and a function from the list, exceptions included."""
    functions = ((0x00, 0x70), (0x10, 0x70), (ENCAPSULATED, 0x7F), (UMAS, 0x7F))
    return tuple(
        Signature(transport, 2, bytes((0, 0, 0, 0, 0, value)), bytes((255, 255, 255, 0, 0, mask)))
        for transport in (Transport.TCP, Transport.UDP)
        for value, mask in functions
    )


def _mould() -> Mould:
    """Reads, and writes of single values: nearly all that is ever said."""
    head = (Mark(2), Octets(b"\0\0"), Length(2), Mark(1))
    writes = (*head, Mark(1, low=5, high=6), Any(4))
    return Mould(
        Transport.TCP,
        Speech(
            (
                (*head, Mark(1, low=3, high=4), Any(2), Number(2, 1, REGISTERS_AT_MOST)),
                (*head, Mark(1, low=1, high=2), Any(2), Number(2, 1, BITS_AT_MOST)),
                writes,
            )
        ),
        Speech(((*head, Mark(1, low=1, high=4), Length(1), Rest()), writes)),
    )


PROTOCOL = Protocol(
    name=NAME,
    title="Modbus/TCP",
    recognise=recognise,
    sources=(
        Source("Modbus Application Protocol Specification", "2012-04-26", "V1.1b3, section 6"),
        Source(
            "Modbus Messaging on TCP/IP Implementation Guide", "2006-10-24", "V1.0b, section 3.1"
        ),
    ),
    signatures=_signatures(),
    usual=(
        Usual(PortRange(502, 502), Transport.TCP, confidence="two sources", source=1),
        Usual(PortRange(502, 502), Transport.UDP, title="Modbus over UDP"),
    ),
    layouts=(HEADER,),
    moulds=(_mould(),),
    questions=modbus_asking.questions(_measure),
    stays_inside=Scope.PRIVATE,
    safety=(
        "Modbus has no login: whoever reaches the port can write outputs and registers. Keep it "
        "inside the control network; never scan functions, and never write, on a running plant."
    ),
)
