"""The page of a row: all that is known of it, whatever it is, and bounded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from support.captured import demo, told
from support.knowing import knowledge
from support.topped import END_NS, story

from portbook.book import Change
from portbook.claims.everything import Claims
from portbook.faces.tui.columns import Moment
from portbook.faces.tui.details import MOST, claimed, page
from portbook.ports import Transport
from portbook.records import Device, Finding, Level, Oddity, Problem
from portbook.survey.story import Story

MOMENT = Moment(END_NS, END_NS)


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Story:
    return told(tmp_path_factory.mktemp("plant"), demo(), "plant.pcap")


def written(one: Any, about: Story) -> dict[str, tuple[str, ...]]:
    return {part.heading: part.lines for part in page(one, about, knowledge().claims, MOMENT)}


def test_every_record_of_the_demo_has_a_page(plant: Story) -> None:
    for one in plant.records():
        sections = page(one, plant, knowledge().claims, MOMENT)
        assert sections[0].heading
        assert all(isinstance(line, str) for part in sections for line in part.lines)


def test_a_device_tells_its_facts_reasons_services_and_findings(plant: Story) -> None:
    press = next(one for one in plant.devices if one.address == "10.20.0.11")
    sections = written(press, plant)

    assert "serial: EX-0300" in sections["What it told of itself"]
    assert sections["Reasons for"] == press.because
    assert any("10.20.0.11:11740/tcp: codesys-v3" in one for one in sections["Services"])
    assert any("PB301" in one for one in sections["Findings"])


def test_an_announcement_tells_its_rhythm_and_when_it_came(plant: Story) -> None:
    sections = written(plant.announcements[0], plant)

    assert "heard 6 of 6 times" in sections["Rhythm"]
    assert "▮▮▮▮▮▮▯" in sections["Rhythm"]
    assert 6 == len(sections["The latest rounds"])
    assert "Who claims 1740/udp: a claim is not proof" in sections


def test_a_silence_is_counted(plant: Story) -> None:
    later = Moment(END_NS + 300 * 10**9, END_NS + 300 * 10**9)
    sections = page(plant.announcements[0], plant, knowledge().claims, later)
    (rhythm,) = [part.lines for part in sections if part.heading == "Rhythm"]

    assert any("of the latest rounds did not come" in one for one in rhythm)


def test_a_conversation_tells_both_directions_and_reasons(plant: Story) -> None:
    talk = next(one for one in plant.conversations if one.protocol == "modbus")
    sections = written(talk, plant)

    assert f"{talk.packets:,} packets" in sections["How much"][0]
    assert sections["Reasons for"] == talk.because


def test_a_rules_page_goes_on_in_whole_sentences(plant: Story) -> None:
    error = next(one for one in plant.findings if one.code == "PB301")
    rule = written(error, plant)["The rule PB301"]

    assert rule[0].startswith("What it tells: ")
    assert all(line[:1].isupper() for line in rule)


def test_a_change_tells_what_was_otherwise() -> None:
    now = {"port": 502, "transport": "tcp", "protocols": ["modbus"], "seen_ns": END_NS}
    change = Change("changed", "service", "local", None, "tcp 10.0.0.9:502", END_NS, 1, 2, "eth1",
                    now, {"protocols": ["http"]})  # fmt: skip
    sections = written(change, story())

    assert "protocols: modbus" in sections["As it is, or last was"]
    assert "seen: 2026-01-05 08:05:30Z" in sections["As it is, or last was"]
    assert ("protocols: http",) == sections["As it was before"]
    assert "Who claims 502/tcp: a claim is not proof" in sections


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (Problem("eth1", "it went down"), "it went down"),
        (Oddity("truncated-frame", 3, "eth1, octet 9"), "name: truncated-frame"),
        (Finding("PB999", "none", Level.NOTE, "it", "m", ""), "it"),
    ],
)
def test_what_has_no_page_of_its_own_is_told_plainly(one: Any, said: str) -> None:
    sections = page(one, story(), knowledge().claims, MOMENT)

    assert any(said in line for part in sections for line in part.lines)


def test_what_grows_with_the_network_is_cut_and_counted() -> None:
    def roles() -> Iterator[str]:
        yield from (f"role {at}" for at in range(5000))

    chatty = Device("10.0.0.9", {}, (), 1, 2, "eth1", roles=tuple(roles()))
    spoken = written(chatty, story())["Speaks"]

    assert MOST + 1 == len(spoken)
    assert "… and 4960 more" == spoken[-1]


def test_a_port_that_nobody_claims_says_so() -> None:
    claims = Claims(knowledge().claims.registry)
    number = next(one for one in range(20_000, 49_000) if not claims.of(one, Transport.UDP))

    assert ("nobody claims it",) == claimed(claims, number, Transport.UDP).lines
