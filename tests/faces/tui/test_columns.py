"""What is shown of rows, how they are sorted, found and told apart."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.addresses import Scope
from portbook.faces.tui.arranging import Rows, View, arrange, position
from portbook.faces.tui.cells import plain
from portbook.faces.tui.columns import LISTENERS, SERVICES, Kind, Moment, place
from portbook.faces.tui.filters import parse
from portbook.faces.tui.picture import TABS
from portbook.faces.tui.when import ago, clock
from portbook.ports import Transport
from portbook.records import (
    Announcement,
    Confidence,
    Conversation,
    Device,
    Finding,
    Level,
    Listener,
    Owner,
    Service,
)

UDP, TCP = Transport.UDP, Transport.TCP
ONE = Service("10.0.0.9", 502, TCP, ("modbus",), ("mbap",), 3, 1, 2, "eth1", clients=2)
RECORDS: dict[str, Any] = {
    "services": ONE,
    "devices": Device("10.0.0.9", {"vendor": "Example"}, ("it said so",), 1, 2, "eth1"),
    "announcements": Announcement("10.0.0.5", "10.0.0.255", (1740, 1741), UDP, 60.0, 0.0, 3, 3,
                                  Confidence.CONFIRMED, 1, 2, "eth1", beats_ns=(1, 2)),
    "conversations": Conversation(TCP, "10.0.0.5", 1, "10.0.0.9", 502, "eth1", 3, 300, 30, 1, 2),
    "findings": Finding("PB301", "reachable", Level.ERROR, "tcp 10.0.0.9:502", "far", "close it"),
    "listeners": Listener(TCP, "::", 22, Scope.ANY, "listen", 0, (Owner(7, "sshd"),)),
}  # fmt: skip
MOMENT = Moment(10**18, 10**18)


@pytest.mark.parametrize("tab", TABS, ids=lambda tab: tab.word)
def test_every_column_of_every_kind_has_a_text_and_an_order(tab: Any) -> None:
    one, kind = RECORDS[tab.word], tab.kind
    for at, column in enumerate(kind.columns):
        shown = column.drawn(one, MOMENT, 20) if column.drawn else plain(column.value(one))
        assert isinstance(shown, str)
        for down in (False, True):
            rows = arrange(kind, [one, one], View(order=at, down=down)).rows
            assert [one, one] == rows
    assert hash(kind.known(one)) == hash(kind.known(one))
    assert kind.text(one)
    assert sum(column.wide for column in kind.columns) == 1


def service(address: str, **more: Any) -> Service:
    return msgspec.structs.replace(ONE, address=address, **more)


def test_addresses_stand_in_the_order_of_their_numbers() -> None:
    given = ["fe80::1%eth0", "10.0.0.10", "02:00:5e:00:00:01", "10.0.0.9", "::ffff:10.0.0.8"]

    assert [
        "02:00:5e:00:00:01", "::ffff:10.0.0.8", "10.0.0.9", "10.0.0.10", "fe80::1%eth0",
    ] == sorted(given, key=place)  # fmt: skip


@given(st.text())
def test_any_text_has_a_place(text: str) -> None:
    assert text == place(text)[2]


def test_rows_that_are_equal_stay_in_the_kinds_own_order() -> None:
    rows = [service(f"10.0.0.{at}", clients=at % 2) for at in (4, 1, 3, 2)]
    by_clients = next(at for at, one in enumerate(SERVICES.columns) if one.name == "clients")

    for some in (rows, rows[::-1]):
        shown = arrange(SERVICES, some, View(order=by_clients, down=True)).rows
        assert ["10.0.0.1", "10.0.0.3", "10.0.0.2", "10.0.0.4"] == [one.address for one in shown]


def test_a_filter_keeps_what_fits_and_counts_all() -> None:
    rows = [service("10.0.0.1"), service("10.0.0.2", protocols=("dns",))]
    shown = arrange(SERVICES, rows, View(parse("protocol:dns", 0)))

    assert Rows([rows[1]], 2) == shown


def test_sockets_of_one_port_stand_together() -> None:
    sockets = [
        Listener(over, address, port, Scope.ANY, "listen", 0)
        for over, address, port in ((UDP, "::", 53), (TCP, "0.0.0.0", 443), (TCP, "0.0.0.0", 53))
    ]
    shown = arrange(LISTENERS, sockets, View()).rows

    assert [(53, TCP), (53, UDP), (443, TCP)] == [(one.port, one.transport) for one in shown]


@given(st.integers(0, 1000), st.integers(-10, 2000), st.integers(-10, 1100))
def test_a_row_is_found_wherever_it_went(count: int, near: int, wanted: int) -> None:
    kind = Kind("x", (), lambda one: one, str, lambda one: one)
    near = max(0, near)

    assert (wanted if 0 <= wanted < count else None) == position(kind, range(count), wanted, near)


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0, "now"), (-5, "now"), (12, "12 s"), (199, "3 min"), (7300, "2 h"), (400_000, "4 d"),
     (10**8, "1998-07-09"), (-(10**6), "2001-09-20 15:33:20Z")],
)  # fmt: skip
def test_how_long_ago_reads_well(seconds: int, told: str) -> None:
    now_ns = 10**18

    assert told == ago(now_ns - seconds * 10**9, now_ns)


@given(st.integers(-(2**80), 2**80), st.integers(-(2**80), 2**80))
def test_any_clock_has_words(time_ns: int, now_ns: int) -> None:
    assert ago(time_ns, now_ns)
    assert len(clock(time_ns)) == 9
