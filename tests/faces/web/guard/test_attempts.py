"""How often somebody may be wrong: by address, by network, by all together, in a bounded table."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.faces.web.guard import attempts as module
from portbook.faces.web.guard.attempts import MOST_ADDRESSES, Attempts, network


class At:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_some_tries_are_free_and_then_one_comes_back_at_a_time() -> None:
    clock = At()
    few = Attempts(tries=3, every_s=10, everybody=100, clock=clock)
    for _ in range(3):
        assert 0 == few.wait_s("10.0.0.5")
        few.failed("10.0.0.5")
    assert 10 == few.wait_s("10.0.0.5")
    assert 0 == few.wait_s("10.0.0.6")
    clock.now += 9.5
    assert 1 == few.wait_s("10.0.0.5")
    clock.now += 0.5
    assert 0 == few.wait_s("10.0.0.5")
    few.failed("10.0.0.5")
    assert 10 == few.wait_s("10.0.0.5")
    clock.now += 30
    for _ in range(3):
        assert 0 == few.wait_s("10.0.0.5")
        few.failed("10.0.0.5")


def test_the_hosts_of_one_network_of_ipv6_are_one() -> None:
    few = Attempts(tries=1, every_s=10, everybody=100, clock=At())
    few.failed("2001:db8::1")

    assert 10 == few.wait_s("2001:db8::ffff:2")
    assert 0 == few.wait_s("2001:db8:0:1::1")
    assert network("::ffff:10.0.0.5") == network("10.0.0.5")


def test_many_addresses_are_no_way_round_but_this_machine_is_not_locked_out() -> None:
    few = Attempts(tries=5, every_s=30, everybody=50, clock=At())
    for number in range(50):
        few.failed(f"10.0.0.{number}")

    assert 0 < few.wait_s("10.9.9.9") <= 3
    assert 0 == few.wait_s("127.0.0.1")
    assert 0 == few.wait_s("::1")


def test_the_table_forgets_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_ADDRESSES", 10)
    few = Attempts(tries=1, every_s=10, everybody=100_000, clock=At())
    for number in range(25):
        few.failed(f"10.0.0.{number}")

    assert 10 == len(few._until)
    assert 10 == few.wait_s("10.0.0.24")


@given(st.text(max_size=60))
def test_whatever_an_address_is_it_counts_as_something(address: str) -> None:
    few = Attempts(tries=1, every_s=10, everybody=10, clock=At())
    few.failed(address)

    assert few.wait_s(address) == 10
    assert len(network(address)) < 60
    assert MOST_ADDRESSES > len(few._until)
