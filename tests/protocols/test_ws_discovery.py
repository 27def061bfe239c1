"""WS-Discovery: namespaces, actions, and answers that relate to a question."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import PLAUSIBLE, Example

from portbook.ports import Transport
from portbook.protocols import Cast, Payload, Side
from portbook.protocols.ws_discovery import recognise

UDP = Transport.UDP
HEAD = (
    b'<?xml version="1.0" encoding="UTF-8"?><s:Envelope '
    b'xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
    b'xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" '
    b'xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"><s:Header>'
)
SPACE = b"http://schemas.xmlsoap.org/ws/2005/04/discovery"
# WS-Discovery (April 2005) section 5.2 and 5.3, with the scopes of ONVIF Core section 7.3
PROBE = (
    HEAD + b"<a:Action>" + SPACE + b"/Probe</a:Action>"
    b"<a:MessageID>uuid:0a6dc791-2be6-4991-9af1-454778a1917a</a:MessageID>"
    b"<a:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To></s:Header><s:Body><d:Probe>"
    b"<d:Types>dn:NetworkVideoTransmitter</d:Types></d:Probe></s:Body></s:Envelope>"
)
MATCHES = (
    HEAD + b"<a:Action>" + SPACE + b"/ProbeMatches</a:Action>"
    b"<a:MessageID>uuid:e32e6863-ea5e-4ee4-997e-69539d1ff2cc</a:MessageID>"
    b"<a:RelatesTo>uuid:0a6dc791-2be6-4991-9af1-454778a1917a</a:RelatesTo></s:Header><s:Body>"
    b"<d:ProbeMatches><d:ProbeMatch><d:Types>dn:NetworkVideoTransmitter</d:Types>"
    b"<d:Scopes>onvif://www.onvif.org/type/video_encoder onvif://www.onvif.org/name/Gate%20North "
    b"onvif://www.onvif.org/hardware/Q6000-E</d:Scopes><d:XAddrs>http://192.0.2.9/onvif</d:XAddrs>"
    b"</d:ProbeMatch></d:ProbeMatches></s:Body></s:Envelope>\r\n"
)
# WS-Discovery 1.1 section 4.1
NEWER = b"http://docs.oasis-open.org/ws-dd/ns/discovery/2009/01"
HELLO = (
    MATCHES.replace(SPACE, NEWER)
    .replace(b"ProbeMatches", b"Hello")
    .replace(b'<?xml version="1.0" encoding="UTF-8"?>', b"")
)
CAMERA = {"name": "Gate North", "product": "Q6000-E"}

EXAMPLES = [
    Example(
        "a camera answers a probe, WS-Discovery (April 2005) sections 5.2 and 5.3",
        Payload.of(UDP, [PROBE], [MATCHES]),
        "ws-discovery",
        facts={
            "messages": ["Probe", "ProbeMatches"],
            "types": ["dn:NetworkVideoTransmitter"],
        },
        server=CAMERA,
    ),
    Example(
        "a camera greets, WS-Discovery 1.1 section 4.1",
        Payload.of(UDP, [HELLO], cast=Cast.MULTICAST, group="239.255.255.250"),
        "ws-discovery",
        PLAUSIBLE,
        client=CAMERA,
    ),
    Example("a probe alone", Payload.of(UDP, [PROBE]), "ws-discovery", PLAUSIBLE),
    Example("an answer alone", Payload.of(UDP, [], [MATCHES]), "ws-discovery", PLAUSIBLE),
    Example(
        "a probe that was cut",
        Payload(UDP, Side(PROBE[:400], ((len(PROBE), 400),), len(PROBE))),
        "ws-discovery",
        PLAUSIBLE,
    ),
]


@pytest.mark.parametrize(
    ("why", "octets"),
    [
        ("another namespace", PROBE.replace(b"2005/04/discovery", b"2006/02/devprof")),
        ("an action of something else", PROBE.replace(b"/Probe<", b"/Get<")),
        ("an action of another namespace", PROBE.replace(b"<a:Action>http", b"<a:Action>ftp")),
        ("no end", PROBE[:-4]),
        ("no envelope", PROBE.replace(b"<s:Envelope", b"<s:Cover")),
        ("a page about it", b"<html>" + PROBE),
        ("an answer", MATCHES),
    ],
)
def test_what_does_not_fit_is_not_ws_discovery(why: str, octets: bytes) -> None:
    assert recognise(Payload.of(UDP, [octets])) is None, why


def test_an_answer_to_another_probe_confirms_nothing() -> None:
    told = recognise(Payload.of(UDP, [PROBE], [MATCHES.replace(b":0a6d", b":ffff")]))

    assert told is not None
    assert told.confidence is PLAUSIBLE


@given(st.binary(max_size=60), st.integers(0, 700))
def test_any_octets_are_read_without_an_error(octets: bytes, at: int) -> None:
    recognise(Payload.of(UDP, [PROBE[:at] + octets], [MATCHES[:at] + octets]))
