"""Both sides of systemd's protocols, between real sockets and processes; systemd as witness."""

from __future__ import annotations

import os
import select
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.program import environment
from support.sockets import linux_only, number

from portbook.daemons.watchdog.hearing import Ears, counts, fields, word
from portbook.daemons.watchdog.notify import (
    NAMES,
    VARIABLES,
    Notifier,
    listen_variables,
    listening,
    watchdog_s,
)
from portbook.daemons.watchdog.vitals import Counts

pytestmark = linux_only

needs_systemd_notify = pytest.mark.skipif(
    shutil.which("systemd-notify") is None, reason="systemd-notify, the witness, is absent"
)
needs_socket_activate = pytest.mark.skipif(
    shutil.which("systemd-socket-activate") is None,
    reason="systemd-socket-activate, the witness, is absent",
)


@pytest.fixture
def ears() -> Iterator[Ears]:
    made = Ears()
    yield made
    made.close()


@pytest.fixture
def notifier(ears: Ears) -> Iterator[Notifier]:
    made = Notifier({"NOTIFY_SOCKET": ears.address})
    yield made
    made.close()


def heard(ears: Ears) -> list[dict[str, str]]:
    return ears.take(os.getpid())


def test_ready_is_heard_with_the_process_id_and_a_status(ears: Ears, notifier: Notifier) -> None:
    assert notifier.ready("all doors are open")

    told = [{"READY": "1", "MAINPID": str(os.getpid()), "STATUS": "all doors are open"}]
    assert told == heard(ears)


def test_a_beat_brings_all_its_counts(ears: Ears, notifier: Notifier) -> None:
    sent = Counts(7, 2, 3, 4, 5, 8.5, "the disk is full")
    assert notifier.beat(
        packets=7,
        refused=2,
        waiting=3,
        units_up=4,
        sources=5,
        expected_s=8.5,
        held="the disk is full",
    )

    (told,) = heard(ears)

    assert word(told).beat
    assert sent == word(told).counts


def test_no_heartbeat_goes_while_something_waits_and_nothing_moves(
    ears: Ears, notifier: Notifier
) -> None:
    assert notifier.beat(packets=5, waiting=2)
    assert not notifier.beat(packets=5, waiting=2)
    assert not notifier.beat(packets=5, waiting=900)
    assert notifier.beat(packets=5, waiting=0)
    assert notifier.beat(packets=6, waiting=900)
    assert notifier.beat(packets=6, refused=1, waiting=900)
    assert notifier.beat(packets=6, refused=1, waiting=900, held="the disk is full")

    words = [word(told) for told in heard(ears)]
    assert [True, False, False, True, True, True, True] == [one.beat for one in words]
    assert all(one.counts is not None for one in words)


def test_reloading_stopping_and_more_time_are_heard(ears: Ears, notifier: Notifier) -> None:
    notifier.reloading()
    notifier.more_time(2.5, "reads the spool")
    notifier.stopping("asked to")
    notifier.alive()
    notifier.status("fine")

    reloading, more, stopping, alive, status = heard(ears)

    assert {"RELOADING", "MONOTONIC_USEC"} == reloading.keys()
    assert 2.5 == word(more).more_s
    assert word(stopping).stopping
    assert word(alive).beat
    assert {"STATUS": "fine"} == status


def test_a_line_break_in_a_status_begins_no_new_field(ears: Ears, notifier: Notifier) -> None:
    notifier.ready("one\nWATCHDOG=trigger\nMAINPID=1")

    (told,) = heard(ears)

    assert {"READY", "MAINPID", "STATUS"} == told.keys()
    assert str(os.getpid()) == told["MAINPID"]


def test_messages_of_another_process_do_not_count(ears: Ears) -> None:
    pid = os.fork()
    if pid == 0:
        Notifier({"NOTIFY_SOCKET": ears.address}).ready()
        os._exit(0)
    os.waitpid(pid, 0)

    assert [] == heard(ears)
    assert 1 == ears.foreign


def test_a_path_does_as_well_as_an_abstract_name(tmp_path: Path) -> None:
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ours:
        ours.bind(str(path))
        notifier = Notifier({"NOTIFY_SOCKET": str(path)})
        assert notifier.status("here")
        assert b"STATUS=here" == ours.recv(100)
        notifier.close()


@pytest.mark.parametrize("address", ["", "relative", "@", "vsock:2:3", "@nobody-listens-here"])
def test_without_anybody_listening_nothing_is_told_and_nothing_raised(address: str) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": address})

    assert not notifier.ready()
    assert not notifier.beat(packets=1)
    notifier.close()
    assert not notifier.stopping()


def test_a_full_socket_loses_words_and_holds_up_nobody(ears: Ears, notifier: Notifier) -> None:
    sent = [notifier.beat(packets=number) for number in range(5000)]

    assert not sent[-1]
    assert heard(ears)
    assert notifier.beat(packets=5001)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "2000000"}, 2.0),
        ({"WATCHDOG_USEC": "2000000", "WATCHDOG_PID": str(os.getpid())}, 2.0),
        ({"WATCHDOG_USEC": "2000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "x"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
    ],
)
def test_the_watchdogs_limit_holds_for_the_process_it_names(
    environ: dict[str, str], expected: float | None
) -> None:
    assert expected == watchdog_s(environ)


