"""What this machine is, around its sockets: own prefixes, port ranges, and what we may see.

Sources: ip(7) and Documentation/networking/ip-sysctl.rst (ip_local_port_range,
ip_local_reserved_ports, ip_unprivileged_port_start); rtnetlink(7). macOS and FreeBSD:
net.inet.ip.portrange. Windows: `netsh int ipv4 show dynamicport`.
"""

from __future__ import annotations

import os
import sys
from typing import NamedTuple

from portbook.evidence import privileges
from portbook.ports import HIGHEST, PortRange

_SYSCTL = "/proc/sys/net/ipv4"
_SETTING_OCTETS = 4096
_RESERVED_OCTETS = 1 << 20  # 65536 ports, each written alone, are under half of that

LIVE = "sudo tcpdump -i INTERFACE -U -w - | portbook read -"


class Surroundings(NamedTuple):
    """Facts about this machine's network that claims and rules are held against."""

    networks: tuple[str, ...]  # prefixes of its interfaces, without loopback: "192.168.1.0/24"
    ephemeral: PortRange | None  # what the system hands out to clients; None: not told
    reserved: tuple[PortRange, ...]  # kept out of that range, though a program may bind them
    unprivileged_from: int | None  # the lowest port that an ordinary user may bind


class Permission(NamedTuple):
    """One thing that may be seen, or not, and the command that grants it."""

    what: str
    granted: bool
    needs: str  # the right that it takes, in the system's own word
    command: str | None = None  # None: granted, or nothing grants it
    note: str | None = None


def surroundings() -> Surroundings:
    """Return this machine's own prefixes and port ranges, as far as the system tells them."""
    if sys.platform == "linux":
        return Surroundings(
            _networks(),
            ephemeral(),
            parse_ranges(_setting("ip_local_reserved_ports")),
            parse_number(_setting("ip_unprivileged_port_start")),
        )
    return Surroundings(_networks(), ephemeral(), (), None)


def ephemeral() -> PortRange | None:
    """Return the range that this system takes clients' ports from; None: not told."""
    if sys.platform == "linux":
        return parse_pair(_setting("ip_local_port_range"))
    return _ephemeral_elsewhere()


def excluded() -> tuple[PortRange, ...]:
    """Return the ranges that this system refuses to bind; only Windows has any."""
    if sys.platform != "win32":
        return ()
    import subprocess

    found: list[PortRange] = []
    for transport in ("tcp", "udp"):
        command = ["netsh", "int", "ipv4", "show", "excludedportrange", transport]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
        except (OSError, subprocess.TimeoutExpired):
            continue
        found += parse_excluded(done.stdout)
    return tuple(dict.fromkeys(found))


def addresses() -> tuple[str, ...]:
    """Return the addresses of this machine's interfaces, loopback too, sorted."""
    import socket

    import psutil

    wanted = (socket.AF_INET, socket.AF_INET6)
    found = {
        one.address.split("%", 1)[0]
        for several in psutil.net_if_addrs().values()
        for one in several
        if one.family in wanted
    }
    return tuple(sorted(found))


def permissions() -> tuple[Permission, ...]:
    """Return what this user can and cannot see here, a row each."""
    if sys.platform == "linux":
        return _linux_permissions()
    administrator = privileges.is_administrator()
    needs = "administrator" if sys.platform == "win32" else "root"
    owners = None if administrator else privileges.command("here")
    return (
        Permission("owners of other users' sockets", administrator, needs, owners),
        _packets(administrator, needs),
    )


def parse_pair(text: str) -> PortRange | None:
    """Read `32768 60999`; None when it is not two ports in order."""
    words = text.split()
    if len(words) != 2:
        return None
    first, last = parse_number(words[0]), parse_number(words[1])
    if first is None or last is None or first > last:
        return None
    return PortRange(first, last)


def parse_excluded(text: str) -> tuple[PortRange, ...]:
    """Read the table of `netsh int ipv4 show excludedportrange`: lines of first and last port.

    An asterisk after them marks ranges that an administrator set; the headings differ by language.
    """
    pairs = (parse_pair(line.replace("*", " ")) for line in text.splitlines())
    return tuple(one for one in pairs if one is not None)


def parse_ranges(text: str) -> tuple[PortRange, ...]:
    """Read `1740-1743,8080`; parts that make no sense are left out."""
    found = []
    for part in text.replace("\n", "").split(","):
        first, _, last = part.partition("-")
        one = parse_pair(f"{first} {last or first}")
        if one is not None:
            found.append(one)
    return tuple(found)


