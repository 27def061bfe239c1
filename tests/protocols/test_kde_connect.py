"""KDE Connect: one whole object that says who a device is."""

from __future__ import annotations

import pytest
from support.examples import Example

from portbook.ports import Transport
from portbook.protocols import Cast, Payload, Side
from portbook.protocols.kde_connect import recognise

TCP, UDP = Transport.TCP, Transport.UDP
DESKTOP = (
    b'{"body":{"deviceId":"b2c0f8a1_7d3e_4f6a_9c55_0d1e2f3a4b5c","deviceName":"bench 3",'
    b'"deviceType":"desktop","incomingCapabilities":["kdeconnect.ping","kdeconnect.battery"],'
    b'"outgoingCapabilities":["kdeconnect.ping"],"protocolVersion":7,"tcpPort":1716},'
    b'"id":1763764980123,"type":"kdeconnect.identity"}\n'
)
PHONE = (
    b'{"id":1763764980999,"type":"kdeconnect.identity","body":{"deviceId":"a1b2c3d4e5f60718",'
    b'"deviceName":"Pixel","protocolVersion":8,"deviceType":"phone","tcpPort":1716,'
    b'"incomingCapabilities":[],"outgoingCapabilities":[]}}\n'
)
OVER_TCP = PHONE.replace(b',"tcpPort":1716', b"")
TLS_HELLO = b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03"

EXAMPLES = [
    Example(
        "a desktop's broadcast, built from the protocol reference, identity packet",
        Payload.of(UDP, [DESKTOP], cast=Cast.BROADCAST),
        "kde-connect",
        facts={"protocol_version": 7, "device_type": "desktop"},
        client={"name": "bench 3", "serial": "b2c0f8a1_7d3e_4f6a_9c55_0d1e2f3a4b5c"},
    ),
    Example(
        "a telephone's, in the order of Android",
        Payload.of(UDP, [PHONE], cast=Cast.BROADCAST),
        "kde-connect",
        client={"name": "Pixel"},
    ),
    Example(
        "over TCP, then TLS from the other side",
        Payload.of(TCP, [OVER_TCP], [TLS_HELLO]),
        "kde-connect",
        client={"name": "Pixel"},
    ),
]


@pytest.mark.parametrize(
    ("why", "octets"),
    [
        ("another type", DESKTOP.replace(b"kdeconnect.identity", b"kdeconnect.pairing1")),
        ("a word of it in a text", b'{"type":"note","body":{"text":"kdeconnect.identity"}}'),
        ("half of it", DESKTOP[:100]),
        ("something behind it", DESKTOP + b"x"),
        ("no id", DESKTOP.replace(b"deviceId", b"deviceNo")),
        ("a port that is none", DESKTOP.replace(b"1716", b"17")),
        ("a name that is a number", DESKTOP.replace(b'"bench 3"', b"3")),
        ("a list", b"[" + DESKTOP.strip() + b"]"),
        ("nested without end", b'{"kdeconnect.identity":' + b"[" * 5000),
    ],
)
def test_what_does_not_fit_is_not_kde_connect(why: str, octets: bytes) -> None:
    assert recognise(Payload.of(UDP, [octets])) is None, why


def test_an_answer_that_is_neither_takes_the_name() -> None:
    assert recognise(Payload.of(TCP, [OVER_TCP], [b"HTTP/1.1 400 Bad Request\r\n\r\n"])) is None


def test_a_datagram_that_was_not_kept_whole_gets_no_name() -> None:
    assert recognise(Payload(UDP, Side(PHONE[:128], ((len(PHONE), 128),), len(PHONE)))) is None