@given(st.binary(max_size=4096))
def test_any_octets_of_a_child_are_read_without_raising(octets: bytes) -> None:
    told = fields(octets)
    word(told)
    assert all(key and "\n" not in value for key, value in told.items())


@given(
    st.dictionaries(
        st.sampled_from(
            ["PACKETS", "REFUSED", "WAITING", "UNITS_UP", "SOURCES", "EXPECTED_S", "HELD"]
        ),
        st.one_of(st.text(max_size=30), st.integers(-5, 10**30).map(str), st.floats().map(str)),
    )
)
def test_counts_that_cannot_be_are_none_or_in_their_ranges(told: dict[str, str]) -> None:
    found = counts({f"X_PORTBOOK_{key}": value for key, value in told.items()})

    if found is not None:
        assert all(0 <= one < 10**18 for one in found[:5])
        assert 0 <= found.expected_s < 1e9


# -- sockets that are handed over


HANDED = """
import json, os, sys
from portbook.daemons.watchdog.notify import listening
try:
    found = listening()
except ValueError as error:
    print(json.dumps(str(error)))
else:
    print(json.dumps({name: [one.getsockname()[1], one.getblocking(), one.get_inheritable()]
                      for name, one in found.items()}))
"""


def handed(home: Path, names: list[str], sockets: list[socket.socket]) -> object:
    """Return what a process says of sockets that it gets as systemd hands them over."""
    import json

    from portbook.daemons.watchdog.child import in_order

    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.dup2(writing, 1)
        in_order([one.fileno() for one in sockets])
        variables = {**environment(home), **listen_variables(names, os.getpid())}
        os.execve(sys.executable, [sys.executable, "-c", HANDED], variables)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        told = json.loads(pipe.read())
    os.waitpid(pid, 0)
    return told


def field() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", 0))
    return made


def listener(family: int = socket.AF_INET) -> socket.socket:
    address = "::1" if family == socket.AF_INET6 else "127.0.0.1"
    return socket.create_server((address, 0), family=family)


def test_sockets_come_by_name_nonblocking_and_closed_on_exec(tmp_path: Path) -> None:
    with field() as udp, listener() as one, listener(socket.AF_INET6) as six, listener() as two:
        made = [udp, one, six, two]
        told = handed(tmp_path, list(NAMES), made)
        expected = {
            name: [number(sock), False, False] for name, sock in zip(NAMES, made, strict=True)
        }

    assert expected == told


def unbound() -> socket.socket:
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)


def mute() -> socket.socket:
    made = socket.socket()
    made.bind(("127.0.0.1", 0))
    return made


def local() -> socket.socket:
    return socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)


@pytest.mark.parametrize(
    ("words", "names", "kinds"),
    [
        ("bound UDP", ["field"], [listener]),
        ("bound UDP", ["field"], [unbound]),
        ("TCP socket that listens", ["clients"], [field]),
        ("TCP socket that listens", ["clients"], [mute]),
        ("TCP socket that listens", ["status"], [local]),
        ("two sockets named clients", ["clients", "clients"], [listener, listener]),
        ("FileDescriptorName", ["portbook-rtpd.socket"], [listener]),
        ("do not go with", ["clients:status"], [listener]),
    ],
)
def test_a_socket_that_is_not_what_its_name_says_is_refused(
    words: str, names: list[str], kinds: list[Callable[[], socket.socket]], tmp_path: Path
) -> None:
    with ExitStack() as stack:
        sockets = [stack.enter_context(kind()) for kind in kinds]
        told = handed(tmp_path, names, sockets)

    assert isinstance(told, str), told
    assert words in told


def test_sockets_for_another_process_are_left_alone() -> None:
    assert {} == listening({"LISTEN_FDS": "1", "LISTEN_PID": "1", "LISTEN_FDNAMES": "clients"})
    assert {} == listening({})


@needs_systemd_notify
def test_what_systemd_notify_says_is_understood(ears: Ears) -> None:
    process = subprocess.Popen(
        ["systemd-notify", "--ready", "--status=all is well"],
        env={"PATH": os.environ["PATH"], "NOTIFY_SOCKET": ears.address},
    )
    told: list[dict[str, str]] = []
    while not any("BARRIER" in one for one in told):  # it waits until that was taken
        assert select.select([ears], [], [], 10)[0]
        # it names its parent as the sender when it may, which is us, but not for the barrier
        told += [fields(octets) for octets, _ in ears.waiting()]

    assert 0 == process.wait(10)
    assert {"READY": "1", "STATUS": "all is well"}.items() <= told[0].items()


@needs_socket_activate
def test_sockets_of_systemd_socket_activate_are_taken(tmp_path: Path) -> None:
    with listener() as free:
        port = number(free)
    code = f"import sys; sys.stdout = sys.stderr{HANDED}"
    kept = {name: text for name, text in environment(tmp_path).items() if name not in VARIABLES}
    process = subprocess.Popen(
        [
            "systemd-socket-activate",
            *("-l", f"127.0.0.1:{port}", "--fdname=clients"),
            *(f"-E{name}={text}" for name, text in kept.items()),
            *(sys.executable, "-c", code),
        ],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    while "Listening on" not in process.stderr.readline():
        assert process.poll() is None
    with socket.create_connection(("127.0.0.1", port), 10):
        said = process.stderr.read()
    process.wait(10)
    process.stderr.close()

    assert f'{{"clients": [{port}, false, false]}}' in said
