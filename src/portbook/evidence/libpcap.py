"""Packets of an interface through the system's libpcap: where the kernel's own ring is not there.

The same as `interfaces.Interface`, but a block holds packets as a capture file does, for
`Table.feed`: libpcap writes them there itself, so that nothing of Python runs for a packet. On
Windows, where its files are not ours, packets are fetched one by one. Nothing is ever sent.
Not run on macOS, the BSDs and Windows: what differs there follows the documents.
Sources: pcap(3PCAP), pcap_dispatch, pcap_dump_open, pcap_get_selectable_fd; pcap-savefile(5).
"""

from __future__ import annotations

import ctypes
import os
import select
import sys
import time
from collections.abc import Iterator
from types import TracebackType

from portbook.errors import SourceError, UsageError
from portbook.evidence import pcap_library as lib
from portbook.evidence.interfaces import Block, Drops, InterfaceDownError, no_right
from portbook.evidence.pcap_batches import SNAP, Batch, Dumped, Fetched
from portbook.evidence.pcap_library import Device, Program, Statistics, library

BUFFER = 32 << 20  # octets that the system keeps for us; some keep less
WAIT_MS = 20  # until the system hands over a buffer that is not full
_MOST_WAIT_S = 0.1  # between two looks: some systems do not wake whoever waits
_LOOK_S, _SOON_S = 1.0, 0.1  # between two looks whether a silent interface is up; when woken
_UP = 2  # PCAP_IF_UP
_ANY_MASK = 0xFFFFFFFF  # PCAP_NETMASK_UNKNOWN


