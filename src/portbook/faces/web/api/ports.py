"""The page of a port, as `portbook port --json` tells it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from portbook.faces.exports import document
from portbook.faces.web.api.contract import any_sighting, many, shape, told
from portbook.faces.web.api.operations import Answer, Call, get
from portbook.faces.web.api.reading import Nothing
from portbook.ports import HIGHEST, Transport
from portbook.records import Claim, Finding, Listener
from portbook.survey.page import PortPage, page

MOST_SEEN = 100  # of each kind; the lists have all
Number = Annotated[int, Meta(ge=0, le=HIGHEST, description="A port, 0 to 65535", examples=[1743])]


class OfNumber(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the path of a port names."""

    number: Number


class OfPort(OfNumber, frozen=True, forbid_unknown_fields=True):
    """What the path of a port on one transport names."""

    transport: Annotated[Transport, Meta(description="A transport: tcp, udp, sctp or dccp")]


PORT = shape(
    "Port",
    "All that stands on a port's page, by kind of record.",
    {
        "port": many(told(PortPage, "PortPage"), "One.", least=1),
        "claim": many(told(Claim), "Who says what of it."),
        "listener": many(told(Listener), "This machine's sockets there."),
        "seen": many(any_sighting(), f"What the book has of it: the latest {MOST_SEEN} of a kind."),
        "finding": many(told(Finding), "This machine's, about the port."),
    },
)
_ANSWER = Answer("What is said of the port, and what is there.", PORT)
_KEPT_S = 3600.0  # it tells no time that passes


@get("/ports/{number}", _ANSWER, tag="ports", place=OfNumber, kept_s=_KEPT_S)
def port(call: Call[OfNumber, Nothing]) -> dict[str, Any]:
    """Tell about a port on all transports.

    The claims and their sources, this machine's sockets, what the book has seen there. Before the
    first look at this machine, `listener` is empty; /api/v1/status tells whether there was one.
    """
    return _told(call, call.place.number, None)


@get("/ports/{number}/{transport}", _ANSWER, tag="ports", place=OfPort, kept_s=_KEPT_S)
def port_of_transport(call: Call[OfPort, Nothing]) -> dict[str, Any]:
    """Tell about a port on one transport."""
    return _told(call, call.place.number, call.place.transport)


def _told(call: Call[Any, Any], number: int, transport: Transport | None) -> dict[str, Any]:
    claims, machine = call.desk.claims, call.desk.machine
    with call.desk.reading() as book:
        seen = book.seen(number, transport, MOST_SEEN)
    listeners = machine.listeners if machine else ()
    findings = machine.findings if machine else ()
    told: dict[str, Iterable[msgspec.Struct]] = {
        "port": [page(number, transport, claims)],
        "claim": claims.of(number, transport),
        "listener": (
            one for one in listeners if one.port == number and transport in (None, one.transport)
        ),
        "seen": seen,
        "finding": (
            one
            for one in findings
            if one.parameters.get("port") == number
            and transport in (None, one.parameters.get("transport"))
        ),
    }
    return {kind: [document(one) for one in records] for kind, records in told.items()}


routes = [port, port_of_transport]
