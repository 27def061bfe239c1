"""Judge a plan: each entry against every policy, every claim, each other entry, what was seen, and
what operating systems keep for themselves. Pure; in time that grows with the entries.

The same questions come up again and again in a plan of thousands of entries, so that answers are
kept by what was asked: ports, transport, role, use.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from portbook.claims.policies import Policy, Role, Verdict, parse_role
from portbook.claims.systems import System
from portbook.planning.alternatives import Alternatives, is_vendors_own
from portbook.planning.clashes import clashes
from portbook.planning.names import names_it
from portbook.planning.reasons import Plan, Reason, Weight, of_claims, source_of
from portbook.planning.siteplan import EVERY_HOST, Entry, SitePlan
from portbook.ports import PortRange, Transport
from portbook.records import Claim, ClaimKind, Level, Listener, Service

WIDEST_CLAIMED = 64  # ports of a range of which every claim is told
MOST_CLAIMS = 6  # told of one entry
MOST_SEEN = 8  # services told of one port


class Objection(msgspec.Struct, frozen=True, tag="objection", tag_field="kind"):
    """What speaks against a planned port, or should be known: by which rule, and who says so."""

    file: str
    line: int
    host: str
    port: int  # the first port that it is about
    last: int
    transport: Transport | None
    use: str
    level: Level
    code: str
    message: str
    rule: str  # "policy opto22, 22000-22003", "claims", "plan", "book", "linux"
    source: str | None  # who says so, and where
    alternative: int | None  # a free port instead; of a range, its first


class Here(msgspec.Struct, frozen=True):
    """This machine, for entries that plan its own ports."""

    hosts: frozenset[str] = frozenset()  # names and addresses by which a plan may call it
    taken: Sequence[Listener] = ()
    ephemeral: PortRange | None = None
    excluded: Sequence[PortRange] = ()


class Known(msgspec.Struct, frozen=True):
    """All that a plan is held against.

    claims: claims.everything.Claims.of; chosen: names of the policies that bind every entry
    seen: services that the book has met; here: None: this machine is not asked
    """

    claims: Callable[[int, Transport | None], Sequence[Claim]]
    policies: Sequence[Policy] = ()
    chosen: frozenset[str] = frozenset()
    systems: Sequence[System] = ()
    seen: Sequence[Service] = ()
    here: Here | None = None


def judge(plan: SitePlan, known: Known, file: str) -> list[Objection]:
    """Return what speaks against the entries of a plan, in the order of its lines."""
    judge_of = _Judge(plan, known)
    found: list[tuple[int, int, Objection]] = []
    for trouble in plan.troubles:
        told = _Said(Level.ERROR, "UNREADABLE", trouble.text, "plan", None)
        empty = Entry(trouble.line, EVERY_HOST, PortRange(0, 0), None, "")
        found.append((trouble.line, 0, _made(file, empty, told, None)))
    for entry in plan.entries:
        told_of = judge_of.of(entry)
        instead = judge_of.instead(entry, told_of)
        found += [
            (
                entry.line,
                1,
                _made(file, entry, one, instead if one.level is not Level.NOTE else None),
            )
            for one in told_of
        ]
    found += [(line, 2, _made(file, one, told, None)) for line, one, told in judge_of.unplanned()]
    found.sort(key=lambda one: one[:2])
    return [one for _, _, one in found]


class _Said(NamedTuple):
    """One thing that is said of an entry."""

    level: Level
    code: str
    text: str
    rule: str
    source: str | None
    ports: PortRange | None = None  # None: all of the entry


def _made(file: str, entry: Entry, said: _Said, instead: int | None) -> Objection:
    ports = said.ports or entry.ports
    message = said.text
    if instead is not None:
        message += f"; free instead: {PortRange(instead, instead + entry.ports.size - 1)}"
    return Objection(
        file=file,
        line=entry.line,
        host=entry.host,
        port=ports.first,
        last=ports.last,
        transport=entry.transport,
        use=entry.use,
        level=said.level,
        code=said.code,
        message=message,
        rule=said.rule,
        source=said.source,
        alternative=instead,
    )


Question = tuple[PortRange, Transport | None, str, str, str | None]


class _Judge:
    """Holds entries against what is known, and remembers the answers."""

    def __init__(self, plan: SitePlan, known: Known) -> None:
        self._known = known
        self._base = Plan(known.claims, None, (), known.seen)
        self._by_name = {one.name: one for one in known.policies}
        self._clashing: dict[int, list[_Said]] = {}
        for clash in clashes(plan.entries):
            self._clashing.setdefault(id(clash.later), []).append(
                _clash(clash.later, clash.earlier, clash.ports)
            )
        self._seen: dict[tuple[int, str], list[Service]] = {}
        for one in known.seen:
            for host in (one.address, EVERY_HOST):
                self._seen.setdefault((one.port, host), []).append(one)
        self._planned = _merged(plan.entries)
        self._ruled: dict[tuple[object, ...], tuple[_Said, ...]] = {}
        self._claimed: dict[Question, tuple[_Said, ...]] = {}
        self._said: dict[tuple[int, Transport | None], tuple[Reason, ...]] = {}
        self._alternatives = Alternatives(
            Plan(known.claims), known.policies, _taken(plan.entries, known.seen)
        )

    def of(self, entry: Entry) -> list[_Said]:
        """Return what speaks against an entry, the weightiest first."""
        if entry.ports.first == 0:
            zero = "0 asks the system for any port; none is fixed"
            return [_Said(Level.ERROR, "PORT_ZERO", zero, "plan", None, PortRange(0, 0))]
        found = [*self._clashing.get(id(entry), ())]
        if entry.policy and entry.policy not in self._by_name:
            known = ", ".join(self._by_name)
            text = f"no policy is called {entry.policy!r}; known: {known}"
            found.append(_Said(Level.ERROR, "NO_POLICY", text, "plan", None))
        for policy in self._known.policies:
            found += self._of_policy(policy, entry)
        found += self._of_claims(entry)
        if entry.role == Role.LISTEN:
            found += self._of_systems(entry)
            found += self._of_here(entry)
        found += self._of_book(entry)
        found.sort(key=lambda one: -one.level.rank)
        return found

    def instead(self, entry: Entry, found: Sequence[_Said]) -> int | None:
        """Return a free port where something speaks against an entry."""
        if all(one.level is Level.NOTE for one in found):
            return None
        binding = [one for one in self._known.policies if self._binds(one, entry)]
        return self._alternatives.give(entry, binding)

    def unplanned(self) -> Iterator[tuple[int, Entry, _Said]]:
        """Give what was seen on planned hosts and stands on no line, at the host's first line."""
        for one in self._known.seen:
            planned = self._planned.get(one.address)
            if planned is None or planned.covers(one.port):
                continue
            spoken = ", ".join(one.protocols) or "something unnamed"
            at = PortRange(one.port, one.port)
            text = (
                f"{one.address} answers on {one.port}/{one.transport} ({spoken}); not in the plan"
            )
            said = _Said(Level.NOTE, "UNPLANNED", text, "book", f"the book, from {one.source}", at)
            yield planned.line, Entry(planned.line, one.address, at, one.transport, ""), said

    def _binds(self, policy: Policy, entry: Entry) -> bool:
        """Tell whether a policy is the entry's own, not only another party's word."""
        if policy.name in self._known.chosen or policy.name == entry.policy:
            return True
        use = entry.use.casefold()
        return entry.policy is None and any(one in use for one in policy.text.uses)

    def _of_policy(self, policy: Policy, entry: Entry) -> tuple[_Said, ...]:
        binds = self._binds(policy, entry)
        question = (policy.name, binds, entry.ports, entry.transport, entry.role, entry.use)
        if question not in self._ruled:
            self._ruled[question] = tuple(self._ruling(policy, binds, entry))
        return self._ruled[question]

    def _ruling(self, policy: Policy, binds: bool, entry: Entry) -> Iterator[_Said]:
        verdict = self._verdict(policy, entry)
        at = PortRange(verdict.number, verdict.number)
        rule = (
            f"policy {policy.name}, {verdict.row.ports}" if verdict.row else f"policy {policy.name}"
        )
        source = source_of(policy.source)
        if verdict.allowed:
            for warned in verdict.warnings:
                level = Level.WARNING if binds else Level.NOTE
                yield _Said(level, warned.code, warned.message, rule, source, at)
            return
        row = verdict.row
        if row and row.level > 1 and names_it(entry.use, (row.what, row.owner)):
            text = f"{policy.title} keeps it for {row.what}, which the plan names"
            yield _Said(Level.NOTE, "RIGHTFUL", text, rule, source, at)
        elif binds:
            text = f"{policy.title} says no: {verdict.reason}"
            yield _Said(Level.ERROR, verdict.code, text, rule, source, at)
        elif is_vendors_own(policy, verdict.number, entry.transport):
            text = f"{policy.title} keeps it: {verdict.reason}"
            yield _Said(Level.WARNING, verdict.code, text, rule, source, at)
        elif entry.role == Role.LISTEN:
            text = f"{policy.title} would say no: {verdict.reason}; binds where it is chosen"
            yield _Said(Level.NOTE, verdict.code, text, rule, source, at)

    def _verdict(self, policy: Policy, entry: Entry) -> Verdict:
        role = parse_role(entry.role)
        if role is Role.LISTEN or role is Role.CONNECT_OWN:
            return policy.judge_range(entry.ports, entry.transport, role, ephemeral=None)
        number = entry.ports.first
        services = [one.claimant for one in self._known.claims(number, entry.transport)]
        told = tuple(dict.fromkeys(services))
        return policy.judge(number, entry.transport, role, ephemeral=None, services=told)

    def _of_claims(self, entry: Entry) -> tuple[_Said, ...]:
        if entry.role in (Role.CONNECT, Role.CONNECT_KNOWN):
            return ()  # whoever connects wants what is claimed there
        question = (entry.ports, entry.transport, entry.role, entry.use, entry.system)
        if question not in self._claimed:
            self._claimed[question] = tuple(self._claims(entry))
        return self._claimed[question]

    def _claims(self, entry: Entry) -> Iterator[_Said]:
        if entry.ports.size > WIDEST_CLAIMED:
            text = f"{entry.ports.size} ports: too many to tell each claim; check those that count"
            yield _Said(Level.NOTE, "WIDE_RANGE", text, "plan", None)
            return
        told: dict[str, tuple[int, Reason]] = {}
        for number in range(entry.ports.first, entry.ports.last + 1):
            for reason in self._reasons(number, entry.transport):
                if not (reason.claim and _is_meant(entry.use, reason.claim)):
                    told.setdefault(reason.text, (number, reason))
        for number, reason in list(told.values())[:MOST_CLAIMS]:
            claim = reason.claim
            level = Level.WARNING if reason.weight is Weight.WARN else Level.NOTE
            if claim and claim.claim is ClaimKind.OS_EXCLUDED and entry.system == "windows":
                level = Level.WARNING  # the only system of which such ranges are known
            source = source_of(claim.source) if claim else None
            rule = f"claims, {claim.claim.value}" if claim else "claims"
            at = PortRange(number, number)
            yield _Said(level, reason.code, f"{number}: {reason.text}", rule, source, at)
        if len(told) > MOST_CLAIMS:
            text = f"{len(told) - MOST_CLAIMS} more claims; portbook {entry.ports.first} tells all"
            yield _Said(Level.NOTE, "CLAIMED", text, "claims", None)

    def _reasons(self, number: int, transport: Transport | None) -> tuple[Reason, ...]:
        question = (number, transport)
        if question not in self._said:
            preferred = (part for one in self._known.policies for part in one.text.prefer)
            mild = any(number in part for part in preferred)
            claims = self._known.claims(number, transport)
            self._said[question] = tuple(of_claims(claims, mild))
        return self._said[question]

    def _of_systems(self, entry: Entry) -> Iterator[_Said]:
        asked = [one for one in self._known.systems if entry.system in (None, one.name)]
        lending = [one for one in asked if _both(one.ephemeral, entry.ports)]
        if not lending:
            return
        where = "; ".join(f"{one.title} {one.ephemeral}" for one in lending)
        text = f"inside what is lent to clients by default ({where}); a listener may find it taken"
        sure = entry.system is not None or any(one.name == "linux" for one in lending)
        source = "; ".join(source_of(one.source) for one in lending)
        rule = ", ".join(one.name for one in lending)
        both = _both(lending[0].ephemeral, entry.ports)
        level = Level.WARNING if sure else Level.NOTE
        yield _Said(level, "EPHEMERAL_OVERLAP", text, rule, source, both)

    def _of_here(self, entry: Entry) -> Iterator[_Said]:
        here = self._known.here
        if here is None or entry.host not in here.hosts:
            return
        both = _both(here.ephemeral, entry.ports) if here.ephemeral else None
        if both:
            text = f"this machine lends {here.ephemeral} to clients; a listener may find it taken"
            yield _Said(Level.WARNING, "EPHEMERAL_OVERLAP", text, "this machine", None, both)
        for kept in here.excluded:
            if both := _both(kept, entry.ports):
                text = f"this machine refuses to bind {kept}"
                yield _Said(Level.ERROR, "EXCLUDED", text, "this machine", None, both)
        for socket in here.taken:
            if socket.port not in entry.ports or entry.transport not in (None, socket.transport):
                continue
            if not names_it(entry.use, (socket.program or "",)):
                who = (
                    f"{socket.program} (pid {socket.pid})" if socket.program else "a program unseen"
                )
                text = f"{socket.port}/{socket.transport} is held by {who} on this machine"
                at = PortRange(socket.port, socket.port)
                yield _Said(Level.WARNING, "TAKEN", text, "this machine", None, at)

    def _of_book(self, entry: Entry) -> Iterator[_Said]:
        if not self._seen or entry.ports.size > WIDEST_CLAIMED:
            return
        for number in range(entry.ports.first, entry.ports.last + 1):
            for one in self._seen.get((number, entry.host), ())[:MOST_SEEN]:
                if entry.transport not in (None, one.transport):
                    continue
                if any(names_it(entry.use, (name, *one.claims)) for name in one.protocols):
                    continue
                spoken = ", ".join(one.protocols)
                text = f"{one.address} answers there already, {one.transport}: " + (
                    f"{spoken}, which the plan does not name" if spoken else "something unnamed"
                )
                level = Level.WARNING if spoken and entry.role == Role.LISTEN else Level.NOTE
                at = PortRange(number, number)
                yield _Said(level, "SEEN", text, "book", f"the book, from {one.source}", at)


