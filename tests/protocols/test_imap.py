"""IMAP: greeting, tags that come back, who the server is."""

from __future__ import annotations

import pytest
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload
from portbook.protocols.imap import recognise

TCP = Transport.TCP
GREETING = unhex("""
    2a204f4b205b4341504142494c49545920494d41503472657631205341534c2d4952204c4f47494e2d5245464552
    52414c5320494420454e41424c452049444c45204c49544552414c2b20415554483d504c41494e5d20446f766563
    6f74202844656269616e292072656164792e0d0a
""")
ASKED = b'a1 CAPABILITY\r\na2 ID ("name" "meter" "version" "1.2")\r\na3 LOGOUT\r\n'
TOLD = (
    b"* CAPABILITY IMAP4rev1 SASL-IR\r\na1 OK Pre-login capabilities listed.\r\n"
    b'* ID ("name" "Dovecot")\r\na2 OK ID completed.\r\n'
    b"* BYE Logging out\r\na3 OK Logout completed.\r\n"
)

EXAMPLES = [
    Example(
        "captured from Dovecot on loopback, 2026-11-21",
        Payload.of(TCP, [ASKED], [GREETING, TOLD]),
        "imap",
        client={"product": "meter", "version": "1.2"},
        server={"product": "Dovecot"},
    ),
    Example(
        "RFC 9051, section 8",
        Payload.of(
            TCP,
            [b"a001 login mrc secret\r\n", b"a002 select inbox\r\n"],
            [
                b"* OK [CAPABILITY STARTTLS AUTH=SCRAM-SHA-256 LOGINDISABLED IMAP4rev2]\r\n",
                b"a001 OK LOGIN completed\r\n",
            ],
        ),
        "imap",
    ),
    Example("its greeting alone", Payload.of(TCP, [], [GREETING]), "imap", PLAUSIBLE),
    Example("a greeting that names nothing", Payload.of(TCP, [], [b"* OK ready\r\n"]), None, None),
]


@pytest.mark.parametrize(
    ("why", "asked", "answer"),
    [
        ("no end of the line", ASKED, b"* OK IMAP4rev1 ready"),
        ("an unknown command", b"a1 DANCE\r\n", GREETING + b"a1 BAD\r\n"),
        ("another tag, and no name", b"a1 NOOP\r\n", b"* OK ready\r\nb7 OK\r\n"),
        ("no tag", b"CAPABILITY\r\n", GREETING),
        ("another greeting", ASKED, b"220 imap.example ESMTP\r\na1 OK\r\n"),
    ],
)
def test_what_does_not_fit_is_not_imap(why: str, asked: bytes, answer: bytes) -> None:
    told = recognise(Payload.of(TCP, [asked] if asked else [], [answer] if answer else []))

    assert told is None, why


def test_user_and_password_never_leave_the_recogniser() -> None:
    said = b"a1 LOGIN anna geheim\r\n"
    shown = repr(recognise(Payload.of(TCP, [said], [GREETING, b"a1 OK done\r\n"])))

    assert "imap" in shown
    assert "anna" not in shown
    assert "geheim" not in shown
