"""Which link address is a host's own, and which is the router's that its packets came through.

Behind a router's link address stand the addresses of all that lies beyond it. A host is on the
link for certain when it wrote to everybody there: routers hand on neither broadcasts (RFC 2644)
nor what goes to a link-local group (RFC 5771 section 4, RFC 4291 section 2.7), and link-local
addresses never leave the link. Others own a link address as long as nothing speaks against it:
few addresses, of one network.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from ipaddress import IPv4Address, IPv6Address

from portbook.addresses import Address, Scope, parse, scope_of
from portbook.records import Conversation

MOST = 4  # IPv4 addresses of one host at one link address
MOST_IPV6 = 8  # privacy addresses change daily (RFC 8981)
MANY = 64  # addresses of all kinds
_LINK_LOCAL = ("169.254.", "fe80:")
# Virtual routers share these: VRRP (RFC 9568 section 7.3), HSRP 1 and 2, GLBP.
VIRTUAL = ("00:00:5e:00:01:", "00:00:5e:00:02:", "00:00:0c:07:ac:", "00:00:0c:9f:f", "00:07:b4:00:")

Where = tuple[str, str]  # site, link address


def owners(conversations: Iterable[Conversation]) -> Mapping[Where, frozenset[str]]:
    """Return the addresses that own each link address, by site and link address."""
    behind: dict[Where, set[str]] = defaultdict(set)
    here: dict[Where, set[str]] = defaultdict(set)
    for one in conversations:
        site, mac, other = one.site, one.client_mac, one.server_mac
        unicast = one.cast == "unicast"
        if mac:
            behind[site, mac].add(one.client)
            if not unicast and _stays(one):
                here[site, mac].add(one.client)
        if other and unicast:
            behind[site, other].add(one.server)
    return {
        where: _owning(where[1], addresses, here.get(where, frozenset()))
        for where, addresses in behind.items()
    }


def _stays(one: Conversation) -> bool:
    return one.cast == "broadcast" or scope_of(one.server) is Scope.LINK


def _owning(mac: str, addresses: Collection[str], here: Collection[str]) -> frozenset[str]:
    if mac.startswith(VIRTUAL) or mac.strip("0:") == "" or int(mac[:2], 16) & 1:
        return frozenset()
    if len(addresses) > MANY:  # a router's beyond doubt: no need to look at each
        return frozenset(one for one in addresses if one in here or one.startswith(_LINK_LOCAL))
    found = ((text, parse(text)) for text in addresses)
    known = {text: one for text, one in found if one and not one.is_unspecified}
    certain = {text for text in known if text in here or scope_of(text) is Scope.LINK}
    rest = known.keys() - certain
    if not rest or _one_host(mac, {text: known[text] for text in rest}, known):
        return frozenset(known)
    return frozenset(certain)


def _one_host(mac: str, rest: Mapping[str, Address], known: Mapping[str, Address]) -> bool:
    """Tell whether those who are not on the link for certain may still be one host of it."""
    four = [one for one in known.values() if isinstance(one, IPv4Address) and not one.is_link_local]
    six = [one for one in known.values() if isinstance(one, IPv6Address) and not one.is_link_local]
    if len(four) > MOST or len(six) > MOST_IPV6:
        return False
    if len(known) > 1 and any(_from_afar(mac, text, one) for text, one in rest.items()):
        return False
    return len({one.packed[:3] for one in four}) <= 1


def _from_afar(mac: str, text: str, address: Address) -> bool:
    """Tell whether an address mostly lies beyond a router: a public one not made of the MAC."""
    return scope_of(text) is Scope.PUBLIC and address.packed[8:] != _interface(mac)


def _interface(mac: str) -> bytes:
    """Return the interface identifier that a host makes of its MAC (RFC 4291, appendix A)."""
    octets = bytes.fromhex(mac.replace(":", ""))
    return bytes((octets[0] ^ 2,)) + octets[1:3] + b"\xff\xfe" + octets[3:]
