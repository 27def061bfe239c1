"""The portable way, as on systems that keep the whole list from an ordinary user."""

from __future__ import annotations

import os
import sys

import psutil
import pytest
from support.sockets import number, tcp, udp

from portbook.addresses import Scope
from portbook.evidence.listeners import listeners


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse the whole list, as macOS does to all but root."""

    def net_connections(_: str) -> None:
        raise psutil.AccessDenied

    monkeypatch.setattr(psutil, "net_connections", net_connections)


@pytest.mark.usefixtures("refused")
def test_ones_own_sockets_are_told_where_the_whole_list_is_refused() -> None:
    with tcp() as made:
        found, hidden = listeners(number(made), way="psutil", now_ns=1)

    assert [os.getpid()] == [record.pid for record in found]
    assert any(one.startswith("sockets of other users: not permitted; try: ") for one in hidden)


def test_process_facts_come_from_psutil_on_other_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    with udp() as made:
        monkeypatch.setattr(sys, "platform", "freebsd14")
        (record,) = listeners(number(made), now_ns=1).listeners
    (owner,) = record.owners

    assert (os.getpid(), psutil.Process().name()) == (owner.pid, owner.program)
    assert owner.user
    assert owner.command
    assert owner.executable


def test_the_kernels_ways_are_refused_on_other_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")

    with pytest.raises(ValueError, match="on Linux only; here: way='psutil'"):
        listeners(way="netlink", now_ns=1)


def test_an_address_of_all_reaches_anyone() -> None:
    with udp("0.0.0.0") as made:
        (record,) = listeners(number(made), way="psutil", now_ns=1).listeners

    assert (Scope.ANY, "ipv4") == (record.scope, record.family)
