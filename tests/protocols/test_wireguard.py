"""WireGuard: sizes, indexes that agree, and counters."""

from __future__ import annotations

import pytest
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload, Side
from portbook.protocols.wireguard import ANSWER, START, recognise

UDP = Transport.UDP
KEY = "5a" * 31 + "17"
START_MESSAGE = START.write(
    type=1, sender="1b2c3d4e", ephemeral=KEY, static="c3" * 48, timestamp="9e" * 28,
    mac1="7d" * 16, mac2="00" * 16,
)  # fmt: skip
ANSWER_MESSAGE = ANSWER.write(
    type=2, sender="a0b1c2d3", receiver="1b2c3d4e", ephemeral=KEY, empty="44" * 16,
    mac1="21" * 16, mac2="00" * 16,
)  # fmt: skip
COOKIE = unhex("03000000 1b2c3d4e 61*24 62*32")
DATA = [unhex(f"04000000 a0b1c2d3 {count:02x}00000000000000 35*80") for count in range(3)]
BACK = unhex("04000000 1b2c3d4e 0500000000000000 91*16")

EXAMPLES = [
    Example(
        "a handshake, built from the paper, sections 5.4.2 and 5.4.3",
        Payload.of(UDP, [START_MESSAGE, DATA[0]], [ANSWER_MESSAGE]),
        "wireguard",
    ),
    Example(
        "an initiation and a cookie, built from the paper, section 5.4.7",
        Payload.of(UDP, [START_MESSAGE], [COOKIE]),
        "wireguard",
    ),
    Example("an initiation alone", Payload.of(UDP, [START_MESSAGE]), "wireguard", PLAUSIBLE),
    Example(
        "data of both sides, built from the paper, section 5.4.6",
        Payload.of(UDP, DATA, [BACK]),
        "wireguard",
        PLAUSIBLE,
    ),
    Example("data of one side", Payload.of(UDP, DATA), None, None),
]


@pytest.mark.parametrize(
    ("why", "octets"),
    [
        ("an octet too many", START_MESSAGE + b"\0"),
        ("an octet missing", START_MESSAGE[:-1]),
        ("reserved octets that say something", b"\1\0\1\0" + START_MESSAGE[4:]),
        ("a second check that nobody asked for", START_MESSAGE[:-1] + b"\1"),
        ("no key", START_MESSAGE[:8] + bytes(32) + START_MESSAGE[40:]),
    ],
)
def test_what_does_not_fit_is_not_wireguard(why: str, octets: bytes) -> None:
    assert recognise(Payload.of(UDP, [octets])) is None, why


@pytest.mark.parametrize(
    "answer",
    [ANSWER_MESSAGE[:8] + b"\xff" + ANSWER_MESSAGE[9:], ANSWER_MESSAGE + b"\0", b"go away"],
)
def test_a_response_that_does_not_agree_takes_the_name(answer: bytes) -> None:
    assert recognise(Payload.of(UDP, [START_MESSAGE], [answer])) is None


def test_counters_that_fall_are_not_wireguard() -> None:
    assert recognise(Payload.of(UDP, DATA[::-1], [BACK])) is None


def test_an_initiation_of_which_the_start_was_kept_has_its_true_length() -> None:
    told = recognise(Payload(UDP, Side(START_MESSAGE[:128], ((148, 128),), 148)))

    assert told is not None
    assert PLAUSIBLE is told.confidence
