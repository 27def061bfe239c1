"""The rules for Windows: PowerShell's New-NetFirewallRule, for the host that they are loaded on.

Windows Firewall cannot say "all but": a rule blocks the addresses that remain when the allowed ones
are taken away. Blocking goes before allowing there, so that nothing is opened.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from portbook.addresses import Scope
from portbook.errors import UsageError
from portbook.planning.firewalls.guarded import Guard, Kind
from portbook.planning.firewalls.places import PRIVATE, Places
from portbook.planning.firewalls.wording import heading

GROUP = "portbook"
_LOOPBACK = ("127.0.0.0/8", "::1")
_BEYOND = ("255.255.255.255", "224.0.0.0/4", "ff00::/8")


def windows(guards: Sequence[Guard], where: Places) -> str:
    """Return a PowerShell script; running it again gives the same rules, once.

    Raises UsageError for an interface: Windows has no rule for all interfaces but one.
    """
    if where.interface:
        raise UsageError("Windows has no rule for all interfaces but one; name --subnet instead")
    lines = [*heading(guards, where, LOADING), "#Requires -RunAsAdministrator", _REMOVE]
    for guard in guards:
        lines += _rules(guard, where)
    return "\r\n".join([*lines, ""])


LOADING = (
    "Load:   powershell -ExecutionPolicy Bypass -File FILE.ps1   (as administrator)",
    f"Remove: Remove-NetFirewallRule -Group {GROUP}",
    f"Watch:  Get-NetFirewallRule -Group {GROUP}",
)
_REMOVE = f"Remove-NetFirewallRule -Group '{GROUP}' -ErrorAction SilentlyContinue"


def complement(networks: Iterable[str]) -> tuple[str, ...]:
    """Return all other addresses, of IPv4 and then of IPv6, as `first-last`."""
    named = tuple(networks)
    return (*_others(IPv4Network, named, 32), *_others(IPv6Network, named, 128))


def _others(
    kind: type[IPv4Network] | type[IPv6Network], named: Sequence[str], bits: int
) -> Iterator[str]:
    address = IPv4Address if kind is IPv4Network else IPv6Address
    spans = sorted(
        (int(network.network_address), int(network.broadcast_address))
        for network in (kind(one) for one in named if (":" in one) == (bits == 128))
    )
    after = 0
    for first, last in (*spans, (1 << bits, 1 << bits)):
        if first > after:
            begin, end = address(after), address(first - 1)
            yield str(begin) if begin == end else f"{begin}-{end}"
        after = max(after, last + 1)


def _rules(guard: Guard, where: Places) -> Iterator[str]:
    inside = (*where.inside[4], *where.inside[6], *_LOOPBACK)
    stations = (*where.stations[4], *where.stations[6])
    far = (*PRIVATE[4], *PRIVATE[6]) if guard.reach.rank >= Scope.PRIVATE.rank else ()
    if guard.kind is Kind.ENGINEERING:
        incoming = (*stations, *_LOOPBACK) if stations else inside
        yield _rule(guard, "Inbound", complement(incoming))
        # A station may program elsewhere: its own addresses are no part of the rule.
        yield _rule(
            guard,
            "Outbound",
            complement((*inside, *_BEYOND)),
            complement(stations) if stations else (),
        )
        return
    allowed = inside if guard.kind is Kind.DISCOVERY else (*inside, *stations, *far)
    yield _rule(guard, "Inbound", complement(allowed))
    yield _rule(guard, "Outbound", complement((*allowed, *_BEYOND)))


def _rule(guard: Guard, direction: str, remote: Sequence[str], local: Sequence[str] = ()) -> str:
    end = "LocalPort" if direction == "Inbound" else "RemotePort"
    transport, towards = guard.transport.value, direction.lower()
    words = [
        "New-NetFirewallRule",
        f"-Name {_text(f'portbook-{guard.name}-{transport}-{towards}')}",
        f"-DisplayName {_text(f'portbook: {guard.name} {transport}, {towards}')}",
        f"-Group {_text(GROUP)}",
        f"-Description {_text(guard.why)}",
        f"-Direction {direction} -Action Block -Profile Any",
        f"-Protocol {transport.upper()} -{end} {_list(map(str, guard.ports))}",
    ]
    if local:
        words.append(f"-LocalAddress {_list(local)}")
    words.append(f"-RemoteAddress {_list(remote)}")
    return " ".join(words) + " | Out-Null"


def _list(values: Iterable[str]) -> str:
    return f"@({', '.join(map(_text, values))})"


def _text(value: str) -> str:
    """Quote for PowerShell: nothing is expanded inside single quotes."""
    plain = "".join(letter if letter.isprintable() else "?" for letter in value)
    for quote in "'\u2018\u2019\u201a\u201b":  # PowerShell takes the curved ones for quotes too
        plain = plain.replace(quote, quote * 2)
    return f"'{plain}'"
