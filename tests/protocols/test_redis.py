"""Redis: counted words and what answers them."""

from __future__ import annotations

import pytest
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload
from portbook.protocols.redis import recognise

TCP = Transport.TCP
SET = b"*3\r\n$3\r\nset\r\n$1\r\na\r\n$1\r\n1\r\n"
GET = b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n"
INFO = b"*2\r\n$4\r\nINFO\r\n$6\r\nserver\r\n"
INFO_TOLD = unhex("""
    243537380d0a23205365727665720d0a72656469735f76657273696f6e3a372e302e31350d0a72656469735f6769
    745f736861313a30303030303030300d0a72656469735f6769745f64697274793a300d0a72656469735f6275696c
    645f69643a6165346437633937316139343866300d0a72656469735f6d6f64653a7374616e64616c6f6e650d0a6f
    733a4c696e757820362e31382e34342d66632d76363639207838365f36340d0a617263685f626974733a36340d0a
    6d6f6e6f746f6e69635f636c6f636b3a504f53495820636c6f636b5f67657474696d650d0a6d756c7469706c6578
    696e675f6170693a65706f6c6c0d0a61746f6d69637661725f6170693a6331312d6275696c74696e0d0a6763635f
    76657273696f6e3a31322e322e300d0a70726f636573735f69643a32343632390d0a70726f636573735f73757065
    7276697365643a6e6f0d0a72756e5f69643a31663661386266323334633538356265616662653835313633613736
    3738393166613232616630650d0a7463705f706f72743a32363337390d0a7365727665725f74696d655f75736563
    3a313739353330313337363736343237310d0a757074696d655f696e5f7365636f6e64733a310d0a757074696d65
    5f696e5f646179733a300d0a687a3a31300d0a636f6e666967757265645f687a3a31300d0a6c72755f636c6f636b
    3a3133393236340d0a65786563757461626c653a2f746d702f6462702f72656469732d7365727665720d0a636f6e
    6669675f66696c653a0d0a696f5f746872656164735f6163746976653a300d0a0d0a
""")
HELLO = b"*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n"
HELLO_TOLD = b"%3\r\n$6\r\nserver\r\n$5\r\nredis\r\n$5\r\nproto\r\n:3\r\n$7\r\nmodules\r\n*0\r\n"
LOGIN = b"*2\r\n$4\r\nAUTH\r\n$6\r\ngeheim\r\n"

EXAMPLES = [
    Example(
        "captured from redis-cli and Redis 7.0 on loopback, 2026-11-21",
        Payload.of(TCP, [GET, INFO], [b"$1\r\n1\r\n", INFO_TOLD]),
        "redis",
        server={"product": "Redis", "version": "7.0.15"},
    ),
    Example(
        "the first command of redis-cli on loopback, 2026-11-21",
        Payload.of(TCP, [SET], [b"+OK\r\n"]),
        "redis",
    ),
    Example(
        "version 3, built from the specification of the protocol",
        Payload.of(TCP, [HELLO], [HELLO_TOLD]),
        "redis",
    ),
    Example(
        "typed commands, malformed/tcpdump-resp_2_inline.pcap",
        Payload.of(TCP, [b"set test 1\r\nincr test\r\n"], [b"+OK\r\n:2\r\n"]),
        "redis",
    ),
    Example(
        "a health check, Redis documentation, inline commands",
        Payload.of(TCP, [b"PING\r\n"], [b"+PONG\r\n"]),
        "redis",
    ),
    Example(
        "typed commands of which one fails",
        Payload.of(
            TCP,
            [b"GET a\nGET b\nFLUSHALL\n"],
            [b"$-1\r\n$1\r\n1\r\n", b"-NOAUTH Authentication required.\r\n"],
        ),
        "redis",
    ),
    Example("commands alone", Payload.of(TCP, [SET, GET]), "redis", PLAUSIBLE),
]


@pytest.mark.parametrize(
    ("why", "asked", "answer"),
    [
        ("an unknown command", GET.replace(b"GET", b"GOT"), b"+OK\r\n"),
        ("a count that lies", GET.replace(b"*2", b"*3"), b""),
        ("a length that lies", GET.replace(b"$3", b"$2"), b"+OK\r\n"),
        ("typed words alone", b"GET a\r\n", b""),
        ("typed words with an answer of another kind", b"GET a\r\n", b"+OK\r\n"),
        ("another word", b"GOT a\r\n", b"$1\r\n1\r\n"),
        ("a log-out, as POP3 has it", b"QUIT\r\n", b"+OK bye\r\n"),
        ("a log-in, as POP3 has it", b"AUTH PLAIN\r\n", b"+OK\r\n"),
        ("more answers than commands", b"PING\r\n", b"+OK ready\r\n+PONG\r\n"),
        ("NATS is asked whether it lives", b"PING\r\n", b"PONG\r\n"),
        ("another pong", b"PING\r\n", b"+pong\r\n"),
        ("nothing but errors", b"GET a\r\n", b"-ERR unknown command\r\n"),
        ("a typed line without its end", b"PING\r\nGET", b"+PONG\r\n"),
        ("Memcached", b"set a 0 0 1\r\n1\r\n", b"STORED\r\n"),
        ("a number that another protocol counts", b"HELP\r\n", b":1\r\n"),
        ("an answer of something else", GET, b"HTTP/1.1 400 Bad Request\r\n"),
        ("an answer that is cut off by its sender", GET, b"$9\r\n1\r\n"),
        ("an array that holds too much", GET, b"*9999\r\n" + b":1\r\n" * 9000),
    ],
)
def test_what_does_not_fit_is_not_redis(why: str, asked: bytes, answer: bytes) -> None:
    told = recognise(Payload.of(TCP, [asked] if asked else [], [answer] if answer else []))

    assert told is None, why


def test_a_password_never_leaves_the_recogniser() -> None:
    told = recognise(Payload.of(TCP, [LOGIN], [b"+OK\r\n"]))

    assert told is not None
    assert "geheim" not in repr(told)
