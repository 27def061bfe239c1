"""From this machine's sockets to findings: look, add claims, judge."""

from __future__ import annotations

import time

import msgspec

from portbook.evidence.listeners import listeners
from portbook.evidence.surroundings import surroundings
from portbook.findings import judge
from portbook.records import LOCAL_SITE, Finding, Summary
from portbook.survey.knowledge import Knowledge
from portbook.survey.story import Story


def look(
    knowledge: Knowledge,
    *,
    now_ns: int,
    site: str = LOCAL_SITE,
    port: int | None = None,
    way: str | None = None,
    judged: bool = True,
) -> Story:
    """Look at this machine's sockets and tell what they are, who owns them, what is wrong.

    port: of this number alone, which is quicker; way: how sockets are listed, None for the best
    """
    began = time.perf_counter()
    seen = listeners(port, way=way, now_ns=now_ns)
    replace, labels = msgspec.structs.replace, knowledge.claims.labels
    sockets = tuple(
        # most of thousands are on ports that nobody claims, and stay as they are
        replace(one, claims=told, site=site)
        if (told := labels(one.port, one.transport)) or site != one.site
        else one
        for one in seen.listeners
    )
    found: tuple[Finding, ...] = ()
    if judged:
        found = tuple(judge(here(knowledge).case(now_ns, listeners=sockets)))
    return Story(
        summary=Summary(
            packets=0,
            octets=0,
            conversations=0,
            seconds=round(time.perf_counter() - began, 6),
            hidden=seen.hidden,
        ),
        listeners=sockets,
        findings=found,
        machine=True,
    )


def here(knowledge: Knowledge) -> Knowledge:
    """Return the knowledge with this machine's own prefixes and port ranges in it."""
    around = surroundings()
    return msgspec.structs.replace(
        knowledge,
        networks=knowledge.networks + around.networks,
        ephemeral=around.ephemeral,
        reserved=around.reserved,
    )
