"""FTP: greeting, commands, and the pair rule that parts it from SMTP."""

from __future__ import annotations

import pytest
from support.examples import CONFIRMED, PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload, Side
from portbook.protocols.ftp import recognise, told

TCP = Transport.TCP
READY = unhex("32323020465450205365727665722052656164790d0a")
VSFTPD = unhex("323230202876734654506420332e302e33290d0a")
USER = unhex("5553455220686572626572745f646572700d0a")
OPTO22 = b"220 Opto 22 FTP server ready.\r\n"
NO_HELP = b"502 HELP command not implemented, or not allowed.\r\n"

EXAMPLES = [
    Example(
        "greeting of a server alone, public capture",
        Payload.of(TCP, (), (READY,)),
        "ftp",
        PLAUSIBLE,
    ),
    Example(
        "vsFTPd 3.0.3 and a client's USER, public captures",
        Payload.of(TCP, (USER,), (VSFTPD, b"331 Please specify the password.\r\n")),
        "ftp",
        server={"product": "vsFTPd", "version": "3.0.3"},
    ),
    Example(
        "Opto 22 controller asked for HELP, as nmap's service probes match it",
        Payload.of(TCP, (b"HELP\r\n",), (OPTO22, NO_HELP)),
        "ftp",
        server={"vendor": "Opto 22", "product": "Opto 22 FTP server"},
    ),
    Example(
        "greeting without the word, a client that says nothing but PORT",
        Payload.of(TCP, (b"PORT 10,0,0,1,4,1\r\n",), (b"220 ready\r\n",)),
        "ftp",
    ),
    Example(
        "greeting of several lines, command in small letters, AUTH TLS",
        Payload.of(
            TCP,
            (b"auth tls\r\n\x16\x03\x01",),
            (b"220-Welcome\r\n to the plant\r\n220 ProFTPD 1.3.5 Server (x) [10.0.0.1]\r\n",),
        ),
        "ftp",
        facts={"secured": "AUTH TLS"},
        server={"product": "ProFTPD", "version": "1.3.5"},
    ),
    Example(
        "server with too many users",
        Payload.of(TCP, (), (b"421 Too many users, FTP server closing\r\n",)),
        "ftp",
        PLAUSIBLE,
    ),
    Example(
        "client alone",
        Payload.of(TCP, (b"USER a\r\nPASS b\r\nSYST\r\nPASV\r\n",)),
        "ftp",
        PLAUSIBLE,
    ),
    Example("220 and nothing else", Payload.of(TCP, (), (b"220 ready\r\n",)), None, None),
    Example(
        "POP3 client that says USER",
        Payload.of(TCP, (b"USER a\r\nPASS b\r\nSTAT\r\n",), (b"+OK POP3 ready\r\n",)),
        "pop3",
        PLAUSIBLE,
    ),
    Example(
        "IRC client that says USER",
        Payload.of(TCP, (b"NICK a\r\nUSER a 0 * :a\r\n",), (b":irc 001 a :Welcome\r\n",)),
        "irc",
    ),
]


def test_the_password_never_leaves_the_recogniser() -> None:
    payload = Payload.of(TCP, (b"USER anna\r\nPASS geheim\r\nSYST\r\n",), (VSFTPD,))
    shown = repr(recognise(payload))

    assert "geheim" not in shown
    assert "anna" not in shown


@pytest.mark.parametrize(
    ("greeting", "facts"),
    [
        ("Opto 22 FTP server ready.", {"vendor": "Opto 22", "product": "Opto 22 FTP server"}),
        ("(vsFTPd 2.3.4)", {"product": "vsFTPd", "version": "2.3.4"}),
        ("Microsoft FTP Service", {"product": "Microsoft FTP Service"}),
        ("plant FTP server (Version 6.4 OpenBSD) ready.", {}),
        ("VxWorks (5.4.2) FTP server ready", {"product": "VxWorks", "version": "5.4.2"}),
    ],
)
def test_a_greeting_tells_product_and_version(greeting: str, facts: dict[str, str]) -> None:
    assert facts.items() <= told(greeting).items()


@pytest.mark.parametrize("greeting", [b"220 ready\n", b"220-a\r\n" * 40, b"220 \xff\xfe ftp\r\n"])
def test_odd_greetings_are_read_without_a_word_of_complaint(greeting: bytes) -> None:
    told_of = recognise(Payload.of(TCP, (USER,), (greeting,)))

    assert told_of is not None
    assert CONFIRMED is told_of.confidence


def test_an_http_question_does_not_make_an_ftp_server_sure() -> None:
    told_of = recognise(Payload.of(TCP, (b"GET / HTTP/1.0\r\n\r\n",), (READY,)))

    assert told_of is not None
    assert PLAUSIBLE is told_of.confidence
    assert ("the client does not speak FTP",) == told_of.against


def test_a_greeting_that_was_cut_says_so() -> None:
    cut = Side(READY[:12], ((22, 12),), 22)
    told_of = recognise(Payload(TCP, to_client=cut))

    assert told_of is not None
    assert ("the greeting has no end",) == told_of.against


def test_the_server_never_asks() -> None:
    assert recognise(Payload.of(TCP, (READY,), ())) is None
    assert recognise(Payload.of(Transport.UDP, (), (READY,))) is None