def parse_number(text: str) -> int | None:
    """Read a port number; None when it is none."""
    text = text.strip()
    if not (text.isascii() and text.isdecimal()) or len(text) > 5 or int(text) > HIGHEST:
        return None
    return int(text)


def _setting(name: str) -> str:
    """Read a setting at once, as the kernel gives it; it clears as many octets as are asked for."""
    try:
        file = os.open(f"{_SYSCTL}/{name}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        octets = os.pread(file, _SETTING_OCTETS, 0)
        if len(octets) == _SETTING_OCTETS:
            octets = os.pread(file, _RESERVED_OCTETS, 0)
    except OSError:
        return ""
    finally:
        os.close(file)
    return octets.decode("ascii", "replace")


def _networks() -> tuple[str, ...]:
    if sys.platform == "linux":
        from portbook.evidence import prefixes

        try:
            return prefixes.own()
        except OSError:
            pass  # no netlink: psutil reads the same through libc
    return _networks_by_psutil()


def _networks_by_psutil() -> tuple[str, ...]:
    import ipaddress
    import socket

    import psutil

    found = set()
    for addresses in psutil.net_if_addrs().values():
        for address in addresses:
            if address.family not in (socket.AF_INET, socket.AF_INET6) or not address.netmask:
                continue
            host = address.address.split("%", 1)[0]
            mask = ipaddress.ip_address(address.netmask)
            ones = int(mask).bit_count()
            network = ipaddress.ip_network(f"{host}/{ones}", strict=False)
            if not network.is_loopback:
                found.add(str(network))
    return tuple(sorted(found))


def _ephemeral_elsewhere() -> PortRange | None:
    import subprocess

    if sys.platform == "win32":
        command = ["netsh", "int", "ipv4", "show", "dynamicport", "tcp"]
    else:
        names = ("first", "last")
        command = ["sysctl", "-n", *(f"net.inet.ip.portrange.{name}" for name in names)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    numbers = [word for word in done.stdout.split() if word.isdecimal()]
    if len(numbers) != 2:
        return None
    if sys.platform == "win32":  # start and count
        return parse_pair(f"{numbers[0]} {int(numbers[0]) + int(numbers[1]) - 1}")
    return parse_pair(" ".join(numbers))


def _linux_permissions() -> tuple[Permission, ...]:
    from portbook.evidence import kernel_sockets

    bound = kernel_sockets.tells_bound()
    return (
        _listing(),
        Permission(
            "TCP sockets that are bound but do not listen",
            bound,
            "Linux 6.8 or later",
            None,
            None if bound else "this kernel does not tell; nothing grants it but a newer one",
        ),
        _row(
            "owners of other users' sockets",
            privileges.sees_all_owners(),
            privileges.OWNERS,
            "here",
            "without it: user and systemd unit of the socket only",
        ),
        _row(
            "all sockets of other network namespaces (containers)",
            privileges.has(privileges.SYS_ADMIN),
            (*privileges.OWNERS, privileges.SYS_ADMIN),
            "here",
            "without it: those that listen, by /proc/PID/net",
        ),
        _packets(privileges.has(privileges.NET_RAW), "CAP_NET_RAW"),
    )


def _packets(granted: bool, needs: str) -> Permission:
    """Tell of live packets, which another program captures; portbook reads what it is given."""
    note = None if granted else "without it: captures in files only"
    return Permission("packets of an interface", granted, needs, None if granted else LIVE, note)


def _listing() -> Permission:
    """Tell whether the kernel gives its list of sockets over netlink."""
    from portbook.evidence import kernel_sockets

    what, needs = "this machine's sockets", "netlink sock_diag"
    try:
        kernel_sockets.by_netlink(0, established=False)
    except OSError as error:
        why = f"the kernel refuses ({error.strerror}); /proc/net is read instead"
        return Permission(what, False, needs, None, why)
    return Permission(what, True, needs)


def _row(
    what: str, granted: bool, capabilities: tuple[str, ...], arguments: str, without: str
) -> Permission:
    needs = ", ".join(f"CAP_{name.upper()}" for name in capabilities)
    if granted:
        return Permission(what, True, needs)
    return Permission(what, False, needs, privileges.command(arguments, capabilities), without)
