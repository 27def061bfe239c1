"""Target: answers to the questions that portbook asks; what leaves is never more than announced."""

from __future__ import annotations

from collections.abc import Iterator

from fuzz.recognisers import examples, possible
from fuzz.supply import Supply, piece
from fuzz.target import Target, must
from portbook.protocols import Payload, identify, questions
from portbook.protocols.questions import Asking, Question, Verdict

EVERY = tuple(one for several in questions().values() for one in several)
ASKING = Asking(
    "192.168.1.20", 9, 0x11223344, b"public", False, "192.168.1.50", 1743, 24, 1_700_000_000 * 10**9
)
MOST = 8  # messages that come to one line


def answers(octets: bytes) -> None:
    """Ask a question, take whatever comes, and name what was said."""
    supply = Supply(octets)
    question, broadcast = supply.choice(EVERY), bool(supply.number() & 1)
    asking = ASKING._replace(broadcast=broadcast and question.broadcast)
    heard: list[tuple[bytes, ...]] = []
    sent, came = [], []
    for line in question.said(asking):
        octets = line.ready(heard) or b""  # raises when it is not as announced
        line.shown(octets)
        taken = []
        for _ in range(supply.number() % MOST):
            message = supply.piece()
            _measured(question, message)
            came.append(message)
            if octets and line.verdict(octets, message) is Verdict.ANSWER:
                taken.append(message)
        sent.append(octets)
        heard.append(tuple(taken))
    told = identify(Payload.of(question.transport, sent, came), roles_known=True)
    if told is not None:
        possible(told)


def _measured(question: Question, message: bytes) -> None:
    """Cut a stream into messages as the prober does; each step must lead on."""
    at = 0
    while question.measure and at < len(message):
        size = question.measure(message, at)
        if not size:
            return
        must(size > 0, f"{question.name}: a message of {size} octets")
        at += size


def _seeds() -> Iterator[bytes]:
    for number, question in enumerate(EVERY):
        head = bytes((number, 0))
        lines = len(question.said(ASKING))
        for told, payload in examples():
            if told != question.protocol or payload.transport is not question.transport:
                continue
            came = [one.octets for one in payload.to_client] or [
                one.octets for one in payload.to_server
            ]
            each = bytes((1,)) + piece(came[0]) if came else b"\0"
            yield head + each * max(1, lines)
            yield head + b"".join(b"\1" + piece(one) for one in came[:12])


TARGETS = (Target("answers", answers, _seeds, 16384),)
