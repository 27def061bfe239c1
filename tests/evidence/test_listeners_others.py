"""Sockets of others: another user's, of another network namespace, behind docker-proxy."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from support import needs_root
from support.sockets import (
    CLONE_NEWNS,
    as_nobody,
    leave,
    linux_only,
    number,
    process,
    rename,
    tcp,
    udp,
)

from portbook.addresses import Scope
from portbook.evidence import kernel_sockets, privileges
from portbook.evidence.listeners import Seen, listeners

NOW_NS = 1
pytestmark = [linux_only, pytest.mark.root, needs_root]


def ask(port: int | None = None, **more: Any) -> Seen:
    return listeners(port, now_ns=NOW_NS, **more)


@pytest.fixture(autouse=True)
def _modules_are_loaded() -> None:
    """Load what is imported late: the user nobody may not be able to read this folder."""
    with tcp() as made:
        for way in ("netlink", "text", "psutil"):
            ask(number(made), way=way)
    privileges.command("here", privileges.OWNERS)


def listening() -> tuple[socket.socket, int]:
    made = tcp()
    return made, number(made)


def test_without_privilege_the_owner_is_hidden_but_its_user_is_not() -> None:
    with process(listening) as (_, port):
        found, hidden = as_nobody(lambda: ask(port))

    (record,) = found
    assert ((), True) == (record.owners, record.owners_hidden)
    assert (0, "root", None) == (record.uid, record.user, record.pid)
    (sentence,) = [one for one in hidden if one.startswith("owners of")]
    assert sentence.startswith("owners of 1 socket: not permitted; they show with: sudo ")
    assert sentence.endswith(" here")


@pytest.mark.parametrize("way", ["text", "psutil"])
def test_the_other_ways_hide_the_owner_too_and_say_so(way: str) -> None:
    with process(listening) as (_, port):
        found, hidden = as_nobody(lambda: ask(port, way=way))

    assert [True] == [record.owners_hidden for record in found]
    assert any("owners of 1 socket" in sentence for sentence in hidden)


def hide_processes() -> None:
    """Mount /proc so that others' processes cannot be seen at all, for this process alone."""
    leave(CLONE_NEWNS)
    for words in ("--make-rprivate /", "-t proc -o hidepid=2 proc /proc"):
        done = subprocess.run(["mount", *words.split()], capture_output=True, check=False)
        if done.returncode:
            raise PermissionError(done.stderr.decode())


@pytest.mark.skipif(shutil.which("mount") is None, reason="mount is absent")
def test_a_proc_that_hides_processes_is_named_as_the_reason() -> None:
    with process(listening) as (_, port):
        found, hidden = as_nobody(lambda: ask(port), before=hide_processes)

    assert [((), True, "root")] == [(one.owners, one.owners_hidden, one.user) for one in found]
    assert any("hidepid" in sentence for sentence in hidden)
    assert any("owners of 1 socket: not permitted" in sentence for sentence in hidden)


def test_ones_own_sockets_have_owners_without_privilege() -> None:
    def own() -> Seen:
        with tcp() as made:
            return ask(number(made))

    found, hidden = as_nobody(own)

    assert [False] == [record.owners_hidden for record in found]
    assert "nobody" == found[0].owners[0].user == found[0].user
    assert not any(sentence.startswith("owners of") for sentence in hidden)


def test_another_users_process_is_named_with_its_user() -> None:
    def nobodys() -> tuple[socket.socket, int]:
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)
        return listening()

    with process(nobodys) as (pid, port):
        (record,) = ask(port).listeners

    assert [(pid, "nobody")] == [(owner.pid, owner.user) for owner in record.owners]
    assert (65534, "nobody") == (record.uid, record.user)


@pytest.fixture
def unit() -> Iterator[str]:
    """Make a control group with a unit's name."""
    for root in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified"):
        folder = f"{root}/portbook-test-{os.getpid()}.service"
        if os.path.exists(f"{root}/cgroup.controllers"):
            with suppress(OSError):
                os.mkdir(folder)
                break
    else:
        pytest.skip("no control groups of version 2 that may be written")
    yield folder
    os.rmdir(folder)


def test_the_unit_is_told_with_and_without_privilege(unit: str) -> None:
    def inside() -> tuple[socket.socket, int]:
        with open(f"{unit}/cgroup.procs", "w", encoding="ascii") as file:
            file.write("0")
        return listening()

    with process(inside) as (_, port):
        (mine,) = ask(port).listeners
        ((theirs,), _) = as_nobody(lambda: ask(port))
    name = os.path.basename(unit)

    assert (name, name) == (mine.unit, mine.owners[0].unit)
    assert ((), name) == (theirs.owners, theirs.unit)


