"""What listens here: every trap with real sockets, seen through the public way in."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any

import pytest
from support.sockets import linux_only, number, process, tcp, udp

from portbook.addresses import Scope
from portbook.errors import UsageError
from portbook.evidence import kernel_sockets
from portbook.evidence.listeners import listeners
from portbook.ports import Transport
from portbook.records import Listener

NOW_NS = 1_763_000_000_000_000_000


def seen(port: int | None = None, **more: Any) -> tuple[Listener, ...]:
    return listeners(port, now_ns=NOW_NS, **more).listeners


def only(port: int, **more: Any) -> Listener:
    found = seen(port, **more)
    assert len(found) == 1, found
    return found[0]


@pytest.fixture(params=["netlink", "text", "psutil"])
def way(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    if name != "psutil" and sys.platform != "linux":
        pytest.skip("asks the Linux kernel")
    return name


@pytest.fixture
def ipv6() -> None:
    try:
        tcp("::1").close()
    except OSError:
        pytest.skip("this machine has no IPv6")


def test_a_tcp_listener_is_seen_with_its_program(way: str) -> None:
    with tcp() as made:
        record = only(number(made), way=way)

    assert Transport.TCP is record.transport
    assert ("127.0.0.1", Scope.LOOPBACK) == (record.address, record.scope)
    assert "listen" == record.state
    assert os.getpid() == record.pid
    assert record.program
    assert NOW_NS == record.seen_ns
    assert not record.owners_hidden


@linux_only
def test_facts_of_the_kernel_are_told() -> None:
    with tcp() as made:
        record = only(number(made))

        assert os.fstat(made.fileno()).st_ino == record.inode
    assert 7 == record.backlog
    assert os.geteuid() == record.uid
    assert record.owners[0].user == record.user
    assert os.path.realpath(sys.executable) == record.owners[0].executable
    assert record.owners[0].command


def test_all_sockets_are_told_when_no_port_is_asked_for(way: str) -> None:
    with tcp() as first, udp() as second:
        found = {(record.transport, record.port) for record in seen(way=way)}

        assert {(Transport.TCP, number(first)), (Transport.UDP, number(second))} <= found


def test_other_ports_are_left_out_when_one_is_asked_for(way: str) -> None:
    with tcp() as wanted, tcp():
        assert [number(wanted)] == [record.port for record in seen(number(wanted), way=way)]


def test_an_unconnected_udp_socket_is_seen(way: str) -> None:
    with udp() as made:
        record = only(number(made), way=way)

    assert (Transport.UDP, "unconnected", None) == (record.transport, record.state, record.peer)


def test_a_connected_udp_socket_is_seen_with_its_peer(way: str) -> None:
    with udp() as made, udp() as other:
        made.connect(other.getsockname())
        record = only(number(made), way=way)

        assert "connected" == record.state
        assert f"127.0.0.1:{number(other)}" == record.peer


@linux_only
@pytest.mark.skipif(
    sys.platform == "linux" and not kernel_sockets.tells_bound(),
    reason="Linux before 6.8 does not tell of sockets that are bound only",
)
def test_a_socket_that_is_bound_without_listening_holds_its_port() -> None:
    with tcp(listening=False) as made:
        record = only(number(made))
        with pytest.raises(OSError, match="in use"):
            tcp(port=number(made))

    assert ("bound", os.getpid()) == (record.state, record.pid)
    assert record.backlog is None


@linux_only
@pytest.mark.parametrize("name", ["text", "psutil"])
def test_the_other_ways_say_that_they_miss_bound_sockets(name: str) -> None:
    with tcp(listening=False) as made:
        found, hidden = listeners(number(made), way=name, now_ns=NOW_NS)

    assert () == found
    assert any("bound but do not listen" in sentence for sentence in hidden)


@linux_only
@pytest.mark.usefixtures("ipv6")
def test_a_dual_stack_socket_is_told_from_one_for_ipv6_only() -> None:
    with (
        socket.socket(socket.AF_INET6) as dual,
        socket.socket(socket.AF_INET6) as six,
        tcp("0.0.0.0") as four,
    ):
        dual.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        for made in (dual, six):
            made.bind(("::", 0))
            made.listen()
        records = [only(number(made)) for made in (dual, six, four)]

    assert [("::", "dual"), ("::", "ipv6"), ("0.0.0.0", "ipv4")] == [
        (record.address, record.family) for record in records
    ]
    assert all(record.scope is Scope.ANY for record in records)


@linux_only
@pytest.mark.usefixtures("ipv6")
def test_a_dual_stack_udp_socket_is_told_too() -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as made:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        made.bind(("::", 0))

        assert "dual" == only(number(made)).family


@linux_only
@pytest.mark.usefixtures("ipv6")
def test_an_ipv6_socket_on_a_mapped_address_takes_ipv4_alone() -> None:
    with socket.socket(socket.AF_INET6) as made:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        made.bind(("::ffff:127.0.0.1", 0))
        made.listen()
        record = only(number(made))

    assert ("ipv4", Scope.LOOPBACK) == (record.family, record.scope)


@linux_only
def test_a_forked_process_shares_the_socket() -> None:
    with tcp() as made, process(lambda: (made, None)) as (child, _):
        record = only(number(made))

    assert sorted([os.getpid(), child]) == [owner.pid for owner in record.owners]


@linux_only
def test_an_inherited_socket_belongs_to_the_heir_alone() -> None:
    with ExitStack() as stack:
        made = tcp()
        port = number(made)
        child, _ = stack.enter_context(process(lambda: (made, None)))
        made.close()
        record = only(port)

    assert [child] == [owner.pid for owner in record.owners]


def reuseport(port: int = 0) -> socket.socket:
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    made.bind(("127.0.0.1", port))
    made.listen()
    return made


@linux_only
def test_two_sockets_and_two_processes_on_one_port_make_four_pairs() -> None:
    with reuseport() as first, reuseport(number(first)) as second:
        port = number(first)
        with process(lambda: ((first, second), None)) as (child, _):
            records = seen(port)

    pairs = {(record.inode, owner.pid) for record in records for owner in record.owners}
    assert 2 == len(records)
    assert 4 == len(pairs)
    assert {os.getpid(), child} == {pid for _, pid in pairs}


@linux_only
def test_psutil_says_that_it_shows_one_owner_of_a_shared_socket() -> None:
    with tcp() as made, process(lambda: (made, None)) as (child, _):
        found, hidden = listeners(number(made), way="psutil", now_ns=NOW_NS)

    assert 1 == len(found)
    assert {owner.pid for owner in found[0].owners} < {os.getpid(), child}
    assert any("owners beyond the first" in sentence for sentence in hidden)


@linux_only
def test_two_programs_on_one_udp_port_are_both_seen() -> None:
    with udp("0.0.0.0", shared=True) as made:
        port = number(made)

        def second() -> tuple[object, None]:
            return udp("0.0.0.0", port, shared=True), None

        with process(second) as (child, _):
            records = seen(port)

    assert 2 == len(records)
    assert {os.getpid(), child} == {owner.pid for one in records for owner in one.owners}


@linux_only
def test_a_udp_socket_on_a_clients_port_is_doubted() -> None:
    with tcp() as listens, udp() as made:
        record, sure = only(number(made)), only(number(listens))
        made.connect(("127.0.0.1", 9))
        connected = only(number(made))

    assert str(record.note).startswith("its port is one for clients (")
    assert (None, None) == (sure.note, connected.note)


@linux_only
def test_a_socket_on_a_broadcast_address_keeps_that_address() -> None:
    # a CODESYS runtime on Linux binds the directed broadcast address beside its own
    with udp("127.255.255.255") as made:
        assert "127.255.255.255" == only(number(made)).address


@linux_only
def test_a_socket_bound_to_the_loopback_interface_reaches_no_further() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo\0")
        except PermissionError:
            pytest.skip("binding to an interface is not permitted here")
        made.bind(("0.0.0.0", 0))
        record = only(number(made))

    assert ("lo", "0.0.0.0", Scope.LOOPBACK) == (record.interface, record.address, record.scope)


IPPROTO_MPTCP = 262


@linux_only
def test_a_multipath_tcp_listener_is_a_tcp_listener_with_its_owner() -> None:
    # what programs written in Go open by default since their 1.24
    try:
        made = socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_MPTCP)
    except OSError:
        pytest.skip("this kernel has no multipath TCP")
    with made:
        made.bind(("127.0.0.1", 0))
        made.listen()
        record = only(number(made))

    assert (Transport.TCP, "listen", os.getpid()) == (record.transport, record.state, record.pid)


def connection(port: int) -> tuple[socket.socket, socket.socket]:
    with tcp(port=port) as made:
        client = socket.create_connection(made.getsockname())
        served, _ = made.accept()
        return client, served


def test_connections_are_told_on_request_alone(way: str) -> None:
    client, served = connection(0)
    with client, served:
        port = number(served)

        assert () == seen(port, way=way)
        record = only(port, way=way, established=True)
        assert ("established", os.getpid()) == (record.state, record.pid)
        assert f"127.0.0.1:{number(client)}" == record.peer


def test_a_connection_that_only_waits_belongs_to_nobody_and_is_left_out(way: str) -> None:
    client, served = connection(0)
    port = number(served)
    served.close()  # the first to close is the one that waits
    client.close()

    assert () == seen(port, way=way, established=True)


@pytest.fixture
def after_the_kernel_answered(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    """Call something, once, between the kernel's first answer and the look at the owners."""

    def arrange(act: Callable[[], None]) -> None:
        ask = kernel_sockets.by_netlink
        left = [act]  # a machine with other network namespaces is asked for each of them

        def asked(*given: Any, **more: Any) -> kernel_sockets.Told:
            told = ask(*given, **more)
            if left:
                left.pop()()
            return told

        monkeypatch.setattr(kernel_sockets, "by_netlink", asked)

    return arrange


