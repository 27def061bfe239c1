"""Our side as a client: the transcripts octet for octet, every end, hostile servers."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import reftek

from portbook.protocols.reftek import client
from portbook.protocols.reftek.asking import Asking, End
from portbook.protocols.reftek.client import Wish
from portbook.protocols.reftek.serving import Session

SECOND = 1_000_000_000
HELLO = bytes.fromhex("000100000000")
OURS = bytes.fromhex("000b000000040000522b")
THEIRS = bytes.fromhex("000b0000000400001092")
ATTRIBUTES = bytes.fromhex(
    "00030000001c 00000000 00000110 000000ff 0000001e 00000000 00000000 00000000"
)
SHAKEN = HELLO + THEIRS + ATTRIBUTES
PACKETS = reftek.event(seconds=4)
SENT = [client.build(client.REFTEK, one) for one in PACKETS]
EXTENDED = [one[:1] + b"\x0d" + one[2:6] + bytes((0, 0, 0, 16)) + one[6:] for one in SENT]
BEAT = bytes.fromhex("000200000000")


def _asking(version: int = 1, **more: object) -> Asking:
    wish = Wish(0, 0x110, 0xFF)
    return Asking(wish, 0, version=version, process=0x522B, **more)  # type: ignore[arg-type]


def _opened() -> Asking:
    asking = _asking()
    asking.feed(SHAKEN, 0)
    assert asking.ready
    return asking


def test_it_says_what_the_makers_client_says() -> None:
    asking = _asking()

    said = [asking.begin(), *(asking.feed(answer, 0) for answer in (HELLO, THEIRS, ATTRIBUTES))]

    assert [HELLO, OURS, ATTRIBUTES, b""] == said
    assert (True, 30, Wish(0, 0x110, 0xFF)) == (asking.ready, asking.timeout_s, asking.granted)


def test_packets_come_out_in_order_and_heartbeats_are_counted() -> None:
    asking = _opened()

    assert asking.feed(SENT[0] + BEAT + b"".join(SENT[1:]) + BEAT, 0) == b""

    assert (PACKETS, 2) == (asking.take(), asking.heartbeats)
    assert [] == asking.take()


def test_a_server_of_version_one_is_come_back_to_with_it() -> None:
    asking = _asking(version=2)

    assert bytes.fromhex("000200000000") == asking.begin()
    assert asking.feed(HELLO, 0) == b""
    assert (End.VERSION, 1) == (asking.ended, asking.server_version)


def test_a_server_of_a_higher_version_is_gone_on_with() -> None:
    asking = _asking()
    answers = [
        bytes.fromhex("000200000000"),
        bytes.fromhex("000b00000024 00001092") + b"rtpd".ljust(32),
        bytes.fromhex("000300000020") + ATTRIBUTES[6:] + bytes(4),
        bytes.fromhex("000d00000000"),  # unknown to version 1: skipped by its length
    ]

    assert [OURS, ATTRIBUTES, b"", b""] == [asking.feed(answer, 0) for answer in answers]
    asking.feed(SENT[0], 0)

    assert (PACKETS[:1], "rtpd") == (asking.take(), asking.program)


def test_version_two_reads_extended_packets_and_asks_for_no_commands() -> None:
    asking = _asking(version=2)
    said = [asking.feed(bytes.fromhex("000200000000"), 0), asking.feed(THEIRS, 0)]
    asking.feed(bytes.fromhex("000300000020") + ATTRIBUTES[6:] + bytes(4), 0)

    asking.feed(b"".join(EXTENDED[:2] + SENT[2:4]), 0)

    assert bytes.fromhex("000b00000024 0000522b") + b"portbook".ljust(32) == said[0]
    assert bytes.fromhex("000300000020") + ATTRIBUTES[6:] + bytes(4) == said[1]
    assert PACKETS[:4] == asking.take()


@pytest.mark.parametrize(
    ("kind", "end"),
    [(client.BREAK, End.BREAK), (client.BUSY, End.BUSY), (client.FAULT, End.FAULT)],
)
@pytest.mark.parametrize("steps", range(4))
def test_each_end_is_told_at_every_step(kind: int, end: End, steps: int) -> None:
    asking = _asking()
    asking.feed(b"".join((HELLO, THEIRS, ATTRIBUTES)[:steps]), 0)
    asking.feed((SENT[0] if steps == 3 else b"") + client.build(kind) + SENT[1], 0)

    assert end is asking.ended
    assert PACKETS[: steps == 3] == asking.take(), "what came before the end counts"


@pytest.mark.parametrize(
    "answer",
    [
        bytes.fromhex("000000000000"),
        bytes.fromhex("000100000001 00"),
        SENT[0],
        HELLO + bytes.fromhex("000b00000002 0000"),
        HELLO + THEIRS + bytes.fromhex("000300000018") + bytes(24),
        SHAKEN + bytes.fromhex("0000ffffffff"),
        SHAKEN + bytes.fromhex("000000000405"),
        SHAKEN + bytes.fromhex("ffff7fffffff"),
    ],
)
def test_malformed_answers_end_with_a_reason(answer: bytes) -> None:
    asking = _asking()
    asking.feed(answer + SENT[0], 0)

    assert End.MALFORMED is asking.ended
    assert asking.why
    assert {"malformed-message": 1} == asking.oddities
    assert [] == asking.take()


def test_what_is_no_packet_is_counted_and_passed_over() -> None:
    asking = _opened()
    bad = [
        client.build(client.REFTEK, bytes(1024)),
        client.build(client.REFTEK, PACKETS[0][:1000]),
        client.build(client.REFTEK, PACKETS[0][:6] + b"\xff" + PACKETS[0][7:]),
        client.build(200, bytes(3)),
    ]

    asking.feed(SENT[0] + b"".join(bad) + SENT[1], 0)

    assert PACKETS[:2] == asking.take()
    assert {"not-a-packet": 3, "unknown-message-type": 1} == asking.oddities


def test_another_grant_than_what_was_asked_for_is_adopted_and_counted() -> None:
    asking = _asking()
    granted = client.ATTRIBUTES.write(unit=0x91F5, packets=0x10, streams=1, timeout=2)
    asking.feed(HELLO + THEIRS + client.build(client.ATTR, granted), 0)

    assert (Wish(0x91F5, 0x10, 1), 2) == (asking.granted, asking.timeout_s)
    assert {"granted-otherwise": 1} == asking.oddities
    asking.look(2 * SECOND)
    assert End.SILENT is asking.ended


@pytest.mark.parametrize("steps", range(4))
def test_a_silent_server_ends_it_after_the_timeout(steps: int) -> None:
    asking = _asking()
    asking.feed(b"".join((HELLO, THEIRS, ATTRIBUTES)[:steps]), 7 * SECOND)
    due = (37 if steps else 30) * SECOND

    assert due == asking.deadline()
    asking.look(due - 1)
    assert asking.ended is None
    asking.look(due)
    assert End.SILENT is asking.ended


def test_the_timeout_covers_each_read_as_a_whole() -> None:
    asking = _opened()
    for second in range(29):  # type, length and a part of the payload, an octet a second
        asking.feed(SENT[0][second : second + 1], second * SECOND)

    assert 35 * SECOND == asking.deadline(), "since the length was whole"
    asking.look(35 * SECOND)
    assert End.SILENT is asking.ended


def test_heartbeats_keep_it_going() -> None:
    asking = _opened()
    for second in range(0, 600, 15):
        asking.feed(BEAT, second * SECOND)
        asking.look(second * SECOND)

    assert asking.ended is None
    assert asking.deadline() == (585 + 30) * SECOND


def test_it_asks_for_thirty_seconds_at_least() -> None:
    asking = _asking(timeout_s=2)

    assert ATTRIBUTES == asking.feed(HELLO + THEIRS, 0)[len(OURS) :]
    assert asking.deadline() == 2 * SECOND


@pytest.mark.parametrize("ours", [1, 2])
@pytest.mark.parametrize("theirs", [1, 2])
def test_it_talks_with_our_own_server(ours: int, theirs: int) -> None:
    asking, session = _asking(version=ours), Session(0, version=theirs, process=0x1092)
    to_server = asking.begin()
    while to_server:
        to_server = asking.feed(session.feed(to_server, 0), 0)

    if ours > theirs:
        assert End.VERSION is asking.ended
        return
    assert asking.ready
    assert (asking.wish, 30) == (session.wish, session.timeout_s)
    session.feed(asking.leave(), 0)
    assert session.ended


_ANSWERS = st.lists(
    st.sampled_from(
        [
            *SENT[:3],
            *EXTENDED[:2],
            BEAT,
            THEIRS,
            ATTRIBUTES,
            *(client.build(kind) for kind in range(16)),
            client.build(client.REFTEK, bytes(1024)),
            client.build(99, bytes(1028)),
            bytes.fromhex("0000ffffffff"),
        ]
    ),
    max_size=10,
)


def _outcome(asking: Asking, chunks: list[bytes]) -> tuple[object, ...]:
    out = b"".join(asking.feed(chunk, 0) for chunk in chunks)
    return (
        *(out, asking.take(), asking.ended, asking.why, asking.oddities, asking.stage),
        *(asking.granted, asking.timeout_s, asking.heartbeats, asking.program),
    )


@given(st.booleans(), st.integers(1, 2), _ANSWERS, st.binary(max_size=60), st.data())
@settings(max_examples=60)
def test_any_split_of_the_octets_gives_the_same_result(
    shaken: bool, version: int, answers: list[bytes], noise: bytes, data: st.DataObject
) -> None:
    hello = client.build(version) + THEIRS + ATTRIBUTES
    said = (hello if shaken else b"") + b"".join(answers) + noise
    cuts = data.draw(st.lists(st.integers(0, len(said)), max_size=12).map(sorted))
    edges = [0, *cuts, len(said)]
    whole = _outcome(_asking(version), [said])

    assert whole == _outcome(_asking(version), [said[a:b] for a, b in itertools.pairwise(edges)])
    assert whole == _outcome(_asking(version), [said[at : at + 1] for at in range(len(said))])


@given(_ANSWERS, st.lists(st.binary(max_size=200), max_size=12))
@settings(max_examples=200)
def test_random_octets_never_raise_and_never_grow_it(
    answers: list[bytes], noise: list[bytes]
) -> None:
    asking = _opened()
    for octets in [*answers, *noise, *answers]:
        assert len(asking.feed(octets, 0)) <= 200
        assert len(asking._buffer) < client.HEADER.size + 4 + client.LARGEST
        assert 1024 * len(asking.take()) <= len(octets) + 2048
    assert len(asking.oddities) <= 5
