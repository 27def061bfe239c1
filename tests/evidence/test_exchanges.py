"""What was said becomes rows as the conversation table makes them."""

from __future__ import annotations

from portbook.evidence.conversations import records
from portbook.evidence.exchanges import MOST, MOST_PIECES, End, Exchanges
from portbook.evidence.table import MORE_OCTETS
from portbook.ports import Transport
from portbook.protocols import Cast, identify

US, THEM = End("10.0.0.5", 1743), End("10.0.0.9", 1740)
REQUEST = bytes.fromhex("c56b40030010003202c2000444332211")
ANSWER = bytes.fromhex(
    "c5734004001100320014000080c200044433221104000100000001000100010000100000010000002814050301"
    "0000000100050000000000000000006100000062000000630000007300"
)


def test_a_question_and_its_answer_are_one_conversation() -> None:
    exchanges = Exchanges()
    exchanges.said(Transport.UDP, US, THEM, REQUEST, 1)
    exchanges.heard(Transport.UDP, US, THEM, ANSWER, 5)
    (seen,) = records(exchanges.rows(), "asked")

    one = seen.conversation
    assert (US.host, 1743, THEM.host, 1740) == (
        one.client, one.client_port, one.server, one.server_port,
    )  # fmt: skip
    assert (1, 1, 1, 5, True) == (
        one.packets_to_server, one.packets_to_client, one.first_ns, one.last_ns, one.answered,
    )  # fmt: skip
    told = identify(seen.payload)
    assert told is not None
    assert "codesys-v3" == told.protocol
    assert "a" == told.server["name"]


def test_an_answer_from_another_port_begins_a_conversation_of_its_own() -> None:
    exchanges = Exchanges()
    everybody = End("10.0.0.255", 1741)
    exchanges.said(Transport.UDP, US, everybody, REQUEST, 1, broadcast=True)
    exchanges.heard(Transport.UDP, US, THEM, ANSWER, 5)
    asked, answered = records(exchanges.rows(), "asked")

    assert (Cast.BROADCAST, False) == (asked.payload.cast, asked.conversation.answered)
    assert (THEM.host, US.host) == (answered.conversation.client, answered.conversation.server)
    told = identify(answered.payload)
    assert told is not None
    assert told.swapped  # its octets show that it serves


def test_a_connection_shows_who_is_the_client() -> None:
    exchanges = Exchanges()
    exchanges.connected(US, THEM, 1)
    exchanges.heard(Transport.TCP, US, THEM, b"220 ready\r\n", 2)
    (seen,) = records(exchanges.rows(), "asked")

    assert (US.host, "syn", True) == (
        seen.conversation.client,
        seen.conversation.roles,
        seen.conversation.answered,
    )


def test_what_is_kept_is_bounded_and_what_came_is_counted() -> None:
    exchanges = Exchanges()
    exchanges.said(Transport.UDP, US, THEM, REQUEST, 1)
    for at in range(1000):
        exchanges.heard(Transport.UDP, US, THEM, bytes(1000), at)
    (row,) = exchanges.rows()

    assert len(row.head_ba) <= MORE_OCTETS
    assert len(row.pieces_ba) <= MOST_PIECES
    assert (1000, 1_000_000) == (row.packets_ba, row.payload_ba)
    assert (1001, 1_000_000 + len(REQUEST)) == exchanges.counts()[:2]


def test_endless_peers_do_not_grow_it_without_end() -> None:
    exchanges = Exchanges()
    for port in range(MOST + 100):
        exchanges.heard(Transport.UDP, US, End("10.0.0.9", port % 65536), b"x", port)

    assert MOST == sum(1 for _ in exchanges.rows())
    assert MOST + 100 == exchanges.came


def test_ipv6_with_a_zone_has_its_address() -> None:
    exchanges = Exchanges()
    exchanges.said(Transport.UDP, End("fe80::5", 1), End("fe80::9%eth1", 2), b"x", 1)
    (row,) = exchanges.rows()

    assert (16, 16) == (len(row.a), len(row.b))