def _is_meant(use: str, claim: Claim) -> bool:
    return names_it(use, (claim.claimant, claim.protocol or "", claim.title or ""))


def _clash(later: Entry, earlier: Entry, ports: PortRange) -> _Said:
    same = (later.use, later.host, later.ports) == (earlier.use, earlier.host, earlier.ports)
    whose = f"for {earlier.use!r}" if earlier.use else "too"
    if earlier.host != later.host:
        whose += " on every host" if earlier.host == EVERY_HOST else f" on {earlier.host}"
    text = f"line {earlier.line} plans {ports} {whose}"
    if same:
        return _Said(Level.WARNING, "DUPLICATE", f"{text}, the same once more", "plan", None, ports)
    return _Said(Level.ERROR, "CLASH", text, "plan", f"line {earlier.line} of the plan", ports)


def _both(one: PortRange, other: PortRange) -> PortRange | None:
    first, last = max(one.first, other.first), min(one.last, other.last)
    return PortRange(first, last) if first <= last else None


class _Planned(NamedTuple):
    """Where a host first stands in the plan, and its ports in ranges that do not touch."""

    line: int
    firsts: list[int]
    lasts: list[int]

    def covers(self, number: int) -> bool:
        at = bisect_right(self.firsts, number) - 1
        return at >= 0 and number <= self.lasts[at]


def _merged(entries: Iterable[Entry]) -> Mapping[str, _Planned]:
    found: dict[str, _Planned] = {}
    for one in sorted(entries, key=lambda one: one.ports):
        if one.role != Role.LISTEN or one.host == EVERY_HOST:
            continue
        held = found.setdefault(one.host, _Planned(one.line, [], []))
        if held.lasts and one.ports.first <= held.lasts[-1] + 1:
            held.lasts[-1] = max(held.lasts[-1], one.ports.last)
        else:
            held.firsts.append(one.ports.first)
            held.lasts.append(one.ports.last)
        if one.line < held.line:
            found[one.host] = held._replace(line=one.line)
    return found


def _taken(entries: Iterable[Entry], seen: Iterable[Service]) -> Mapping[str, set[int]]:
    """Return the ports that are planned or were seen, by host; very wide ranges only in part."""
    found: dict[str, set[int]] = {}
    for one in entries:
        first, last = one.ports
        ports = range(first, min(last, first + WIDEST_CLAIMED - 1) + 1)
        found.setdefault(one.host, set()).update(ports)
    for service in seen:
        found.setdefault(service.address, set()).add(service.port)
    return found
