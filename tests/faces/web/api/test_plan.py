"""May I use this port? The same answer as `portbook plan check`."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.asking import Api
from support.program import portbook


@pytest.mark.parametrize("number", [22004, 22001, 502, 0, 1743])
@pytest.mark.parametrize("policy", ["opto22", "codesys"])
def test_a_port_is_judged_as_on_the_command_line(api: Api, number: int, policy: str) -> None:
    found = api.told(f"/plan/{number}", policy=policy, transport="tcp", role="connect")
    check = ("plan", "check", f"{number}/tcp", "--policy", policy, "--role", "connect")
    said = portbook(api.served.book.parent, *check, "--json", "--book", str(api.served.book))
    (plan,) = json.loads(said.out)["plan"]

    assert _but_seen(plan) == _but_seen(found)


def test_a_port_that_a_socket_holds_is_refused(api: Api) -> None:
    number = int(api.served.home.rpartition(":")[2])
    found = api.told(f"/plan/{number}", policy="none", transport="tcp")

    assert (False, "TAKEN") == (found["allowed"], found["code"])


def test_the_server_s_own_policy_rules_unless_another_is_named(api: Api) -> None:
    assert "opto22" == api.told("/plan/22004")["policy"]
    assert "reftek" == api.told("/plan/22004", policy="reftek")["policy"]
    assert None is api.told("/plan/22004", policy="none")["policy"]


def test_what_the_book_has_seen_there_is_a_reason(api: Api) -> None:
    codes = {one["code"] for one in api.told("/plan/8502", policy="none")["reasons"]}

    assert "SEEN" in codes


@pytest.mark.parametrize(
    ("words", "detail"),
    [
        ({"policy": "/etc/passwd"}, "policy: A policy that rules"),
        ({"policy": "../opto22"}, "policy: A policy that rules"),
        ({"role": "steal"}, "role: What the program does"),
        ({"transport": "icmp"}, "transport: A transport"),
    ],
)
def test_a_policy_is_never_a_file_of_the_reader_s(
    api: Api, words: dict[str, str], detail: str
) -> None:
    assert detail in api.problem(400, "/plan/1743", **words)


def _but_seen(plan: dict[str, Any]) -> dict[str, Any]:
    """Leave out what may differ from one moment to the next: who holds the port."""
    return {**plan, "reasons": [one for one in plan["reasons"] if one["code"] != "TAKEN"]}
