"""Who may be asked, from where, and what is refused before anything is sent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.errors import UsageError
from portbook.ports import Transport
from portbook.protocols.questions import SCAN
from portbook.survey import errands as made
from portbook.survey.errands import Wanted, errands, sendings, target


@pytest.mark.parametrize(
    ("text", "hosts", "port"),
    [
        ("10.0.0.9", ("10.0.0.9",), None),
        ("10.0.0.9:502", ("10.0.0.9",), 502),
        ("fe80::9%eth1", ("fe80::9%eth1",), None),
        ("[2001:db8::9]:502", ("2001:db8::9",), 502),
        ("[2001:db8::9]", ("2001:db8::9",), None),
        ("::ffff:10.0.0.9", ("10.0.0.9",), None),
        ("10.0.0.8/30", ("10.0.0.9", "10.0.0.10"), None),
        ("10.0.0.9/31", ("10.0.0.8", "10.0.0.9"), None),
        ("10.0.0.9/32", ("10.0.0.9",), None),
    ],
)
def test_a_target_is_read(text: str, hosts: tuple[str, ...], port: int | None) -> None:
    assert (hosts, port) == target(text)[1:]


@pytest.mark.parametrize(
    "text",
    ["", "plc", "plc.example:502", "10.0.0", "10.0.0.9:", "10.0.0.9:0", "10.0.0.9:70000",
     "10.0.0.0/16", "2001:db8::/64", "10.0.0.0/x", "10.0.0.9:502:1", "[10.0.0.9", "0x0a000009"],
)  # fmt: skip
def test_what_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        target(text)


@given(text=st.text(max_size=30))
def test_any_text_is_a_target_or_a_usage_error(text: str) -> None:
    try:
        found = target(text)
    except UsageError:
        return
    assert 1 <= len(found.hosts) <= 256


def wanted(name: str, *texts: str, **more: object) -> Wanted:
    return Wanted(name, tuple(map(target, texts)), **more)  # type: ignore[arg-type]


def test_each_place_is_asked_once() -> None:
    found = errands(wanted("enip", "127.0.0.1", "127.0.0.1", "127.0.0.0/31"))

    assert ["127.0.0.1", "127.0.0.0"] == [one.asking.host for one in found]


def test_a_range_leaves_out_network_and_broadcast() -> None:
    assert 254 == len(target("127.0.0.0/24").hosts)


def test_a_port_of_the_target_goes_before_the_usual_ones() -> None:
    found = errands(wanted("banner", "127.0.0.1:2121", "127.0.0.2"))

    places = [(one.asking.host, one.asking.port) for one in found]
    assert [("127.0.0.1", 2121), *(("127.0.0.2", port) for port in (21, 22, 25))] == places


def test_what_will_be_sent_is_told_for_each_host() -> None:
    told = list(sendings(errands(wanted("modbus", "127.0.0.1", "127.0.0.2"))))

    assert 10 == len(told)
    assert [1, 2, 3, 4, 5] * 2 == [one.number for one in told]
    assert "000100000005012b0e0100" == told[0].octets
    assert "000400000005..2b0e01.." == told[3].octets
    assert all(len(one.octets) == 2 * one.length for one in told)


def test_a_public_address_has_to_be_said_twice() -> None:
    with pytest.raises(UsageError, match="--public --yes"):
        errands(wanted("modbus", "198.51.100.7"))
    with pytest.raises(UsageError, match="--public --yes"):
        errands(wanted("modbus", "198.51.100.7", public=True, yes=("198.51.100.8",)))
    with pytest.raises(UsageError, match="--public --yes"):
        errands(wanted("modbus", "2001:db8::7", "10.0.0.1", public=True, yes=("10.0.0.1",)))

    found = errands(wanted("modbus", "198.51.100.7", public=True, yes=("198.51.100.7",)))
    assert ["198.51.100.7"] == [one.asking.host for one in found]
    found = errands(wanted("modbus", "198.51.100.0/29", public=True, yes=("198.51.100.0/29",)))
    assert 6 == len(found)


def test_a_dry_run_may_look_at_what_needs_a_second_word() -> None:
    assert 1 == len(errands(wanted("modbus", "198.51.100.7"), confirmed=False))


@pytest.mark.parametrize(
    "host", ["255.255.255.255", "127.255.255.255", "239.1.2.3", "0.0.0.0", "::"]
)
def test_no_question_goes_to_many_or_to_nobody(host: str) -> None:
    with pytest.raises(UsageError, match=r"broadcast|no address of one host"):
        errands(wanted("modbus", host))


def test_guarded_ports_take_their_own_question_only() -> None:
    for name, port in (("modbus", 1743), ("enip", 2001), ("opcua", 22001), ("modbus", 22500)):
        with pytest.raises(UsageError, match="nothing but"):
            errands(wanted(name, "127.0.0.1", ports=(port,)))
    for name, port in (("optommp", 2001), ("unitrends", 1743), ("banner", 2001)):
        assert errands(wanted(name, "127.0.0.1", ports=(port,)))


def test_listening_may_go_to_any_port_since_nothing_is_sent() -> None:
    found = made.listening(SCAN, wanted("scan", "127.0.0.1", ports=(1743, 2001, 22001)))

    assert [1743, 2001, 22001] == [one.asking.port for one in found]
    assert all(one.lines == () for one in found)


def test_the_gentlest_way_is_taken_unless_another_is_wanted() -> None:
    assert Transport.UDP is made.chosen("enip", None).transport
    assert Transport.TCP is made.chosen("enip", Transport.TCP).transport
    with pytest.raises(UsageError, match="over tcp only"):
        made.chosen("modbus", Transport.UDP)
    with pytest.raises(UsageError, match="there are"):
        made.chosen("profinet", None)


def test_codesys_over_tcp_goes_to_one_named_host() -> None:
    tcp = {"transport": Transport.TCP}

    assert 1 == len(errands(wanted("codesys", "127.0.0.9", **tcp)))
    with pytest.raises(UsageError, match="one named host"):
        errands(wanted("codesys", "127.0.0.8/30", **tcp))


def test_codesys_over_udp_wants_its_subnet_named() -> None:
    with pytest.raises(UsageError, match=r"--yes 127\.0\.0\.0/8"):
        errands(wanted("codesys", "127.0.0.9"))


def test_codesys_over_udp_needs_ipv4() -> None:
    with pytest.raises(UsageError, match="IPv4"):
        errands(wanted("codesys", "::1", yes=("::1/128",)))


def test_a_secret_that_is_missing_is_asked_for() -> None:
    with pytest.raises(UsageError, match="community"):
        errands(wanted("snmp", "127.0.0.1"))


def test_a_subnet_is_not_asked_at_a_port_of_choice() -> None:
    with pytest.raises(UsageError, match="--port goes with hosts"):
        errands(wanted("enip", interface="lo", ports=(2001,), yes=("127.0.0.0/8",)))
