"""The filter that is typed: the command line's words, and plain text."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.errors import UsageError
from portbook.faces.tui.columns import FINDINGS, SERVICES
from portbook.faces.tui.filters import LONGEST, NOTHING, Sought, parse, written
from portbook.ports import PortRange, Transport
from portbook.records import Finding, Level, Service
from portbook.survey.wants import Wants

NOW_NS = 1_790_000_000_000_000_000
MODBUS = Service("10.0.0.9", 502, Transport.TCP, ("modbus",), ("mbap",), 3, 1, 2, "a.pcap")
WEB = msgspec.structs.replace(MODBUS, address="10.0.1.7", port=8080, protocols=("http",))
NOTE = Finding("PB102", "unusual-port", Level.NOTE, "tcp 10.0.0.9:502", "it moved", "move it")


def chosen(words: str) -> list[str]:
    sought = parse(words, NOW_NS)
    return [
        one.address for one in (MODBUS, WEB) if sought.takes("service", one, SERVICES.text)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "addresses"),
    [
        ("", ["10.0.0.9", "10.0.1.7"]),
        ("   ", ["10.0.0.9", "10.0.1.7"]),
        ("host:10.0.1.0/24", ["10.0.1.7"]),
        ("port:500-510/tcp", ["10.0.0.9"]),
        ("port:502/udp", []),
        ("PROTOCOL:Modbus", ["10.0.0.9"]),
        ("mbap HTTP", ["10.0.1.7"]),
        ("http nothing", []),
        (":8080", ["10.0.1.7"]),  # no word of ours before the colon: plain text
        ("host:10.0.0.0/16 modbus", ["10.0.0.9"]),
    ],
)
def test_each_word_narrows(words: str, addresses: list[str]) -> None:
    assert addresses == chosen(words)


def test_a_level_is_asked_of_findings_alone() -> None:
    sought = parse("level:warning", NOW_NS)
    error = msgspec.structs.replace(NOTE, level=Level.ERROR)

    assert not sought.takes("finding", NOTE, FINDINGS.text)
    assert sought.takes("finding", error, FINDINGS.text)
    assert sought.takes("service", WEB, SERVICES.text)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("host:nonsense", "not an address or prefix"),
        ("port:99999", "0 to 65535"),
        ("port:", "write port:1743"),
        ("since:yesterday", "not a time"),
        ("since:" + "9" * 290 + "w", "no clock goes that far"),
        ("level:loud", "write level:note"),
        ("x" * (LONGEST + 1), "at most 300 letters"),
        ("x " * 40, "at most 30 words"),
    ],
)
def test_what_cannot_be_says_what_can(words: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        parse(words, NOW_NS)


@given(st.text(max_size=400))
def test_any_text_is_a_filter_or_a_wrong_one(text: str) -> None:
    try:
        sought = parse(text, NOW_NS)
    except UsageError:
        return
    assert bool(sought) == (sought != NOTHING)
    sought.takes("service", MODBUS, SERVICES.text)


WANTS = st.builds(
    Wants,
    hosts=st.lists(st.sampled_from(["10.0.0.0/8", "10.0.0.9/32", "fe80::/10"])).map(tuple),
    ports=st.lists(
        st.tuples(
            st.integers(0, 65535).map(lambda one: PortRange(one, min(65535, one + 3))),
            st.sampled_from([None, *Transport]),
        ),
        max_size=5,
    ).map(tuple),
    protocols=st.lists(st.sampled_from(["modbus", "unknown", "opcua"])).map(tuple),
    since_ns=st.none() | st.integers(0, 10**15).map(lambda one: one * 1000),
    until_ns=st.none() | st.integers(0, 10**15).map(lambda one: one * 1000),
)


@given(WANTS)
def test_what_is_written_asks_for_the_same(wants: Wants) -> None:
    words = written(wants)
    if len(words) <= LONGEST and len(words.split()) <= 30:
        assert Sought(wants) == parse(words, NOW_NS)
