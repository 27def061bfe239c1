"""Tell OptoMMP by its bytes, pair answers with questions, and read what the device tells.

Sources: those of the package; nmap's service probes for the answer to GET.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from portbook.ports import Transport
from portbook.protocols import Payload, Side, confirmed, plausible
from portbook.protocols.optommp import areas, messages
from portbook.protocols.optommp.messages import Message
from portbook.records import Identification

NAME = "optommp"
MOST_NAMED = 16
# What a device answers to "GET / HTTP/1.0": it takes the text as a message, echoes it, error 5.
TELL_TALE = bytes.fromhex("474554202f20500000000000")


class _Side(NamedTuple):
    found: tuple[Message, ...]
    clean: bool  # it is messages from its first octet to its last, as far as kept
    cut: bool  # something was not kept


def recognise(payload: Payload) -> Identification | None:
    """Name OptoMMP by requests to the server, answers to the client, or both."""
    if payload.transport not in (Transport.TCP, Transport.UDP):
        return None
    if payload.to_client.octets.startswith(TELL_TALE):
        return _tell_tale(payload.to_server)
    asked = _messages(payload.transport, payload.to_server)
    answered = _messages(payload.transport, payload.to_client)
    requests = tuple(one for one in asked.found if one.address is not None)
    answers = tuple(one for one in answered.found if one.address is None)
    if len(requests) < len(asked.found) or len(answers) < len(answered.found):
        return None  # the roles are the other way round
    if (payload.to_server and not requests) or (payload.to_client and not answers):
        return None
    pairs = _pairs(requests, answers)
    clean = asked.clean and answered.clean
    known = any(one.known for one in requests)
    if not pairs and not (clean and (known or not requests) and (requests or answers)):
        return None
    facts, server = _facts(requests, answers, pairs)
    sure = bool(pairs) and known and clean
    return (confirmed if sure else plausible)(
        NAME,
        *_because(requests, answers, pairs),
        against=_against(requests, answers, pairs, asked, answered),
        facts=facts,
        server=server,
    )


def _messages(transport: Transport, side: Side) -> _Side:
    if transport is Transport.TCP:
        found = tuple(messages.stream(side.octets, side.complete))
        used = sum(one.size for one in found)
        rest = side.octets[used:]
        # What was not kept may end in the middle of a message.
        clean = not rest or (not side.complete and (len(rest) < 16 or bool(messages.read(rest))))
        return _Side(found, clean, not side.complete)
    kept = [piece for piece in side if piece.octets]
    kept = [piece for piece in kept if piece.whole] or kept
    read = [messages.datagram(piece.octets, piece.length) for piece in kept]
    clean = all(read) and all(piece.whole for piece in kept)
    return _Side(tuple(one for one in read if one), clean, not side.complete)


def _pairs(
    requests: tuple[Message, ...], answers: tuple[Message, ...]
) -> list[tuple[Message, Message]]:
    """Give each answer the oldest open request of its label, kind and source."""
    waiting: dict[tuple[int, ...], list[Message]] = {}
    for request in reversed(requests):
        kind = messages.ANSWERS[request.code]
        key = (request.label, request.source, request.destination, kind)
        waiting.setdefault(key, []).append(request)
    pairs = []
    for answer in answers:
        key = (answer.label, answer.source, answer.destination, answer.code)
        oldest = waiting.get(key)
        if oldest and _amount_fits(oldest[-1], answer):
            pairs.append((oldest.pop(), answer))
    return pairs


def _amount_fits(request: Message, answer: Message) -> bool:
    # Some clients ask for 5 octets and are given 8, so more is right too.
    asked_block = request.code == messages.READ_BLOCK
    return not asked_block or answer.result > 0 or answer.length >= request.length


def _because(
    requests: tuple[Message, ...],
    answers: tuple[Message, ...],
    pairs: list[tuple[Message, Message]],
) -> tuple[str, ...]:
    found = []
    if requests:
        found.append("requests: address FFFF F..., length fits the transaction code")
    if answers:
        found.append("responses: five zero octets, length fits the transaction code")
    if pairs:
        found.append(f"{len(pairs)} answers carry the label of their request")
    return tuple(found)


def _against(
    requests: tuple[Message, ...],
    answers: tuple[Message, ...],
    pairs: list[tuple[Message, Message]],
    asked: _Side,
    answered: _Side,
) -> tuple[str, ...]:
    found = []
    if not requests:
        found.append("answers only, no request to pair them with")
    elif not answers:
        found.append("requests only, nobody answers")
    if not (asked.clean and answered.clean):
        found.append("some of the octets are none of its messages, or were not kept")
    elif len(pairs) < len(answers) and not (asked.cut or answered.cut):
        found.append(f"{len(answers) - len(pairs)} answers without a request of their label")
    if any(not one.known for one in requests):
        found.append("an address outside the known areas")
    return tuple(found)


def _facts(
    requests: tuple[Message, ...],
    answers: tuple[Message, ...],
    pairs: list[tuple[Message, Message]],
) -> tuple[dict[str, Any], dict[str, str]]:
    facts: dict[str, Any] = {}
    writes = dict.fromkeys(_write(one) for one in requests if one.code in (0, 1))
    reads = dict.fromkeys(_where(one.address or 0) for one in requests if one.code in (4, 5))
    errors = dict.fromkeys(messages.ERRORS[one.result] for one in answers if one.result)
    for key, named in (("writes", writes), ("reads", reads), ("errors", errors)):
        if named:
            facts[key] = tuple(named)[:MOST_NAMED]
    status = _status(pairs)
    server = {}
    product = status.get("part") or status.get("unit")
    if product:
        server = {"vendor": "Opto 22", "product": str(product)}
    if "firmware" in status:
        server["version"] = str(status["firmware"])
    return {**facts, **status}, server


def _where(address: int) -> str:
    found = areas.area(address)
    return found.title if found else "unknown area"


def _write(request: Message) -> str:
    address = request.address or 0
    found = areas.area(address)
    where = f"{found.title if found else 'unknown area'} {address:08X}"
    if address == areas.STATUS_WRITE and len(request.data) == 4:
        operation = int.from_bytes(request.data, "big")
        return f"{where}: {areas.OPERATIONS.get(operation, f'operation {operation}')}"
    return f"{where}: {found.write}" if found and found.write else where


def _status(pairs: list[tuple[Message, Message]]) -> dict[str, Any]:
    """Put together what was read of the status area, and read its fields."""
    memory: dict[int, int] = {}
    for request, answer in pairs:
        offset = (request.address or 0) - areas.STATUS
        if request.code in (4, 5) and not answer.result and 0 <= offset < areas.STATUS_SIZE:
            memory.update(enumerate(answer.data[: request.length], offset))
    found: dict[str, Any] = {}
    for field in areas.STATUS_AREA.fields:
        octets = [memory.get(at) for at in range(field.offset, field.offset + field.size)]
        if field.coding.name.startswith("text") and octets[0]:
            # Texts may be read in part; they end at the first NUL.
            octets = octets[: octets.index(None)] if None in octets else octets
        if octets and None not in octets:
            found[field.name] = field.coding.read(bytes(one for one in octets if one is not None))
    return _told(found)


def _told(status: dict[str, Any]) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for key in ("mac", "address", "mask", "gateway"):
        if key in status:
            facts[key] = status[key]
    for key in ("part", "firmware_date", "firmware_time"):
        text = "".join(one for one in status.get(key, "") if one.isprintable()).strip()
        if text:
            facts[key] = text
    if status.get("firmware"):
        facts["firmware"] = areas.firmware(status["firmware"])
    if "unit_type" in status:
        facts["unit_type"] = f"{status['unit_type']:X}"
        if status["unit_type"] in areas.UNIT_TYPES:
            facts["unit"] = areas.UNIT_TYPES[status["unit_type"]]
    if "clear_needed" in status:
        facts["powerup_clear_needed"] = bool(status["clear_needed"])
    if status.get("last_error"):
        facts["last_error"] = f"{status['last_error']:04X}"
    return facts


def _tell_tale(asked: Side) -> Identification:
    told = "it takes text as a message: echo of GET / and error 5, as Opto 22 devices do"
    server = {"vendor": "Opto 22"}
    if asked.octets[:6] == TELL_TALE[:6]:
        return confirmed(NAME, told, "the echo is that of the request", server=server)
    return plausible(NAME, told, server=server)
