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
from portbook.survey.crew import look_at_all
from portbook.survey.elsewhere import joined
from portbook.survey.knowledge import Knowledge
from portbook.survey.looking import Progress, Room, problem
from portbook.survey.story import Story
from portbook.survey.summing import ROOM, Tell, merged, renamed, sum_up


def reckon(
    names: Iterable[str],
    knowledge: Knowledge,
    *,
    now_ns: int,
    site: str = LOCAL_SITE,
    progress: Progress | None = None,
    room: Room = ROOM,
    jobs: int = 1,
    tell: Tell | None = None,
) -> Story:
    """Read captures (files, folders, patterns, `-`) and tell what they come to.

    The story has totals, services, announcements, oddities and findings, and no conversations.
    room: `most` is of records that are held of a capture while it is judged
    jobs: processes that read side by side
    tell: gets a capture's name and its conversations, many at a time, as they are judged; then
    this process reads alone
    """
    began = time.perf_counter()
    found = captures.find(names)
    if tell:
        look = partial(sum_up, claims=knowledge.claims, site=site, room=room, tell=tell)
        sums = [look(one, progress=progress) for one in found.captures]
    else:
        sums = look_at_all(
            found.captures,
            knowledge.claims,
            site=site,
            room=room,
            progress=progress,
            jobs=jobs,
            sums=True,
        )
    problems = [problem(str(error).split(":", 1)[0], error) for error in found.problems]
    problems += [one.problem for one in sums if one.problem]
    ends = {
        capture.name: max(told.last_ns for _, told in one.totals)
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
            packets=sum(one.counts.packets for one in sums),
            octets=sum(one.counts.octets for one in sums),
            conversations=sum(one.conversations for one in totals),
            seconds=round(time.perf_counter() - began, 6),
            sources=len(sums) + len(found.problems),
            failed_sources=len(found.problems) + sum(one.nothing_read for one in sums),
            named=sum(one.conversations for one in totals if one.protocol),
            no_ports=sum(one.counts.no_ports for one in sums),
            oddities=sum(oddity.count for one in sums for oddity in one.oddities),
            closed_early=sum(one.counts.closed for one in sums),
            left_out=sum(one.left_out for one in sums),
        ),
        totals=totals,
        services=served,
        announcements=rhythmic,
        oddities=tuple(oddity for one in sums for oddity in one.oddities),
        findings=findings,
        problems=tuple(problems),
    )
