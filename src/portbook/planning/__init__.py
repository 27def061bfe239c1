"""Which ports are free for a use, and why not the others; which ports a file speaks of.

Pure: claims, policy, sockets and sightings are handed in.
"""

from portbook.planning.choices import Choice, Refusal, check, free, why_not
from portbook.planning.mentions import Mention, lint
from portbook.planning.reasons import Plan, Reason, Weight

__all__ = [
    "Choice",
    "Mention",
    "Plan",
    "Reason",
    "Refusal",
    "Weight",
    "check",
    "free",
    "lint",
    "why_not",
]
