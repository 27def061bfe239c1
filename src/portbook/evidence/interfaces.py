"""Packets of a network interface, through the kernel's ring (TPACKET_V3); Linux only.

with Interface("eth1") as live:
    while block := live.block(timeout_s=1.0):
        ...                     block.octets, block.first: for `Table.ring`
        live.give_back()

Nothing is ever sent. Sources: packet(7); linux/if_packet.h; kernel documentation, packet_mmap.
"""

from __future__ import annotations

import errno
import mmap
import os
import select
import socket
import struct
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import NamedTuple

from portbook.errors import SourceError, UsageError
from portbook.evidence.privileges import NET_RAW, command

SOL_PACKET = 263
_ADD_MEMBERSHIP, _RX_RING, _STATISTICS, _VERSION, _IGNORE_OUTGOING = 1, 5, 6, 10, 23
_TPACKET_V3, _PROMISCUOUS, _EVERY_PROTOCOL = 2, 1, 0x0003
_ATTACH_FILTER = 26
_GET_HARDWARE, _GET_FLAGS = 0x8927, 0x8913  # SIOCGIFHWADDR, SIOCGIFFLAGS
_UP = 1
_USER = 1  # TP_STATUS_USER: the block is ours to read
BLOCK = 1 << 20
BLOCKS = 64
WAIT_MS = 20  # until the kernel hands over a block that is not full
ETHERNET, RAW_IP = 1, 101  # LINKTYPE numbers
_LINKS = {1: ETHERNET, 772: ETHERNET, 65534: RAW_IP, 768: RAW_IP, 769: RAW_IP, 778: RAW_IP}
_LOOPBACK = 772

Instruction = tuple[int, int, int, int]  # of the kernel's packet filter: code, jt, jf, k


class Block(NamedTuple):
    """A block that the kernel has filled; valid until it is given back."""

    octets: memoryview
    first: int | None  # offset of its first packet's head; None: a stretch of a capture file
    packets: int


class Drops(NamedTuple):
    """Since the interface was opened: packets that came, and that were lost for lack of room."""

    packets: int
    dropped: int


class Interface:
    """An interface that is listened to.

    program: a kernel filter, as `filters.program` makes it; None takes every packet
    Raises UsageError for an interface that is none or of an unknown kind, SourceError without
    the right to listen. `link`: LINKTYPE of its frames; `twice`: packets come out and in.
    """

    def __init__(
        self,
        name: str,
        *,
        program: Sequence[Instruction] | None = None,
        promiscuous: bool = True,
        blocks: int = BLOCKS,
        block_octets: int = BLOCK,
    ) -> None:
        self.name = name
        self._blocks, self._size = blocks, block_octets
        self._at = 0
        self._came = self._dropped = 0
        self.link, self.twice, self._index = _kind(name)
        self._socket = _opened(name)
        try:
            self._prepare(program, promiscuous)
            self._ring = mmap.mmap(self._socket.fileno(), blocks * block_octets)
        except OSError as error:
            self._socket.close()
            raise SourceError(f"{name}: {error.strerror}; the kernel gives no ring") from error
        self._view = memoryview(self._ring)
        self._given = self._view[:0]  # the block that the caller has in hand
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN | select.POLLERR)

    def __enter__(self) -> Interface:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def fileno(self) -> int:
        """Return the socket's descriptor, for a loop that waits for several things."""
        return self._socket.fileno()

    def block(self, timeout_s: float = 0.0) -> Block | None:
        """Return the next block that is filled; None when there is none in time.

        Raises InterfaceDownError when the interface went down; `reopen` takes it up again.
        """
        found = self._filled()
        if found is None and timeout_s > 0:
            self._wait(timeout_s)
            found = self._filled()
        return found

    def give_back(self) -> None:
        """Let the kernel fill the block again that `block` returned last."""
        self._given.release()
        at = self._at * self._size
        self._view[at + 8 : at + 12] = b"\0\0\0\0"
        self._at = (self._at + 1) % self._blocks

    def drops(self) -> Drops:
        """Return how many packets came, and how many the kernel dropped for lack of room."""
        told = self._socket.getsockopt(SOL_PACKET, _STATISTICS, 12)  # reading it begins anew
        packets, dropped, _ = struct.unpack("=III", told)
        self._came += packets
        self._dropped += dropped
        return Drops(self._came, self._dropped)

    def up(self) -> bool:
        """Tell whether the interface is there and up."""
        try:
            return bool(_asked(self._socket, self.name, _GET_FLAGS)[0] & _UP)
        except OSError:
            return False

    def reopen(self) -> bool:
        """Follow the interface when it has come back under its name; False: it is not there yet.

        Needs no right: the socket that was opened is bound again.
        """
        try:
            link, twice, index = _kind(self.name)
            if not self.up():
                return False
            if index != self._index:
                self._socket.bind((self.name, _EVERY_PROTOCOL))
                self.link, self.twice, self._index = link, twice, index
        except (OSError, UsageError):
            return False
        return True

    def close(self) -> None:
        """Stop listening."""
        self._given.release()
        self._view.release()
        self._ring.close()
        self._socket.close()

    def _prepare(self, program: Sequence[Instruction] | None, promiscuous: bool) -> None:
        """Set everything before the first packet can come: it comes when the socket is bound."""
        live = self._socket
        live.setsockopt(SOL_PACKET, _VERSION, _TPACKET_V3)
        frame = 2048
        count = self._blocks * self._size // frame
        ring = struct.pack("=7I", self._size, self._blocks, frame, count, WAIT_MS, 0, 0)
        live.setsockopt(SOL_PACKET, _RX_RING, ring)
        if program is not None:
            _attach(live, program)
        if promiscuous and not self.twice:
            member = struct.pack("=iHH8s", self._index, _PROMISCUOUS, 0, b"")
            live.setsockopt(SOL_PACKET, _ADD_MEMBERSHIP, member)
        live.bind((self.name, _EVERY_PROTOCOL))

    def _filled(self) -> Block | None:
        at = self._at * self._size
        status, packets, first, used = struct.unpack_from("=4I", self._view, at + 8)
        if not status & _USER:
            return None
        if first > used or used > self._size:  # the kernel's own numbers: never seen
            raise SourceError(f"{self.name}: the ring holds a block that cannot be")
        self._given = self._view[at : at + self._size]
        return Block(self._given, first, packets)

    def _wait(self, timeout_s: float) -> None:
        for _, events in self._poll.poll(timeout_s * 1000):
            if events & select.POLLERR:
                code = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if code == errno.ENETDOWN:
                    raise InterfaceDownError(self.name)
                if code:
                    raise SourceError(f"{self.name}: {os.strerror(code)}")


