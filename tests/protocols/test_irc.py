"""IRC: registration, and the server's numbers."""

from __future__ import annotations

import pytest
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload
from portbook.protocols.irc import recognise

TCP = Transport.TCP
REGISTERS = b"CAP LS 302\r\nNICK pump7\r\nUSER pump 0 * :Pump 7\r\nCAP END\r\n"
CAPABLE = b":irc.plant.example CAP * LS :multi-prefix\r\n"
WELCOME = unhex("""
    3a6972632e706c616e742e6578616d706c65203030312070756d7037203a57656c636f6d6520746f207468652049
    6e7465726e65742052656c6179204e6574776f726b2070756d7037217e70756d70403132372e302e302e310d0a3a
    6972632e706c616e742e6578616d706c65203030322070756d7037203a596f757220686f7374206973206972632e
    706c616e742e6578616d706c652c2072756e6e696e672076657273696f6e206e67697263642d32362e3120287838
    365f36342f70632f6c696e75782d676e75290d0a3a6972632e706c616e742e6578616d706c65203030332070756d
    7037203a546869732073657276657220686173206265656e207374617274656420536174204e6f76203231203230
    32362061742032323a35303a34362028555443290d0a3a6972632e706c616e742e6578616d706c65203030342070
    756d7037206972632e706c616e742e6578616d706c65206e67697263642d32362e312061624263434669496f7172
    52737778206162656869496b6c6d4d6e6f4f5071517252737476567a0d0a3a6972632e706c616e742e6578616d70
    6c65203030352070756d7037205246433238313220495243443d6e674952436420434841525345543d5554462d38
""")

EXAMPLES = [
    Example(
        "captured from ngIRCd 26.1 on loopback, 2026-11-21",
        Payload.of(TCP, [REGISTERS], [CAPABLE, WELCOME]),
        "irc",
        server={"name": "irc.plant.example", "product": "ngircd", "version": "26.1"},
    ),
    Example(
        "a notice first, built from RFC 2812, sections 3.1 and 3.3",
        Payload.of(
            TCP,
            [b"NICK Wiz\r\nUSER guest 0 * :Ronnie Reagan\r\n"],
            [b"NOTICE AUTH :*** Looking up your hostname\r\n"],
        ),
        "irc",
        PLAUSIBLE,
    ),
    Example(
        "a channel at once, mixed-ot-it-synthetic-352hosts.pcap",
        Payload.of(TCP, [b"NICK testnick\r\nJOIN #test\r\n"], [b":irc NOTICE AUTH :***\r\n"]),
        "irc",
        PLAUSIBLE,
    ),
    Example("a client alone", Payload.of(TCP, [REGISTERS]), "irc", PLAUSIBLE),
]


@pytest.mark.parametrize(
    ("why", "asked", "answer"),
    [
        ("a nickname alone", b"NICK pump7\r\n", b""),
        ("a user that has no name", b"NICK a\r\nUSER a\r\n", b""),
        ("FTP", b"USER a\r\nPASS b\r\n", b"220 ready\r\n331 go on\r\n"),
        ("numbers to another nickname", REGISTERS, b":irc.a 001 other :Welcome\r\n"),
        ("an answer of something else", REGISTERS, b"+OK\r\n"),
        ("a nickname of blanks", b"NICK \r\nUSER a 0 * :b\r\n", b""),
    ],
)
def test_what_does_not_fit_is_not_irc(why: str, asked: bytes, answer: bytes) -> None:
    told = recognise(Payload.of(TCP, [asked] if asked else [], [answer] if answer else []))

    assert told is None, why


def test_a_password_never_leaves_the_recogniser() -> None:
    said = b"PASS geheim\r\n" + REGISTERS

    told = recognise(Payload.of(TCP, [said], [CAPABLE, WELCOME]))
    assert told is not None
    assert "geheim" not in repr(told)
