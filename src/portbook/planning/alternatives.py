"""A free port instead: allowed by every policy that binds, planned and seen by nobody there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from portbook.claims.policies import Policy, Role
from portbook.planning.choices import free
from portbook.planning.reasons import Plan, Weight
from portbook.planning.siteplan import EVERY_HOST, Entry
from portbook.ports import Transport

BATCHES = (32, 256, 4096)  # candidates of one policy and transport: more when those are gone
WIDEST = 64  # ports in a row; a wider range is moved by people


class Alternatives:
    """Gives free ports to entries, each only once for a host."""

    def __init__(
        self, base: Plan, policies: Sequence[Policy], taken: Mapping[str, set[int]]
    ) -> None:
        """Take what is known.

        base: claims, and what the system lends and excludes; policies: all, binding or not
        taken: ports by host that are planned or were seen; of "*": for every host
        """
        self._base = base
        self._policies = policies
        self._everywhere = set(taken.get(EVERY_HOST, ()))
        self._taken = {host: set(ports) for host, ports in taken.items()}
        self._anywhere = set().union(*taken.values()) if taken else set()
        self._candidates: dict[tuple[str, Transport | None, int], list[int]] = {}
        self._next: dict[tuple[str, str, Transport | None, int, int], int] = {}

    def give(self, entry: Entry, binding: Sequence[Policy]) -> int | None:
        """Return the first port of a free range as wide as the entry's; None: there is none."""
        if entry.ports.size > WIDEST or entry.role != Role.LISTEN:
            return None
        for batch in range(len(BATCHES)):
            given = self._give(entry, binding, batch)
            if given is not None:
                return given
        return None

    def _give(self, entry: Entry, binding: Sequence[Policy], batch: int) -> int | None:
        key = (",".join(one.name for one in binding), entry.transport, batch)
        if key not in self._candidates:
            self._candidates[key] = self._found(binding, entry.transport, BATCHES[batch])
        candidates, size = self._candidates[key], entry.ports.size
        held = self._held(entry.host)
        place = (entry.host, *key, size)
        for at in range(self._next.get(place, 0), len(candidates)):
            wanted = range(candidates[at], candidates[at] + size)
            if size > 1 and not self._run(candidates, at, size):
                continue
            if held.isdisjoint(wanted) and self._everywhere.isdisjoint(wanted):
                self._next[place] = at
                held.update(wanted)
                self._anywhere.update(wanted)
                if entry.host == EVERY_HOST:
                    self._everywhere.update(wanted)
                return candidates[at]
        self._next[place] = len(candidates)
        return None

    def _held(self, host: str) -> set[int]:
        return self._anywhere if host == EVERY_HOST else self._taken.setdefault(host, set())

    def _run(self, candidates: Sequence[int], at: int, size: int) -> bool:
        end = at + size - 1
        return end < len(candidates) and candidates[end] == candidates[at] + size - 1

    def _found(
        self, binding: Sequence[Policy], transport: Transport | None, most: int
    ) -> list[int]:
        """Return free ports, the best first: without a warning before those with one."""
        first = binding[0] if binding else None
        plan = Plan(
            self._base.claims, first, (), self._base.seen, self._base.ephemeral, self._base.excluded
        )
        found = [
            one
            for one in free(plan, None, transport, count=most)
            if one.port not in self._everywhere
            and all(self._allows(policy, one.port, transport, binding) for policy in self._policies)
        ]
        spotless = [
            one.port for one in found if not any(r.weight is Weight.WARN for r in one.reasons)
        ]
        return spotless or [one.port for one in found]

    def _allows(
        self, policy: Policy, number: int, transport: Transport | None, binding: Sequence[Policy]
    ) -> bool:
        """Tell whether a policy leaves a port free; of one that does not bind, its own uses."""
        verdict = policy.judge(number, transport, ephemeral=None)
        if verdict.allowed:
            return True
        return policy not in binding and not is_vendors_own(policy, number, transport)


def is_vendors_own(policy: Policy, number: int, transport: Transport | None) -> bool:
    """Tell whether a policy keeps a port for something of its own, not only from its users."""
    return any(
        not row.allowed and (row.level > 1 or row.owner == policy.vendor)
        for row in policy.covering(number, transport)
    )