def elsewhere() -> tuple[object, tuple[int, ...]]:
    """Open sockets in a network namespace of their own."""
    leave()
    with suppress(OSError):
        held = [tcp("0.0.0.0"), udp("0.0.0.0"), tcp("0.0.0.0", listening=False)]
        held.append(tcp("::"))
        return held, tuple(map(number, held))
    return held, tuple(map(number, held))


def test_another_network_namespace_is_told_by_its_name() -> None:
    with process(elsewhere) as (pid, ports):
        records = [ask(port).listeners for port in ports]
        name = os.readlink(f"/proc/{pid}/ns/net")

    flat = [record for found in records for record in found if record.namespace == name]
    assert ["listen", "unconnected", "bound", "listen"][: len(ports)] == [
        record.state for record in flat
    ]
    assert {pid} == {owner.pid for record in flat for owner in record.owners}
    assert {"ipv4", "dual"} >= {record.family for record in flat}


def test_our_own_sockets_have_no_namespace_and_stand_once() -> None:
    with process(elsewhere), tcp() as made:
        assert [None] == [record.namespace for record in ask(number(made)).listeners]


def test_each_namespace_stands_once_however_many_processes_it_has() -> None:
    with process(elsewhere) as (pid, ports):

        def join() -> tuple[object, None]:
            kernel_sockets._enter(f"/proc/{pid}/ns/net")
            return object(), None

        with process(join):
            inodes = [record.inode for record in ask().listeners]
        assert [pid] == [ask(ports[0]).listeners[0].pid]

    assert len(set(inodes)) == len(inodes)


def test_without_privilege_another_namespace_is_read_by_text() -> None:
    with process(elsewhere) as (pid, ports):
        found, hidden = as_nobody(lambda: ask(ports[0]))

    assert [f"of process {pid}"] == [record.namespace for record in found]
    assert ("listen", True, 0) == (found[0].state, found[0].owners_hidden, found[0].uid)
    assert any("in other network namespaces" in sentence for sentence in hidden)


def test_the_caller_stays_in_its_own_namespace() -> None:
    before = os.readlink("/proc/self/ns/net")
    with process(elsewhere) as (pid, _):
        kernel_sockets.by_netlink_in(f"/proc/{pid}/ns/net", None, False)

    assert before == os.readlink("/proc/self/ns/net") == os.readlink("/proc/thread-self/ns/net")


@pytest.fixture
def named() -> Iterator[str]:
    """Make a namespace with `ip netns`."""
    if shutil.which("ip") is None:
        pytest.skip("ip, which names namespaces, is absent")
    name = f"portbook-test-{os.getpid()}"
    if subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False).returncode:
        pytest.skip("the system does not allow named namespaces")
    yield name
    subprocess.run(["ip", "netns", "delete", name], check=True)


def test_a_named_namespace_keeps_its_name_even_without_a_process_in_it(named: str) -> None:
    def left_behind() -> tuple[socket.socket, int]:
        own = os.open("/proc/self/ns/net", os.O_RDONLY)
        kernel_sockets._enter(f"/run/netns/{named}")
        made = tcp("0.0.0.0")
        kernel_sockets._enter(f"/proc/self/fd/{own}")
        return made, number(made)

    with process(left_behind) as (pid, port):
        found = ask(port).listeners

    assert [(named, pid)] == [(record.namespace, record.pid) for record in found]


def test_who_answers_behind_docker_proxy_is_found_by_its_address(named: str) -> None:
    for command in ("addr add 172.31.255.2/32 dev lo", "link set lo up"):
        subprocess.run(["ip", "-n", named, *command.split()], check=True)

    def container() -> tuple[socket.socket, None]:
        kernel_sockets._enter(f"/run/netns/{named}")
        return tcp("172.31.255.2"), None

    # the command line is what this test needs, and only a new program gets one
    script = (
        "import socket, sys\n"
        "open('/proc/self/comm', 'w').write('docker-proxy')\n"
        "made = socket.socket(); made.bind(('0.0.0.0', 0)); made.listen()\n"
        "print(made.getsockname()[1], flush=True)\n"
        "sys.stdin.read()\n"
    )
    flags = ["-proto", "tcp", "-container-ip", "172.31.255.2", "-container-port", "80"]
    with process(container):
        proxy = subprocess.Popen(
            ["python3", "-c", script, *flags],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        with proxy:
            assert proxy.stdout is not None
            port = int(proxy.stdout.readline())
            (record,) = ask(port).listeners

    assert ("docker-proxy", named) == (record.program, record.container)
    assert f"handed on to container {named} at 172.31.255.2 port 80" == record.note
    assert Scope.ANY is record.scope


def test_a_program_cannot_write_to_the_terminal_through_its_name() -> None:
    def hostile() -> tuple[socket.socket, int]:
        rename("\x1b[31mred")
        return listening()

    with process(hostile) as (_, port):
        (record,) = ask(port).listeners

    assert "\\x1b[31mred" == record.program
