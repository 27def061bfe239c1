"""A client of our server: the maker's transcripts octet for octet, and what hostile ones send."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portbook.protocols.reftek import client
from portbook.protocols.reftek.client import Wish
from portbook.protocols.reftek.serving import Session, Stage

SECOND = 1_000_000_000
HELLO = bytes.fromhex("000100000000")
PROCESS = bytes.fromhex("000b000000040000522b")
OURS = bytes.fromhex("000b0000000400001092")
SEISCOMP = bytes.fromhex(
    "00030000001c 00000000 00000110 000000ff 0000001e 00000000 00000000 00000000"
)
AUXILIARY = bytes.fromhex(
    "00030000001c 000091f5 00000070 000001ff 0000001e 00000001 00000000 00000000"
)
SECOND_VERSION = (
    bytes.fromhex("000200000000"),
    bytes.fromhex("000b00000024 0000522b") + b"ReftekClient".ljust(32),
    bytes.fromhex(
        "000300000020 00000000 0003ffff 0000ffff 0000001e 00000001 00000000 00000000 00000001"
    ),
)
COMMAND = bytes.fromhex(
    "0001 00000018 0000 0014 8400 30303030 30303130 49444944 36343939 0d0a"
)  # identify all units
COMMAND_2 = bytes.fromhex(
    "000e 00000018 00001000 0000 0014 8400 30303030 30303130 49444944 36343939 0d0a"
)


def _session(version: int = 2, **more: object) -> Session:
    return Session(0, version=version, process=0x1092, **more)  # type: ignore[arg-type]


def _opened(attributes: bytes = SEISCOMP) -> Session:
    session = _session()
    session.feed(HELLO + PROCESS + attributes, 0)
    assert session.stage is Stage.OPEN
    return session


@pytest.mark.parametrize(
    ("attributes", "wish"),
    [(SEISCOMP, Wish(0, 0x110, 0xFF)), (AUXILIARY, Wish(0x91F5, 0x70, 0x1FF))],
)
def test_the_makers_client_gets_what_the_makers_server_answers(
    attributes: bytes, wish: Wish
) -> None:
    session = _session()

    answers = [session.feed(said, 0) for said in (HELLO, PROCESS)]
    assert session.wish is None
    answers.append(session.feed(attributes, 0))

    assert [HELLO, OURS, attributes] == answers
    assert (wish, 1, True, None) == (session.wish, session.version, session.started, session.ended)


def test_version_two_is_answered_with_its_own_sizes_and_no_right_to_command() -> None:
    session = _session()
    hello, process, attributes = SECOND_VERSION

    assert hello == session.feed(hello, 0)
    assert bytes.fromhex("000b00000024 00001092") + b"portbook".ljust(32) == session.feed(
        process, 0
    )
    granted = session.feed(attributes, 0)

    assert attributes[:-4] + bytes(4) == granted
    assert Wish(0, 0x3FFFF, 0xFFFF) == session.wish
    assert ("ReftekClient", 0x522B) == (session.program, session.process)


def test_a_higher_version_than_ours_is_told_ours_and_let_go() -> None:
    session = _session(version=1)

    assert HELLO == session.feed(bytes.fromhex("000200000000"), 0)
    assert session.ended is None
    assert session.feed(PROCESS, 0) == b""
    assert session.ended


@pytest.mark.parametrize(
    ("asked", "granted"), [(0, 30), (5, 30), (30, 30), (77, 77), (65_535, 300), (65_541, 30)]
)
def test_no_timeout_below_thirty_is_granted(asked: int, granted: int) -> None:
    session = _opened(SEISCOMP[:18] + asked.to_bytes(4, "big") + SEISCOMP[22:])

    assert granted == session.timeout_s


def test_version_one_keeps_sixteen_bits_of_what_it_asks_for() -> None:
    asked = client.build(
        client.ATTR, client.ATTRIBUTES.write(unit=0x191F5, packets=0x3FFFF, streams=0x101FF)
    )

    assert Wish(0x91F5, 0xFFFF, 0x01FF) == _opened(asked).wish


def test_a_full_server_says_busy_where_every_client_understands_it() -> None:
    session = _session(full=True)

    assert HELLO == session.feed(HELLO, 0)
    assert bytes.fromhex("000900000000") == session.feed(PROCESS, 0)
    assert "no more clients are taken" == session.ended


def test_stop_start_and_flush_are_told() -> None:
    session = _opened()

    assert session.feed(client.build(client.STOP), 0) == b""
    assert not session.started
    session.feed(client.build(client.FLUSH) + client.build(client.START), 0)

    assert (True, 1, {}) == (session.started, session.flushes, session.oddities)


def test_attributes_may_be_asked_for_again() -> None:
    session = _opened()

    assert AUXILIARY == session.feed(AUXILIARY, 0)
    assert Wish(0x91F5, 0x70, 0x1FF) == session.wish


@pytest.mark.parametrize("step", range(4))
def test_a_good_bye_ends_it_at_every_step(step: int) -> None:
    session = _session()
    session.feed(b"".join((HELLO, PROCESS, SEISCOMP)[:step]), 0)

    answer = session.feed(bytes.fromhex("000800000000"), 0)

    if step:
        assert (b"", "the client said good-bye") == (answer, session.ended)
    else:  # in the place of a version it is one that we do not speak
        assert (bytes.fromhex("000200000000"), Stage.REFUSED) == (answer, session.stage)


def test_commands_towards_instruments_are_refused_and_counted() -> None:
    first, second = _opened(), _session()
    second.feed(b"".join(SECOND_VERSION), 0)

    assert first.feed(COMMAND * 3, 0) == b""
    assert second.feed(COMMAND + COMMAND_2, 0) == b""

    assert ({"command-refused": 3}, {"command-refused": 2}) == (first.oddities, second.oddities)
    assert AUXILIARY == first.feed(AUXILIARY, 0), "what follows a command is still understood"
    assert second.feed(AUXILIARY, 0).startswith(b"\0\3")


def test_unknown_types_are_skipped_by_their_length() -> None:
    session = _session()
    unknown = client.build(99, b"\0\x0b\0\0\0\4" * 20)

    answers = session.feed(HELLO + unknown + PROCESS + unknown + SEISCOMP, 0)

    assert HELLO + OURS + SEISCOMP == answers
    assert {"unknown-message-type": 2} == session.oddities


@pytest.mark.parametrize("length", ["ffffffff", "80000000", "00000405", "7fffffff"])
@pytest.mark.parametrize("opened", [False, True])
def test_an_impossible_length_ends_it_before_its_payload_is_waited_for(
    length: str, opened: bool
) -> None:
    session = _opened() if opened else _session()

    assert session.feed(bytes.fromhex("0003" + length) + bytes(2000), 0) == b""
    assert session.ended
    assert {"malformed-message": 1} == session.oddities


@pytest.mark.parametrize(
    "said",
    [
        bytes.fromhex("000000000000"),
        bytes.fromhex("000100000001 00"),
        HELLO + bytes.fromhex("000b00000003 000001"),
        HELLO + SEISCOMP,
        HELLO + PROCESS + PROCESS,
        HELLO + PROCESS + bytes.fromhex("00030000001b") + bytes(27),
    ],
)
def test_a_handshake_out_of_shape_ends_it(said: bytes) -> None:
    session = _session()
    session.feed(said, 0)

    assert session.ended
    assert session.wish is None
    assert session.feed(HELLO + PROCESS + SEISCOMP, 0) == b""


def test_heartbeats_are_due_at_half_the_granted_timeout() -> None:
    session = _opened(SEISCOMP[:18] + (40).to_bytes(4, "big") + SEISCOMP[22:])

    assert [False, True] == [session.heartbeat_due(at * SECOND) for at in (19, 20)]
    session.sent_ns = 20 * SECOND
    assert not session.heartbeat_due(39 * SECOND)
    assert not _session().heartbeat_due(1000 * SECOND), "nobody speaks before the handshake"


@pytest.mark.parametrize("said", [b"", HELLO, HELLO + PROCESS, HELLO + PROCESS + SEISCOMP[:-1]])
def test_half_a_handshake_is_waited_for_ten_seconds(said: bytes) -> None:
    session = _session()
    session.feed(said, SECOND)
    begun = SECOND if said else 0

    assert [False, True] == [session.late(begun + at * SECOND) for at in (9, 10)]
    assert not _opened().late(1000 * SECOND)


def test_idle_talk_does_not_hold_a_handshake_open() -> None:
    session = _session()
    session.feed(HELLO, 0)
    for at in range(11):
        session.feed(client.build(client.NOP), at * SECOND)

    assert session.late(10 * SECOND)


_TALK = st.lists(
    st.sampled_from(
        [
            *(HELLO, PROCESS, SEISCOMP, AUXILIARY, COMMAND, COMMAND_2, *SECOND_VERSION),
            *(client.build(kind) for kind in range(16)),
            client.build(77, bytes(700)),
            bytes.fromhex("0003fffffffe"),
        ]
    ),
    max_size=12,
)
_STATE = ("stage", "version", "program", "process", "wish", "timeout_s", "started", "flushes")


def _outcome(session: Session, chunks: list[bytes]) -> tuple[object, ...]:
    out = b"".join(session.feed(chunk, 0) for chunk in chunks)
    state = tuple(getattr(session, name) for name in _STATE)
    return out, session.ended, session.oddities, *state


@given(_TALK, st.binary(max_size=60), st.data())
def test_any_split_of_the_octets_gives_the_same_result(
    talk: list[bytes], noise: bytes, data: st.DataObject
) -> None:
    said = HELLO + PROCESS + SEISCOMP + b"".join(talk) + noise
    cuts = data.draw(st.lists(st.integers(0, len(said)), max_size=12).map(sorted))
    edges = [0, *cuts, len(said)]
    whole = _outcome(_session(), [said])

    assert whole == _outcome(_session(), [said[a:b] for a, b in itertools.pairwise(edges)])
    assert whole == _outcome(_session(), [said[at : at + 1] for at in range(len(said))])


@given(_TALK, st.lists(st.binary(max_size=200), max_size=12), st.booleans())
@settings(max_examples=200)
def test_random_octets_never_raise_and_never_grow_it(
    talk: list[bytes], noise: list[bytes], opened: bool
) -> None:
    session = _opened() if opened else _session()
    for octets in [*talk, *noise, *talk]:
        answer = session.feed(octets, 0)
        assert len(answer) <= 64 + 8 * len(octets)
        assert len(session._buffer) < client.HEADER.size + 4 + client.LARGEST
    assert len(session.oddities) <= 5
