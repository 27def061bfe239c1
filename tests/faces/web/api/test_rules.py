"""Rules, as the command line tells them."""

from __future__ import annotations

import json

from support.asking import Api
from support.program import portbook


def test_rules_are_those_of_the_command_line(api: Api) -> None:
    said = json.loads(portbook(api.served.book.parent, "rule", "--json").out)["rule"]

    assert said == api.told("/rules")["rows"]
    assert said[0] == api.told(f"/rules/{said[0]['code'].lower()}")


def test_a_rule_that_there_is_not_is_told(api: Api) -> None:
    assert "no rule 'PB999'" in api.problem(404, "/rules/PB999")
    assert "code: A rule's code" in api.problem(400, "/rules/controller")
