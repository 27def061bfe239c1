"""Whether a server may begin as it was told."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from support.guarded import TOKEN

from portbook.errors import UsageError
from portbook.faces.web.guard.admission import admitted
from portbook.faces.web.guard.credentials import Credentials

KNOWN = Credentials([TOKEN])
FAR = ["0.0.0.0", "::", "10.0.0.5", "192.168.1.1", "169.254.1.1", "2001:db8::1", "8.8.8.8"]
NEAR = ["127.0.0.1", "127.0.0.2", "::1"]


@pytest.mark.parametrize("listen", NEAR)
def test_on_loopback_nothing_is_needed(listen: str) -> None:
    rules = admitted(listen, credentials=None, tls=False)

    assert rules.credentials is None
    assert {"localhost", listen} <= rules.hosts
    assert not rules.own_addresses
    assert not rules.strict_transport


@pytest.mark.parametrize("listen", FAR)
@pytest.mark.parametrize("tls", [False, True])
def test_off_loopback_somebody_must_be_known(listen: str, tls: bool) -> None:
    with pytest.raises(UsageError, match="--make-token"):
        admitted(listen, credentials=None, tls=tls, plain=True, yes=listen)


@pytest.mark.parametrize("listen", FAR)
@pytest.mark.parametrize(
    "told",
    [{}, {"plain": True}, {"yes": "0.0.0.0"}, {"plain": True, "yes": "127.0.0.1"},
     {"behind_proxy": True}],
)  # fmt: skip
def test_off_loopback_without_tls_once_is_not_enough(listen: str, told: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=f"--plain --yes {listen}"):
        admitted(listen, credentials=KNOWN, tls=False, **told)


@pytest.mark.parametrize("listen", FAR)
def test_off_loopback_with_tls_or_told_twice(listen: str) -> None:
    assert admitted(listen, credentials=KNOWN, tls=True).strict_transport
    rules = admitted(listen, credentials=KNOWN, tls=False, plain=True, yes=listen)

    assert rules.plain
    assert rules.own_addresses
    assert not rules.strict_transport


def test_behind_a_proxy_somebody_must_be_known_though_we_listen_on_loopback() -> None:
    with pytest.raises(UsageError, match="a proxy lets others in"):
        admitted("127.0.0.1", credentials=None, tls=False, behind_proxy=True)
    rules = admitted("127.0.0.1", credentials=KNOWN, tls=False, behind_proxy=True)
    assert rules.behind_proxy
    assert rules.strict_transport


def test_plain_where_there_is_nothing_to_allow_is_a_mistake() -> None:
    with pytest.raises(UsageError, match="off loopback"):
        admitted("127.0.0.1", credentials=KNOWN, tls=False, plain=True, yes="127.0.0.1")


def test_names_that_were_told_are_ours_as_they_are_compared() -> None:
    names = ["Plant.Example.", "2001:DB8::1", "203.0.113.9"]
    rules = admitted("127.0.0.1", credentials=None, tls=False, names=names)

    assert {"plant.example", "2001:db8::1", "203.0.113.9"} <= rules.hosts


def test_this_machines_own_name_is_ours_when_we_listen_for_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "Plant-Server")

    assert "plant-server" in admitted("0.0.0.0", credentials=KNOWN, tls=True).hosts
    assert "0.0.0.0" not in admitted("0.0.0.0", credentials=KNOWN, tls=True).hosts
    assert "plant-server" not in admitted("127.0.0.1", credentials=None, tls=False).hosts


@pytest.mark.parametrize("name", ["", "a b", "http://plant.example", "plant/x", "*", "ü.example"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="--host-name"):
        admitted("127.0.0.1", credentials=None, tls=False, names=[name])
