"""The protocols that are known by their octets."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar.exceptions import NotFoundException
from msgspec import Meta

from portbook.claims.profiles import profiles
from portbook.faces.web.api.contract import Page, listing, told
from portbook.faces.web.api.operations import Answer, Call, get
from portbook.faces.web.api.reading import Nothing
from portbook.protocols import Profile
from portbook.records import Source

_KEPT_S = 3600.0
_SOURCE = told(Source)


class Usual(msgspec.Struct, frozen=True):
    """Ports where a protocol is usually met."""

    first: int
    last: int
    transport: str
    role: Annotated[str, Meta(description="Which end has the number: server, client or both.")]
    title: str
    confidence: str
    source: _SOURCE  # type: ignore[valid-type]


class Protocol(msgspec.Struct, frozen=True, tag="protocol", tag_field="kind"):
    """A protocol that portbook recognises by content."""

    name: Annotated[str, Meta(description="The short name that the field uses.")]
    title: str
    usual: tuple[Usual, ...]
    stays_inside: Annotated[
        str | None,
        Meta(description="How far a control protocol may be heard; null: nothing is said."),
    ]
    safety: Annotated[str | None, Meta(description="What to mind where it is met.")]
    programs: Annotated[
        tuple[str, ...], Meta(description="Names of programs that are known to speak it.")
    ]
    sources: tuple[_SOURCE, ...]  # type: ignore[valid-type]


class Named(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the path of a protocol names."""

    name: Annotated[
        str,
        Meta(
            pattern=r"^[a-z0-9][a-z0-9+.-]{0,39}$",
            description="A protocol's short name",
            examples=["modbus"],
        ),
    ]


def told_of(one: Profile) -> Protocol:
    """Return what a protocol declares, for programs."""
    usual = tuple(
        Usual(
            port.ports.first,
            port.ports.last,
            port.transport.value,
            port.role,
            port.title or one.title,
            port.confidence,
            one.sources[port.source],
        )
        for port in one.usual
    )
    stays = one.stays_inside.value if one.stays_inside else None
    return Protocol(one.name, one.title, usual, stays, one.safety, one.programs, one.sources)


@get(
    "/protocols",
    Answer("All protocols.", listing("ProtocolPage", Protocol)),
    tag="knowledge",
    kept_s=_KEPT_S,
)
def protocols(call: Call[Nothing, Nothing]) -> Page:
    """List all protocols that are recognised by content."""
    known = [told_of(one) for one in sorted(profiles().values(), key=lambda one: one.name)]
    return Page(known, len(known))


@get(
    "/protocols/{name}",
    Answer("The protocol.", Protocol),
    tag="knowledge",
    place=Named,
    problems=(404,),
    kept_s=_KEPT_S,
)
def protocol(call: Call[Named, Nothing]) -> Protocol:
    """Tell about one protocol: its ports, its safety note, its sources.

    /api/v1/services?protocol= lists where it was met.
    """
    known = profiles().get(call.place.name)
    if known is None:
        raise NotFoundException(f"no protocol {call.place.name!r}; /api/v1/protocols lists all")
    return told_of(known)


routes = [protocols, protocol]
