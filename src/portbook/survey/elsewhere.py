"""Answers whose question went another way: to a group, of which one host answers directly.

LLMNR and multicast DNS have the octets of DNS; only the group that was asked tells them apart. An
answer to one host is a conversation of its own, so it is `dns` by its bytes. Here it is held
against what its receiver asked a group shortly before, from the same port: number, type and name
must be the same. Which ports those are plays no part.
Source: RFC 4795 section 2; RFC 6762 sections 5.4 and 6.7.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from portbook.records import Confidence, Conversation, Identification
from portbook.survey.naming import Named

PATIENCE_NS = 5_000_000_000  # from the last question to the first answer
MOST = 1 << 17  # questions held at once

Asker = tuple[object, ...]


class _Question(NamedTuple):
    """What a group was asked, and when."""

    protocol: str
    group: str
    asked: Any  # what its identification tells of it
    first_ns: int
    last_ns: int


def joined(seen: list[Named]) -> list[Named]:
    """Give answers to one host the name of the question that their receiver asked a group.

    Returns what it was given, itself where nothing joins, in the same order.
    """
    loose = [
        at
        for at, one in enumerate(seen)
        if one.identification is not None
        and one.identification.ties
        and one.conversation.cast == "unicast"
    ]
    if not loose:
        return seen
    asked = _asked(seen, {_asker(seen[at].conversation) for at in loose})
    if not asked:
        return seen
    found = list(seen)
    for at in loose:
        found[at] = _answering(seen[at], asked)
    return found


def _asker(one: Conversation) -> Asker:
    return (one.site, one.vlan, one.tunnel, one.transport, one.client, one.client_port)


def _asked(seen: Iterable[Named], askers: set[Asker]) -> dict[tuple[Asker, str], _Question]:
    """Return the questions to groups, of those who were answered otherwise."""
    found: dict[tuple[Asker, str], _Question] = {}
    for one in seen:
        told = one.identification
        if told is None or not told.ties or one.conversation.cast != "multicast":
            continue
        asker = _asker(one.conversation)
        for tie in told.ties if asker in askers and len(found) < MOST else ():
            found[asker, tie] = _longer(found.get((asker, tie)), told, one.conversation)
    return found


def _longer(
    before: _Question | None, told: Identification, conversation: Conversation
) -> _Question:
    """Return a question with the time of its repetition: a conversation may be told in parts."""
    first_ns, last_ns = conversation.first_ns, conversation.last_ns
    if before:
        first_ns, last_ns = min(first_ns, before.first_ns), max(last_ns, before.last_ns)
    return _Question(told.protocol, conversation.server, told.facts.get("asked"), first_ns, last_ns)


def _answering(one: Named, asked: dict[tuple[Asker, str], _Question]) -> Named:
    told, conversation = one.identification, one.conversation
    asker = _asker(conversation)
    for tie in told.ties if told else ():
        question = asked.get((asker, tie))
        if told and question and _in_time(conversation, question):
            return _renamed(one, told, question, tie)
    return one


def _in_time(answer: Conversation, question: _Question) -> bool:
    return question.first_ns <= answer.first_ns <= question.last_ns + PATIENCE_NS


def _renamed(one: Named, told: Identification, question: _Question, tie: str) -> Named:
    name = tie.split(" ", 2)[2]
    because = (
        f"its receiver asked the group {question.group} for {name!r} from the same port",
        "the answer parses to its end and has that question's number",
    )
    told = msgspec.structs.replace(
        told,
        protocol=question.protocol,
        confidence=Confidence.CONFIRMED,
        because=because,
        against=(),
        facts={**told.facts, "asked": question.asked} if question.asked else told.facts,
    )
    conversation = msgspec.structs.replace(
        one.conversation,
        protocol=told.protocol,
        confidence=told.confidence,
        because=told.because,
        against=told.against,
        facts=told.facts,
    )
    return one._replace(conversation=conversation, identification=told)
