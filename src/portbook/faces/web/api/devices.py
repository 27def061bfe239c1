"""All that is known of one address."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar.exceptions import NotFoundException
from msgspec import Meta

from portbook.faces.exports import document
from portbook.faces.web.api.contract import any_sighting, many, shape
from portbook.faces.web.api.operations import Answer, Call, get
from portbook.faces.web.api.reading import Nothing

MOST = 500  # of each kind

DEVICE = shape(
    "OfAddress",
    "What the book has seen of one address.",
    {
        "address": str,
        "seen": many(any_sighting(), least=1),
        "more": Annotated[bool, Meta(description=f"There are more than {MOST} of a kind.")],
    },
)


class Host(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the path of a device names."""

    address: Annotated[
        str,
        Meta(
            pattern=r"^[0-9A-Za-z.:%-]{1,64}$",
            description="An IP address, or a link address",
            examples=["10.20.0.9"],
        ),
    ]


@get(
    "/devices/{address}",
    Answer("What is known of the address.", DEVICE),
    tag="lists",
    place=Host,
    problems=(404,),
)
def device(call: Call[Host, Nothing]) -> dict[str, Any]:
    """Tell all that the book has seen of an address.

    The device and what it told of itself, its services, announcements, sockets and findings, also
    those that are gone, the latest first of each kind.
    """
    address = call.place.address
    with call.desk.reading() as book:
        known = book.of_host(address, MOST + 1)
    if not known:
        raise NotFoundException(f"the book has seen nothing of {address}")
    rows: list[Any] = []
    counts: dict[str, int] = {}
    for one in known:
        counts[one.of] = counts.get(one.of, 0) + 1
        if counts[one.of] <= MOST:
            rows.append(document(one))
    return {"address": address, "seen": rows, "more": len(rows) < len(known)}


routes = [device]
