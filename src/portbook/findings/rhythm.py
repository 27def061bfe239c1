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
                subject = f"{one.transport.value} {one.source} to {one.destination}:{ports}"
                yield self.finding(
                    Place(subject, one.site, one.vlan, one.capture),
                    "silent",
                    [*one.because, f"then nothing for {missed} periods of {one.period_s} s"],
                    source=one.source,
                    destination=one.destination,
                    protocol=one.protocol,
                    period_s=one.period_s,
                    periods=missed,
                )


def silent_periods(one: Announcement, ends: Mapping[str, int]) -> int:
    """Return how many whole periods have gone by since the last beat.

    ends: until when each source was listened to, Unix nanoseconds
    """
    end_ns = ends.get(one.capture, one.last_ns)
    return max(0, int((end_ns - one.last_ns) / (one.period_s * 1e9))) if one.period_s > 0 else 0
