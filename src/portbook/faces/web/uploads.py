"""Files that a form sends, handed on piece by piece: none is ever held whole.

Format: multipart/form-data, RFC 7578. The form's plain fields must come before its files.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import NamedTuple

from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from portbook.errors import UsageError

MOST_PARTS = 32
_FIELD_OCTETS = 4096
_NAME_LETTERS = 200


class Sent(NamedTuple):
    """A file on its way: its name as the sender gives it, and its octets as they come."""

    name: str
    octets: AsyncIterator[bytes]
    fields: dict[str, str]  # those that came before it


async def files(content_type: str, body: AsyncIterator[bytes]) -> AsyncIterator[Sent]:
    """Give the files of a form one after the other; take each one's octets before the next.

    Raises UsageError when the body is no such form, or ends in the middle.
    """
    kind, options = parse_options_header(content_type)
    boundary = options.get("boundary", "")
    if kind != "multipart/form-data" or not 1 <= len(boundary) <= 200:
        raise UsageError("not a form with files; send multipart/form-data")
    events = _events(boundary, body)
    fields: dict[str, str] = {}
    async for event in events:
        if not isinstance(event, MultipartSegment):
            raise UsageError("the form is damaged: octets without a part that they belong to")
        if event.filename is None:
            if len(fields) < MOST_PARTS:
                fields[event.name] = await _field(events)
            continue
        sent = Sent(_plain(event.filename), _part(events), dict(fields))
        yield sent
        async for _ in sent.octets:  # whoever did not want it must not stop the next
            pass


async def _events(
    boundary: str, body: AsyncIterator[bytes]
) -> AsyncIterator[MultipartSegment | bytes | None]:
    """Give a part's head, its octets, and None at its end."""
    try:
        with PushMultipartParser(boundary, max_segment_count=MOST_PARTS, strict=False) as parser:
            async for chunk in body:
                if chunk and not parser.closed:
                    for event in parser.parse(chunk):
                        yield bytes(event) if isinstance(event, (bytes, bytearray)) else event
    except MultipartError as error:
        raise UsageError(f"the form is damaged or was cut: {error}") from error


async def _part(
    events: AsyncIterator[MultipartSegment | bytes | None],
) -> AsyncIterator[bytes]:
    async for event in events:
        if event is None:
            return
        if isinstance(event, bytes):
            yield event


async def _field(events: AsyncIterator[MultipartSegment | bytes | None]) -> str:
    kept = bytearray()
    async for piece in _part(events):
        if len(kept) + len(piece) > _FIELD_OCTETS:
            raise UsageError(f"a field of the form is longer than {_FIELD_OCTETS} octets")
        kept += piece
    return kept.decode("utf-8", "replace")


def _plain(name: str) -> str:
    """Return a file's own name: no folders, no control characters, not endless."""
    last = name.replace("\\", "/").rpartition("/")[2]
    shown = "".join(letter for letter in last if letter.isprintable())
    return shown[:_NAME_LETTERS].strip() or "capture"
