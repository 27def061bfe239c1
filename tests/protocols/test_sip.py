"""SIP: first lines, the fields of every message, and answers to the same call."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import PLAUSIBLE, Example

from portbook.ports import Transport
from portbook.protocols import Payload, Side
from portbook.protocols.sip import recognise

TCP, UDP = Transport.TCP, Transport.UDP
# RFC 3261 section 24.1, F1 and F2; the agents are ours
REGISTER = (
    b"REGISTER sip:registrar.biloxi.com SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP bobspc.biloxi.com:5060;branch=z9hG4bKnashds7\r\nMax-Forwards: 70\r\n"
    b"To: Bob <sip:bob@biloxi.com>\r\nFrom: Bob <sip:bob@biloxi.com>;tag=456248\r\n"
    b"Call-ID: 843817637684230@998sdasdh09\r\nCSeq: 1826 REGISTER\r\n"
    b"Contact: <sip:bob@192.0.2.4>\r\nUser-Agent: DoorPhone/2.1\r\nExpires: 7200\r\n"
    b"Content-Length: 0\r\n\r\n"
)
OK = (
    b"SIP/2.0 200 OK\r\n"
    b"Via: SIP/2.0/UDP bobspc.biloxi.com:5060;branch=z9hG4bKnashds7;received=192.0.2.4\r\n"
    b"To: Bob <sip:bob@biloxi.com>;tag=2493k59kd\r\nFrom: Bob <sip:bob@biloxi.com>;tag=456248\r\n"
    b"Call-ID: 843817637684230@998sdasdh09\r\nCSeq: 1826 REGISTER\r\n"
    b"Contact: <sip:bob@192.0.2.4>\r\nServer: Asterisk PBX 18.4.0\r\nExpires: 7200\r\n"
    b"Content-Length: 0\r\n\r\n"
)
# suricata-verify, in mixed-ot-it-synthetic-352hosts.pcap
PROBE = (
    b"OPTIONS sip:probe@edge.test SIP/2.0\r\nVia: SIP/2.0/TCP 10.9.16.1:5060\r\n"
    b"From: <sip:watcher@edge.test>\r\nTo: <sip:probe@edge.test>\r\nCall-ID: opt1@edge.test\r\n"
    b"CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
)
PROBED = (
    b"SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP 10.9.16.1:5060\r\nFrom: <sip:watcher@edge.test>\r\n"
    b"To: <sip:probe@edge.test>\r\nCall-ID: opt1@edge.test\r\nCSeq: 1 OPTIONS\r\n"
    b"Content-Length: 0\r\n\r\n"
)

EXAMPLES = [
    Example(
        "Bob registers, RFC 3261 section 24.1",
        Payload.of(UDP, [REGISTER], [OK]),
        "sip",
        facts={"messages": ["REGISTER", "200"]},
        client={"product": "DoorPhone", "version": "2.1"},
        server={"product": "Asterisk PBX", "version": "18.4.0"},
    ),
    Example("a probe over TCP, suricata-verify", Payload.of(TCP, [PROBE], [PROBED]), "sip"),
    Example("a request alone", Payload.of(UDP, [REGISTER]), "sip", PLAUSIBLE),
    Example("an answer alone", Payload.of(UDP, [], [OK]), "sip", PLAUSIBLE),
    Example(
        "the start of a request that was cut",
        Payload(UDP, Side(REGISTER[:128], ((len(REGISTER), 128),), len(REGISTER))),
        "sip",
        PLAUSIBLE,
    ),
]


@pytest.mark.parametrize(
    ("why", "octets"),
    [
        ("HTTP", b"OPTIONS * HTTP/1.1\r\nVia: SIP/2.0/UDP a\r\n\r\n"),
        ("RTSP", b"OPTIONS rtsp://a/ RTSP/1.0\r\nCSeq: 1\r\n\r\n"),
        ("SIP of another version", PROBE.replace(b"SIP/2.0\r\nVia", b"SIP/3.0\r\nVia")),
        ("a method that is none", PROBE.replace(b"OPTIONS", b"OPTIMUM")),
        ("no way that it came", PROBE.replace(b"Via:", b"Was:")),
        ("two methods", PROBE.replace(b"1 OPTIONS", b"1 INVITE")),
        ("a line that is no field", PROBE.replace(b"From:", b"From ")),
        ("no line end", PROBE[:30]),
    ],
)
def test_what_does_not_fit_is_not_sip(why: str, octets: bytes) -> None:
    assert recognise(Payload.of(UDP, [octets])) is None, why


def test_an_answer_to_another_call_confirms_nothing() -> None:
    told = recognise(Payload.of(UDP, [REGISTER], [PROBED]))

    assert told is not None
    assert told.confidence is PLAUSIBLE


def test_who_calls_goes_nowhere() -> None:
    told = recognise(Payload.of(UDP, [REGISTER], [OK]))

    assert told is not None
    assert "bob" not in repr(told).lower()


@given(st.binary(max_size=60), st.integers(0, 200))
def test_any_octets_are_read_without_an_error(octets: bytes, at: int) -> None:
    recognise(Payload.of(UDP, [REGISTER[:at] + octets], [OK[:at] + octets]))
