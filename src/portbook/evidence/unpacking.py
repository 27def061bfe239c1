"""Octets of a capture as they are, or out of gzip or zstd, in pieces of bounded size.

The first octets decide, never the name. Several gzip members or zstd frames behind each other
are one content. Whatever a file claims, no more than a block is held at a time.

What stands before damage is always given. A gzip member steps back to where it was before the
call that failed. A zstd frame cannot: it begins once more where it begins in the file, and goes
in small steps; where the source has no way back, it goes in small steps all along.
"""

from __future__ import annotations

import io
import zlib
from importlib import import_module
from typing import Any, Protocol

from portbook.errors import SourceError

GZIP = b"\x1f\x8b"
ZSTD = b"\x28\xb5\x2f\xfd"
PACKED_BLOCK = 256 * 1024  # octets of a packed file read at a time
_SKIPPABLE = b"\x2a\x4d\x18"  # behind 50 to 5f (RFC 8878, section 3.1.2)
_LONGEST_MAGIC = 4


class Octets(Protocol):
    """Where octets come from; `packed` tells whether they are unpacked on the way."""

    packed: str | None  # None, "gzip" or "zstd"
    done: int  # octets of the file that were taken so far

    def into(self, room: memoryview) -> int:
        """Fill some of the room and return how much; 0 at the end.

        Raises SourceError when packed octets are damaged or end too early.
        """


def unpacked(raw: io.RawIOBase) -> Octets:
    """Return the content of a file that was just opened, unpacked when its octets say so."""
    head = _at_least(raw, b"", _LONGEST_MAGIC)
    if packed_as(head) == "gzip":
        return Packed(raw, head, "gzip")
    if packed_as(head) == "zstd":
        return Packed(raw, head, "zstd")
    return _Plain(raw, head)


def packed_as(head: bytes) -> str | None:
    """Tell by the first four octets how a file is packed: "gzip", "zstd" or None."""
    if head.startswith(GZIP):
        return "gzip"
    if head.startswith(ZSTD) or (head[1:4] == _SKIPPABLE and head[0] & 0xF0 == 0x50):
        return "zstd"
    return None


class _Plain:
    packed: str | None = None

    def __init__(self, raw: io.RawIOBase, head: bytes) -> None:
        self._raw, self._head = raw, head
        self.done = 0

    def into(self, room: memoryview) -> int:
        if self._head:
            count = min(len(self._head), len(room))
            room[:count], self._head = self._head[:count], self._head[count:]
        else:
            count = _wait_into(self._raw, room)
        self.done += count
        return count


class _Part(Protocol):
    """One gzip member or zstd frame, being unpacked."""

    bold: bool  # takes long steps, and loses all of the step that meets damage

    @property
    def ended(self) -> bool: ...
    @property
    def rest(self) -> bytes: ...
    def give(self, octets: bytes) -> None: ...
    def take(self, most: int) -> bytes: ...


class Packed:
    """Octets that are unpacked on the way: poured into rooms, or piece by piece."""

    def __init__(self, raw: io.RawIOBase, head: bytes, packed: str) -> None:
        self.packed: str | None = packed
        self.done = len(head)
        self._raw, self._waiting = raw, head
        self._origin = raw.tell() - len(head) if raw.seekable() else None  # `done` counts from it
        self._part: _Part | None = None
        self._began = 0  # where the part begins, as `done` counts
        self._given = 0  # octets that the part has given
        self._known = 0  # octets that it gives for the second time

    def into(self, room: memoryview) -> int:
        """Fill some of the room and return how much; 0 at the end; see `Octets`."""
        octets = self.piece(len(room))
        room[: len(octets)] = octets
        return len(octets)

    def piece(self, most: int) -> bytes:
        """Return the next octets, `most` of them or fewer; none at the end.

        Raises SourceError when packed octets are damaged or end too early.
        """
        while self._part is not None or self._begin():
            assert self._part is not None
            try:
                octets = self._part.take(most)
            except SourceError:
                if not self._part.bold:
                    raise
                self._go_back()
                continue
            if octets:
                fresh = octets[self._known :] if self._known else octets
                self._known -= len(octets) - len(fresh)
                self._given += len(fresh)
                if fresh:
                    return fresh
                continue
            if self._part.ended:
                self._waiting, self._part = self._part.rest, None
                continue
            more = self._more()
            if not more:
                raise SourceError(
                    f"the {self.packed} data end too early; the file is cut, or still being "
                    "written; what stands before it was read",
                    offset=self.done,
                )
            self._part.give(more)
        return b""

    def _go_back(self) -> None:
        """Begin the frame once more, in small steps, without what it has already given."""
        assert self._origin is not None
        self._raw.seek(self._origin + self._began)
        self.done = self._began
        self._part, self._known = _Zstd(bold=False), self._given

    def _begin(self) -> bool:
        """Start the next member or frame; False at the end of the file."""
        while len(head := self._waiting.lstrip(b"\0")) < _LONGEST_MAGIC:  # tapes pad with zeros
            more = self._more()
            self._waiting = head + more
            if not more:
                break
        self._waiting = self._waiting.lstrip(b"\0")
        if not self._waiting:
            return False
        if packed_as(self._waiting) != self.packed:
            raise SourceError(
                f"octets that are not {self.packed} follow the end of the {self.packed} data; "
                "what stands before them was read",
                offset=self.done - len(self._waiting),
            )
        self._began, self._given, self._known = self.done - len(self._waiting), 0, 0
        self._part = _Gzip() if self.packed == "gzip" else _Zstd(bold=self._origin is not None)
        self._part.give(self._waiting)
        self._waiting = b""
        return True

    def _more(self) -> bytes:
        octets = _read(self._raw, PACKED_BLOCK)
        self.done += len(octets)
        return octets


