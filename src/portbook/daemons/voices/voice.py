"""How the parts of the receiver speak: lines for the log, and alarms that are set and cleared."""

from __future__ import annotations

from typing import Protocol

SIZE = "disk:size"  # key of the alarm that archives are larger than they may be; they are written


class Voice(Protocol):
    """What parts call to be heard; implemented once, in `rtpd`, and by tests."""

    def say(self, level: str, text: str) -> None:
        """Write a line for the log; level: debug, info, warning or error."""

    def alarm(
        self, key: str, what: str, message: str, *, level: str = "warning", unit: str | None = None
    ) -> None:
        """Set an alarm, which is told once as long as it stands."""

    def clear(self, key: str) -> None:
        """Clear an alarm if it stands."""


def worth_telling(times: int) -> bool:
    """Tell whether something that happens again is told: the 1st, 10th, 100th, 1000th time."""
    while times >= 10 and times % 10 == 0:
        times //= 10
    return times == 1
