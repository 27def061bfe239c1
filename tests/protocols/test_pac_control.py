"""PAC Control: words of a strategy, constructed from the vendor's words; plausible at the most."""

from __future__ import annotations

import pytest
from support.examples import PLAUSIBLE, Example

from portbook.ports import Transport
from portbook.protocols import Payload
from portbook.protocols.pac_control import WORDS, recognise

TCP = Transport.TCP

DOWNLOAD = (
    b"_END NEW $$$.RUN\r\n0 ' CRCSTAMP DUP\r\n2001 $7F000001 0 MBOARD %Brain\r\nMAKECHECK\r\n"
)

EXAMPLES = (
    Example(
        "a strategy in clear text",
        Payload.of(TCP, [DOWNLOAD]),
        "pac-control",
        PLAUSIBLE,
        facts={"words": ("_END NEW $$$.RUN", "MAKECHECK", "CRCSTAMP", "MBOARD")},
    ),
    Example(
        "a strategy with answers of the engine",
        Payload.of(TCP, [b"FORGET $$$.RUN\r", DOWNLOAD], [b"\0\0"]),
        "pac-control",
        PLAUSIBLE,
    ),
    Example("one word is too little", Payload.of(TCP, [b"MAKECHECK\r"]), None),
    Example("words inside other words", Payload.of(TCP, [b"START.TX SETTASKS MBOARDS\r"]), None),
    Example("words of many languages", Payload.of(TCP, [b"DATESTAMP TIMESTAMP\r"]), None),
    Example("words over UDP", Payload.of(Transport.UDP, [DOWNLOAD]), None),
    Example("words that a server sends", Payload.of(TCP, [b"GO 1"], [DOWNLOAD[:10]]), None),
)


@pytest.mark.parametrize("word", [word for word in WORDS if not word.endswith(b"ESTAMP")])
def test_two_words_of_a_strategy_are_enough(word: bytes) -> None:
    other = b"SETTASK" if word != b"SETTASK" else b"DL.STAT"

    told = recognise(Payload.of(TCP, [word + b" " + other + b"\r\n"]))

    assert told is not None
    assert PLAUSIBLE == told.confidence
    assert told.against
