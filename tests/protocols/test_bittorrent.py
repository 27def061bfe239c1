"""BitTorrent: handshakes of one torrent, and the distributed table."""

from __future__ import annotations

import pytest
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload
from portbook.protocols.bittorrent import recognise

TCP, UDP = Transport.TCP, Transport.UDP
TORRENT = unhex("c12fe1c06bba254a9dc9f519b335aa7c1367a88a")
START = b"\x13BitTorrent protocol" + unhex("0000000000100005") + TORRENT
CLIENT = START + b"-qB4650-" + b"abcdefghijkl"
SERVER = START + b"-TR2940-" + b"k8hj0wgej6ch"
PING = b"d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe"
PONG = b"d1:rd2:id20:mnopqrstuvwxyz123456e1:t2:aa1:y1:re"
FIND = (
    b"d1:ad2:id20:abcdefghij01234567896:target20:mnopqrstuvwxyz123456e1:q9:find_node1:t2:aa1:y1:qe"
)
WRONG = b"d1:eli201e23:A Generic Error Ocurrede1:t2:aa1:y1:ee"

EXAMPLES = [
    Example(
        "two peers, built from BEP 3, peer protocol, and BEP 20",
        Payload.of(TCP, [CLIENT], [SERVER]),
        "bittorrent",
        client={"product": "qBittorrent", "version": "4.6.5"},
        server={"product": "Transmission", "version": "2.9.4"},
    ),
    Example("one peer", Payload.of(TCP, [CLIENT]), "bittorrent", PLAUSIBLE),
    Example("a ping, BEP 5", Payload.of(UDP, [PING], [PONG]), "bittorrent"),
    Example("a search, BEP 5", Payload.of(UDP, [FIND]), "bittorrent", PLAUSIBLE),
    Example(
        "an error, BEP 5",
        Payload.of(UDP, [FIND], [WRONG]),
        "bittorrent",
    ),
]


@pytest.mark.parametrize(
    ("why", "asked", "answer"),
    [
        ("another torrent", CLIENT, SERVER.replace(b"\xc1\x2f", b"\xc1\x2e")),
        ("half a handshake", CLIENT[:40], b""),
        ("another word", CLIENT.replace(b"Bit", b"Byt"), b""),
        ("an answer of something else", CLIENT, b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    ],
)
def test_what_does_not_fit_is_not_bittorrent(why: str, asked: bytes, answer: bytes) -> None:
    told = recognise(Payload.of(TCP, [asked] if asked else [], [answer] if answer else []))

    assert told is None, why


@pytest.mark.parametrize(
    ("why", "octets"),
    [
        ("octets behind it", PING + b"e"),
        ("a length past the end", PING.replace(b"20:", b"99:")),
        ("an unknown question", PING.replace(b"4:ping", b"4:pong")),
        ("an id of another length", PING.replace(b"20:abcd", b"19:bcd")),
        ("no number", PING.replace(b"1:t2:aa", b"")),
        ("a list", b"l" + PING + b"e"),
        ("nested without end", b"d1:a" + b"l" * 5000),
        ("an answer alone", PONG),
    ],
)
def test_what_does_not_fit_is_not_of_the_table(why: str, octets: bytes) -> None:
    assert recognise(Payload.of(UDP, [octets])) is None, why


def test_an_answer_with_another_number_confirms_nothing() -> None:
    told = recognise(Payload.of(UDP, [PING], [PONG.replace(b"2:aa", b"2:ab")]))

    assert told is not None
    assert told.confidence is PLAUSIBLE
