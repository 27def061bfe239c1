"""Choose a port: what blocks it, what speaks against it, what is good to know.

A policy, a socket that holds the port, or a range that the system keeps back says no. Claims
never say no by themselves: they warn or inform, each with its source.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import msgspec

from portbook.claims.policies import Role, Verdict, parse_role
from portbook.errors import UsageError
from portbook.planning.reasons import (
    Plan,
    Reason,
    Weight,
    of_claims,
    of_machine,
    of_number,
    of_policy,
    of_sightings,
)
from portbook.ports import HIGHEST, Band, PortRange, Transport
from portbook.records import Claim, ClaimKind


class Choice(msgspec.Struct, frozen=True, tag="plan", tag_field="kind"):
    """A port, whether it may be used, and all reasons, the weightiest first."""

    port: int
    transport: Transport | None
    role: str
    allowed: bool
    preferred: bool
    code: str  # of what decides: the policy's code, TAKEN, EXCLUDED, FREE
    reasons: tuple[Reason, ...]
    policy: str | None = None


class Refusal(msgspec.Struct, frozen=True):
    """Neighbouring ports that are refused for the same reasons."""

    ports: PortRange
    reasons: tuple[Reason, ...]


_ANY = PortRange(0, HIGHEST)
_NO_SYSTEM_PORT = PortRange(1024, HIGHEST)
_DYNAMIC = Band.DYNAMIC.range.first


def check(
    plan: Plan, number: int, transport: Transport | None = None, role: str = Role.LISTEN
) -> Choice:
    """Say whether a port may be used, and why.

    Raises UsageError for a number outside 0 to 65535 or an unknown role.
    """
    if not 0 <= number <= HIGHEST:
        raise UsageError(f"port must be 0 to {HIGHEST}, got {number}")
    asked = parse_role(role)
    claims = plan.claims(number, transport)
    verdict = _verdict(plan, number, transport, asked, claims)
    reasons = list(of_policy(verdict)) if verdict else list(of_number(plan, number, asked))
    if asked is Role.LISTEN:
        reasons += of_machine(plan, number, transport)
    if not (verdict and verdict.code == "OK_KNOWN_SERVICE"):
        mild = verdict is not None and verdict.preferred
        reasons += of_claims(claims, mild)
        reasons += of_sightings(plan, number, transport)
    reasons.sort(key=lambda reason: _WEIGHTS.index(reason.weight))
    blocks = [reason for reason in reasons if reason.weight is Weight.BLOCK]
    return Choice(
        port=number,
        transport=transport,
        role=asked.value,
        allowed=not blocks,
        preferred=not blocks and verdict is not None and verdict.preferred,
        code=blocks[0].code if blocks else verdict.code if verdict else "FREE",
        reasons=tuple(reasons),
        policy=verdict.policy if verdict else None,
    )


def free(
    plan: Plan,
    ports: PortRange | None = None,
    transport: Transport | None = None,
    role: str = Role.LISTEN,
    count: int = 5,
) -> list[Choice]:
    """Return the best ports for a use, at most `count`.

    ports: where to look; None: all that a policy knows, without one no system port
    A policy's preferred ports come first, then those with the fewest warnings, then the dynamic
    band (IANA will never assign those to anybody), then by number.
    """
    ports = ports or (_ANY if plan.policy else _NO_SYSTEM_PORT)
    found: list[Choice] = []
    best = 0
    for number, fewest in _candidates(plan, ports, transport, role):
        if best >= count:
            break
        choice = check(plan, number, transport, role)
        found.append(choice)
        best += choice.allowed and _warnings(choice) <= fewest
    allowed = [choice for choice in found if choice.allowed]
    return sorted(allowed, key=_rank)[:count]


def why_not(
    plan: Plan,
    ports: PortRange = _ANY,
    transport: Transport | None = None,
    role: str = Role.LISTEN,
) -> list[Refusal]:
    """Return what is refused in a range, neighbours with the same reasons together."""
    refused: list[Refusal] = []
    for part in _parts(plan, ports):
        choice = check(plan, part.first, transport, role)
        if choice.allowed:
            continue
        reasons = tuple(one for one in choice.reasons if one.weight is Weight.BLOCK)
        last = refused[-1] if refused else None
        if last and last.ports.last + 1 == part.first and last.reasons == reasons:
            refused[-1] = Refusal(PortRange(last.ports.first, part.last), reasons)
        else:
            refused.append(Refusal(part, reasons))
    return refused


_WEIGHTS = tuple(Weight)
_KNOWN = (ClaimKind.ASSIGNED, ClaimKind.UNOFFICIAL, ClaimKind.SITE, ClaimKind.DYNAMIC_USE)


def _verdict(
    plan: Plan, number: int, transport: Transport | None, role: Role, claims: Sequence[Claim]
) -> Verdict | None:
    if plan.policy is None:
        return None
    services = [claim.claimant for claim in claims if claim.claim in _KNOWN and not claim.alias_of]
    return plan.policy.judge(
        number, transport, role, ephemeral=plan.ephemeral, services=tuple(dict.fromkeys(services))
    )


def _parts(plan: Plan, ports: PortRange) -> list[PortRange]:
    """Cut a range where a yes or no may change."""
    edges = {ports.first, ports.last + 1, 0, 1, _DYNAMIC}
    kept = [*plan.excluded, *(PortRange(number, number) for number in plan.sockets)]
    if plan.policy:
        kept += [row.ports for row in plan.policy.rows]
        kept += plan.policy.text.prefer
    if plan.ephemeral:
        kept.append(plan.ephemeral)
    for part in kept:
        edges.update((part.first, part.last + 1))
    inside = sorted(edge for edge in edges if ports.first <= edge <= ports.last + 1)
    return [PortRange(first, after - 1) for first, after in itertools.pairwise(inside)]


def _candidates(
    plan: Plan, ports: PortRange, transport: Transport | None, role: str
) -> Iterator[tuple[int, int]]:
    """Give the numbers that may be allowed, the best early, and the fewest warnings from here."""
    parts = []
    for part in _parts(plan, ports):
        choice = check(plan, part.first, transport, role)
        # A known service stands on its own number, not on a whole part.
        if choice.allowed or choice.code == "NO_KNOWN_SERVICE":
            overlap = any(reason.code == "EPHEMERAL_OVERLAP" for reason in choice.reasons)
            parts.append((not choice.preferred, overlap, part.first < _DYNAMIC, part))
    for _, overlap, _, part in sorted(parts):
        for number in range(part.first, part.last + 1):
            yield number, int(overlap)


def _warnings(choice: Choice) -> int:
    return sum(reason.weight is Weight.WARN for reason in choice.reasons)


def _rank(choice: Choice) -> tuple[bool, int, bool, int]:
    return not choice.preferred, _warnings(choice), choice.port < _DYNAMIC, choice.port
