"""Where the controllers are and who may program them: subnets or an interface, and stations."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network

import msgspec

from portbook.addresses import Scope, scope_of
from portbook.errors import UsageError

Network = IPv4Network | IPv6Network
MOST = 1024  # subnets, or stations
_INTERFACE = re.compile(r"[A-Za-z0-9_.@:-]{1,15}\Z")  # IFNAMSIZ of the kernel is 16


class Places(msgspec.Struct, frozen=True):
    """Texts of networks, joined and sorted, by the version of IP."""

    inside: dict[int, tuple[str, ...]]
    stations: dict[int, tuple[str, ...]]
    interface: str | None = None

    def local(self, version: int) -> tuple[str, ...]:
        """Return where packets may go that stay in the subnet: its broadcasts, link multicast."""
        return self.inside[version] + _LINK[version]


def places(
    subnets: Iterable[str] = (), stations: Iterable[str] = (), interface: str | None = None
) -> Places:
    """Read and check what was named.

    subnets: of the control network, "10.0.1.0/24"; stations: addresses or small subnets
    Raises UsageError when neither a subnet nor an interface is named, when a station is a public
    address, or when something is no address.
    """
    inside = [_network(one, "subnet") for one in subnets]
    if interface is not None and not _INTERFACE.match(interface):
        raise UsageError(f"not the name of an interface: {interface[:40]!r}")
    if not inside and interface is None:
        raise UsageError(
            "where are the controllers? name --subnet 10.0.1.0/24, or --interface eth1, or "
            'write subnets = ["10.0.1.0/24"] in the plan'
        )
    for one in inside:
        if one.prefixlen < 8:
            raise UsageError(f"{one} is no control network; name its own subnet")
    named = [_station(one) for one in stations]
    if max(len(inside), len(named)) > MOST:
        raise UsageError(f"more than {MOST} subnets or stations; join them to wider ones")
    return Places(_by_version(inside, True), _by_version(named, False), interface)


PRIVATE = {
    4: ("10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"),
    6: ("fc00::/7", "fe80::/10"),
}
_LINK = {4: ("224.0.0.0/24", "255.255.255.255"), 6: ("ff01::/16", "ff02::/16")}
_ALWAYS_INSIDE = {4: (), 6: ("fe80::/10",)}


def _network(text: str, what: str) -> Network:
    try:
        return ip_network(text.strip())
    except ValueError as error:
        raise UsageError(f"{what} {text[:60]!r}: {error}; write 10.0.1.0/24") from None


def _station(text: str) -> Network:
    station = _network(text, "station")
    ends = (station.network_address, station.broadcast_address)
    if any(scope_of(str(end)).rank >= Scope.PUBLIC.rank for end in ends):
        raise UsageError(
            f"station {station}: a public address; controllers are never programmed from outside: "
            "let the station come through a VPN, and name its inner address"
        )
    return station


def _by_version(networks: Sequence[Network], inside: bool) -> dict[int, tuple[str, ...]]:
    found: dict[int, tuple[str, ...]] = {}
    for version, kind in ((4, IPv4Network), (6, IPv6Network)):
        own = [one for one in networks if isinstance(one, kind)]
        if inside:
            own += [kind(text) for text in _ALWAYS_INSIDE[version]]
        found[version] = tuple(
            text_of(one)
            for one in sorted(collapse_addresses(own))  # type: ignore[type-var]
        )
    return found


def text_of(network: Network) -> str:
    """Return a network as text; one address stands without its length."""
    one = network.prefixlen == network.max_prefixlen
    return str(network.network_address) if one else str(network)
