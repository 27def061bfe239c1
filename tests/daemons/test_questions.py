"""The six-octet question, asked of sockets that answer well, badly, or not."""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator

import pytest
from support.sockets import linux_only

from portbook.daemons.watchdog.questions import GOODBYE, HELLO, SECOND_NS, Question, near

pytestmark = linux_only


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as made:
        made.settimeout(10)
        yield made


def asked(server: socket.socket, limit_s: float = 2) -> Question:
    question = Question(limit_s)
    question.ask(server.getsockname()[:2], 0)
    assert question.open
    return question


def step(question: Question, now_ns: int = 0) -> bool | None:
    """Wait until the question has something to do, and let it."""
    if question.fileno() >= 0:
        poller = select.poll()
        poller.register(question.fileno(), question.events)
        poller.poll(10_000)
    return question.step(now_ns)


def test_six_octets_back_are_an_answer_and_it_says_goodbye(server: socket.socket) -> None:
    question = asked(server)
    assert step(question) is None
    peer, _ = server.accept()
    with peer:
        peer.settimeout(10)
        assert peer.recv(100) == HELLO
        peer.sendall(HELLO[:2])
        assert step(question) is None
        peer.sendall(HELLO[2:])
        assert step(question) is True
        assert peer.recv(100) == GOODBYE
        assert peer.recv(100) == b""
    assert not question.open


def test_a_busy_message_is_an_answer_too(server: socket.socket) -> None:
    question = asked(server)
    step(question)
    peer, _ = server.accept()
    with peer:
        peer.sendall(b"\0\x09\0\0\0\0")
        assert step(question) is True


def test_being_shown_the_door_is_an_answer_for_who_shows_it_acts(server: socket.socket) -> None:
    question = asked(server)
    step(question)
    peer, _ = server.accept()
    with peer:
        assert peer.recv(100) == HELLO  # read, so that the end is an end and no reset

    assert step(question) is True


def test_silence_is_none_until_the_limit_and_then_a_no(server: socket.socket) -> None:
    question = asked(server, 2)

    assert step(question) is None
    assert question.step(2 * SECOND_NS - 1) is None
    assert question.step(2 * SECOND_NS) is False
    assert not question.open
    assert question.step(3 * SECOND_NS) is None


def test_a_closed_port_is_an_answer_of_the_system_and_the_question_is_over() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        address = gone.getsockname()[:2]
    question = Question(2)
    question.ask(address, 0)

    assert not question.open or step(question) is not None


def test_a_second_question_waits_for_the_end_of_the_first(server: socket.socket) -> None:
    question = asked(server)
    before = question.fileno()
    question.ask(server.getsockname()[:2], 1)

    assert before == question.fileno()
    question.drop()
    assert -1 == question.fileno()


@pytest.mark.parametrize(
    ("bound", "asked_at"),
    [("0.0.0.0", "127.0.0.1"), ("::", "::1"), ("127.0.0.7", "127.0.0.7"), ("::1", "::1")],
)
def test_it_asks_on_this_machine_alone(bound: str, asked_at: str) -> None:
    assert (asked_at, 2543) == near(bound, 2543)
