"""Tell REF TEK by its bytes: packets as they are, packets inside a link, the client protocol.

Sources: those of the package.
"""

from __future__ import annotations

from typing import Any

from portbook.ports import Transport
from portbook.protocols import Payload, Side, confirmed, plausible
from portbook.protocols.reftek import client, packets
from portbook.protocols.reftek.layouts import SIZE
from portbook.protocols.reftek.packets import Packet
from portbook.records import Identification

NAME = "reftek"
_HEADERS = "packet headers: known type, every digit decimal, a time that exists"


def recognise(payload: Payload) -> Identification | None:
    """Name REF TEK packets in UDP datagrams and TCP streams, or the RTP client protocol."""
    if payload.transport is Transport.UDP:
        return _datagrams(payload.to_server)
    if payload.transport is Transport.TCP:
        return _client(payload) or _streams(payload)
    return None


def _datagrams(side: Side) -> Identification | None:
    """The recorder always starts, so packets go to the server."""
    raw: list[tuple[Packet, bool]] = []
    inside: list[tuple[int, Packet]] = []
    others = 0
    for piece in side:
        if not piece.octets:
            continue
        found = packets.find(piece.octets, piece.length)
        if found is None:
            others += 1
        elif found[0] == 0 and piece.length == SIZE:
            raw.append((found[1], piece.whole))
        else:
            inside.append(found)
    told = packets.facts([one for one, _ in raw] + [one for _, one in inside])
    if raw:
        against = _doubts([one for one, _ in raw])
        if others or inside:
            against += (f"{others + len(inside)} datagrams are no packet as it stands",)
        sure = any(whole and not one.faults for one, whole in raw)
        reasons = (_HEADERS, "datagrams of exactly 1024 octets")
        return (confirmed if sure else plausible)(
            NAME, *reasons, against=against, facts=told, client=packets.identity(told)
        )
    if not inside:
        return None
    at = ", ".join(str(one) for one in sorted({at for at, _ in inside}))
    return plausible(
        NAME,
        _HEADERS,
        f"at octet {at} of a datagram that holds all 1024 octets",
        against=("the format of the recorder's own link is not public",),
        facts=told | {"packet_at": inside[0][0]},
        client=packets.identity(told),
    )


def _streams(payload: Payload) -> Identification | None:
    """Packets one after the other on TCP, from either side."""
    for side, sender in ((payload.to_server, "client"), (payload.to_client, "server")):
        found = []
        for at in range(0, len(side.octets), SIZE):
            packet = packets.read(side.octets, at)
            if packet is None:
                break
            found.append(packet)
        if not found:
            continue
        told = packets.facts(found)
        against = _doubts(found)
        if len(side.octets) - len(found) * SIZE >= 16:
            against += (f"octet {len(found) * SIZE}: no packet begins here",)
        sure = found[0].whole and not against
        return (confirmed if sure else plausible)(
            NAME,
            _HEADERS,
            f"{len(found)} packets of 1024 octets, one behind the other",
            against=against,
            facts=told,
            client=packets.identity(told) if sender == "client" else {},
            server=packets.identity(told) if sender == "server" else {},
        )
    return None


def _client(payload: Payload) -> Identification | None:
    asked, answered = payload.to_server, payload.to_client
    if asked.octets[:6] not in client.HELLOS:
        return _forwarded_only(asked, answered)
    questions, wrong = client.messages(asked.octets, 6)
    answers, wrong_answer = client.messages(answered.octets)
    answers_hello = answered.octets[:6] in client.HELLOS
    refused = bool(answers) and answers[0].type in (client.BREAK, client.BUSY, client.FAULT)
    if answered and not answers_hello and not (refused and answers[0].length == 0):
        return None
    if questions and questions[0].type not in (client.PID, client.BREAK):
        return None
    if not _hand_shakes(questions) or not (answered or questions) or wrong:
        return None
    forwarded = [one for message in answers[1:] for one in _forwarded([message])]
    because = ["hello: version and no payload"]
    if answers_hello:
        because.append("the server answers with its version")
    if questions:
        because.append(f"then {' and '.join(client.KINDS[one.type] for one in questions[:2])}")
    if forwarded:
        because.append(f"forwarded packets: {_HEADERS}")
    sure = answers_hello and bool(questions) and not wrong_answer
    return (confirmed if sure else plausible)(
        NAME,
        *because,
        against=(wrong_answer,) if wrong_answer else (),
        facts=_asked(asked, questions, answers) | packets.facts(forwarded),
        client=_program(questions),
        server=_program(answers[1:]),
    )


def _hand_shakes(questions: list[client.Message]) -> bool:
    sizes = {client.PID: (4, 36), client.ATTR: (28, 32), client.BREAK: (0,), client.NOP: (0,)}
    return all(
        one.type in client.KINDS and one.length in sizes.get(one.type, (one.length,))
        for one in questions
    )


def _forwarded(answers: list[client.Message]) -> list[Packet]:
    read = (packets.read(one.payload) for one in answers if one.length == SIZE)
    return [one for one in read if one]


def _forwarded_only(asked: Side, answered: Side) -> Identification | None:
    """A session joined in the middle: messages of type 0 that carry packets."""
    answers, wrong = client.messages(answered.octets)
    forwarded = _forwarded(answers)
    if not forwarded or packets.read(answers[0].payload) is None:
        return None
    questions, wrong_question = client.messages(asked.octets)
    if wrong_question or not all(one.type in client.KINDS for one in questions):
        return None
    against = ((wrong,) if wrong else ()) + _doubts(forwarded)
    sure = answers[0].whole and not against
    return (confirmed if sure else plausible)(
        NAME,
        "messages of type 0 and 1024 octets",
        f"forwarded packets: {_HEADERS}",
        against=against,
        facts=packets.facts(forwarded),
    )


def _asked(
    side: Side, questions: list[client.Message], answers: list[client.Message]
) -> dict[str, Any]:
    facts: dict[str, Any] = {"client_version": side.octets[1]}
    if answers and answers[0].offset == 0 and answers[0].type in (1, 2):
        facts["server_version"] = answers[0].type
    for message in [*questions, *answers[1:]]:
        if message.type == client.ATTR:
            facts.update(client.attributes(message))  # what was granted comes last
    commands = dict.fromkeys(
        code
        for one in questions
        if one.type in (client.COMMAND, 14) and (code := client.command(one))
    )
    if commands:
        facts["commands"] = tuple(commands)
    return facts


def _program(found: list[client.Message]) -> dict[str, str]:
    names = (client.program(one) for one in found if one.type == client.PID)
    name = next(filter(None, names), None)
    return {"product": name} if name else {}


def _doubts(found: list[Packet]) -> tuple[str, ...]:
    return tuple(
        dict.fromkeys(f"packet {one.sequence}: {fault}" for one in found for fault in one.faults)
    )[:4]
