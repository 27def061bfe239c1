"""What a port is: a number and a transport; a range of them; the band it lies in.

Source: RFC 6335 (BCP 165), section 6, for the three bands.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple

from portbook.errors import UsageError

HIGHEST = 65535


class Transport(StrEnum):
    """The transports that have port numbers in the IANA registry."""

    TCP = "tcp"
    UDP = "udp"
    SCTP = "sctp"
    DCCP = "dccp"


class Band(StrEnum):
    """The three bands of RFC 6335, with the older names that people still use."""

    SYSTEM = "system"
    USER = "user"
    DYNAMIC = "dynamic"

    @classmethod
    def of(cls, number: int) -> Band:
        """Return the band of a port number, 0 to 65535."""
        if number < 1024:
            return cls.SYSTEM
        return cls.USER if number < 49152 else cls.DYNAMIC

    @property
    def alias(self) -> str:
        """Return the older name of the band."""
        return {"system": "well-known", "user": "registered", "dynamic": "ephemeral"}[self.value]

    @property
    def range(self) -> PortRange:
        """Return the numbers of the band."""
        first, last = {"system": (0, 1023), "user": (1024, 49151), "dynamic": (49152, HIGHEST)}[
            self.value
        ]
        return PortRange(first, last)


class Port(NamedTuple):
    """A port number together with its transport; `1743/tcp` when printed."""

    number: int
    transport: Transport

    def __str__(self) -> str:
        return f"{self.number}/{self.transport.value}"


class PortRange(NamedTuple):
    """Port numbers from first to last, both included; `1740-1743` when printed."""

    first: int
    last: int

    def __contains__(self, number: object) -> bool:
        return isinstance(number, int) and self.first <= number <= self.last

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"

    @property
    def size(self) -> int:
        """Return how many ports the range holds."""
        return self.last - self.first + 1


_PORT = re.compile(r"(\d{1,6})(?:[-–](\d{1,6}))?(?:/([A-Za-z]+))?\Z")


def parse_range(text: str) -> tuple[PortRange, Transport | None]:
    """Read `1743`, `1743/udp`, `1740-1743` or `1740-1743/udp`.

    Raises UsageError when the text is none of these or a number lies outside 0 to 65535.
    """
    match = _PORT.match(text.strip())
    if not match:
        raise UsageError(f"not a port: {text!r}; write 1743, 1743/udp or 1740-1743/udp")
    first, last = int(match[1]), int(match[2] or match[1])
    for number in (first, last):
        if number > HIGHEST:
            raise UsageError(f"port must be 0 to {HIGHEST}, got {number}")
    if last < first:
        raise UsageError(f"a port range runs upwards, got {text!r}")
    transport = parse_transport(match[3]) if match[3] else None
    return PortRange(first, last), transport


def parse_transport(text: str) -> Transport:
    """Read the name of a transport; raises UsageError when it has no port numbers."""
    try:
        return Transport(text.lower())
    except ValueError:
        known = ", ".join(transport.value for transport in Transport)
        raise UsageError(f"not a transport with ports: {text!r}; known: {known}") from None
