"""RDP: what the connect carries, the answer of the confirm, and the client's core data."""

from __future__ import annotations

import pytest
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload, identify
from portbook.protocols.rdp import recognise

TCP = Transport.TCP
# MS-RDPBCGR section 4.1.1 and 4.1.2
ASKED = unhex("0300002c27e00000000000") + b"Cookie: mstshash=eltons\r\n" + unhex("0100080000000000")
TOLD = unhex("030000130ed000001234000200080000000000")
# MS-RDPBCGR section 4.1.3: connect-initial with the core data; zeros behind the client's name
OPENED = (
    unhex(
        "030001a002f0807f658201940401010401010101ff30190201220201020201000201010201000201010202ffff"
        "020102301902010102010102010102010102010002010102020420020102301c0202ffff0202fc170202ffff02"
        "01010201000201010202ffff0201020482013300050014 7c0001812a000800100001c000447563 61811c"
        "01c0d800040008000005000401ca03aa09040000ce0e0000"
    )
    + "ELTONS-DEV2".encode("utf-16-le")
).ljust(416, b"\0")
# Remote Desktop, suricata-verify
HYBRID = unhex("0300002d28e00000000100") + b"Cookie: mstshash=rdpuser\r\n"
HYBRID += unhex("0100080003000000")
SELECTED = unhex("030000130ed000000001000200080001000000")
REFUSED = unhex("030000130ed000001234000300080002000000")
HELLO = unhex("16030100680100")

EXAMPLES = [
    Example(
        "the example of MS-RDPBCGR, sections 4.1.1 to 4.1.3",
        Payload.of(TCP, [ASKED, OPENED], [TOLD]),
        "rdp",
        facts={"offered": ["RDP"], "selected": "RDP"},
        client={"name": "ELTONS-DEV2", "version": "3790"},
    ),
    Example(
        "TLS or CredSSP, and TLS is chosen, suricata-verify",
        Payload.of(TCP, [HYBRID, HELLO], [SELECTED]),
        "rdp",
        facts={"offered": ["RDP", "TLS", "CredSSP"], "selected": "TLS", "secured": "TLS"},
    ),
    Example(
        "a negotiation without a cookie that is refused, MS-RDPBCGR 2.2.1.2.2",
        Payload.of(TCP, [unhex("030000130ee000000000000100080000000000")], [REFUSED]),
        "rdp",
        facts={"refused": 2},
    ),
    Example("the connect alone", Payload.of(TCP, [HYBRID]), "rdp", PLAUSIBLE),
    Example("the confirm alone", Payload.of(TCP, [], [SELECTED]), "rdp", PLAUSIBLE),
]


@pytest.mark.parametrize(
    ("why", "asked", "answered"),
    [
        ("another cookie", ASKED.replace(b"mstshash", b"mstsflash")[:-1] + b"\0", b""),
        ("a negotiation of nine octets", ASKED[:-6] + b"\x09" + ASKED[-5:], b""),
        ("a security that is none", ASKED[:-3] + b"\x01" + ASKED[-2:], b""),
        ("octets behind the negotiation", unhex("030000140fe00000000000010008000000000000"), b""),
        ("an answer that is none", b"", TOLD[:-4] + b"\x05\0\0\0"),
        ("the connect of a controller", unhex("0300001611e00000000100c0010ac1020100c2020101"), b""),
        ("a confirm by the client", TOLD, b""),
    ],
)
def test_what_does_not_fit_is_not_rdp(why: str, asked: bytes, answered: bytes) -> None:
    payload = Payload.of(TCP, filter(None, [asked]), filter(None, [answered]))
    assert recognise(payload) is None, why


def test_the_user_in_the_cookie_goes_nowhere() -> None:
    told = identify(Payload.of(TCP, [HYBRID], [SELECTED]))

    assert told is not None
    assert "rdpuser" not in repr(told)


def test_what_is_neither_a_telegram_nor_tls_stands_against_it() -> None:
    told = recognise(Payload.of(TCP, [HYBRID], [SELECTED, b"hello"]))

    assert told is not None
    assert told.confidence is PLAUSIBLE
    assert told.against
