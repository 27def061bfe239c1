"""Questions over real sockets of loopback: order, bounds, outcomes, and what is kept of them."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from portbook.evidence.conversations import records
from portbook.evidence.own import Own
from portbook.evidence.pace import Pace
from portbook.evidence.probes import MOST_ENDS, Errand, Prober
from portbook.evidence.rounds import Rounds
from portbook.evidence.sent_log import SentLog
from portbook.ports import Transport
from portbook.protocols import identify, questions
from portbook.protocols.questions import SCAN, Asking, Line, Question, Verdict
from portbook.records import Reply

HERE = "127.0.0.1"
QUICK_S = 0.4
MODBUS = msgspec.structs.replace(questions()["modbus"][0], wait_s=QUICK_S)
LISTEN = msgspec.structs.replace(SCAN, wait_s=QUICK_S)
ENIP = msgspec.structs.replace(questions()["enip"][0], wait_s=QUICK_S)
TOLD = bytes.fromhex(
    "000100000027012b0e0183000003000e4578616d706c652056656e646f72010645582d3130300205312e322e33"
)


def prober(log: SentLog | None = None, rounds: Rounds | None = None) -> Prober:
    return Prober(Pace(1000, 0.0), log or SentLog(None), rounds or Rounds(None))


@contextlib.contextmanager
def tcp(talk: Callable[[socket.socket], None], family: int = socket.AF_INET) -> Iterator[int]:
    """Serve connections one by one with a talk, until the test is over."""
    host = "::1" if family == socket.AF_INET6 else HERE
    with socket.create_server((host, 0), family=family) as server:
        server.settimeout(20)
        open_ = True

        def serve() -> None:
            while open_:
                with contextlib.suppress(OSError):
                    peer, _ = server.accept()
                    with peer:
                        peer.settimeout(5)
                        talk(peer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            open_ = False
            with (
                contextlib.suppress(OSError),
                socket.create_connection((host, server.getsockname()[1]), 1),
            ):
                pass
            thread.join(10)


@contextlib.contextmanager
def udp(answers: Callable[[bytes], list[bytes]]) -> Iterator[int]:
    """Answer datagrams."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((HERE, 0))

        def serve() -> None:
            while True:
                octets, asker = sock.recvfrom(2048)
                if octets == b"end":
                    return
                for answer in answers(octets):
                    sock.sendto(answer, asker)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield sock.getsockname()[1]
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ending:
                ending.sendto(b"end", sock.getsockname())
            thread.join(10)


def errand(question: Question, port: int, host: str = HERE) -> Errand:
    return Errand(question, Asking(host, port))


def ask(question: Question, port: int, host: str = HERE) -> tuple[Prober, Reply]:
    made = prober()
    (reply,) = made.run([errand(question, port, host)])
    return made, reply


def test_what_was_said_becomes_rows_that_name_themselves() -> None:
    def talk(peer: socket.socket) -> None:
        peer.recv(100)
        peer.sendall(TOLD)
        peer.recv(100)

    with tcp(talk) as port:
        made, reply = ask(MODBUS, port)
    (seen,) = records(made.exchanges.rows(), "asked")
    told = identify(seen.payload, roles_known=seen.roles_known)

    assert ("answered", 1, 11, 1, len(TOLD)) == (
        reply.outcome, reply.sent, reply.sent_octets, reply.answers, reply.answer_octets,
    )  # fmt: skip
    assert (HERE, port, HERE) == (
        seen.conversation.server, seen.conversation.server_port, seen.conversation.client,
    )  # fmt: skip
    assert (True, "syn") == (seen.conversation.answered, seen.conversation.roles)
    assert told is not None
    assert {"vendor": "Example Vendor", "product": "EX-100", "version": "1.2.3"} == told.server


def test_ipv6_is_asked_as_well() -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6 here")

    def talk(peer: socket.socket) -> None:
        peer.recv(100)
        peer.sendall(TOLD)

    with tcp(talk, socket.AF_INET6) as port:
        _, reply = ask(MODBUS, port, "::1")

    assert "answered" == reply.outcome


def silent(peer: socket.socket) -> None:
    while peer.recv(100):
        pass


def closing(peer: socket.socket) -> None:
    peer.recv(100)


def echoing(peer: socket.socket) -> None:
    while octets := peer.recv(100):
        peer.sendall(octets)


def web(peer: socket.socket) -> None:
    peer.recv(100)
    peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def half(peer: socket.socket) -> None:
    peer.recv(100)
    peer.sendall(TOLD[:20])


