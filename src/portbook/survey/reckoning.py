"""From captures to totals and findings, without a record for each conversation."""

from __future__ import annotations

import time
from collections.abc import Iterable
from functools import partial

from portbook.evidence import captures
from portbook.evidence.conversations import services
from portbook.evidence.rhythm import announcements
from portbook.findings import judge
from portbook.records import LOCAL_SITE, Summary
from portbook.survey.elsewhere import joined
from portbook.survey.knowledge import Knowledge
from portbook.survey.looking import Progress, Room, problem
from portbook.survey.story import Story
from portbook.survey.summing import MOST, ROOM, Tell, merged, renamed, sum_up


def reckon(
    names: Iterable[str],
    knowledge: Knowledge,
    *,
    now_ns: int,
    site: str = LOCAL_SITE,
    progress: Progress | None = None,
    room: Room = ROOM,
    most: int = MOST,
    tell: Tell | None = None,
) -> Story:
    """Read captures (files, folders, patterns, `-`) and tell what they come to.

    The story has totals, services, announcements, oddities and findings, and no conversations.
    most: records of conversations that are held of a capture while it is judged
    tell: gets a capture's name and its conversations, many at a time, as they are judged
    """
    began = time.perf_counter()
    found = captures.find(names)
    look = partial(
        sum_up,
        claims=knowledge.claims,
        site=site,
        room=room,
        progress=progress,
        most=most,
        tell=tell,
    )
    sums = [look(capture) for capture in found.captures]
    problems = [problem(str(error).split(":", 1)[0], error) for error in found.problems]
    problems += [one.end.problem for one in sums if one.end.problem]
    failed = [one for one in sums if one.end.problem and not one.end.counts.packets]
    ends = {
        capture.name: one.last_ns
        for capture, one in zip(found.captures, sums, strict=True)
        if one.totals
    }
    held = [one for each in sums for one in each.named]
    seen = joined(held)
    conversations = tuple(one.conversation for one in seen)
    served, rhythmic = tuple(services(conversations)), tuple(announcements(seen))
    case = knowledge.case(
        now_ns,
        conversations=conversations,
        services=served,
        announcements=rhythmic,
        ends=ends,
    )
    findings = tuple(judge(case))
    totals = merged([each.totals for each in sums], renamed(held, seen))
    return Story(
        summary=Summary(
            packets=sum(one.end.counts.packets for one in sums),
            octets=sum(one.end.counts.octets for one in sums),
            conversations=sum(one.conversations for one in totals),
            seconds=round(time.perf_counter() - began, 6),
            sources=len(sums) + len(found.problems),
            failed_sources=len(found.problems) + len(failed),
            named=sum(one.conversations for one in totals if one.protocol),
            no_ports=sum(one.end.counts.no_ports for one in sums),
            oddities=sum(oddity.count for one in sums for oddity in one.end.oddities),
            closed_early=sum(one.end.counts.closed for one in sums),
            left_out=sum(one.left_out for one in sums),
        ),
        totals=totals,
        services=served,
        announcements=rhythmic,
        oddities=tuple(oddity for one in sums for oddity in one.end.oddities),
        findings=findings,
        problems=tuple(problems),
    )