class InterfaceDownError(SourceError):
    """The interface went down, or away; why: what else was told of it."""

    def __init__(self, name: str, why: str = "") -> None:
        super().__init__(f"{name}: the interface went down" + (f" ({why})" if why else ""))


def names() -> list[str]:
    """Return the interfaces of this network namespace."""
    return [name for _, name in socket.if_nameindex()]


def link(name: str) -> int:
    """Return the LINKTYPE of an interface's frames; UsageError where there is none of that name."""
    return _kind(name)[0]


def no_right(name: str) -> SourceError:
    """Return the error for a user who may not listen, with the command that grants it."""
    way = command(f"watch {name}", (NET_RAW,))
    right = " (CAP_NET_RAW), and nothing else" if sys.platform == "linux" else ""
    return SourceError(f"{name}: listening needs the right to capture{right}; run: {way}")


def _opened(name: str) -> socket.socket:
    try:
        return socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
    except PermissionError:
        raise no_right(name) from None


def _kind(name: str) -> tuple[int, bool, int]:
    """Return link type, whether it is loopback, and the number of an interface."""
    try:
        index = socket.if_nametoindex(name)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ask:
            kind = _asked(ask, name, _GET_HARDWARE)[0]
    except OSError:
        known = ", ".join(names())
        raise UsageError(f"{name}: no interface of that name; there are {known}") from None
    if kind not in _LINKS:
        raise UsageError(f"{name}: frames of kind {kind} (ARPHRD) cannot be read")
    return _LINKS[kind], kind == _LOOPBACK, index


def _asked(ask: socket.socket, name: str, question: int) -> tuple[int]:
    import fcntl

    request = struct.pack("16s24x", name.encode()[:15])
    answer = fcntl.ioctl(ask.fileno(), question, request)
    return struct.unpack_from("=H", answer, 16)


def _attach(live: socket.socket, program: Sequence[Instruction]) -> None:
    import ctypes

    packed = b"".join(struct.pack("=HBBI", *one) for one in program)
    room = ctypes.create_string_buffer(packed)
    about = struct.pack("HP", len(program), ctypes.addressof(room))
    live.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, about)
