"""SSDP: announcements, searches and answers; events and other head lines are none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import CAPTURES, needs_captures
from support.examples import PLAUSIBLE, Example
from support.knowing import knowledge

from portbook.ports import Transport
from portbook.protocols import Cast, Payload, Side
from portbook.protocols.ssdp import recognise
from portbook.survey import traffic

UDP = Transport.UDP
UUID = "7224d477-bee1-8774-cee6-9bedf2d25dfc"


def head(first: str, *lines: str) -> bytes:
    return "\r\n".join((first, *lines, "", "")).encode()


# suricata-verify, output-eve-ftp-data, a Broadcom gateway
ALIVE = head(
    "NOTIFY * HTTP/1.1",
    "Host: 239.255.255.250:1900",
    "Cache-Control: max-age=30",
    "Location: http://192.168.0.1:1900/WFADevice.xml",
    "NTS: ssdp:alive",
    "Server: POSIX, UPnP/1.0 UPnP Stack/1.2.0.0 (BROADCOM INTERNAL)",
    "NT: urn:schemas-wifialliance-org:device:WFADevice:1",
    f"USN: uuid:{UUID}::urn:schemas-wifialliance-org:device:WFADevice:1",
)
# the same capture, answer from 192.168.0.1:1901
FOUND = head(
    "HTTP/1.1 200 OK",
    "Cache-Control: max-age=1900",
    "Location: http://192.168.0.1:80/RootDevice.xml",
    "Server: UPnP/1.0 UPnP/1.0 UPnP-Device-Host/1.0",
    "ST:urn:schemas-upnp-org:device:InternetGatewayDevice:1",
    "USN: uuid:upnp-InternetGatewayDevice-1_0-185933f4491f"
    "::urn:schemas-upnp-org:device:InternetGatewayDevice:1",
    "EXT:",
)
# CoDe16's capture of CODESYS announcements, frame 119, a Windows PC
SEARCH = head(
    "M-SEARCH * HTTP/1.1",
    "Host: 239.255.255.250:1900",
    "ST: urn:schemas-upnp-org:device:InternetGatewayDevice:1",
    'Man: "ssdp:discover"',
    "MX: 3",
)


def group(*messages: bytes) -> Payload:
    return Payload.of(UDP, messages, cast=Cast.MULTICAST, group="239.255.255.250")


EXAMPLES = [
    Example(
        "announcement of a gateway, suricata-verify output-eve-ftp-data",
        group(ALIVE, ALIVE),
        "ssdp",
        facts={
            "messages": ("NOTIFY *",),
            "targets": ("urn:schemas-wifialliance-org:device:WFADevice:1",),
            "location": "http://192.168.0.1:1900/WFADevice.xml",
        },
        client={"product": "UPnP Stack", "version": "1.2.0.0", "system": "POSIX", "uuid": UUID},
    ),
    Example(
        "answer to a search, suricata-verify output-eve-ftp-data",
        Payload.of(UDP, to_client=(FOUND,)),
        "ssdp",
        facts={"messages": ("answer to a search",)},
        server={"product": "UPnP-Device-Host", "version": "1.0"},
    ),
    Example(
        "search of a Windows PC, CODESYS capture frame 119",
        group(SEARCH),
        "ssdp",
        facts={"messages": ("M-SEARCH *",)},
        client={},
    ),
    Example("search and answer at one port", Payload.of(UDP, (SEARCH,), (FOUND,)), "ssdp"),
    Example(
        "event of UPnP to its group",
        group(head("NOTIFY * HTTP/1.0", "NT: upnp:event", "NTS: upnp:propchange", "USN: uuid:1")),
        "ssdp",
        PLAUSIBLE,
    ),
    Example("status line of another kind", Payload.of(UDP, (head("HTTP/1.1 404 x"),)), None),
    Example("a page asked for by datagram", Payload.of(UDP, (head("GET * HTTP/1.1"),)), None),
    Example("a path instead of the star", Payload.of(UDP, (head("NOTIFY /x HTTP/1.1"),)), None),
]


@pytest.mark.parametrize(
    ("server", "product", "version"),
    [
        ("Linux/3.3.8-3.0, UPnP/1.0 DIRECTV JHUPnP/1.0", "DIRECTV JHUPnP", "1.0"),
        ("Microsoft-Windows/10.0 UPnP/1.0 UPnP-Device-Host/1.0", "UPnP-Device-Host", "1.0"),
        ("Unspecified, UPnP/1.0, SoapDevice", "SoapDevice", None),
        ("Microsoft-Windows/6.1 UPnP/1.0", "Microsoft-Windows", "6.1"),
        ("VxWorks/5.4.2 UPnP/1.0 EX-PLC/2.1", "EX-PLC", "2.1"),
    ],
)
def test_the_product_stands_behind_the_version_of_upnp(
    server: str, product: str, version: str | None
) -> None:
    lines = [one for one in ALIVE.decode().split("\r\n") if one and not one.startswith("Server")]
    told = recognise(group(head(lines[0], *lines[1:], f"Server: {server}")))

    assert told is not None
    assert (product, version) == (told.client["product"], told.client.get("version"))


def test_a_cut_message_is_plausible() -> None:
    cut = Side(ALIVE[:100], ((len(ALIVE), 100),), len(ALIVE))
    told = recognise(Payload(UDP, cut, cast=Cast.MULTICAST, group="239.255.255.250"))

    assert told is not None
    assert PLAUSIBLE is told.confidence
    assert told.against


def test_it_is_never_spoken_over_tcp() -> None:
    assert recognise(Payload.of(Transport.TCP, (ALIVE,))) is None


@given(st.lists(st.binary(max_size=300), max_size=4), st.sampled_from([ALIVE, FOUND, SEARCH]))
def test_hostile_fields_raise_nothing_and_stay_bounded(parts: list[bytes], message: bytes) -> None:
    lines = message.split(b"\r\n")
    octets = b"\r\n".join((lines[0], *parts, *lines[1:]))
    for payload in (group(octets), Payload.of(UDP, to_client=(octets,))):
        told = recognise(payload)
        texts = [*told.client.values(), *told.server.values()] if told else []
        assert all(text.isprintable() and len(text) <= 256 for text in texts)


@needs_captures
def test_gateways_and_set_top_boxes_of_real_captures_tell_who_they_are() -> None:
    names = ("it-1149conversations.pcapng", "it-155conversations-with-ftp.pcap")
    story = traffic.read([str(CAPTURES / name) for name in names], knowledge(), now_ns=1)
    found = {one.address: dict(one.facts) for one in story.devices}

    assert ("DIRECTV JHUPnP", "1.0") == (
        found["192.168.152.15"]["product"],
        found["192.168.152.15"]["version"],
    )
    assert "ssdp" in {one.protocol for one in story.conversations if one.client == "192.168.0.1"}
