"""PB5xx: what announced itself and does so no more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from portbook.findings import Case, Place, Rule, Words
from portbook.records import Announcement, Finding, Level

MISSED = 3  # periods


class FellSilent(Rule):
    """PB501 announcement-silent

    What it tells: something that announced itself with a steady rhythm has been silent for three of
        its periods or more, while the source went on being listened to.
    Why it matters: a controller that stopped announcing has mostly lost power, its cable or its
        program, and nobody looks for it until its process stands still.
    Example: a CODESYS controller announced itself every 60 s; its last beat was 4 minutes before
        the end of the capture.
    What to do: ask the device by its own tool, look at its switch port, and at what was changed
        about the time of its last beat.
    Sources: rhythm as portbook measures it; the period of a protocol where its own is known.
    """

    code: ClassVar[str] = "PB501"
    name: ClassVar[str] = "announcement-silent"
    level: ClassVar[Level] = Level.WARNING
    words: ClassVar = {
        "silent": Words(
            "{source} announced itself as {protocol} every {period_s} s and has been silent for "
            "{periods} periods",
            "See whether it still answers, and what changed when it fell silent",
        ),
    }

    def check(self, case: Case) -> Iterator[Finding]:
        """Compare each announcement's last beat with the end of its source."""
        for one in case.announcements:
            missed = silent_periods(one, case.ends)
            if one.protocol and missed >= MISSED:
                ports = "-".join(str(port) for port in sorted({one.ports[0], one.ports[-1]}))
                who = _sender(case, one)
                subject = f"{one.transport.value} {who} to {one.destination}:{ports}"
                yield self.finding(
                    Place(subject, one.site, one.vlan, one.capture),
                    "silent",
                    [*one.because, f"then nothing for {missed} periods of {one.period_s} s"],
                    source=who,
                    destination=one.destination,
                    protocol=one.protocol,
                    period_s=one.period_s,
                    periods=missed,
                )


def _sender(case: Case, one: Announcement) -> str:
    """Return who announced; of several programs of one host its port tells which.

    A port that is none of the protocol's own changes with every start, and so says nothing.
    """
    profile = case.protocols.get(one.protocol or "")
    for usual in profile.usual if profile and one.source_port else ():
        if usual.transport is one.transport and (
            usual.ports.first <= (one.source_port or 0) <= usual.ports.last
        ):
            bracketed = f"[{one.source}]" if ":" in one.source else one.source
            return f"{bracketed}:{one.source_port}"
    return one.source


def silent_periods(one: Announcement, ends: Mapping[str, int]) -> int:
    """Return how many whole periods have gone by since the last beat.

    ends: until when each source was listened to, Unix nanoseconds
    """
    end_ns = ends.get(one.capture, one.last_ns)
    return max(0, int((end_ns - one.last_ns) / (one.period_s * 1e9))) if one.period_s > 0 else 0