class Interface:
    """An interface that is listened to, through libpcap.

    told: a filter in libpcap's words, as `filters.expression` makes it; None takes every packet
    fetched: take packets one by one; None: where that is the only way
    Raises UsageError for an interface that is none, or a filter that does not fit it, SourceError
    without libpcap, without the right to listen, or when the interface is down.
    """

    twice = False  # on loopback libpcap gives each packet once

    def __init__(
        self,
        name: str,
        *,
        told: str | None = None,
        promiscuous: bool = True,
        buffer_octets: int = BUFFER,
        fetched: bool | None = None,
    ) -> None:
        self.name = name
        self._told, self._promiscuous, self._buffer = told, promiscuous, buffer_octets
        self._fetched = sys.platform == "win32" if fetched is None else fetched
        self._pcap = library()
        self._lost: str | None = None  # why nothing more comes from the handle
        self._begun = False  # the head of the file was given
        self._came = self._dropped = 0
        self._last = Drops(0, 0)
        self._handle: int | None = None
        self._open()
        self.link = self._batch.link
        self._tells_up = self.up()  # some kinds never say that they are up
        self._looked = time.monotonic()

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
        """Return a descriptor that is ready when packets are; -1 where there is none."""
        ask = getattr(self._pcap, "pcap_get_selectable_fd", None)
        return -1 if ask is None or self._handle is None else int(ask(self._handle))

    def block(self, timeout_s: float = 0.0) -> Block | None:
        """Return packets that came, as a stretch of one capture file; None: none came in time.

        Raises InterfaceDownError when the interface went down; `reopen` takes it up again.
        """
        end = time.monotonic() + timeout_s
        woken = False
        while (found := self._taken()) is None:
            self._look(_SOON_S if woken else _LOOK_S)
            left = end - time.monotonic()
            if left <= 0:
                break
            woken = self._wait(min(left, _MOST_WAIT_S))
        return found

    def give_back(self) -> None:
        """Let the block be filled again that `block` returned last."""
        self._batch.give_back()

    def drops(self) -> Drops:
        """Return how many packets came, and how many were dropped for lack of room."""
        told = Statistics()
        if self._handle is not None and self._pcap.pcap_stats(self._handle, told) == 0:
            now = Drops(told.packets, told.dropped)
            self._came += now.packets - self._last.packets & 0xFFFFFFFF  # it counts to 32 bits
            self._dropped += now.dropped - self._last.dropped & 0xFFFFFFFF
            self._last = now
        return Drops(self._came, self._dropped)

    def up(self) -> bool:
        """Tell whether the interface is there and up."""
        return any(name == self.name and flags & _UP for name, _, flags in _devices())

    def reopen(self) -> bool:
        """Follow the interface when it has come back under its name; False: it is not there yet.

        Raises SourceError when it is back and the right to capture is not.
        """
        if not self.up():
            return False
        if self._lost is None:
            return True
        self.drops()
        self._shut()
        try:
            self._open()
        except UsageError:  # it went again
            return False
        if self._batch.link != self.link:
            raise SourceError(f"{self.name}: it is back with frames of another kind; start again")
        if self._begun:
            self._batch.go_on()
        self._lost = None
        return True

    def close(self) -> None:
        """Stop listening."""
        self._shut()
        self._lost = "it was closed"

    def _open(self) -> None:
        if "://" in self.name:  # libpcap would ask another machine to listen
            raise UsageError(f"{self.name}: only interfaces of this machine are listened to")
        name = os.fsencode(_device(self.name))
        if b"\0" in name:
            raise self._refused(lib.NO_SUCH)
        room = ctypes.create_string_buffer(lib.ERROR_OCTETS)
        self._handle = self._pcap.pcap_create(name, room)
        self._last = Drops(0, 0)
        if self._handle is None:
            raise SourceError(f"{self.name}: {_text(room.value)}")
        try:
            self._prepare()
            self._batch: Batch = (Fetched if self._fetched else Dumped)(self._pcap, self._handle)
        except BaseException:
            self._pcap.pcap_close(self._handle)
            self._handle = None
            raise

    def _prepare(self) -> None:
        pcap, handle = self._pcap, self._handle
        room = ctypes.create_string_buffer(lib.ERROR_OCTETS)
        pcap.pcap_set_snaplen(handle, SNAP)  # these four fail only where a handle is active
        pcap.pcap_set_promisc(handle, self._promiscuous)
        pcap.pcap_set_timeout(handle, WAIT_MS)
        pcap.pcap_set_buffer_size(handle, self._buffer)
        if hasattr(pcap, "pcap_set_tstamp_precision"):  # where it cannot: microseconds, as told
            pcap.pcap_set_tstamp_precision(handle, lib.NANOSECONDS)
        code = pcap.pcap_activate(handle)
        if code < 0:
            raise self._refused(code)
        if self._told is not None:
            self._filter(self._told)
        if pcap.pcap_setnonblock(handle, 1, room) != 0:
            raise SourceError(f"{self.name}: {_text(room.value)}")

    def _filter(self, told: str) -> None:
        made = Program()
        if self._pcap.pcap_compile(self._handle, made, os.fsencode(told), 1, _ANY_MASK) != 0:
            raise UsageError(f"{self.name}: the filter {told!r} does not do: {self._why()}")
        try:
            if self._pcap.pcap_setfilter(self._handle, made) != 0:
                raise SourceError(f"{self.name}: the filter cannot be set: {self._why()}")
        finally:
            self._pcap.pcap_freecode(made)

    def _refused(self, code: int) -> Exception:
        """Return the error for what pcap_activate answered."""
        if code == lib.NO_SUCH:
            known = ", ".join(names()) or "none that you may open"
            return UsageError(f"{self.name}: no interface of that name; there are {known}")
        if code in (lib.DENIED, lib.PROMISCUOUS_DENIED):
            return no_right(self.name)
        if code == lib.NOT_UP:
            return SourceError(f"{self.name}: the interface is down; bring it up, then try again")
        status = _text(self._pcap.pcap_statustostr(code))
        return SourceError(f"{self.name}: {self._why() or status} (libpcap)")

    def _taken(self) -> Block | None:
        if self._lost is not None:
            raise InterfaceDownError(self.name, self._lost)
        packets = self._batch.take()
        if packets < 0:
            self._lost = self._why()
            raise InterfaceDownError(self.name, self._lost)
        if not packets:
            return None
        self._begun = True
        return Block(self._batch.octets(), None, packets)

    def _look(self, after_s: float) -> None:
        """Look whether it is down, when the last look is so long ago."""
        now = time.monotonic()
        if self._tells_up and now - self._looked >= after_s:
            self._looked = now
            if not self.up():
                raise InterfaceDownError(self.name)

    def _wait(self, timeout_s: float) -> bool:
        """Wait; tell whether something happened, which need not be a packet."""
        number = self.fileno()
        if number < 0:
            time.sleep(min(timeout_s, WAIT_MS / 1000))
            return False
        ready, _, _ = select.select([number], [], [], timeout_s)  # poll takes no BPF on macOS
        return bool(ready)

    def _why(self) -> str:
        return _text(self._pcap.pcap_geterr(self._handle))

    def _shut(self) -> None:
        if self._handle is not None:
            self._batch.close()
            self._pcap.pcap_close(self._handle)
            self._handle = None


def names() -> list[str]:
    """Return the interfaces that libpcap knows; on Windows with what they are called there."""
    return [f"{name} ({about})" if about and _odd(name) else name for name, about, _ in _devices()]


def _device(name: str) -> str:
    """Return libpcap's name of an interface, which on Windows nobody can remember."""
    if sys.platform != "win32":
        return name
    known = [(one, about) for one, about, _ in _devices()]
    return next((one for one, about in known if about.casefold() == name.casefold()), name)


def _odd(name: str) -> bool:
    return name.startswith("\\Device\\")


def _devices() -> Iterator[tuple[str, str, int]]:
    """Give name, description and flags of each interface."""
    pcap = library()
    first = ctypes.POINTER(Device)()
    room = ctypes.create_string_buffer(lib.ERROR_OCTETS)
    if pcap.pcap_findalldevs(ctypes.byref(first), room) != 0:
        raise SourceError(f"the interfaces cannot be listed: {_text(room.value)} (libpcap)")
    try:
        here = first
        while here:
            one = here.contents
            yield _text(one.name), _text(one.description), one.flags
            here = one.next
    finally:
        pcap.pcap_freealldevs(first)


def _text(octets: bytes | None) -> str:
    return (octets or b"").decode("utf-8", "replace")
