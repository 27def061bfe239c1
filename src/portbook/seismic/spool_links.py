"""How far each reliable link has come, kept beyond the segments that its packets stand in."""

from __future__ import annotations

import os
import struct
import threading
import zlib
from collections.abc import Iterable
from pathlib import Path

from portbook.seismic.journal import sync_folder
from portbook.seismic.spool_records import Arrival, Mode

MOST = 1 << 16  # links: a sender that begins anew is a new one
_HEAD = struct.Struct(">4sIQ")  # magic, CRC-32 of the rest, number
_ROW = struct.Struct(">HII")
_MAGIC = b"PBL2"
_HALF, _WHOLE = 1 << 31, 1 << 32


class Links:
    """By (unit, token): the link sequence that is expected next.

    saved: packets below this number are in the saved table
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "links"
        self.table: dict[tuple[int, int], int] = {}
        self.saved = 0
        self._saving = threading.Lock()  # it is saved as segments end, and as they are deleted
        self._read()

    def note(self, arrivals: Iterable[Arrival]) -> None:
        """Take note of packets of links that are written."""
        for one in arrivals:
            if one.mode == Mode.LINK:
                key = int.from_bytes(one.octets[4:6], "big"), one.token
                following = (one.link_sequence + 1) % _WHOLE
                known = self.table.pop(key, following)
                # Sequences wrap: less than half of all ahead is newer.
                newer = (following - known) % _WHOLE < _HALF
                self.table[key] = following if newer else known
                if len(self.table) > MOST:
                    del self.table[next(iter(self.table))]

    def save(self, table: dict[tuple[int, int], int], number: int) -> None:
        """Make a table outlive the segments below a number, unless a newer one is saved.

        For any thread. Raises OSError; then the old one stays.
        """
        rows = b"".join(_ROW.pack(*key, following) for key, following in table.items())
        told = zlib.crc32(number.to_bytes(8, "big") + rows)
        with self._saving:
            if number > self.saved:
                self._put(_HEAD.pack(_MAGIC, told, number) + rows)
                self.saved = number

    def _put(self, octets: bytes) -> None:
        beside = self._path.with_suffix(".new")
        try:
            with beside.open("wb") as stream:
                stream.write(octets)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(beside, self._path)
        except OSError:
            beside.unlink(missing_ok=True)
            raise
        sync_folder(self._path.parent)

    def _read(self) -> None:
        """Read the saved table; a damaged one says nothing, the segments are looked through."""
        octets = self._path.read_bytes() if self._path.exists() else b""
        if len(octets) < _HEAD.size:
            return
        magic, told, number = _HEAD.unpack_from(octets)
        rows = octets[_HEAD.size :]
        if magic != _MAGIC or zlib.crc32(octets[8:]) != told or len(rows) % _ROW.size:
            return
        self.saved = number
        for unit, token, following in _ROW.iter_unpack(rows):
            self.table[unit, token] = following
