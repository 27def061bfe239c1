"""Syslog: the forms that are written down, and no other text behind a priority."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import PLAUSIBLE, Example

from portbook.ports import Transport
from portbook.protocols import Payload
from portbook.protocols.syslog import read, recognise

TCP, UDP = Transport.TCP, Transport.UDP
# RFC 3164 section 5.4, example 1
OLD = b"<34>Oct 11 22:14:15 mymachine su: 'su root' failed for lonvick on /dev/pts/8"
# RFC 5424 section 6.5, examples 2 and 3
NEW = (
    b"<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - %% It's time to make the "
    b"do-nuts."
)
STRUCTURED = (
    b"<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 [exampleSDID@32473 "
    b'iut="3" eventSource="Application" eventID="1011"] BOMAn application event log entry...'
)
# Cisco IOS, System Message Logging
CISCO = (
    b"<189>29: *Mar  1 18:46:11.123 UTC: %SYS-5-CONFIG_I: Configured from console by vty2 "
    b"(10.34.195.36)"
)


def counted(*messages: bytes) -> bytes:
    return b"".join(b"%d %b" % (len(one), one) for one in messages)


EXAMPLES = [
    Example(
        "su on mymachine, RFC 3164 section 5.4",
        Payload.of(UDP, [OLD]),
        "syslog",
        PLAUSIBLE,
        facts={"form": "RFC 3164", "severities": ["critical"], "programs": ["su"]},
        client={"name": "mymachine"},
    ),
    Example(
        "with structured data, RFC 5424 section 6.5",
        Payload.of(UDP, [STRUCTURED, NEW]),
        "syslog",
        PLAUSIBLE,
        facts={"form": "RFC 5424", "programs": ["evntslog", "myproc"]},
        client={"name": "mymachine.example.com"},
    ),
    Example(
        "a switch, Cisco IOS System Message Logging",
        Payload.of(UDP, [CISCO]),
        "syslog",
        PLAUSIBLE,
        facts={"form": "Cisco", "programs": ["SYS"]},
    ),
    Example(
        "lengths before the messages, RFC 6587 section 3.4.1",
        Payload.of(TCP, [counted(STRUCTURED, NEW)]),
        "syslog",
        facts={"form": "RFC 5424"},
    ),
    Example(
        "a line each, RFC 6587 section 3.4.2",
        Payload.of(TCP, [OLD + b"\n" + OLD + b"\n"]),
        "syslog",
        PLAUSIBLE,
    ),
]


@pytest.mark.parametrize(
    ("why", "octets"),
    [
        ("a priority before any text", b"<34>hello, world"),
        ("a priority out of range", b"<192>" + OLD[4:]),
        ("a priority that begins with 0", b"<034>" + OLD[4:]),
        ("a month that is none", OLD.replace(b"Oct", b"Okt")),
        ("an hour that is none", OLD.replace(b"22:14", b"24:14")),
        ("no program", b"<34>Oct 11 22:14:15 mymachine said something"),
        ("version 2", NEW.replace(b">1 ", b">2 ")),
        ("a page", b"<html><head><title>Oct 11 22:14:15</title></head></html>"),
    ],
)
def test_what_does_not_fit_is_not_syslog(why: str, octets: bytes) -> None:
    assert read(octets) is None, why
    assert recognise(Payload.of(UDP, [octets])) is None, why
    assert recognise(Payload.of(TCP, [octets + b"\n"])) is None, why


def test_who_is_answered_speaks_something_else() -> None:
    assert recognise(Payload.of(UDP, [OLD], [b"ok"])) is None


def test_a_length_that_lies_is_no_length() -> None:
    assert recognise(Payload.of(TCP, [b"70 " + OLD])) is None
    assert recognise(Payload.of(TCP, [b"99 " + OLD])) is None


def test_what_is_logged_goes_nowhere() -> None:
    told = recognise(Payload.of(UDP, [OLD]))

    assert told is not None
    assert "lonvick" not in repr(told)


@given(st.binary(max_size=80), st.integers(0, 60))
def test_any_octets_are_read_without_an_error(octets: bytes, at: int) -> None:
    read(STRUCTURED[:at] + octets)
    recognise(Payload.of(TCP, [counted(OLD)[:at] + octets]))
