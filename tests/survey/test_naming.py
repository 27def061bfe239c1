"""Names from bytes, remembered where the bytes are given back."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from support.knowing import knowledge
from support.rows import TCP, UDP, row

from portbook.evidence.conversations import Observed, records
from portbook.evidence.table import Row
from portbook.protocols.prefilter import prefilter
from portbook.records import Confidence
from portbook.survey.naming import Memory, Named, key, named, remember

DOCS = Path(__file__).resolve().parents[2] / "docs"
CLAIMS = knowledge().claims
ASKED, ANSWERED = (
    bytes.fromhex("0d2f0000000601030000000a"),
    bytes.fromhex("0d2f0000001701031400370001003c" + "00" * 14),
)
GET = b"GET / HTTP/1.1\r\nHost: x\r\nUser-Agent: example/1\r\n\r\n"
PAGE = b"HTTP/1.1 200 OK\r\nServer: example-httpd/1.4\r\n\r\n"


def observed(made: Row) -> Observed:
    """Return a row as it comes out of the table: with the prefilter's bits."""
    bits = prefilter().bits(made.transport, made.head_ab) | prefilter().bits(
        made.transport, made.head_ba
    )
    (one,) = records([made._replace(candidates=bits)], "own.pcap")
    return one


def name(*made: Row, memory: Memory | None = None) -> list[Named]:
    return list(named(map(observed, made), CLAIMS, {} if memory is None else memory))


def web(a: str = "10.0.0.5", b: str = "10.0.0.9", port: int = 8080, **more: object) -> Row:
    made = {"to_b": (GET,), "to_a": (PAGE,), "syn": 9, **more}
    return row(TCP, a, 50000, b, port, **made)  # type: ignore[arg-type]


def test_a_name_comes_with_its_reasons_and_the_ports_claims() -> None:
    (one,) = name(row(TCP, b_port=4711, to_b=(ASKED,), to_a=(ANSWERED,), syn=9))
    told = one.conversation

    assert ("modbus", Confidence.CONFIRMED) == (told.protocol, told.confidence)
    assert told.because
    assert CLAIMS.labels(4711, told.transport) == told.claims
    assert one.identification is not None
    assert one.identification.facts == told.facts


@pytest.mark.parametrize(
    ("roles", "client_port", "made"),
    [
        # each with weaker signs against it
        ("syn", 80, row(TCP, a_port=50000, b_port=80, to_b=(PAGE,), to_a=(GET,), syn=2)),
        ("protocol", 80, row(TCP, a_port=50000, b_port=80, to_b=(PAGE,), to_a=(GET,))),
        ("cast", 4712, row(UDP, "239.1.2.3", 4711, b_port=4712, to_b=(b"?",))),
        ("first-sender", 53, row(UDP, a_port=53, b_port=50000, to_b=(b"?",))),
        ("port", 50000, row(TCP, a_port=80, b_port=50000, to_b=(b"?",))),
    ],
)
def test_the_strongest_sign_tells_who_is_the_client_and_is_named(
    roles: str, client_port: int, made: Row
) -> None:
    (one,) = name(made)

    assert (roles, client_port) == (one.conversation.roles, one.conversation.client_port)
    assert f"`{roles}`" in (DOCS / "output.md").read_text()


def test_what_the_bytes_do_not_say_stays_open() -> None:
    (one,) = name(row(TCP, to_b=(b"\0" * 40,), syn=9))

    assert (None, None, ()) == (
        one.conversation.protocol,
        one.conversation.confidence,
        one.conversation.because,
    )
    assert "mbap" in one.conversation.claims
    assert one.identification is None


def test_a_conversation_met_backwards_is_turned_round() -> None:
    (one,) = name(row(UDP, "10.0.0.9", 4711, "10.0.0.5", 50000, to_b=(ANSWERED,), to_a=(ASKED,)))
    told = one.conversation

    assert ("10.0.0.5", "10.0.0.9", "protocol") == (told.client, told.server, told.roles)
    assert CLAIMS.labels(4711, told.transport) == told.claims


def test_the_key_is_the_same_whoever_asks() -> None:
    (one,) = name(web())
    (other,) = name(web("10.0.0.9", "10.0.0.5"))
    there = msgspec.structs.replace(one.conversation, client_port=8080, server_port=50000)

    assert key(one.conversation) != key(other.conversation)  # the ports stand at other hosts
    turned = msgspec.structs.replace(
        there, client=one.conversation.server, server=one.conversation.client
    )
    assert key(one.conversation) == key(turned)
    assert key(one.conversation) != key(msgspec.structs.replace(one.conversation, vlan=7))
    assert key(one.conversation) != key(msgspec.structs.replace(one.conversation, tunnel="gre"))


def test_what_was_remembered_names_what_comes_later() -> None:
    memory: Memory = {}
    remember([observed(web())], CLAIMS, memory)
    rest = web(to_b=(b"\x17" * 30,), to_a=(), syn=0)
    (alone,), (later,) = name(rest), name(rest, memory=memory)

    assert None is alone.conversation.protocol
    assert ("http", Confidence.CONFIRMED) == (
        later.conversation.protocol,
        later.conversation.confidence,
    )


@pytest.mark.parametrize("swap", [False, True])
def test_a_later_part_that_begins_with_the_other_side_is_turned(swap: bool) -> None:
    memory: Memory = {}
    remember([observed(web(port=50001))], CLAIMS, memory)
    ends = (
        ("10.0.0.9", 50001, "10.0.0.5", 50000) if swap else ("10.0.0.5", 50000, "10.0.0.9", 50001)
    )
    (later,) = name(row(TCP, *ends, to_b=(b"\x17" * 30,)), memory=memory)

    assert ("10.0.0.5", 50000, "10.0.0.9", 50001) == (
        later.conversation.client,
        later.conversation.client_port,
        later.conversation.server,
        later.conversation.server_port,
    )
    assert "http" == later.conversation.protocol


def test_a_name_made_from_more_outlives_one_made_from_less() -> None:
    """The longer head told the server's product; 20 octets of it do not."""
    memory: Memory = {}
    remember([observed(web())], CLAIMS, memory)
    short = web()._replace(
        head_ba=PAGE[:20],
        pieces_ba=((len(PAGE), 20),),
        head_ab=GET[:20],
        pieces_ab=((len(GET), 20),),
    )
    (alone,), (later,) = name(short), name(short, memory=memory)

    assert alone.identification is not None
    assert later.identification is not None
    assert "product" not in alone.identification.server
    assert "example-httpd" == later.identification.server["product"]


def test_a_name_made_from_more_replaces_one_made_from_less() -> None:
    memory: Memory = {}
    remember([observed(web(to_a=(), syn=1))], CLAIMS, memory)
    (early,) = memory.values()
    (later,) = name(web(), memory=memory)

    assert Confidence.PLAUSIBLE is early.identification.confidence
    assert Confidence.CONFIRMED is later.conversation.confidence
    assert later.identification is not None
    assert "example-httpd" == later.identification.server["product"]


def test_another_conversation_inherits_nothing() -> None:
    memory: Memory = {}
    remember([observed(web())], CLAIMS, memory)
    (other,) = name(row(TCP, a_port=50001, b_port=8080, to_b=(b"\x17" * 30,), syn=1), memory=memory)

    assert None is other.conversation.protocol