def half_and_waiting(peer: socket.socket) -> None:
    peer.recv(100)
    peer.sendall(TOLD[:20])
    silent(peer)


def drop_by_drop(peer: socket.socket) -> None:
    peer.recv(100)
    for octet in TOLD:
        peer.sendall(bytes((octet,)))
    silent(peer)


def three_at_once(peer: socket.socket) -> None:
    peer.recv(100)
    peer.sendall(TOLD * 3)
    silent(peer)


OUTCOMES = {
    silent: ("silent", 3),  # three units are tried, each once
    closing: ("closed", 1),
    echoing: ("otherwise", 1),
    web: ("otherwise", 1),
    half: ("cut", 1),
    half_and_waiting: ("cut", 1),
    drop_by_drop: ("answered", 1),
    three_at_once: ("answered", 1),
}


@pytest.mark.parametrize("talk", OUTCOMES, ids=lambda one: one.__name__)
def test_each_way_of_a_peer_has_its_outcome(talk: Callable[[socket.socket], None]) -> None:
    with tcp(talk) as port:
        _, reply = ask(MODBUS, port)

    assert OUTCOMES[talk] == (reply.outcome, reply.sent)


def test_a_length_that_lies_is_not_waited_for() -> None:
    codesys = questions()["codesys"][1]

    def talk(peer: socket.socket) -> None:
        peer.recv(100)
        peer.sendall(bytes.fromhex("000117e8ffffff7f") + bytes(100))
        silent(peer)

    with tcp(talk) as port:
        _, reply = ask(codesys, port)

    assert ("otherwise", 1) == (reply.outcome, reply.sent)


def test_what_was_answered_stays_answered_when_it_breaks_off() -> None:
    s7 = msgspec.structs.replace(questions()["s7"][0], wait_s=QUICK_S)

    def talk(peer: socket.socket) -> None:
        peer.recv(100)
        peer.sendall(bytes.fromhex("0300001611d00001000100c0010ac1020100c2020102"))
        peer.recv(100)

    with tcp(talk) as port:
        _, reply = ask(s7, port)

    assert ("answered", 1, "then closed") == (reply.outcome, reply.answers, (reply.note or "")[:11])


def test_a_port_where_nobody_is_refuses_over_both_transports() -> None:
    with socket.socket() as free, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        free.bind((HERE, 0))
        other.bind((HERE, 0))
        tcp_port, udp_port = free.getsockname()[1], other.getsockname()[1]

    assert "refused" == ask(MODBUS, tcp_port)[1].outcome
    assert "refused" == ask(ENIP, udp_port)[1].outcome


def test_nothing_is_sent_where_a_greeting_is_waited_for() -> None:
    got = []

    def talk(peer: socket.socket) -> None:
        peer.sendall(b"220 Opto 22 FTP server ready.\r\n")
        got.append(peer.recv(100))

    with tcp(talk) as port:
        made, reply = ask(LISTEN, port)
        _, again = ask(LISTEN, port)

    assert (["greeted"] * 2, 0) == ([reply.outcome, again.outcome], reply.sent)
    assert {b""} == set(got)
    (row,) = made.exchanges.rows()
    assert (0, 31) == (row.payload_ab, row.payload_ba)


def test_a_datagram_that_does_not_answer_is_waited_past() -> None:
    def answers(asked: bytes) -> list[bytes]:
        good = asked[:2] + b"\x02\x00" + asked[4:24] + b"\x00\x00"
        return [b"", b"noise", asked, good]

    with udp(answers) as port:
        made, reply = ask(ENIP, port)

    assert ("answered", 1) == (reply.outcome, reply.answers)
    assert 1 == made.exchanges.sent


def test_ten_thousand_datagrams_that_do_not_answer_are_bounded() -> None:
    with udp(lambda asked: [b"noise"] * 10_000) as port:
        made, reply = ask(ENIP, port)

    assert ("otherwise", 0) == (reply.outcome, reply.answers)
    (row,) = made.exchanges.rows()
    assert 0 < row.packets_ba <= 64
    assert MOST_ENDS >= 1000


