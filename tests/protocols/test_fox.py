"""Fox: frames of text, a hello that tells who both sides are."""

from __future__ import annotations

import pytest
from support.examples import PLAUSIBLE, Example

from portbook.ports import Transport
from portbook.protocols import Payload
from portbook.protocols.fox import recognise

TCP = Transport.TCP
ASKED = b"""fox a 1 -1 fox hello
{
fox.version=s:1.0
id=i:1
hostName=s:xpvm-0omdc01xmy
hostAddress=s:192.168.1.125
app.name=s:Workbench
app.version=s:3.7.44
};;
"""
TOLD = b"""fox a 0 -1 fox hello
{
fox.version=s:1.0
id=i:2
hostName=s:192.168.2.15
app.name=s:Station
app.version=s:3.5.41.1
os.name=s:QNX
os.version=s:6.3.2
station.name=s:Legion_HQ_V4
hostId=s:Qnx-NPM6-0000-1490-C30C
brandId=s:vykon
};;
"""
CHALLENGE = b"fox a 1 -1 fox challenge\n{\nmethod=s:digest-md5\nnonce=b:2[xy]\n};;\n"

EXAMPLES = [
    Example(
        "a hello and its answer, fox_info.pcap (shortened by whole lines)",
        Payload.of(TCP, [ASKED], [TOLD]),
        "fox",
        client={"product": "Workbench", "version": "3.7.44"},
        server={
            "vendor": "Tridium",
            "product": "Station",
            "version": "3.5.41.1",
            "name": "Legion_HQ_V4",
            "serial": "Qnx-NPM6-0000-1490-C30C",
            "brand": "vykon",
        },
    ),
    Example("a hello alone", Payload.of(TCP, [ASKED]), "fox"),
    Example("a challenge alone, fox_info.pcap", Payload.of(TCP, [], [CHALLENGE]), "fox", PLAUSIBLE),
]


@pytest.mark.parametrize(
    "octets",
    [
        ASKED.replace(b"fox a", b"fax a"),
        ASKED.replace(b"\n{\n", b"\r\n{\r\n"),
        ASKED.replace(b" -1 ", b" -2 "),
        b"fox a 1 -1 fox hello\n",
        b"fox jumps over the lazy dog\n",
    ],
)
def test_another_first_line_is_not_fox(octets: bytes) -> None:
    assert recognise(Payload.of(TCP, [octets])) is None


def test_an_answer_in_another_tongue_is_not_fox() -> None:
    assert recognise(Payload.of(TCP, [ASKED], [b"HTTP/1.1 400 Bad Request\r\n\r\n"])) is None
    assert recognise(Payload.of(Transport.UDP, [ASKED])) is None


def test_no_secret_is_told() -> None:
    told = recognise(Payload.of(TCP, [ASKED], [CHALLENGE]))

    assert told is not None
    assert "nonce" not in str((told.facts, told.client, told.server))


def test_what_stands_behind_the_end_of_a_frame_is_not_told() -> None:
    told = recognise(Payload.of(TCP, [ASKED.replace(b"app.name", b"};;\napp.name")]))

    assert told is not None
    assert "product" not in told.client
