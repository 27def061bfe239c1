"""The rules of a router, with real packets: discovery stays, engineering passes, strangers do not.

Nothing waits for a packet that does not come: a marker is sent behind it on the same way, and once
the marker is there, what was sent before it has arrived or never will.
"""

from __future__ import annotations

import contextlib
import select
import shutil
import socket
from collections.abc import Callable, Iterator

import pytest
from support.routed import INNER, PUBLIC, ROUTER, STATION, STRANGER, Net, needs_veth, routed

from portbook.claims.profiles import profiles
from portbook.planning.firewalls import Guard, Places, guards, iptables, nftables, places

KEPT = guards(profiles().values())
MARKER, DISCOVERY, ENGINEERING, MODBUS, WEB = 9999, 1740, 11740, 502, 8088
SUBNET = places(["10.77.1.0/24"], [STATION])
INTERFACE = places([], [STATION], "in0")
needs_nft = pytest.mark.skipif(shutil.which("nft") is None, reason="nft is absent")
needs_iptables = pytest.mark.skipif(
    shutil.which("iptables-restore") is None, reason="iptables-restore is absent"
)
pytestmark = [needs_veth, pytest.mark.root]
Load = Callable[[Net, Places], None]


def load_nftables(net: Net, where: Places) -> None:
    for _ in range(2):  # the second time changes nothing
        net.run("router", "nft", "-f", "-", text=nftables(KEPT, where))


def load_iptables(net: Net, where: Places) -> None:
    text = iptables(KEPT, where)
    net.run("router", "iptables-restore", "--test", "--noflush", text=text)
    once = next(line for line in text.splitlines() if line.startswith("# Once:"))
    for _ in range(2):
        net.run("router", "iptables-restore", "--noflush", text=text)
        net.run("router", "sh", "-c", once.removeprefix("# Once:"))


WAYS = [
    pytest.param(load_nftables, SUBNET, id="nftables by subnet", marks=needs_nft),
    pytest.param(load_nftables, INTERFACE, id="nftables by interface", marks=needs_nft),
    pytest.param(load_iptables, SUBNET, id="iptables by subnet", marks=needs_iptables),
    pytest.param(load_iptables, INTERFACE, id="iptables by interface", marks=needs_iptables),
]


@pytest.fixture
def net() -> Iterator[Net]:
    with routed() as made:
        yield made


def passes(
    net: Net, sender: tuple[str, str], receiver: tuple[str, str], port: int, to: str | None = None
) -> bool:
    """Tell whether a datagram arrives; both ends by namespace and address."""
    with (
        net.udp(receiver[0], "0.0.0.0", port) as wanted,
        net.udp(receiver[0], "0.0.0.0", MARKER) as marker,
        net.udp(*sender, port) as out,
    ):
        with contextlib.suppress(PermissionError):  # how a drop on the way out is told
            out.sendto(b"discovery", (to or receiver[1], port))
        out.sendto(b"marker", (receiver[1], MARKER))
        assert b"marker" == marker.recv(64)
        wanted.setblocking(False)
        try:
            return wanted.recv(64) == b"discovery"
        except BlockingIOError:
            return False


def connects(net: Net, sender: tuple[str, str], receiver: tuple[str, str], port: int) -> bool:
    """Tell whether a connection is made and carries data both ways."""
    with (
        net.listener(*receiver, port) as wanted,
        net.listener(*receiver, WEB) as web,
        net.client(*sender) as out,
        net.client(*sender) as marker,
    ):
        out.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            out.connect((receiver[1], port))
        marker.connect((receiver[1], WEB))
        web.accept()[0].close()
        wanted.setblocking(False)
        if not select.select([wanted], [], [], 0)[0]:
            assert not select.select([], [out], [], 0)[1]
            return False
        return _talks(out, wanted.accept()[0])


def _talks(one: socket.socket, other: socket.socket) -> bool:
    with other:
        for end in (one, other):
            end.settimeout(5)
        one.sendall(b"question")
        other.sendall(other.recv(64)[::-1])
        return one.recv(64) == b"noitseuq"


def test_without_rules_everything_passes(net: Net) -> None:
    assert passes(net, ("inner", INNER), ("outer", STRANGER), DISCOVERY)
    assert passes(net, ("outer", PUBLIC), ("inner", INNER), DISCOVERY)
    assert connects(net, ("outer", STRANGER), ("inner", INNER), ENGINEERING)
    assert connects(net, ("outer", PUBLIC), ("inner", INNER), MODBUS)


