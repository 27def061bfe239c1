"""Which way packets of an interface are heard here: the kernel's ring, or libpcap.

Linux has the ring, which is the fastest and needs nothing; elsewhere it is the libpcap of the
system, on Windows Npcap. Where neither is there, another program captures and portbook reads.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import TracebackType
from typing import NamedTuple, Protocol, TypeVar

from portbook.errors import UsageError
from portbook.evidence.filters import Network, Ports
from portbook.evidence.interfaces import Block, Drops

RING, LIBPCAP = "ring", "libpcap"
WAYS = (RING, LIBPCAP)
_Self = TypeVar("_Self", bound="Heard")


class Heard(Protocol):
    """An interface that is listened to, whichever way; see `interfaces.Interface`."""

    name: str
    link: int
    twice: bool

    def __enter__(self: _Self) -> _Self:
        """Listen until the end of the block."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop listening."""

    def fileno(self) -> int:
        """Return the descriptor to wait for, -1 where there is none."""

    def block(self, timeout_s: float = 0.0) -> Block | None:
        """Return the next packets, None when none come in time."""

    def give_back(self) -> None:
        """Let the block be filled again that `block` returned last."""

    def drops(self) -> Drops:
        """Return how many packets came, and how many were lost for lack of room."""

    def up(self) -> bool:
        """Tell whether the interface is there and up."""

    def reopen(self) -> bool:
        """Follow the interface when it has come back; False: it is not there yet."""

    def close(self) -> None:
        """Stop listening."""


class Told(NamedTuple):
    """How packets are heard here: by what, and whether that is there."""

    way: str
    there: bool
    by: str  # "the kernel's ring", "libpcap version 1.10.3"


def opened(
    name: str,
    hosts: Sequence[Network] = (),
    ports: Sequence[Ports] = (),
    *,
    promiscuous: bool = True,
    way: str | None = None,
) -> Heard:
    """Listen to an interface; only packets of these hosts and ports come, as far as can be told.

    way: one of WAYS; None takes this system's own
    Raises UsageError for an interface that is none, SourceError where it cannot be listened to.
    """
    from portbook.evidence import filters

    if (way or usual()) == LIBPCAP:
        from portbook.evidence import libpcap

        told = filters.expression(hosts, ports)
        return libpcap.Interface(name, told=told, promiscuous=promiscuous)
    if sys.platform != "linux":
        raise UsageError("the kernel's ring is Linux's; leave --capture out, or ask for libpcap")
    from portbook.evidence import interfaces

    ethernet = interfaces.link(name) == interfaces.ETHERNET
    program = filters.program(hosts, ports, ethernet=ethernet)
    return interfaces.Interface(name, program=program, promiscuous=promiscuous)


def usual() -> str:
    """Return this system's own way."""
    return RING if sys.platform == "linux" else LIBPCAP


def told() -> Told:
    """Tell how packets are heard here."""
    if usual() == RING:
        return Told(RING, True, "the kernel's ring")
    from portbook.evidence.pcap_library import version

    found = version()
    return Told(LIBPCAP, found is not None, found or "libpcap")