@linux_only
def test_a_socket_that_vanishes_while_it_is_read_is_left_out(
    after_the_kernel_answered: Callable[[Any], None],
) -> None:
    with tcp() as stays, tcp() as goes, tcp(listening=False) as holds, udp() as hears:
        gone = {number(made) for made in (goes, holds, hears)}
        after_the_kernel_answered(lambda: [made.close() for made in (goes, holds, hears)])
        found = {record.port for record in seen()}

        assert number(stays) in found
        assert not gone & found


@linux_only
def test_a_socket_whose_heir_began_meanwhile_still_has_an_owner(
    after_the_kernel_answered: Callable[[Any], None],
) -> None:
    made = tcp()
    port = number(made)
    with ExitStack() as stack:
        heirs = []

        def hand_over() -> None:
            heirs.append(stack.enter_context(process(lambda: (made, None)))[0])
            made.close()

        after_the_kernel_answered(hand_over)
        record = only(port)

    assert heirs == [owner.pid for owner in record.owners]


def test_a_way_that_is_none_is_refused_with_those_that_are() -> None:
    with pytest.raises(UsageError, match="'lsof'; known: netlink, text, psutil"):
        listeners(way="lsof", now_ns=NOW_NS)


@linux_only
def test_without_netlink_the_tables_in_text_are_read_and_it_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(kernel_sockets, "by_netlink", refused)
    with tcp() as made:
        found, hidden = listeners(number(made), now_ns=NOW_NS)

    assert [os.getpid()] == [record.pid for record in found]
    assert any("over netlink: Operation not permitted" in sentence for sentence in hidden)


