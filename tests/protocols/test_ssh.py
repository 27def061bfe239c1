"""SSH: version lines of both sides."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import CONFIRMED, PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload, Side
from portbook.protocols.ssh import LONGEST, banner, recognise

TCP = Transport.TCP
OPENSSH = unhex("5353482d322e302d4f70656e5353485f352e330d0a")
OLD = b"SSH-1.99-OpenSSH_4.3\n"

EXAMPLES = [
    Example(
        "OpenSSH 5.3 asks OpenSSH 4.3, public captures",
        Payload.of(TCP, (OPENSSH,), (OLD,)),
        "ssh",
        facts={"ssh_version": "1.99"},
        client={"product": "OpenSSH", "version": "5.3"},
        server={"product": "OpenSSH", "version": "4.3"},
    ),
    Example(
        "server alone, with a comment",
        Payload.of(TCP, (), (b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n",)),
        "ssh",
        server={"product": "OpenSSH", "version": "9.2p1 Debian-2+deb12u3"},
    ),
    Example(
        "server that says other lines first",
        Payload.of(TCP, (OPENSSH,), (b"Keep out\r\nPlant 7\r\n" + OLD,)),
        "ssh",
        server={"product": "OpenSSH"},
    ),
    Example("version line without an end", Payload.of(TCP, (), (OPENSSH[:-2],)), "ssh", PLAUSIBLE),
    Example(
        "server that turns away",
        Payload.of(TCP, (), (b"Exceeded MaxStartups\r\n",)),
        "ssh",
        PLAUSIBLE,
    ),
    Example("something that begins alike", Payload.of(TCP, (), (b"SSH-3.7-x\r\n",)), None, None),
]


@pytest.mark.parametrize(
    ("line", "facts"),
    [
        (b"SSH-2.0-dropbear_2019.78\r\n", {"product": "dropbear", "version": "2019.78"}),
        (b"SSH-2.0-Cisco-1.25\n", {"product": "Cisco", "version": "1.25"}),
        (b"SSH-2.0-PuTTY_Release_0.62\r\n", {"product": "PuTTY", "version": "0.62"}),
        (b"SSH-2.0-mod_sftp/0.9.8\r\n", {"product": "mod_sftp", "version": "0.9.8"}),
        (b"SSH-2.0-ROSSSH\r\n", {"product": "ROSSSH"}),
        (b"SSH-2.0-libssh-0.6.0\r\n", {"product": "libssh", "version": "0.6.0"}),
    ],
)
def test_a_version_line_tells_product_and_version(line: bytes, facts: dict[str, str]) -> None:
    told = recognise(Payload.of(TCP, (), (line,)))

    assert told is not None
    assert facts == dict(told.server)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (b"SSH-2.0-" + b"x" * 10240 + b"\r\n", "octets"),
        (b"SSH-2.0-a\0b\r\n", "control characters"),
        (b"SSH-2.0-abc", "no end"),
    ],
)
def test_odd_version_lines_are_plausible_at_the_most(line: bytes, fault: str) -> None:
    told = recognise(Payload.of(TCP, (), (line,)))

    assert told is not None
    assert PLAUSIBLE is told.confidence
    assert fault in told.against[0]


def test_a_side_that_says_something_else_is_told() -> None:
    told = recognise(Payload.of(TCP, (b"GET / HTTP/1.0\r\n\r\n",), (OPENSSH,)))

    assert told is not None
    assert CONFIRMED is told.confidence
    assert ("the other side has no version line",) == told.against


@given(st.binary(max_size=400))
def test_a_line_within_the_limit_is_found_after_any_other(before: bytes) -> None:
    before = before.replace(b"\n", b" ").replace(b"SSH-", b"")
    found = banner(Side.of(before + b"\n" + OPENSSH))

    assert found is not None
    assert "OpenSSH_5.3" == found.software
    assert LONGEST > len(OPENSSH)
