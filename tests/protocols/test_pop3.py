"""POP3: greeting, commands, what answers them."""

from __future__ import annotations

import pytest
from support.examples import PLAUSIBLE, Example

from portbook.ports import Transport
from portbook.protocols import Payload
from portbook.protocols.pop3 import recognise

TCP = Transport.TCP
GREETING = b"+OK Dovecot (Debian) ready.\r\n"
ABLE = b"+OK\r\nCAPA\r\nTOP\r\nUIDL\r\nRESP-CODES\r\nPIPELINING\r\nUSER\r\nSASL PLAIN\r\n.\r\n"

EXAMPLES = [
    Example(
        "captured from Dovecot on loopback, 2026-11-21",
        Payload.of(TCP, [b"CAPA\r\n", b"QUIT\r\n"], [GREETING, ABLE, b"+OK Logging out\r\n"]),
        "pop3",
        server={"product": "Dovecot"},
    ),
    Example(
        "RFC 1939, section 10",
        Payload.of(
            TCP,
            [b"APOP mrose c4c9334bac560ecc979e58001b3e22fb\r\n", b"STAT\r\n"],
            [
                b"+OK POP3 server ready <1896.697170952@dbc.mtview.ca.us>\r\n",
                b"+OK mrose's maildrop has 2 messages (320 octets)\r\n",
                b"+OK 2 320\r\n",
            ],
        ),
        "pop3",
    ),
    Example("a greeting alone", Payload.of(TCP, [], [GREETING]), "pop3", PLAUSIBLE),
    Example("a greeting that names nothing", Payload.of(TCP, [], [b"+OK\r\n"]), None, None),
]


@pytest.mark.parametrize(
    ("why", "asked", "answer"),
    [
        ("no end of the line", b"CAPA\r\n", b"+OK Dovecot ready."),
        ("a client of something else", b"GET / HTTP/1.1\r\n", GREETING),
        ("no answer, and no name", b"USER a\r\n", b"+OK ready\r\n"),
        ("another word", b"USER a\r\n", b"+OKAY POP3\r\n+OK\r\n"),
        ("SMTP", b"EHLO a\r\n", b"220 pop3.example ESMTP\r\n250 x\r\n"),
    ],
)
def test_what_does_not_fit_is_not_pop3(why: str, asked: bytes, answer: bytes) -> None:
    told = recognise(Payload.of(TCP, [asked] if asked else [], [answer] if answer else []))

    assert told is None, why


def test_user_and_password_never_leave_the_recogniser() -> None:
    said = b"USER anna\r\nPASS geheim\r\n"
    shown = repr(recognise(Payload.of(TCP, [said], [GREETING, b"+OK\r\n+OK\r\n"])))

    assert "pop3" in shown
    assert "anna" not in shown
    assert "geheim" not in shown