@linux_only
def test_the_kernels_way_loads_nothing_heavy() -> None:
    script = (
        "import sys\n"
        "from portbook.evidence.listeners import listeners\n"
        "listeners(now_ns=1)\n"
        "print(sorted({'psutil', 'subprocess', 'asyncio'} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert "[]\n" == done.stdout


Line = tuple[str, str, int]


def lines_of_ss() -> set[Line]:
    done = subprocess.run(["ss", "-tulnH"], capture_output=True, text=True, check=True)
    found = set()
    for line in done.stdout.splitlines():
        words = line.split()
        host, _, port = words[4].rpartition(":")
        host = host.split("%")[0].strip("[]")
        found.add((words[0], "::" if host == "*" else host, int(port)))
    return found


def lines_of_ours(**more: Any) -> set[Line]:
    return {
        (record.transport.value, record.address, record.port)
        for record in seen(**more)
        if record.state in ("listen", "unconnected") and record.namespace is None
    }


@linux_only
@pytest.mark.skipif(shutil.which("ss") is None, reason="ss, the independent witness, is absent")
def test_the_list_agrees_with_ss(way: str) -> None:
    with ExitStack() as stack:
        for address in ("127.0.0.1", "0.0.0.0", "::1", "::"):
            with suppress(OSError):
                stack.enter_context(tcp(address))
                stack.enter_context(udp(address))
        # others on this machine may open and close sockets at the same time
        before = lines_of_ours(way=way)
        theirs = lines_of_ss()
        after = lines_of_ours(way=way)

    assert before & after <= theirs <= before | after
    assert len(theirs) >= 4


@linux_only
def test_psutil_sees_the_same_sockets_as_the_kernel_tells() -> None:
    with tcp(), udp(), tcp("0.0.0.0"), udp("0.0.0.0"):
        before = lines_of_ours()
        theirs = lines_of_ours(way="psutil")
        after = lines_of_ours()

    assert before & after <= theirs <= before | after
