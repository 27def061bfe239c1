"""Our side of a DataLink connection that writes: frames, acknowledgements, refusals, patience."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.ports import Transport
from portbook.protocols import Payload
from portbook.protocols.datalink import recognise
from portbook.protocols.datalink.writing import ANSWER_NS, LONGEST_ANSWER, QUIET_NS, Writing

NOW = 1_790_000_000_000_000_000
RECORD = bytes(1024)


def answer(header: str, message: str = "") -> bytes:
    """Frame an answer as the protocol's description has it: DL, length, header, message."""
    return b"DL" + bytes([len(header)]) + header.encode() + message.encode()


# As ringserver writes it; DataLink.protocol (libdali).
ID = answer("ID DataLink 2024.020 :: DLPROTO:1.0 PACKETSIZE:1024 WRITE")


def ready(window: int = 256, told: bytes = ID) -> Writing:
    made = Writing("portbook:rtpd", window)
    made.hello(NOW)
    assert [] == made.feed(told, NOW)
    return made


def write(made: Writing, mark: int | None) -> bytes:
    begin, end = NOW, NOW + 990_000_000
    return made.write(mark, "XX_ALFA_00_HHZ/MSEED", begin, end, RECORD, NOW)


def test_a_connection_begins_with_names_on_both_sides() -> None:
    made = Writing("portbook:rtpd")

    assert b"DL\x10ID portbook:rtpd" == made.hello(NOW)
    assert 0 == made.room
    made.feed(ID, NOW)
    assert (True, "DataLink 2024.020", 1024, False, 256) == (
        made.ready,
        made.server,
        made.packet_octets,
        made.source_ids,
        made.room,
    )


def test_a_record_goes_out_with_its_times_in_microseconds() -> None:
    octets = write(ready(), 7)

    header = b"WRITE XX_ALFA_00_HHZ/MSEED 1790000000000000 1790000000990000 A 1024"
    assert b"DL" + bytes([len(header)]) + header + RECORD == octets


def test_what_we_send_is_datalink_to_who_listens() -> None:
    made = Writing("portbook:rtpd")
    asked = [made.hello(NOW)]
    made.feed(ID, NOW)
    asked.append(write(made, 7))

    told = recognise(Payload.of(Transport.TCP, asked, [ID, answer("OK 9 0")]))

    assert told is not None
    assert ("datalink", ("XX_ALFA_00_HHZ/MSEED",)) == (told.protocol, told.facts["streams"])


def test_answers_come_in_the_order_of_the_writes() -> None:
    made = ready()
    for mark in (5, None, 6):
        write(made, mark)

    assert [5] == made.feed(answer("OK 101 0") + answer("OK 102 0"), NOW)
    assert [6] == made.feed(answer("OK 103 2", "ok"), NOW)
    assert (0, 3) == (made.unanswered, made.acknowledged)


def test_the_window_bounds_what_is_under_way() -> None:
    made = ready(window=2)
    write(made, 1)
    write(made, 2)

    assert 0 == made.room
    made.feed(answer("OK 1 0"), NOW)
    assert 1 == made.room


def test_a_newer_server_wants_source_identifiers() -> None:
    made = ready(told=answer("ID DataLink 4.1 :: DLPROTO:1.1 PACKETSIZE:4096 WRITE"))

    assert (True, 4096) == (made.source_ids, made.packet_octets)


def test_an_old_server_tells_neither_rights_nor_sizes() -> None:
    made = ready(told=answer("ID DataLink (v2009.100) :: DLPROTO:1.0"))

    assert (True, None, None) == (made.ready, made.packet_octets, made.ended)


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (answer("ID DataLink 2024 :: DLPROTO:1.0 PACKETSIZE:512"), "no right to write"),
        (answer("ID SomethingElse 1.0"), "speaks no DataLink"),
        (b"SeedLink v3.1\r\n", "speaks no DataLink"),
        (b"HTTP/1.1 400 Bad Request\r\n", "speaks no DataLink"),
        (b"DL\x00", "cannot be"),
        (answer("OK 1 99999999"), "cannot be"),
        (answer("OK 1 -5"), "cannot be"),
    ],
)
def test_a_server_that_will_not_do_ends_the_connection(told: bytes, why: str) -> None:
    made = ready(told=told)

    assert made.ended is not None
    assert why in made.ended
    assert 0 == made.room


def test_a_refusal_tells_its_reason() -> None:
    made = ready()
    write(made, 1)

    assert [] == made.feed(answer("ERROR 0 26", "Packet size is too large\r\n"), NOW)
    assert "Packet size is too large" == made.refused
    assert "it refuses: Packet size is too large" == made.ended


def test_a_server_that_does_not_answer_is_left() -> None:
    made = ready()
    write(made, 1)

    assert b"" == made.due(NOW + ANSWER_NS)
    assert made.ended is None
    made.due(NOW + ANSWER_NS + 1)
    assert "no answer for 60 s" == made.ended


def test_a_hello_without_an_answer_ends_too() -> None:
    made = Writing("portbook:rtpd")
    made.hello(NOW)
    made.due(NOW + ANSWER_NS + 1)

    assert made.ended is not None


def test_while_nothing_is_to_be_written_it_is_asked_whether_it_lives() -> None:
    made = ready()
    late = NOW + QUIET_NS + 1

    assert b"" == made.due(late - 1)
    assert b"DL\x10ID portbook:rtpd" == made.due(late)
    assert b"" == made.due(late + 1)
    made.feed(ID, late + 2)
    assert (None, True) == (made.ended, made.ready)
    assert made.due(late + 3 + QUIET_NS)
    made.due(late + 4 + QUIET_NS + ANSWER_NS)
    assert made.ended is not None


def test_answers_that_nobody_asked_for_are_counted() -> None:
    made = ready()
    made.feed(answer("OK 1 0") + answer("INFO STATUS 2", "ab") + answer("ENDSTREAM"), NOW)

    assert (3, None) == (made.oddities["unasked-answer"], made.ended)


def test_a_hostile_reason_is_shown_as_text() -> None:
    made = ready()
    write(made, 1)
    made.feed(b"DL\x09ERROR 0 5\x1b[2J\n", NOW)

    assert "\\x1b[2J" == made.refused


@given(st.lists(st.binary(max_size=40), max_size=20), st.booleans())
def test_whatever_a_server_sends_is_taken_or_ends_it(parts: list[bytes], named: bool) -> None:
    made = ready() if named else Writing("portbook:rtpd")
    write(made, 3)
    for part in parts:
        made.feed(part, NOW)

        assert len(made._held) <= LONGEST_ANSWER + 300
    assert made.ended is None or made.room == 0


@given(st.integers(1, 9))
def test_answers_may_come_in_any_pieces(size: int) -> None:
    made, whole = Writing("portbook:rtpd"), ID + answer("OK 1 3", "abc") + answer("OK 2 0")
    made.hello(NOW)
    write(made, 1)
    write(made, 2)

    marks = [
        mark for at in range(0, len(whole), size) for mark in made.feed(whole[at : at + size], NOW)
    ]

    assert [1, 2] == marks
