"""May I use this port? As `portbook plan check` answers."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from portbook.book import Asked, service_of
from portbook.claims import loading
from portbook.claims.policies import Policy, Role
from portbook.evidence import surroundings
from portbook.faces.exports import document
from portbook.faces.web.api.contract import told
from portbook.faces.web.api.operations import Answer, Call, get
from portbook.faces.web.api.ports import OfNumber
from portbook.faces.web.api.words import Carried
from portbook.faces.web.desk import Desk
from portbook.planning import Choice, Plan, check
from portbook.ports import PortRange, Transport
from portbook.records import Service

_MOST_SEEN = 500


class Use(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a port is wanted for."""

    transport: Carried | UnsetType = UNSET
    role: Annotated[
        Role,
        Meta(
            description="What the program does with it: listen, connect, connect-own-protocol, "
            "connect-known-service"
        ),
    ] = Role.LISTEN
    policy: (
        Annotated[
            Literal["opto22", "codesys", "unitrends", "reftek", "none"],
            Meta(
                description="A policy that rules over it: opto22, codesys, unitrends, reftek or "
                "none; otherwise the one that the server was started with"
            ),
        ]
        | UnsetType
    ) = UNSET


@get(
    "/plan/{number}",
    Answer("Yes or no, and all reasons.", told(Choice, "Plan")),
    tag="knowledge",
    place=OfNumber,
    words=Use,
)
def plan(call: Call[OfNumber, Use]) -> object:
    """Say whether a port may be used, and why not.

    A policy, a socket of this machine that holds it, or a range that the system keeps back says
    no; claims and what the book has seen warn or inform.
    """
    number, words = call.place.number, call.words
    transport = None if words.transport is UNSET else words.transport
    known = Plan(
        call.desk.claims.of,
        _policy(call.desk, words.policy),
        call.desk.machine.listeners if call.desk.machine else (),
        _seen(call.desk, number, transport),
        ephemeral=surroundings.ephemeral(),
        excluded=surroundings.excluded(),
    )
    return document(check(known, number, transport, words.role))


def _policy(desk: Desk, name: str | UnsetType) -> Policy | None:
    if name is UNSET:
        return desk.knowledge.policy
    return None if name == "none" else _shipped(str(name))


@cache
def _shipped(name: str) -> Policy:
    return loading.policy(name)


def _seen(desk: Desk, number: int, transport: Transport | None) -> list[Service]:
    asked = Asked(ports=(PortRange(number, number),), transport=transport, most=_MOST_SEEN)
    with desk.reading() as book:
        return [service_of(one) for one in book.listed("service", asked).rows]


routes = [plan]
