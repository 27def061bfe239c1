"""How packets come out of libpcap: many at a time, laid out as a capture file has them.

`Dumped` lets libpcap call its own pcap_dump for each packet, which writes to a file that is a
stretch of our memory (fmemopen): two copies and no Python for a packet. `Fetched` asks for each
packet and lays it out itself. Sources: pcap_dispatch(3PCAP), pcap_dump_open(3PCAP),
pcap_next_ex(3PCAP), pcap-savefile(5), fmemopen(3).
"""

from __future__ import annotations

import ctypes
import mmap
import struct
from ctypes import CDLL, c_char_p, c_int, c_long, c_size_t, c_void_p
from typing import Protocol

from portbook.errors import SourceError
from portbook.evidence.pcap_library import NANOSECONDS, Head

SNAP = (1 << 18) - 64  # octets of a packet; a tag that is put back still leaves it readable
ROOM = 64 << 20  # of addresses only: memory is taken for what is written
_RECORD = 16 + (1 << 18)  # octets of the longest packet with its head
MOST = ROOM // _RECORD  # packets in a batch, so that any of them fit
_FILE_HEAD = 24
_WHOLLY, _FROM_START = 0, 0  # _IOFBF, SEEK_SET
_BUFFER = 1 << 18  # octets between the file and our memory; twice as fast as without
# pcap_datalink tells numbers of the system; in a file the common ones stand
_LINKS = {12: 101, 14: 101}  # raw IP


class Batch(Protocol):
    """Packets of a handle, a batch at a time; `link`: LINKTYPE of their frames."""

    link: int

    def take(self) -> int:
        """Fetch a batch; return how many packets it has, below 0 when the handle has failed."""

    def octets(self) -> memoryview:
        """Return the batch that was taken last; the first begins with the head of a file."""

    def give_back(self) -> None:
        """Let go of the batch."""

    def go_on(self) -> None:
        """Leave the head of the file out: it was given before."""

    def close(self) -> None:
        """Let go of everything but the handle."""


class Dumped:
    """Batches that libpcap writes."""

    def __init__(self, pcap: CDLL, handle: int) -> None:
        self._pcap, self._handle = pcap, handle
        self._write = ctypes.cast(pcap.pcap_dump, c_void_p)
        self._system = _system()
        self._map = mmap.mmap(-1, ROOM)
        self._view = memoryview(self._map)
        self._given = self._view[:0]
        place = ctypes.c_char.from_buffer(self._map)
        file = self._system.fmemopen(ctypes.addressof(place), ROOM, b"wb")
        del place  # it would hold the map open
        if not file:
            raise OSError(ctypes.get_errno(), "fmemopen")
        self._system.setvbuf(file, None, _WHOLLY, _BUFFER)
        self._file, self._dumper = file, pcap.pcap_dump_fopen(handle, file)
        if not self._dumper:
            self._system.fclose(file)
            raise SourceError(pcap.pcap_geterr(handle).decode("utf-8", "replace"))
        self._flush()
        self.link = struct.unpack_from("=I", self._map, 20)[0]
        self._begin, self._end = 0, _FILE_HEAD

    def take(self) -> int:
        """Fetch a batch."""
        pcap = self._pcap
        packets: int = pcap.pcap_dispatch(self._handle, MOST, self._write, self._dumper)
        self._flush()
        self._end = pcap.pcap_dump_ftell(self._dumper)
        return packets

    def octets(self) -> memoryview:
        """Return the batch."""
        self._given = self._view[self._begin : self._end]
        return self._given

    def give_back(self) -> None:
        """Write the next batch where this one stands."""
        self._given.release()
        self.go_on()
        if self._system.fseek(self._file, _FILE_HEAD, _FROM_START) != 0:
            raise OSError(ctypes.get_errno(), "fseek")

    def go_on(self) -> None:
        """Leave the head of the file out."""
        self._begin = _FILE_HEAD

    def close(self) -> None:
        """Close the file, then let go of its memory."""
        self._given.release()
        self._pcap.pcap_dump_close(self._dumper)
        self._view.release()
        self._map.close()

    def _flush(self) -> None:
        """Let nothing wait in the file's own buffer: our memory may be gone before it is."""
        if self._pcap.pcap_dump_flush(self._dumper) != 0:
            raise SourceError("libpcap could not write the packets that it has")


class Fetched:
    """Batches of packets that were asked for one by one."""

    def __init__(self, pcap: CDLL, handle: int) -> None:
        self._pcap, self._handle = pcap, handle
        self._head, self._data = ctypes.POINTER(Head)(), c_void_p()
        kind = pcap.pcap_datalink(handle)
        self.link = _LINKS.get(kind, kind)
        exact = getattr(pcap, "pcap_get_tstamp_precision", None)
        magic = 0xA1B23C4D if exact and exact(handle) == NANOSECONDS else 0xA1B2C3D4
        self._room = bytearray(struct.pack("=IHHiIII", magic, 2, 4, 0, 0, SNAP, self.link))
        self._given = memoryview(b"")

    def take(self) -> int:
        """Fetch a batch."""
        room, head, data = self._room, self._head, self._data
        following = self._pcap.pcap_next_ex
        for packets in range(MOST):
            code: int = following(self._handle, head, data)
            if code != 1 or data.value is None:
                return packets or min(code, 0)
            one = head.contents
            room += struct.pack("=4I", one.seconds, one.ticks, one.captured, one.length)
            room += ctypes.string_at(data.value, one.captured)
        return MOST

    def octets(self) -> memoryview:
        """Return the batch."""
        self._given = memoryview(self._room)
        return self._given

    def give_back(self) -> None:
        """Forget the batch."""
        self._given.release()
        self._room.clear()

    def go_on(self) -> None:
        """Leave the head of the file out."""
        self._room.clear()

    def close(self) -> None:
        """Forget all."""
        self._given.release()
        self._room.clear()


def _system() -> CDLL:
    """Return the C library, whose files libpcap writes."""
    found = CDLL(None, use_errno=True)
    for name, result, *arguments in (
        ("fmemopen", c_void_p, c_void_p, c_size_t, c_char_p),
        ("setvbuf", c_int, c_void_p, c_char_p, c_int, c_size_t),
        ("fseek", c_int, c_void_p, c_long, c_int),
        ("fclose", c_int, c_void_p),
    ):
        function = getattr(found, name)
        function.restype, function.argtypes = result, arguments
    return found
