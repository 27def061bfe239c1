"""OpenVPN: the hard resets of both sides."""

from __future__ import annotations

import pytest
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload
from portbook.protocols.openvpn import recognise

TCP, UDP = Transport.TCP, Transport.UDP
ASK = unhex("38b93beb2bb709fdc30000000000")
ANSWER = unhex("408276b4bf86fb589f0100000000b93beb2bb709fdc300000000")
SESSION, OTHER = ASK[1:9], ANSWER[1:9]
REPLAY = unhex("00000001 65f0a1b2")
ASK_CHECKED = b"\x38" + SESSION + b"\x5c" * 20 + REPLAY + bytes(5)
ANSWER_CHECKED = b"\x40" + OTHER + b"\x6d" * 20 + REPLAY + ANSWER[9:]

EXAMPLES = [
    Example(
        "captured from OpenVPN 2.6 on loopback, 2026-11-21",
        Payload.of(UDP, [ASK], [ANSWER]),
        "openvpn",
    ),
    Example("its first packet alone", Payload.of(UDP, [ASK]), "openvpn", PLAUSIBLE),
    Example(
        "with tls-auth, built from the protocol's specification, section 4",
        Payload.of(UDP, [ASK_CHECKED], [ANSWER_CHECKED]),
        "openvpn",
        facts={"check": "SHA-1"},
    ),
    Example(
        "over TCP, built from the protocol's specification, section 3",
        Payload.of(TCP, [b"\0\x0e" + ASK], [b"\0\x1a" + ANSWER]),
        "openvpn",
    ),
]


@pytest.mark.parametrize(
    ("why", "octets"),
    [
        ("an octet too many", ASK + b"\0"),
        ("an acknowledgement", ASK[:9] + b"\1" + ASK[10:]),
        ("a packet that is not the first", ASK[:-1] + b"\1"),
        ("another opcode", b"\x30" + ASK[1:]),
        ("a session of nothing", b"\x38" + bytes(13)),
        ("a check, which only an answer can prove", ASK_CHECKED),
    ],
)
def test_what_does_not_fit_is_not_openvpn(why: str, octets: bytes) -> None:
    assert recognise(Payload.of(UDP, [octets])) is None, why


@pytest.mark.parametrize(
    "answer",
    [
        ANSWER.replace(SESSION, bytes(8)),
        ANSWER[:-1] + b"\1",
        ANSWER_CHECKED,
        ASK,
        b"\x40",
        b"",
    ],
)
def test_an_answer_that_does_not_agree_takes_the_name(answer: bytes) -> None:
    told = recognise(Payload.of(UDP, [ASK], [answer] if answer else [b"no"]))

    assert told is None
