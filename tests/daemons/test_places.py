"""Addresses that are listened on, and who may come there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.daemons.configuration.places import (
    EVERYWHERE,
    LOOPBACK,
    Endpoint,
    admits,
    admitted,
    endpoint,
    networks,
)
from portbook.errors import UsageError


@pytest.mark.parametrize(
    ("text", "here"),
    [
        ("127.0.0.1:2543", Endpoint("127.0.0.1", 2543)),
        ("[::1]:2543", Endpoint("::1", 2543)),
        ("0.0.0.0:0", Endpoint("0.0.0.0", 0)),
        ("", None),
    ],
)
def test_an_address_and_a_port_are_read(text: str, here: Endpoint | None) -> None:
    assert here == endpoint(text)
    assert here is None or text == str(here)


@pytest.mark.parametrize(
    "text",
    ["127.0.0.1", "::1:2543", "[127.0.0.1]:1", "[::1]", "a:1", "1.2.3.4:65536", "1.2.3.4:-1", ":1",
     "1.2.3.4:１", "1.2.3.4:1 "],
)  # fmt: skip
def test_what_is_none_is_said(text: str) -> None:
    with pytest.raises(UsageError, match=r"ADDRESS:PORT|port must be 0 to 65535"):
        endpoint(text)


def test_without_networks_loopback_is_for_this_machine_and_elsewhere_for_all() -> None:
    assert LOOPBACK == admitted((), "127.0.0.1:1")
    assert LOOPBACK == admitted((), "[::1]:1")
    assert LOOPBACK == admitted((), "")
    assert EVERYWHERE == admitted((), "0.0.0.0:1")
    assert EVERYWHERE == admitted((), "10.0.0.5:1")
    assert networks(["10.1.0.0/16"]) == admitted(("10.1.0.0/16",), "127.0.0.1:1")


@pytest.mark.parametrize(
    ("address", "may"),
    [
        ("10.1.2.3", True),
        ("::ffff:10.1.2.3", True),
        ("10.2.0.1", False),
        ("fd00::7", True),
        ("fd00::7%eth0", True),
        ("fe80::1", False),
        ("name", False),
        ("", False),
    ],
)
def test_addresses_are_admitted_by_their_network(address: str, may: bool) -> None:
    assert may == admits(networks(["10.1.0.0/16", "fd00::/8"]), address)


def test_a_network_may_be_written_as_an_address_in_it() -> None:
    assert admits(networks(["10.1.2.3/16"]), "10.1.9.9")
    with pytest.raises(UsageError, match=r"'10\.1' is no network"):
        networks(["10.1"])


@given(st.text(max_size=30))
def test_no_text_makes_it_stumble(text: str) -> None:
    assert not admits(networks(["10.0.0.0/32"]), text) or "10.0.0.0" in text
    try:
        found = endpoint(text)
    except UsageError:
        return
    assert found is None or found.port <= 65535
