"""Marks of a place in an ordered list, for pages forward and back; what comes back is checked."""

from __future__ import annotations

import base64
import binascii
from zlib import crc32

import msgspec

from portbook.errors import UsageError

_LONGEST = 1024  # characters of a mark; the longest value that is ordered by is far shorter


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """A place in an order: the rows after it, or before it, are asked for.

    of: what is listed; order: the column's name, "-" before it for descending
    value: of the column in the row that the mark stands at; row: that row's number
    back: True: the rows before it; here: the row itself too
    """

    of: str
    order: str
    value: int | str
    row: int
    back: bool = False
    here: bool = False


def mark(cursor: Cursor) -> str:
    """Write a cursor as an opaque text that may stand in an address."""
    body = msgspec.json.encode(cursor)
    return base64.urlsafe_b64encode(crc32(body).to_bytes(4, "big") + body).decode().rstrip("=")


def place(text: str, of: str, order: str, kind: type[int] | type[str]) -> Cursor:
    """Read a mark that `mark` has written for the same list and order.

    kind: of the order's values. Raises UsageError for any other text.
    """
    found = _read(text)
    if found is None:
        raise UsageError("the mark of this page is damaged; begin again with the first page")
    if (found.of, found.order) != (of, order):
        raise UsageError(
            "the mark of this page is of another list or order; begin again with the first page"
        )
    if type(found.value) is not kind:
        raise UsageError("the mark of this page is damaged; begin again with the first page")
    return found


def _read(text: str) -> Cursor | None:
    if len(text) > _LONGEST or not text.isascii():
        return None
    try:
        octets = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
        if crc32(octets[4:]) != int.from_bytes(octets[:4], "big"):
            return None
        found = msgspec.json.decode(octets[4:], type=Cursor)
    except (binascii.Error, msgspec.MsgspecError, ValueError):
        return None
    held = [one for one in (found.value, found.row) if isinstance(one, int)]
    return found if all(-(2**63) <= one < 2**63 for one in held) else None
