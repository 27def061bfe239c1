"""SMTP: greeting and hello, one side or both."""

from __future__ import annotations

import pytest
from support.examples import CONFIRMED, PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload, ftp, smtp
from portbook.protocols.smtp import recognise

TCP = Transport.TCP
GOOGLE = unhex(
    "323230206d782e676f6f676c652e636f6d2045534d54502068663130736934323937323939"
    "6963632e313930202d2067736d74700d0a"
)
HELLO = unhex("45484c4f206f70656e73736c2e636c69656e742e6e65740d0a")

EXAMPLES = [
    Example(
        "mx.google.com and openssl's hello, public capture",
        Payload.of(TCP, (HELLO, b"STARTTLS\r\n"), (GOOGLE, b"250-mx.google.com\r\n")),
        "smtp",
        facts={"secured": "STARTTLS"},
        client={"name": "openssl.client.net"},
        server={"name": "mx.google.com", "product": "gsmtp"},
    ),
    Example(
        "captured from aiosmtpd 1.4.6 on loopback, 2026-11-21",
        Payload.of(TCP, (b"ehlo client7\r\n",), (b"220 localhost Python SMTP 1.4.6\r\n",)),
        "smtp",
        client={"name": "client7"},
        server={"product": "Python SMTP", "version": "1.4.6"},
    ),
    Example("greeting alone", Payload.of(TCP, (), (GOOGLE,)), "smtp", PLAUSIBLE),
    Example(
        "client alone, small letters, as in a one-sided public capture",
        Payload.of(TCP, (b"ehlo rhel\r\nmail from:<a@b>\r\n",)),
        "smtp",
        PLAUSIBLE,
        client={"name": "rhel"},
    ),
    Example(
        "greeting of a host called ftp",
        Payload.of(TCP, (b"HELO plc\r\n",), (b"220 ftp.plant.example ESMTP Postfix\r\n",)),
        "smtp",
        server={"name": "ftp.plant.example", "product": "Postfix"},
    ),
    Example(
        "server that refuses",
        Payload.of(TCP, (), (b"554 mail.example.org ESMTP not accepting\r\n",)),
        "smtp",
        PLAUSIBLE,
    ),
    Example(
        "joined in the middle",
        Payload.of(TCP, (b"EHLO pump7\r\n",), (b"250-mail.example.org\r\n250 SIZE\r\n",)),
        "smtp",
    ),
    Example(
        "hello to a server of something else",
        Payload.of(TCP, (b"EHLO a\r\n",), (b"\x00\x01\x02 no mail here",)),
        None,
        None,
    ),
    Example("nmap's bare EHLO", Payload.of(TCP, (b"EHLO\r\n",)), None, None),
]


@pytest.mark.parametrize(
    ("greeting", "facts"),
    [
        (b"220 a.b ESMTP Exim 4.94.2 Mon\r\n", {"product": "Exim", "version": "4.94.2"}),
        (b"220 a.b ESMTP Postfix (Debian)\r\n", {"product": "Postfix"}),
        (
            b"220 a.b Microsoft ESMTP MAIL Service, Version: 6.0.3790.3959 ready\r\n",
            {"product": "Microsoft ESMTP MAIL Service", "version": "6.0.3790.3959"},
        ),
    ],
)
def test_a_greeting_tells_product_and_version(greeting: bytes, facts: dict[str, str]) -> None:
    told = recognise(Payload.of(TCP, (HELLO,), (greeting,)))

    assert told is not None
    assert {"name": "a.b", **facts} == dict(told.server)


def test_login_and_mail_never_leave_the_recogniser() -> None:
    said = b"EHLO a\r\nAUTH PLAIN AGFubmEAZ2VoZWlt\r\nMAIL FROM:<anna@example.org>\r\n"
    shown = repr(recognise(Payload.of(TCP, (said,), (GOOGLE,))))

    assert "AGFubmE" not in shown
    assert "anna" not in shown


@pytest.mark.parametrize("greeting", [b"220 a.b\r\n", b"220\r\n", b"220 mail\n", b"220-x\r\n"])
def test_a_220_of_either_kind_is_decided_by_the_client(greeting: bytes) -> None:
    mail = Payload.of(TCP, (HELLO,), (greeting,))
    files = Payload.of(TCP, (b"USER a\r\n",), (greeting.replace(b"mail", b"a"),))

    if greeting == b"220\r\n":  # no blank: not a reply at all
        assert recognise(mail) is None
        return
    assert smtp.recognise(mail) is not None
    assert ftp.recognise(mail) is None
    assert ftp.recognise(files) is not None
    assert smtp.recognise(files) is None


def test_pipelined_commands_are_read() -> None:
    told = recognise(Payload.of(TCP, (b"HELO a\r\nMAIL FROM:<>\r\nRCPT TO:<b>\r\n",), (GOOGLE,)))

    assert told is not None
    assert CONFIRMED is told.confidence
