"""From answers to findings: what was asked and what came back, named and judged as captures are."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import NamedTuple

import msgspec

from portbook.evidence.conversations import records
from portbook.evidence.oddities import meaning
from portbook.evidence.probes import Prober
from portbook.records import Oddity, Problem, Reply
from portbook.survey import traffic
from portbook.survey.knowledge import Knowledge
from portbook.survey.machine import here
from portbook.survey.naming import Named, named
from portbook.survey.story import Story

FAILED = ("forbidden", "unreachable")  # the question did not get there


class Answered(NamedTuple):
    """All that came of asking."""

    story: Story
    replies: tuple[Reply, ...]


def answered(
    prober: Prober,
    replies: Sequence[Reply],
    knowledge: Knowledge,
    *,
    now_ns: int,
    seconds: float,
    site: str,
    source: str,
) -> Answered:
    """Name and judge what was said, and tell what could not be asked."""
    exchanges = prober.exchanges
    every = named(records(exchanges.rows(), source, site), knowledge.claims, {})
    seen = [one if _spoke(one, exchanges.own) else _unnamed(one) for one in every]
    story = traffic.told(
        seen,
        here(knowledge),
        now_ns,
        oddities=tuple(
            Oddity(name, count, where, meaning(name), site, source)
            for name, (count, where) in prober.oddities.items()
        ),
        problems=tuple(_problem(one) for one in replies if one.outcome in FAILED),
        counts=[exchanges.counts()],
        sources=len(replies),
        failed=sum(one.outcome in FAILED for one in replies),
        seconds=seconds,
        ends={source: now_ns},
    )
    story = _without(story, exchanges.own - {one.address for one in replies})
    summary = msgspec.structs.replace(
        story.summary, sent=exchanges.sent, sent_octets=exchanges.sent_octets
    )
    told = tuple(msgspec.structs.replace(one, site=site, source=source) for one in replies)
    return Answered(msgspec.structs.replace(story, summary=summary), told)


def _spoke(one: Named, own: Set[str]) -> bool:
    """Tell whether the other side said anything."""
    told = one.conversation
    if told.client in own:
        return told.payload_octets_to_client > 0
    return told.payload_octets_to_server > 0


def _unnamed(one: Named) -> Named:
    """Return it without a name: what we asked says nothing of who did not answer."""
    told = msgspec.structs.replace(
        one.conversation, protocol=None, confidence=None, because=(), against=(), facts={}
    )
    return one._replace(conversation=told, identification=None)


def _without(story: Story, own: Set[str]) -> Story:
    """Return a story of the others: that we asked makes us neither a service nor a device."""
    return msgspec.structs.replace(
        story,
        services=tuple(one for one in story.services if one.address not in own),
        devices=tuple(one for one in story.devices if one.address not in own),
        findings=tuple(one for one in story.findings if one.parameters.get("address") not in own),
    )


def _problem(one: Reply) -> Problem:
    why = f": {one.note}" if one.note else ""
    return Problem(one.address, f"{one.address} port {one.port}: {one.outcome}{why}")