class _Gzip:
    bold = False

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=31)
        self._waiting = b""

    @property
    def ended(self) -> bool:
        return self._inner.eof

    @property
    def rest(self) -> bytes:
        return self._inner.unused_data

    def give(self, octets: bytes) -> None:
        self._waiting += octets

    def take(self, most: int) -> bytes:
        if self._inner.eof:  # what a call gets after the end is added to the rest once more
            return b""
        before = self._inner.copy()
        try:
            octets = self._inner.decompress(self._waiting, most)
        except zlib.error as error:
            self._inner = before
            return self._last(most, error)
        self._waiting = self._inner.unconsumed_tail
        return octets

    def _last(self, most: int, error: zlib.error) -> bytes:
        """Return what stands before the damage: zlib gives nothing of a call that fails."""
        found = bytearray()
        while self._waiting and len(found) < most:
            before = self._inner.copy()
            try:
                found += self._inner.decompress(self._waiting[:1], most - len(found))
            except zlib.error:
                self._inner = before
                break
            self._waiting = self._inner.unconsumed_tail + self._waiting[1:]
        if not found:
            raise _damaged("gzip")
        return bytes(found)


class _Zstd:
    STEP = 512  # octets given at a time, when not bold: a damaged step takes its output with it

    def __init__(self, *, bold: bool) -> None:
        self._inner, self._error = _zstd()
        self.bold = bold
        self._failed: Exception | None = None
        self._waiting = b""
        self._at = 0
        self._taken = 0  # octets of the frame

    @property
    def ended(self) -> bool:
        return bool(self._inner.eof)

    @property
    def rest(self) -> bytes:
        return bytes(self._inner.unused_data) + self._waiting[self._at :]

    def give(self, octets: bytes) -> None:
        self._waiting, self._at = self._waiting[self._at :] + octets, 0

    def take(self, most: int) -> bytes:
        if self._failed:
            raise _damaged("zstd")
        if self.bold:
            return self._step(most, len(self._waiting)) or b""
        found = bytearray()
        while len(found) < most:
            try:
                # to the same places of the frame, in whatever pieces it comes
                octets = self._step(most - len(found), self.STEP - self._taken % self.STEP)
            except SourceError:
                if not found:
                    raise
                break
            if octets is None:
                break
            found += octets
        return bytes(found)

    def _step(self, most: int, size: int) -> bytes | None:
        """Unpack up to `size` more octets; None when there are none, or the frame has ended."""
        piece = b""
        if self._inner.eof:
            return None
        if self._inner.needs_input:
            piece = self._waiting[self._at : self._at + size]
            if not piece:
                return None
        try:
            octets: bytes = self._inner.decompress(piece, most)
        except self._error as error:
            self._failed = error
            raise _damaged("zstd") from error
        self._at += len(piece)
        self._taken += len(piece)
        return octets


def _zstd() -> tuple[Any, type[Exception]]:
    """Return a fresh zstd decompressor and the error that it raises."""
    for name in ("compression.zstd", "backports.zstd"):  # the first from Python 3.14 on
        try:
            module = import_module(name)
        except ImportError:
            continue
        return module.ZstdDecompressor(), module.ZstdError
    raise SourceError(
        "this Python cannot unpack zstd; install backports.zstd, or unpack it first: zstd -d"
    )


def _damaged(packed: str) -> SourceError:
    # not what the library says: that hangs on how many octets it was given at a time
    return SourceError(f"damaged {packed} data; what stands before them was read")


def _at_least(raw: io.RawIOBase, head: bytes, wanted: int) -> bytes:
    while len(head) < wanted and (more := _read(raw, wanted - len(head))):
        head += more
    return head


def _read(raw: io.RawIOBase, most: int) -> bytes:
    room = bytearray(most)
    with memoryview(room) as view:
        count = _wait_into(raw, view)
    return bytes(room[:count])


def _wait_into(raw: io.RawIOBase, room: memoryview) -> int:
    while (count := raw.readinto(room)) is None:  # another program made the pipe non-blocking
        import select

        select.select([raw], [], [])
    return int(count)
