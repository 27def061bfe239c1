"""From captures to findings: read, count, name, gather, judge."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

from portbook.evidence import captures
from portbook.evidence.conversations import services
from portbook.evidence.rhythm import announcements
from portbook.evidence.table import Counts
from portbook.findings import judge
from portbook.records import LOCAL_SITE, Oddity, Problem, Summary
from portbook.survey.crew import look_at_all
from portbook.survey.devices import devices
from portbook.survey.elsewhere import joined
from portbook.survey.knowledge import Knowledge
from portbook.survey.looking import LIMIT, MOST, POOL_OCTETS, Progress, Room, problem
from portbook.survey.naming import Named, key
from portbook.survey.story import Story


def read(
    names: Iterable[str],
    knowledge: Knowledge,
    *,
    now_ns: int,
    site: str = LOCAL_SITE,
    progress: Progress | None = None,
    limit: int = LIMIT,
    pool_octets: int = POOL_OCTETS,
    most: int = MOST,
    jobs: int = 1,
) -> Story:
    """Read captures (files, folders, patterns, `-`) and tell all that is in them.

    A source that fails is told in `problems`, with what was read before it failed in the story.
    limit: conversations held at once; more are told in parts that add up
    pool_octets: for longer heads; when it is empty, what is young is named and the pool given back
    most: conversations that are told of a capture; more are counted, and not judged
    jobs: processes that read side by side; 1: none but this one (see `crew.look_at_all`)
    """
    return look(
        captures.find(names),
        knowledge,
        now_ns=now_ns,
        site=site,
        progress=progress,
        limit=limit,
        pool_octets=pool_octets,
        most=most,
        jobs=jobs,
    )


def look(
    found: captures.Found,
    knowledge: Knowledge,
    *,
    now_ns: int,
    site: str = LOCAL_SITE,
    progress: Progress | None = None,
    limit: int = LIMIT,
    pool_octets: int = POOL_OCTETS,
    most: int = MOST,
    jobs: int = 1,
) -> Story:
    """Tell all that is in captures which were found already, under the names given to them."""
    began = time.perf_counter()
    problems = [problem(str(error).split(":", 1)[0], error) for error in found.problems]
    room = Room(limit, pool_octets, most)
    looked = look_at_all(
        found.captures, knowledge.claims, site=site, room=room, progress=progress, jobs=jobs
    )
    problems += [look.problem for look in looked if look.problem]
    seen = [one for look in looked for one in look.named]
    return told(
        seen,
        knowledge,
        now_ns,
        oddities=tuple(oddity for look in looked for oddity in look.oddities),
        problems=tuple(problems),
        counts=[look.counts for look in looked],
        sources=len(looked) + len(found.problems),
        failed=len(found.problems) + sum(look.nothing_read for look in looked),
        seconds=time.perf_counter() - began,
        ends=_ends(seen),
        left_out=sum(look.left_out for look in looked),
        left_out_named=sum(look.left_out_named for look in looked),
    )


def _ends(seen: Iterable[Named]) -> dict[str, int]:
    """Return when the last packet of each capture came."""
    ends: dict[str, int] = {}
    for one in seen:
        source, last_ns = one.conversation.source, one.conversation.last_ns
        ends[source] = max(last_ns, ends.get(source, last_ns))
    return ends


def told(
    seen: list[Named],
    knowledge: Knowledge,
    now_ns: int,
    *,
    oddities: tuple[Oddity, ...],
    problems: tuple[Problem, ...],
    counts: list[Counts],
    sources: int,
    failed: int,
    seconds: float,
    ends: Mapping[str, int],
    left_out: int = 0,
    left_out_named: int = 0,
) -> Story:
    """Make a story of named conversations: gather, and judge.

    ends: until when each source was listened to, Unix nanoseconds
    left_out: conversations that were only counted, and how many of them have a name
    """
    seen = joined(seen)
    conversations = tuple(one.conversation for one in seen)
    served = tuple(services(conversations))
    rhythmic = tuple(announcements(seen))
    hosts = tuple(devices(seen, rhythmic, ends))
    case = knowledge.case(
        now_ns,
        conversations=conversations,
        services=served,
        devices=hosts,
        announcements=rhythmic,
        ends=ends,
    )
    return Story(
        summary=Summary(
            packets=sum(one.packets for one in counts),
            octets=sum(one.octets for one in counts),
            conversations=_different(seen) + left_out,
            seconds=round(seconds, 6),
            sources=sources,
            failed_sources=failed,
            named=_different(one for one in seen if one.conversation.protocol) + left_out_named,
            no_ports=sum(one.no_ports for one in counts),
            oddities=sum(one.count for one in oddities),
            closed_early=sum(one.closed for one in counts),
            left_out=left_out,
        ),
        conversations=conversations,
        services=served,
        devices=hosts,
        announcements=rhythmic,
        oddities=oddities,
        findings=tuple(judge(case)),
        problems=problems,
    )


def _different(seen: Iterable[Named]) -> int:
    """Count conversations, each once that is told in parts."""
    whole, parted = 0, set()
    for one in (entry.conversation for entry in seen):
        if one.part is None:
            whole += 1
        else:
            parted.add((one.source, *key(one)))
    return whole + len(parted)
