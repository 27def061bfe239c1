"""`/plan`: the port plan with its policy as a strip of 65,536 ports, and "may I use this one?"."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from litestar import Request, Response, get

from portbook import planning
from portbook.book import service_of
from portbook.claims import loading
from portbook.claims.policies import LINUX_EPHEMERAL, Policy, Role
from portbook.claims.registry import Registry
from portbook.claims.rows import State
from portbook.errors import UsageError
from portbook.evidence.surroundings import excluded, surroundings
from portbook.faces.languages import Language
from portbook.faces.web.asked import plain
from portbook.faces.web.desk import Desk
from portbook.faces.web.drawings.stretches import Mark, StripPlan, StripWords, free_stretches
from portbook.faces.web.drawings.strip import strip_of_ports
from portbook.faces.web.rendering import language_of, render
from portbook.planning import Choice, Plan
from portbook.ports import HIGHEST, PortRange, Transport, parse_range, parse_transport
from portbook.records import ClaimKind, Service

WIDE, NARROW = 1200, 340
SUGGESTED = 5
NONE = "none"  # the word for no policy
_BESIDE = 16  # ports of a free stretch that is told
_MOST_FREE = 40


@get("/plan", include_in_schema=False, sync_to_thread=True)
def plan(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Show the strip, the policy's ranges, free ports, and the answer for one port."""
    words, desk = plain(request.url.query), request.app.state.desk
    policy = _policy(words["policy"] or desk.settings.policy or "opto22")
    known = known_plan(desk, policy)
    transport = parse_transport(words["transport"]) if words["transport"] else None
    role = words["role"] or Role.LISTEN.value
    strip, said = strip_plan(desk, known), strip_words(language_of(request))
    return render(
        request,
        "plan.html",
        kept_s=15.0,
        policy=policy,
        policies=[loading.policy(name) for name in loading.SHIPPED],
        roles=[one.value for one in Role],
        role=role,
        answer=_answer(known, words["port"], transport, role),
        suggested=planning.free(known, None, transport, role, SUGGESTED),
        wide=strip_of_ports(strip, width=WIDE, words=said),
        narrow=strip_of_ports(strip, width=NARROW, words=said),
        strip=strip,
        free=free_stretches(strip, least=_BESIDE)[:_MOST_FREE],
    )


def known_plan(desk: Desk, policy: Policy | None) -> Plan:
    """Return what is known when a port is chosen: policy, claims, sockets, what was seen."""
    around, sockets = surroundings(), desk.machine.listeners if desk.machine else ()
    return Plan(
        desk.claims.of,
        policy,
        sockets,
        _services(desk),
        ephemeral=around.ephemeral or LINUX_EPHEMERAL,
        excluded=excluded(),
    )


def strip_plan(desk: Desk, known: Plan) -> StripPlan:
    """Return what the strip shows."""
    return StripPlan(
        allowed=tuple(allowed(known.policy)) if known.policy else None,
        claimed=assigned(desk.claims.registry),
        reserved=tuple(_reserved(desk)),
        seen=tuple(_marks((one.port, one.transport.value, one.address) for one in known.seen)),
        listening=tuple(
            _marks((one.port, one.transport.value, one.program or "") for one in known.taken)
        ),
        ephemeral=known.ephemeral,
    )


def allowed(policy: Policy) -> Iterator[PortRange]:
    """Give the ranges in which a policy lets a program listen."""
    edges = {0, HIGHEST + 1}
    for row in policy.rows:
        edges |= {row.ports.first, row.ports.last + 1}
    starts = sorted(edges)
    first: int | None = None
    for start in starts:
        good = start <= HIGHEST and policy.judge(start).allowed
        if good and first is None:
            first = start
        elif not good and first is not None:
            yield PortRange(first, start - 1)
            first = None


@lru_cache(maxsize=2)
def assigned(registry: Registry) -> tuple[PortRange, ...]:
    """Return the ranges that the registry assigns on TCP or UDP."""
    found: list[PortRange] = []
    for number in range(HIGHEST + 1):
        states = {registry.state(number, one) for one in (Transport.TCP, Transport.UDP)}
        if State.ASSIGNED not in states:
            continue
        if found and found[-1].last == number - 1:
            found[-1] = PortRange(found[-1].first, number)
        else:
            found.append(PortRange(number, number))
    return tuple(found)


def strip_words(language: Language) -> StripWords:
    """Return what the strip says, in a language."""
    _ = language.gettext
    return StripWords(
        title=_("All 65,536 ports"),
        description=_(
            "One row after the other, from port 0 to port 65535: what the policy allows, who "
            "claims ports, what is reserved, seen and listening. The lists below say the same."
        ),
        bands=(_("System ports"), _("User ports"), _("Dynamic ports")),
        allowed=_("allowed by the policy"),
        claimed=_("assigned in the registry"),
        reserved=_("reserved by a vendor or this site"),
        seen=_("seen on the network"),
        listening=_("open on this machine"),
        ephemeral=_("handed out by the system to clients"),
        free=_("free"),
    )


def _policy(name: str) -> Policy | None:
    """Return a shipped policy by its name; pages open no other files."""
    if name == NONE:
        return None
    if name not in loading.SHIPPED:
        raise UsageError(f"no policy {name[:40]!r}; known: {', '.join((*loading.SHIPPED, NONE))}")
    return loading.policy(name)


def _answer(known: Plan, text: str, transport: Transport | None, role: str) -> Choice | None:
    if not text:
        return None
    span, told = parse_range(text)
    if span.size > 1:
        refused = planning.why_not(known, span, told or transport, role)
        worst = refused[0].ports.first if refused else span.first
        return planning.check(known, worst, told or transport, role)
    return planning.check(known, span.first, told or transport, role)


def _reserved(desk: Desk) -> Iterator[Mark]:
    kinds = (ClaimKind.SITE, ClaimKind.VENDOR_RESERVED)
    for one in desk.claims.told:
        if one.claim in kinds:
            text = one.claimant + (f": {one.title}" if one.title else "")
            yield Mark(one.ports, text, f"/{one.ports.first}")


def _marks(uses: Iterator[tuple[int, str, str]]) -> Iterator[Mark]:
    """Give one mark a port, with all that use it."""
    users: dict[int, dict[str, None]] = {}
    for number, transport, user in uses:
        users.setdefault(number, {})[f"{transport} {user}".strip()] = None
    for number, told in sorted(users.items()):
        names = list(told)
        more = f" +{len(names) - 5}" if len(names) > 5 else ""
        yield Mark(PortRange(number, number), ", ".join(names[:5]) + more, f"/{number}")


def _services(desk: Desk) -> tuple[Service, ...]:
    with desk.reading() as book:
        return tuple(map(service_of, book.services()))


routes = [plan]
