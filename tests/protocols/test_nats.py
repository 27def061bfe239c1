"""NATS: the server's INFO and the client's CONNECT."""

from __future__ import annotations

import pytest
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload
from portbook.protocols.nats import recognise

TCP = Transport.TCP
INFO = unhex("""
    494e464f207b227365727665725f6964223a224e444c355257354d44354558535156374f4f32564141424c475a32
    3751414c3358424c56343545375543473733354a465457524748484f32222c227365727665725f6e616d65223a22
    4e444c355257354d44354558535156374f4f32564141424c475a323751414c3358424c5634354537554347373335
    4a465457524748484f32222c2276657273696f6e223a22322e392e3130222c2270726f746f223a312c22676f223a
    22676f312e31392e38222c22686f7374223a223132372e302e302e31222c22706f7274223a32343232322c226865
    6164657273223a747275652c226d61785f7061796c6f6164223a313034383537362c22636c69656e745f6964223a
    342c22636c69656e745f6970223a223132372e302e302e31227d200d0a504f4e470d0a
""")
CONNECT = unhex("""
    434f4e4e454354207b22766572626f7365223a66616c73652c22706564616e746963223a66616c73652c226c616e
    67223a22707974686f6e33222c2276657273696f6e223a22322e392e30222c2270726f746f636f6c223a312c226e
    616d65223a226d65746572227d0d0a50494e470d0a
""")

EXAMPLES = [
    Example(
        "captured from nats-server 2.9 on loopback, 2026-11-21",
        Payload.of(TCP, [CONNECT], [INFO]),
        "nats",
        client={"product": "python3", "version": "2.9.0", "name": "meter"},
        server={"product": "NATS", "version": "2.9.10"},
    ),
    Example("its INFO alone", Payload.of(TCP, [], [INFO]), "nats", PLAUSIBLE),
]


@pytest.mark.parametrize(
    ("why", "asked", "answer"),
    [
        ("no end of the line", b"", INFO.split(b"\r\n")[0]),
        ("half an object", b"", INFO[:60] + b"\r\n"),
        ("another object", b"", b'INFO {"a":1}\r\n'),
        ("a client of something else", b"GET / HTTP/1.1\r\n\r\n", INFO),
        ("a proxy's connect", b"CONNECT a.example:443 HTTP/1.1\r\n\r\n", INFO),
        ("nested without end", b"", b'INFO {"server_id":' + b"[" * 9000 + b"\r\n"),
    ],
)
def test_what_does_not_fit_is_not_nats(why: str, asked: bytes, answer: bytes) -> None:
    told = recognise(Payload.of(TCP, [asked] if asked else [], [answer] if answer else []))

    assert told is None, why


def test_a_token_never_leaves_the_recogniser() -> None:
    said = CONNECT.replace(b'"name"', b'"auth_token":"geheim","pass":"geheim","name"')

    told = recognise(Payload.of(TCP, [said], [INFO]))
    assert told is not None
    assert "geheim" not in repr(told)
