"""The filters mean the same everywhere."""

from __future__ import annotations

import msgspec
import pytest

from portbook.errors import UsageError
from portbook.ports import Transport
from portbook.records import Conversation, Device, Finding, Level, Summary
from portbook.survey.story import Story
from portbook.survey.wants import Wants, wanted_host, wanted_ports

ONE = Conversation(
    transport=Transport.UDP,
    client="10.0.0.5",
    client_port=1740,
    server="10.0.0.255",
    server_port=1743,
    source="a",
    packets=1,
    octets=1,
    payload_octets=0,
    first_ns=100,
    last_ns=200,
    protocol="codesys-v3",
)


@pytest.mark.parametrize(
    ("wants", "shown"),
    [
        (Wants(), True),
        (Wants(hosts=("10.0.0.0/24",)), True),
        (Wants(hosts=("10.0.0.5/32",)), True),
        (Wants(hosts=("10.0.1.0/24",)), False),
        (Wants(hosts=("fd00::/64",)), False),
        (Wants(ports=wanted_ports(("1743",))), True),
        (Wants(ports=wanted_ports(("1740-1742",))), True),
        (Wants(ports=wanted_ports(("1743/tcp",))), False),
        (Wants(ports=wanted_ports(("80,1743/udp",))), True),
        (Wants(protocols=("codesys-v3",)), True),
        (Wants(protocols=("modbus",)), False),
        (Wants(since_ns=200), True),
        (Wants(since_ns=201), False),
        (Wants(until_ns=100), True),
        (Wants(until_ns=99), False),
    ],
)
def test_a_conversation_is_shown_when_every_word_fits(wants: Wants, shown: bool) -> None:
    assert shown == wants.conversation(ONE)


def test_unknown_means_that_the_bytes_said_nothing() -> None:
    nameless = msgspec.structs.replace(ONE, protocol=None)
    assert Wants(protocols=("unknown",)).conversation(nameless)
    assert not Wants(protocols=("unknown",)).conversation(ONE)


@pytest.mark.parametrize("text", ["10.0.0", "plc-7", "10.0.0.0/99"])
def test_a_host_that_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"write 10\.0\.0\.5"):
        wanted_host(text)


@pytest.mark.parametrize("text", ["70000", "1-", "9-1", "80/icmp", ""])
def test_a_port_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        wanted_ports((text,))


def story_of(*conversations: Conversation) -> Story:
    devices = [
        Device(address, {"vendor": "x"}, ("told",), 100, 200, "a")
        for address in ("10.0.0.5", "10.0.0.9")
    ]
    about = {"address": "10.0.0.255", "port": 1743, "transport": "udp"}
    finding = Finding("PB102", "unusual-port", Level.NOTE, "s", "m", "a", parameters=about)
    return Story(
        Summary(1, 1, len(conversations), 0.1),
        conversations=conversations,
        devices=tuple(devices),
        findings=(finding,),
    )


def test_devices_stay_with_their_conversations() -> None:
    other = msgspec.structs.replace(ONE, client="10.0.0.9", server_port=502, protocol="modbus")
    story = story_of(ONE, other)

    assert ["10.0.0.5"] == [
        one.address for one in story.only(Wants(protocols=("codesys-v3",))).devices
    ]
    assert ["10.0.0.9"] == [
        one.address for one in story.only(Wants(ports=wanted_ports(("502",)))).devices
    ]


def test_a_finding_goes_with_the_time_of_what_it_is_about() -> None:
    story = story_of(ONE)

    assert 1 == len(story.only(Wants(since_ns=150)).findings)
    assert 0 == len(story.only(Wants(since_ns=300)).findings)
    assert 1 == len(story.only(Wants(hosts=("10.0.0.0/8",))).findings)
