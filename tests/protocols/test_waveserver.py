"""Wave servers: whole command lines, and answers that repeat the request's id and channel."""

from __future__ import annotations

import pytest
from support.examples import PLAUSIBLE, Example

from portbook.ports import Transport
from portbook.protocols import Payload, identify
from portbook.protocols.waveserver import recognise

TCP = Transport.TCP
RAW = b"GETSCNLRAW: getRaw RCM EHZ UW -- 1404165651 1404165655\n"
RAW_TOLD = b"getRaw 362 RCM EHZ UW -- F i2 1.4041656508200073E9 1.4041656558200073E9 1320\n"
GAP_TOLD = b"getRaw 362 RCM EHZ UW -- FR i2 1.4041656508200073E9 100.0\n"
MENU = b"MENU: get_menu SCNL\n"
MENU_TOLD = (
    b"get_menu  362 RCM EHZ UW -- 1404079200.000 1404165655.820 i2 "
    b"363 RCM EHN UW -- 1404079200.000 1404165655.820 i2 \n"
)

EXAMPLES = [
    Example(
        "raw data of a Winston server, documentation of quakeShake",
        Payload.of(TCP, [RAW], [RAW_TOLD + bytes(64)]),
        "waveserver",
        facts={"commands": ["GETSCNLRAW"], "channels": ["RCM.EHZ.UW.--"]},
    ),
    Example(
        "the menu as ObsPy asks for it and reads it",
        Payload.of(TCP, [MENU], [MENU_TOLD]),
        "waveserver",
        facts={"commands": ["MENU"]},
    ),
    Example("data that is not there", Payload.of(TCP, [RAW], [GAP_TOLD]), "waveserver"),
    Example("a request alone", Payload.of(TCP, [RAW]), "waveserver", PLAUSIBLE),
    Example("a menu that is no command", Payload.of(TCP, [b"MENU please\n"]), None),
]


@pytest.mark.parametrize(
    "line",
    [
        b"MENU:\n",
        b"MENU: a b c\n",
        b"GETSCNLRAW: id RCM EHZ UW -- yesterday today\n",
        b"GETSCNLRAW: id RCM EHZ UW -- 1 2\nHELO x\n",
        b"GETSCNL: id RCM EHZ\n",
        b"GETPIN: \xff 1 2 3\n",
        b"getscnlraw: id RCM EHZ UW -- 1 2\n",
        b"MENU: " + b"x" * 300 + b"\n",
        RAW[:-1],
    ],
)
def test_what_does_not_fit_is_no_wave_server(line: bytes) -> None:
    assert recognise(Payload.of(TCP, [line])) is None


@pytest.mark.parametrize(
    "answer",
    [
        b"other 362 RCM EHZ UW -- F i2 1.0 2.0 1320\n",
        b"getRaw 362 RCM EHN UW -- F i2 1.0 2.0 1320\n",
        b"getRaw 362 RCM EHZ UW -- nothing\n",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\xff\xfe\n",
    ],
)
def test_an_answer_that_does_not_fit_is_no_wave_server(answer: bytes) -> None:
    assert recognise(Payload.of(TCP, [RAW], [answer])) is None


def test_the_one_that_answers_is_the_server() -> None:
    told = identify(Payload.of(TCP, [RAW_TOLD], [RAW]))

    assert told is not None
    assert told.swapped
