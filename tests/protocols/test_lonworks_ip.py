"""CEA-852: lengths, sessions that count, requests with their answers."""

from __future__ import annotations

from typing import Any

import pytest
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload
from portbook.protocols.lonworks_ip import HEADER, recognise

UDP = Transport.UDP
# Octet by octet by the header of CEA-852 and packet-cnip.c: a LonTalk packet of subnet 1, node 5
FIRST = unhex("001e 01 01 00 00 0000 00001a2b 00000007 000003e8 00 09 01 85 02 81 66 10 80 30")
LONTALK = FIRST[20:]


def message(kind: int, sequence: int, data: bytes = LONTALK, **other: Any) -> bytes:
    fields: dict[str, Any] = {"session": 0x1A2B, "sequence": sequence, "time": 1000}
    head = HEADER.write({"length": 20 + len(data), "type": kind, **fields, **other})
    return head + data


EXAMPLES = [
    Example(
        "three data packets of a session, built by packet-cnip.c of Wireshark 4.0.17",
        Payload.of(UDP, [FIRST, message(1, 8), message(1, 9)]),
        "lonworks-ip",
        PLAUSIBLE,
        facts={"messages": ["data"]},
    ),
    Example(
        "a device asks for its configuration",
        Payload.of(UDP, [message(0x63, 1, bytes(12))], [message(0x71, 900, bytes(40))]),
        "lonworks-ip",
        PLAUSIBLE,
        facts={"messages": ["configuration request", "device configuration"]},
    ),
    Example("one data packet alone", Payload.of(UDP, [FIRST]), None),
    Example("one each way, neither an answer", Payload.of(UDP, [FIRST], [message(1, 70)]), None),
]


def test_the_header_is_as_its_source_spells_it() -> None:
    assert FIRST == message(1, 7)


@pytest.mark.parametrize(
    ("why", "second"),
    [
        ("length", message(1, 8, length=99)),
        ("version", message(1, 8, version=2)),
        ("a type that nobody knows", message(2, 8)),
        ("another session", message(1, 8, session=5)),
        ("no session", message(1, 8, session=0)),
        ("a number far away", message(1, 900)),
        ("the same number", FIRST),
        ("an extension past the end", message(1, 8, extension=200)),
        ("flags that nobody has", message(1, 8, flags=0x80)),
        ("a packet of another LonTalk", message(1, 8, b"\x00\xcd\x01\x05\x02")),
        ("a packet too short", message(1, 8, b"\0")),
        ("half a header", FIRST[:12]),
    ],
)
def test_what_does_not_follow_is_not_cea_852(why: str, second: bytes) -> None:
    assert recognise(Payload.of(UDP, [FIRST, second])) is None, why


def test_datagrams_only() -> None:
    assert recognise(Payload.of(Transport.TCP, [FIRST, message(1, 8)])) is None