@pytest.mark.parametrize(("load", "where"), WAYS)
def test_discovery_does_not_leave_nor_enter(net: Net, load: Load, where: Places) -> None:
    load(net, where)

    for port in (1740, 1741, 1742, 1743, 44818):
        assert not passes(net, ("inner", INNER), ("outer", STRANGER), port)
        assert not passes(net, ("inner", INNER), ("outer", STATION), port)
        assert not passes(net, ("outer", STATION), ("inner", INNER), port)
        assert not passes(net, ("outer", PUBLIC), ("inner", INNER), port)
    assert not passes(net, ("outer", STRANGER), ("router", "10.77.2.1"), DISCOVERY)
    assert not passes(net, ("router", "10.77.2.1"), ("outer", STRANGER), DISCOVERY)
    assert passes(net, ("inner", INNER), ("outer", STRANGER), 1744)


@pytest.mark.parametrize(("load", "where"), WAYS)
def test_discovery_is_heard_inside(net: Net, load: Load, where: Places) -> None:
    load(net, where)

    assert passes(net, ("inner", INNER), ("router", ROUTER), DISCOVERY)
    assert passes(net, ("inner", INNER), ("router", ROUTER), DISCOVERY, to="10.77.1.255")
    assert passes(net, ("inner", INNER), ("router", ROUTER), DISCOVERY, to="255.255.255.255")
    assert passes(net, ("router", ROUTER), ("inner", INNER), DISCOVERY, to="10.77.1.255")


@pytest.mark.parametrize(("load", "where"), WAYS)
def test_engineering_passes_from_the_named_station_alone(
    net: Net, load: Load, where: Places
) -> None:
    load(net, where)

    for port in (ENGINEERING, 1217, 22001, 1200):
        assert connects(net, ("outer", STATION), ("inner", INNER), port)
        assert not connects(net, ("outer", STRANGER), ("inner", INNER), port)
        assert not connects(net, ("outer", PUBLIC), ("inner", INNER), port)


@pytest.mark.parametrize(("load", "where"), WAYS)
def test_other_protocols_reach_as_far_as_they_may(net: Net, load: Load, where: Places) -> None:
    load(net, where)

    assert connects(net, ("outer", STRANGER), ("inner", INNER), MODBUS)
    assert not connects(net, ("outer", PUBLIC), ("inner", INNER), MODBUS)
    assert connects(net, ("inner", INNER), ("outer", STRANGER), MODBUS)
    assert not connects(net, ("inner", INNER), ("outer", PUBLIC), MODBUS)
    assert connects(net, ("outer", PUBLIC), ("inner", INNER), 8443)


@pytest.mark.parametrize(("load", "where"), WAYS)
def test_an_answer_to_a_client_on_a_guarded_number_passes(
    net: Net, load: Load, where: Places
) -> None:
    load(net, where)

    with net.udp("inner", INNER, 44818) as asking, net.udp("outer", PUBLIC, 5353) as server:
        asking.sendto(b"question", (PUBLIC, 5353))
        _, asker = server.recvfrom(64)
        server.sendto(b"answer", asker)

        assert b"answer" == asking.recv(64)


def loaded(net: Net) -> str:
    return net.run("router", "nft", "-s", "list", "ruleset")


@needs_nft
def test_loading_again_changes_nothing(net: Net) -> None:
    load_nftables(net, SUBNET)
    once = loaded(net)
    load_nftables(net, SUBNET)

    assert once == loaded(net)
    assert "1740-1743" in once


@needs_nft
def test_the_rules_of_others_stay(net: Net) -> None:
    net.run("router", "nft", "add table inet theirs")
    load_nftables(net, SUBNET)
    net.run("router", "nft", "delete table inet portbook")

    assert "table inet theirs" in loaded(net)
    assert "portbook" not in loaded(net)


@needs_iptables
def test_restoring_iptables_again_doubles_nothing(net: Net) -> None:
    load_iptables(net, SUBNET)

    jumps = [
        line
        for line in net.run("router", "iptables", "-S").splitlines()
        if line.startswith(("-A INPUT", "-A FORWARD", "-A OUTPUT"))
    ]
    assert 3 == len(jumps)


@needs_iptables
@pytest.mark.parametrize("where", [SUBNET, INTERFACE], ids=["subnet", "interface"])
def test_ip6tables_takes_its_form(net: Net, where: Places) -> None:
    text = iptables(KEPT, where, 6)

    net.run("router", "ip6tables-restore", "--test", "--noflush", text=text)
    assert "10.77" not in text.split("*filter")[1]


def test_there_is_something_to_keep() -> None:
    assert all(isinstance(one, Guard) for one in KEPT)
    assert {"codesys-v3", "pac-control", "modbus"} <= {one.name for one in KEPT}