def test_a_host_is_asked_one_question_at_a_time() -> None:
    early: list[bytes] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((HERE, 0))

        def serve() -> None:
            for _ in range(3):
                sock.settimeout(20)
                octets, asker = sock.recvfrom(2048)
                sock.settimeout(0.1)
                with contextlib.suppress(TimeoutError):
                    early.append(sock.recv(2048))  # while the first is not answered yet
                sock.sendto(octets[:2] + b"\x02\x00" + octets[4:24] + b"\x00\x00", asker)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        replies = prober().run([errand(ENIP, sock.getsockname()[1]) for _ in range(3)])
        thread.join(20)

    assert (["answered"] * 3, []) == ([one.outcome for one in replies], early)


def test_messages_to_a_host_leave_no_faster_than_told() -> None:
    times: list[float] = []

    def answers(asked: bytes) -> list[bytes]:
        import time

        times.append(time.monotonic())
        return []

    with udp(answers) as port:
        quick = msgspec.structs.replace(ENIP, wait_s=0.01)
        Prober(Pace(1000, 0.1), SentLog(None), Rounds(None)).run([errand(quick, port)] * 4)

    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert 3 == len(gaps)
    assert min(gaps) > 0.09  # never earlier; later is no fault


def test_each_message_is_in_the_log_before_it_leaves(tmp_path: Path) -> None:
    path = tmp_path / "sent.jsonl"
    there: list[str] = []

    def answers(asked: bytes) -> list[bytes]:
        there.append(json.loads(path.read_text().splitlines()[-1])["octets"])
        return []

    with udp(answers) as port, SentLog(path) as log:
        Prober(Pace(), log, Rounds(None)).run([errand(ENIP, port)])

    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert ["send", "end"] == [one["what"] for one in lines]
    assert [lines[0]["octets"]] == there
    assert (24, port, HERE) == (lines[0]["length"], lines[0]["port"], lines[0]["address"])
    assert "silent" == lines[1]["outcome"]
    assert 0o600 == path.stat().st_mode & 0o777


class _FullLog(SentLog):
    def write(self, what: str, now_ns: int, **fields: object) -> None:
        raise OSError(28, "No space left on device")


def test_what_cannot_be_logged_is_not_sent() -> None:
    got: list[bytes] = []

    def answers(asked: bytes) -> list[bytes]:
        got.append(asked)
        return []

    with udp(answers) as port, pytest.raises(OSError, match="No space"):
        prober(_FullLog(None)).run([errand(ENIP, port)])

    assert [] == got


def test_a_question_that_may_be_asked_only_so_often_is_left_out() -> None:
    seldom = msgspec.structs.replace(LISTEN, every_s=3600.0)
    connections = []

    def talk(peer: socket.socket) -> None:
        connections.append(1)
        peer.sendall(b"hello\r\n")
        silent(peer)

    with tcp(talk) as port:
        first, second = prober().run([errand(seldom, port)] * 2)
        served = len(connections)

    assert ["greeted", "left out"] == [first.outcome, second.outcome]
    assert "60 min" in (second.note or "")
    assert 1 == served


def test_an_own_address_that_is_not_ours_is_forbidden() -> None:
    (reply,) = prober().run([Errand(ENIP, Asking(HERE, 9), Own("192.0.2.1"))])

    assert ("forbidden", 0) == (reply.outcome, reply.sent)


def test_a_broadcast_that_was_not_asked_for_is_not_sent_by_the_system_either() -> None:
    (reply,) = prober().run([errand(ENIP, 9, "255.255.255.255")])

    assert ("forbidden", 0) == (reply.outcome, reply.sent)


def test_a_fill_that_breaks_its_word_stops_everything() -> None:
    line = Line(b"abc", "a read", fill=lambda octets, heard: b"xyz")
    lying = Question("lie", "", "lie", Transport.UDP, (9,), lambda asking: (line,))

    with pytest.raises(ValueError, match="differs"):
        prober().run([errand(lying, 9)])


def test_parts_of_an_answer_are_put_together() -> None:
    def fits(sent: bytes, came: bytes) -> Verdict:
        return Verdict.ANSWER if came == b"end." else Verdict.PART

    heard: list[tuple[bytes, ...]] = []

    def second(octets: bytes, before: object) -> bytes | None:
        heard.extend(before)  # type: ignore[arg-type]
        return None

    lines = (Line(b"ask", "ask", fits), Line(b"more", "more", fill=second))
    question = Question("parts", "", "parts", Transport.UDP, (9,), lambda asking: lines, wait_s=1)
    with udp(lambda asked: [b"one,", b"two,", b"end."]) as port:
        _, reply = ask(question, port)

    assert ([(b"one,", b"two,", b"end.")], "answered") == (heard, reply.outcome)
