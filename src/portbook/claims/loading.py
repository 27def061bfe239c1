"""Read policies and systems from files: the shipped ones by name, a site's own by path."""

from __future__ import annotations

import os

from portbook.claims.policies import Policy, parse_policy
from portbook.claims.systems import System, parse_systems
from portbook.errors import SourceError, UsageError

_DATA = os.path.join(os.path.dirname(__file__), "data")
SHIPPED = ("opto22", "codesys", "unitrends", "reftek")
# Whose rows become claims; what the others keep for themselves stands in documented.txt.
CLAIMING = ("opto22",)
LARGEST_OCTETS = 1 << 20


def policy(name: str) -> Policy:
    """Return a shipped policy by name, or read one from a path.

    Raises SourceError when there is no such file, UsageError when it is no policy.
    """
    if name.lower() in SHIPPED:
        return _read(os.path.join(_DATA, f"{name.lower()}.txt"), f"{name.lower()}.txt")
    return _read(name, name)


def systems() -> tuple[System, ...]:
    """Return the operating systems whose habits are known."""
    with open(os.path.join(_DATA, "systems.txt"), encoding="utf-8") as stream:
        return parse_systems(stream.read(), "systems.txt")


def _read(path: str, where: str) -> Policy:
    try:
        with open(path, "rb") as stream:
            octets = stream.read(LARGEST_OCTETS + 1)
    except OSError as error:
        known = ", ".join(SHIPPED)
        raise SourceError(
            f"{where}: {error.strerror}; name a policy file, or one of: {known}"
        ) from error
    if len(octets) > LARGEST_OCTETS:
        raise SourceError(f"{where}: larger than a policy can be")
    try:
        return parse_policy(octets.decode("utf-8-sig"), where)
    except UnicodeDecodeError as error:
        raise UsageError(f"{where}: not UTF-8 text; is it a policy?") from error
