"""What holds for every rule: its page, its codes, its sentences."""

from __future__ import annotations

import inspect
import re
import string

import msgspec
import pytest
from findings.cases import NOW, UDP, case, conversation, listener, service

from portbook.findings import Place, Rule, Words, judge, rules, say
from portbook.records import Level

HEADINGS = ("What it tells:", "Why it matters:", "Example:", "What to do:", "Sources:")
everyone = pytest.mark.parametrize("rule", rules().values(), ids=lambda rule: rule.code)


def _page(rule: Rule) -> str:
    return inspect.cleandoc(type(rule).__doc__ or "")


@everyone
def test_a_rule_is_its_page(rule: Rule) -> None:
    page = _page(rule)

    assert f"{rule.code} {rule.name}" == page.splitlines()[0]
    places = [page.find(f"\n{heading} ") for heading in HEADINGS]
    assert -1 not in places
    assert sorted(places) == places


@everyone
def test_code_and_name_have_their_shape(rule: Rule) -> None:
    assert re.fullmatch(r"PB[1-5]\d\d", rule.code)
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", rule.name)
    assert not rule.name.startswith(("no-", "avoid-"))


@everyone
def test_the_code_says_the_family(rule: Rule) -> None:
    family = {"identity": "1", "collision": "2", "exposure": "3", "policy": "4", "rhythm": "5"}

    assert family[type(rule).__module__.rsplit(".", 1)[1]] == rule.code[2]


def test_codes_and_names_are_unique_and_the_first_set_is_there() -> None:
    names = [rule.name for rule in rules().values()]

    assert len(set(names)) == len(names)
    assert {
        *("PB101", "PB102", "PB103", "PB104", "PB105", "PB201", "PB202", "PB203"),
        *("PB301", "PB302", "PB303", "PB304", "PB401", "PB402", "PB501"),
    } <= rules().keys()


def test_judge_asks_in_the_order_of_the_codes() -> None:
    found = [
        one.code
        for one in judge(
            case(
                services=[service("10.0.0.9", 502, "http")],
                conversations=[conversation("203.0.113.9", "10.0.0.9", 502, "modbus")],
                listeners=[listener(502, "nginx")],
            )
        )
    ]

    assert sorted(found) == found
    assert {"PB101", "PB104", "PB301", "PB302"} == set(found)


def test_judge_can_be_asked_for_one_rule() -> None:
    asked = case(listeners=[listener(502, "nginx")])

    assert {"PB302"} == {one.code for one in judge(asked, only=("PB302",))}


def test_a_finding_can_be_said_again_from_its_parameters() -> None:
    for one in judge(
        case(
            services=[service("10.0.0.9", 502, "http"), service("10.0.0.9", 1740, "ssh")],
            conversations=[conversation("203.0.113.9", "10.0.0.9", 502, "modbus")],
            listeners=[listener(2543, "sipd", transport=UDP), listener(502, "nginx")],
        )
    ):
        words = rules()[one.code].words[one.parameters["variant"]]
        assert (one.message, one.advice) == (
            say(words.message, one.parameters),
            say(words.advice, one.parameters),
        )
        assert one.because
        assert one.parameters == msgspec.json.decode(msgspec.json.encode(one.parameters)) | {
            name: value for name, value in one.parameters.items() if isinstance(value, tuple)
        }


@everyone
def test_sentences_have_plain_placeholders(rule: Rule) -> None:
    for words in rule.words.values():
        assert isinstance(words, Words)
        for template in words:
            assert not template.endswith(".")
            for _, name, form, conversion in string.Formatter().parse(template):
                assert name is None or name.isidentifier()
                assert not form
                assert conversion is None


def test_lists_are_joined_when_a_sentence_is_said() -> None:
    assert "a, b hold 502" == say("{who} hold {port}", {"who": ("a", "b"), "port": 502})


def test_a_finding_takes_the_level_of_its_rule_unless_told() -> None:
    rule = rules()["PB104"]
    place = Place("tcp *:502", "north", 7, "this machine")
    values = {"port": 502, "transport": "tcp", "programs": ("x",), "protocols": ("modbus",)}

    found = rule.finding(place, "unknown", ["seen"], **values)

    assert (Level.NOTE, "north", 7) == (found.level, found.site, found.vlan)
    assert Level.ERROR is rule.finding(place, "unknown", ["seen"], Level.ERROR, **values).level


def test_time_is_not_needed_to_judge_the_same_case_twice() -> None:
    given = {"listeners": [listener(502, "nginx")]}

    assert list(judge(case(**given))) == list(judge(case(**given)))
    assert NOW == case(**given).now_ns
