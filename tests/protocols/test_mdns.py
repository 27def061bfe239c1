"""Multicast DNS: the group decides; answers tell of the device that sends them."""

from __future__ import annotations

import pytest
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Cast, Payload, Side
from portbook.protocols.mdns import recognise

UDP = Transport.UDP
SLEEP_PROXY = unhex(
    "0000000000010000000000010c5f736c6565702d70726f7879045f756470056c6f63616c00000c000100002905a0"
    "00001194000c000400080000d850e605a31e"
)
BROWSE = unhex(
    "000000000001000000000000095f7365727669636573075f646e732d7364045f756470056c6f63616c00000c0001"
)


def group(*messages: bytes, to: str = "224.0.0.251") -> Payload:
    return Payload.of(UDP, messages, cast=Cast.MULTICAST, group=to)


def label(*texts: str) -> bytes:
    return b"".join(bytes((len(text),)) + text.encode() for text in texts) + b"\0"


def record(name: bytes, kind: int, data: bytes) -> bytes:
    head = kind.to_bytes(2, "big") + b"\x80\x01\x00\x00\x00\x78" + len(data).to_bytes(2, "big")
    return name + head + data


def answer(*records: bytes) -> bytes:
    return unhex("0000 8400 0000") + len(records).to_bytes(2, "big") + bytes(4) + b"".join(records)


SERVICE = label("Pump 7", "_opcua-tcp", "_tcp", "local")
TEXTS = b"".join(
    bytes((len(text),)) + text
    for text in (b"model=SNAP-PAC-R1", b"fw=10.3c", b"manufacturer=Opto 22", b"sn=42", b"flag")
)
DEVICE = answer(
    record(SERVICE, 33, bytes(4) + b"\x12\xe8" + label("pump7", "local")),
    record(SERVICE, 16, TEXTS),
)

EXAMPLES = [
    Example(
        "question for a sleep proxy, public capture",
        group(SLEEP_PROXY),
        "mdns",
        facts={"asked": ("_sleep-proxy._udp",)},
    ),
    Example("question for all services, over IPv6", group(BROWSE, to="ff02::fb"), "mdns"),
    Example(
        "device that tells who it is",
        group(DEVICE),
        "mdns",
        facts={"services": ("_opcua-tcp._tcp",)},
        client={
            "name": "pump7",
            "product": "SNAP-PAC-R1",
            "version": "10.3c",
            "vendor": "Opto 22",
            "serial": "42",
        },
    ),
    Example(
        "81 questions in one message, as in a public capture",
        group(
            unhex("0000 0000 0051 0000 0000 0000") + (label("a", "local") + b"\0\x0c\0\x01") * 81
        ),
        "mdns",
    ),
    Example("the same question to one host", Payload.of(UDP, (SLEEP_PROXY,)), "dns", PLAUSIBLE),
]


def test_a_message_cut_by_what_was_kept_is_plausible() -> None:
    cut = Side(SLEEP_PROXY[:60], ((len(SLEEP_PROXY), 60),), len(SLEEP_PROXY))
    told = recognise(Payload(UDP, cut, cast=Cast.MULTICAST, group="224.0.0.251"))

    assert told is not None
    assert PLAUSIBLE is told.confidence
    assert ("message 1 is not whole",) == told.against


def test_a_later_message_of_something_else_stands_against_it() -> None:
    told = recognise(group(SLEEP_PROXY, b"\xff" * 40))

    assert told is not None
    assert PLAUSIBLE is told.confidence


@pytest.mark.parametrize("to", ["224.0.0.252", "239.255.255.250", "ff02::1:3"])
def test_another_group_is_not_mdns(to: str) -> None:
    assert recognise(group(SLEEP_PROXY, to=to)) is None


def test_names_of_others_in_questions_are_no_facts_of_the_sender() -> None:
    asked = bytearray(DEVICE)
    asked[2] = 0  # a question with known answers

    told = recognise(group(bytes(asked)))

    assert told is not None
    assert {} == dict(told.client)


def test_a_text_that_runs_past_its_record_is_read_to_the_end_only() -> None:
    told = recognise(group(answer(record(SERVICE, 16, b"\xffmodel=x"))))

    assert told is not None
    assert {"product": "x"} == dict(told.client)
