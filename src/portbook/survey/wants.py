"""The filters, the same words everywhere: host, port, protocol, since, until."""

from __future__ import annotations

from ipaddress import ip_network

import msgspec

from portbook.addresses import Scope, on_link, parse
from portbook.errors import UsageError
from portbook.ports import PortRange, Transport, parse_range
from portbook.records import Announcement, Conversation, Device, Finding, Listener, Service


class Wants(msgspec.Struct, frozen=True):
    """What the reader wants to see; empty fields want everything.

    hosts: addresses or prefixes ("10.0.0.5", "10.0.0.0/24"); protocols: names, or "unknown"
    """

    hosts: tuple[str, ...] = ()
    ports: tuple[tuple[PortRange, Transport | None], ...] = ()
    protocols: tuple[str, ...] = ()
    since_ns: int | None = None
    until_ns: int | None = None

    def __bool__(self) -> bool:
        return self != Wants()

    @property
    def timed(self) -> bool:
        """Tell whether a time is asked for, which a finding by itself does not have."""
        return self.since_ns is not None or self.until_ns is not None

    @property
    def talk(self) -> bool:
        """Tell whether a port or a protocol is asked for, which a device by itself has not."""
        return bool(self.ports or self.protocols)

    def conversation(self, one: Conversation) -> bool:
        """Tell whether a conversation is wanted; either end may match."""
        return (
            self._host(one.client, one.server)
            and self._port(one.transport, one.client_port, one.server_port)
            and self._protocol(one.protocol)
            and self._time(one.first_ns, one.last_ns)
        )

    def service(self, one: Service) -> bool:
        """Tell whether a service is wanted."""
        return (
            self._host(one.address)
            and self._port(one.transport, one.port)
            and (not self.protocols or any(map(self._protocol, one.protocols or (None,))))
            and self._time(one.first_ns, one.last_ns)
        )

    def device(self, one: Device) -> bool:
        """Tell whether a device is wanted: by host and time only."""
        return self._host(one.address, *one.addresses) and self._time(one.first_ns, one.last_ns)

    def announcement(self, one: Announcement) -> bool:
        """Tell whether an announcement is wanted."""
        return (
            self._host(one.source, one.destination)
            and self._port(one.transport, *one.ports)
            and self._protocol(one.protocol)
            and self._time(one.first_ns, one.last_ns)
        )

    def listener(self, one: Listener) -> bool:
        """Tell whether a socket is wanted; it has no protocol and no past.

        One that is bound to every address is met at each of them.
        """
        return (one.scope is Scope.ANY or self._host(one.address)) and self._port(
            one.transport, one.port
        )

    def finding(self, one: Finding) -> bool:
        """Tell whether a finding is wanted: by the address, port and protocol it speaks of."""
        told = one.parameters
        addresses = [told[name] for name in ("address", "client", "server") if name in told]
        port, transport = told.get("port"), told.get("transport")
        return (
            (not addresses or self._host(*map(str, addresses)))
            and (port is None or transport is None or self._port(Transport(transport), int(port)))
            and ("protocol" not in told or self._protocol(told["protocol"]))
        )

    def _host(self, *addresses: str) -> bool:
        return not self.hosts or any(on_link(address, self.hosts) for address in addresses)

    def _port(self, transport: Transport, *numbers: int) -> bool:
        return not self.ports or any(
            number in span and chosen in (None, transport)
            for span, chosen in self.ports
            for number in numbers
        )

    def _protocol(self, name: str | None) -> bool:
        return not self.protocols or (name or "unknown") in self.protocols

    def _time(self, first_ns: int, last_ns: int) -> bool:
        return (self.since_ns is None or last_ns >= self.since_ns) and (
            self.until_ns is None or first_ns <= self.until_ns
        )


def wanted_host(text: str) -> str:
    """Check an address or prefix that the user gave; raises UsageError."""
    try:
        return str(ip_network(text, strict=False))
    except ValueError:
        address = parse(text)
        if address is not None:
            return str(address)
        raise UsageError(
            f"not an address or prefix: {text!r}; write 10.0.0.5 or 10.0.0.0/24"
        ) from None


def wanted_ports(texts: tuple[str, ...]) -> tuple[tuple[PortRange, Transport | None], ...]:
    """Read the ports that the user gave: `1743`, `1743/udp`, `1740-1743`; raises UsageError."""
    return tuple(parse_range(part) for text in texts for part in text.split(","))
