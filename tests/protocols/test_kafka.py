"""Kafka: requests with a number that the answer gives back."""

from __future__ import annotations

import pytest
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload
from portbook.protocols.kafka import recognise

TCP = Transport.TCP


def counted(octets: bytes) -> bytes:
    return len(octets).to_bytes(4, "big") + octets


ASK = counted(
    unhex("0012 0003 00000001 0008") + b"consumer\0\x12apache-kafka-java\x06" + b"3.6.1\0"
)
ANSWER = counted(
    unhex("00000001 0000 04 0000 0000 0009 00 0003 0000 000c 00 0012 0000 0003 00 00000000 00")
)
OLD_ASK = counted(unhex("0012 0000 00000007 0007") + b"sarama1")
OLD_ANSWER = counted(unhex("00000007 0000 00000003 0000 0000 0003 0001 0000 000b 0012 0000 0000"))
NUMBERED = [
    counted(unhex("0003 0001 000000") + bytes((n,)) + unhex("0002 6331 ffffffff"))
    for n in range(5, 9)
]
NUMBERS_BACK = [counted(unhex("000000") + bytes((n,)) + bytes(12)) for n in range(5, 9)]

EXAMPLES = [
    Example(
        "versions, built from the protocol guide, ApiVersions version 3",
        Payload.of(TCP, [ASK], [ANSWER]),
        "kafka",
        client={"product": "apache-kafka-java", "version": "3.6.1", "name": "consumer"},
    ),
    Example(
        "versions, built from the protocol guide, ApiVersions version 0",
        Payload.of(TCP, [OLD_ASK], [OLD_ANSWER]),
        "kafka",
        client={"name": "sarama1"},
    ),
    Example("the question alone", Payload.of(TCP, [OLD_ASK]), "kafka", PLAUSIBLE),
    Example(
        "four questions for metadata, built from the protocol guide",
        Payload.of(TCP, NUMBERED, NUMBERS_BACK),
        "kafka",
    ),
    Example("one of them, one answer", Payload.of(TCP, NUMBERED[:1], NUMBERS_BACK[:1]), None, None),
]


@pytest.mark.parametrize(
    ("why", "asked", "answer"),
    [
        ("a length past the end", OLD_ASK[:-1], b""),
        ("a kind that is none", OLD_ASK[:4] + b"\0\x77" + OLD_ASK[6:], b""),
        ("a name past the end", OLD_ASK[:12] + b"\0\x09" + OLD_ASK[14:], b""),
        ("a name of control characters", OLD_ASK.replace(b"sarama1", b"\1\2\3\4\5\6\7"), b""),
        ("another number", OLD_ASK, OLD_ANSWER[:7] + b"\x08" + OLD_ANSWER[8:]),
        ("a list that goes past the end", OLD_ASK, OLD_ANSWER[:13] + b"\x04" + OLD_ANSWER[14:]),
        ("an answer of something else", OLD_ASK, b"HTTP/1.1 400 Bad Request\r\n\r\n"),
        ("a list of half an entry", OLD_ASK, OLD_ANSWER[:-1]),
    ],
)
def test_what_does_not_fit_is_not_kafka(why: str, asked: bytes, answer: bytes) -> None:
    told = recognise(Payload.of(TCP, [asked] if asked else [], [answer] if answer else []))

    assert told is None, why
