"""LLMNR: one question to its group."""

from __future__ import annotations

from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Cast, Payload, Side
from portbook.protocols.llmnr import recognise

UDP = Transport.UDP
# it-windows capture of suricata-verify (smb2-ntlmssp-negotiateflags), frame 42
ASKED = unhex("58c4000000010000000000000f4445534b544f502d563146413055510000ff0001")


def group(*messages: bytes, to: str = "224.0.0.252") -> Payload:
    return Payload.of(UDP, messages, cast=Cast.MULTICAST, group=to)


EXAMPLES = [
    Example(
        "question of Windows, suricata-verify smb2-ntlmssp-negotiateflags frame 42",
        group(ASKED),
        "llmnr",
        facts={"asked": "DESKTOP-V1FA0UQ"},
    ),
    Example("the same over IPv6", group(ASKED, to="ff02::1:3"), "llmnr"),
    Example("the same question to one host", Payload.of(UDP, (ASKED,)), "dns", PLAUSIBLE),
]


def test_another_group_is_not_llmnr() -> None:
    assert recognise(group(ASKED, to="224.0.0.251")) is None


def test_an_answer_or_two_questions_do_not_go_to_the_group() -> None:
    answer = ASKED[:2] + b"\x80" + ASKED[3:]
    assert recognise(group(answer)) is None
    assert recognise(group(ASKED[:5] + b"\2" + ASKED[6:] + ASKED[12:])) is None
    assert recognise(group(ASKED + b"\0")) is None


def test_a_cut_question_is_plausible() -> None:
    cut = Side(ASKED, ((60, len(ASKED)),), 60)
    told = recognise(Payload(UDP, cut, cast=Cast.MULTICAST, group="224.0.0.252"))

    assert told is not None
    assert PLAUSIBLE is told.confidence
