"""What hosts told of themselves, gathered into devices: facts, roles, instances, reasons."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.knowing import knowledge
from support.rows import TCP, UDP, row

from portbook.evidence.conversations import Observed, records
from portbook.evidence.rhythm import announcements
from portbook.evidence.table import Row
from portbook.protocols.prefilter import prefilter
from portbook.records import Device
from portbook.survey.devices import devices
from portbook.survey.naming import Named, named

CLAIMS = knowledge().claims
GET = b"GET / HTTP/1.1\r\nHost: x\r\nUser-Agent: example/1\r\n\r\n"
PAGE = b"HTTP/1.1 200 OK\r\nServer: example-httpd/1.4\r\n\r\n"
SECOND = 1_000_000_000


def observed(made: Row) -> Observed:
    """Return a row as it comes out of the table: with the prefilter's bits."""
    bits = prefilter().bits(made.transport, made.head_ab) | prefilter().bits(
        made.transport, made.head_ba
    )
    (one,) = records([made._replace(candidates=bits)], "own.pcap")
    return one


def name(*made: Row) -> list[Named]:
    return list(named(map(observed, made), CLAIMS, {}))


def web(a: str = "10.0.0.5", b: str = "10.0.0.9", port: int = 8080, **more: object) -> Row:
    made = {"to_b": (GET,), "to_a": (PAGE,), "syn": 9, **more}
    return row(TCP, a, 50000, b, port, **made)  # type: ignore[arg-type]


def gathered(*made: Row) -> dict[str, Device]:
    return {one.address: one for one in devices(name(*made))}


def test_a_device_has_what_it_told_by_all_protocols() -> None:
    identity = bytes.fromhex("000100000027012b0e0183000003000e") + b"Example Vendor"
    identity += bytes.fromhex("0106") + b"EX-100" + bytes.fromhex("0205") + b"1.2.3"
    asked = bytes.fromhex("000100000005012b0e0100")
    found = gathered(
        row(TCP, to_b=(asked,), to_a=(identity,), syn=9, times=(50,)), web(times=(90,))
    )["10.0.0.9"]

    assert {
        "vendor": "Example Vendor",
        "product": "EX-100",
        "version": "1.2.3",
        "http product": "example-httpd",
        "http version": "1.4",
    } == found.facts
    assert ["vendor", "product", "version"] == list(found.facts)[:3]
    assert (50, 90) == (found.first_ns, found.last_ns)
    assert ("modbus told vendor, product, version",) == found.because
    assert "02:00:00:00:00:09" == found.mac


def test_what_was_confirmed_replaces_what_was_plausible() -> None:
    plain = web(to_b=(), packets=(1, 1), to_a=(PAGE.replace(b"example-httpd/1.4", b"old/0"),))
    told = gathered(plain, web(a="10.0.0.6"))["10.0.0.9"]

    assert ("example-httpd", "1.4") == (told.facts["product"], told.facts["version"])


def test_clients_tell_of_themselves_too() -> None:
    assert {"product": "example", "version": "1"} == gathered(web())["10.0.0.5"].facts


def test_a_mac_that_stands_for_many_addresses_is_a_routers() -> None:
    router = b"\2\0\0\0\0\xfe"
    here = b"\2\0\0\0\0\5"
    found = gathered(
        web(b="203.0.113.7", macs=(here, router)), web(b="203.0.113.8", macs=(here, router))
    )

    assert (None, None) == (found["203.0.113.7"].mac, found["203.0.113.8"].mac)
    assert "02:00:00:00:00:05" == found["10.0.0.5"].mac


def test_a_host_with_an_ipv6_address_beside_its_own_keeps_its_mac() -> None:
    found = gathered(web(), web(b="fe80::9", a="fe80::5"))

    assert {"10.0.0.5", "10.0.0.9"} == found.keys()
    assert ("02:00:00:00:00:09", ("10.0.0.9", "fe80::9")) == (
        found["10.0.0.9"].mac,
        found["10.0.0.9"].addresses,
    )


def test_the_same_address_in_two_vlans_is_two_devices() -> None:
    found = devices(name(web(vlan=7), web(vlan=8)))

    assert {(7, "10.0.0.9"), (8, "10.0.0.9")} < {(one.vlan, one.address) for one in found}


def test_nothing_told_is_no_device() -> None:
    assert {} == gathered(row(TCP, to_b=(b"\0" * 40,), syn=9))


def identity(serial: str, address: str = "10.40.1.10", name: str = "1756-EN2T/B") -> bytes:
    """Return a ListIdentity answer (EtherNet/IP; layout: ODVA CIP volume 2, section 2-4.2)."""
    text = name.encode()
    item = bytes.fromhex("01000002af12") + bytes(map(int, address.split("."))) + bytes(8)
    item += bytes.fromhex("01000c00590001020000") + bytes.fromhex(serial)[::-1]
    item += bytes((len(text),)) + text + b"\3"
    body = bytes.fromhex("01000c00") + len(item).to_bytes(2, "little") + item
    return bytes.fromhex("6300") + len(body).to_bytes(2, "little") + bytes(20) + body


ASK_IDENTITY = bytes.fromhex("6300") + bytes(22)


def plc(b: str, serial: str = "00524D8E", mac: int = 9, **more: object) -> Row:
    macs = (b"\2\0\0\0\0\5", bytes((2, 0, 0, 0, 0, mac)))
    made = {"to_b": (ASK_IDENTITY,), "to_a": (identity(serial, b),), "macs": macs, **more}
    return row(UDP, "10.0.0.5", 50000, b, 44818, **made)  # type: ignore[arg-type]


def test_two_addresses_that_told_the_same_serial_are_one_device() -> None:
    (found,) = (one for one in devices(name(plc("10.0.0.9"), plc("10.1.0.9", mac=8))) if one.facts)

    assert ("10.0.0.9", ("10.0.0.9", "10.1.0.9")) == (found.address, found.addresses)
    assert ("02:00:00:00:00:08", "02:00:00:00:00:09") == found.macs
    assert "10.0.0.9, 10.1.0.9 told the serial 00524D8E of " in found.because[-1]
    assert () == found.against


def test_two_serials_at_one_address_are_told() -> None:
    (found,) = devices(name(plc("10.0.0.9"), plc("10.0.0.9", "0A0B0C0D", times=(9 * SECOND,))))

    assert "00524D8E" == found.facts["serial"]
    assert "0A0B0C0D" == found.facts["enip serial"]
    assert "10.0.0.9 told 2 serials" in found.against[0]


def test_a_certificates_serial_joins_nothing() -> None:
    """Only control protocols speak of the device; a web server's words are a program's."""
    found = gathered(web(), web(b="10.0.0.8", macs=(b"\2\0\0\0\0\5", b"\2\0\0\0\0\x08")))

    assert {"10.0.0.5", "10.0.0.8", "10.0.0.9"} == found.keys()


def test_a_controllers_word_goes_before_its_web_servers_which_stays_beside_it() -> None:
    found = gathered(web(times=(1,)), plc("10.0.0.9", times=(9 * SECOND,)))["10.0.0.9"]

    assert ("1756-EN2T/B", "1.2") == (found.facts["product"], found.facts["version"])
    assert ("example-httpd", "1.4") == (found.facts["http product"], found.facts["http version"])
    assert ("enip", "http") == found.protocols
    assert ("enip server", "http server") == found.roles


def test_a_version_stays_with_the_product_that_it_was_told_of() -> None:
    bare = PAGE.replace(b"example-httpd/1.4", b"example-httpd")
    banner = (b"SSH-2.0-Dropbear_2022.83\r\n",)
    shell = row(
        TCP, "10.0.0.5", 50001, "10.0.0.9", 22, to_a=banner, to_b=banner, syn=9, times=(99,)
    )
    found = gathered(web(to_a=(bare,), times=(1,)), shell)["10.0.0.9"]

    assert ("example-httpd", None) == (found.facts["product"], found.facts.get("version"))
    assert "2022.83" == found.facts["ssh version"]


def test_who_answers_by_a_control_protocol_is_a_device_without_a_word_of_itself() -> None:
    asked, answered = "0d2f0000000601030000000a", "0d2f0000001701031400370001003c" + "00" * 14
    both = {"to_b": (bytes.fromhex(asked),), "to_a": (bytes.fromhex(answered),), "syn": 9}
    found = gathered(row(TCP, **both))["10.0.0.9"]  # type: ignore[arg-type]

    assert ({}, ("modbus server",)) == (found.facts, found.roles)
    assert {} == gathered(row(TCP, to_b=both["to_b"], syn=1))  # type: ignore[arg-type]


def beacon(
    address: str, index: int, *times: int, a: str = "192.168.190.175", bursts: int | None = None
) -> list[Row]:
    """Return one instance's announcements to the four ports (codesys.md section 5)."""
    octets = bytes.fromhex(f"c50b40010010{address}")
    return [
        row(
            UDP, a, 1740 + index, "192.168.190.255", 1740 + port,
            to_b=(octets,) * min(4, len(times)), packets=(len(times), 0),
            times=tuple(at * SECOND for at in times), broadcast=True,
        )
        for port in range(4)
    ]  # fmt: skip


def heard(*rows: Row, end_s: int) -> list[Device]:
    seen = name(*rows)
    return devices(seen, announcements(seen), {"own.pcap": end_s * SECOND})


def test_instances_are_told_with_since_when_period_and_missed_beats() -> None:
    (found,) = heard(*beacon("00af", 0, 10, 70, 130, 250, 310), *beacon("01af", 1, 20), end_s=460)
    first, second = found.instances

    assert ("codesys-v3", "192.168.190.175", 1740, 0, "00AF") == (
        first.protocol, first.address, first.port, first.index, first.node,
    )  # fmt: skip
    assert (10 * SECOND, 310 * SECOND, 60.0) == (first.first_ns, first.last_ns, first.period_s)
    assert (5, 3) == (first.times, first.missed)  # one on the way, two since
    assert (1741, 1, None, 0, 0) == (
        second.port, second.index, second.period_s, second.times, second.missed,
    )  # fmt: skip
    assert "codesys-v3 announcer" in found.roles
    assert () == found.against


def test_an_instance_that_calls_itself_by_anothers_address_is_told() -> None:
    (found,) = heard(*beacon("00aa", 0, 10), end_s=20)

    assert (
        "192.168.190.175:1740 calls itself 00AA, which its address and port do not make",
    ) == found.against


def test_a_host_without_an_address_joins_the_one_that_it_gets() -> None:
    """A BootP request from 0.0.0.0 (1756-ENBT, real), then ListIdentity at the address it got."""
    asked = bytes.fromhex("0101060057dc3bb2") + bytes(20) + bytes.fromhex("0000bc3eebe4")
    asked = asked.ljust(236, b"\0") + bytes.fromhex("63825363ff") + bytes(59)
    mac = bytes.fromhex("0000bc3eebe4")
    boot = row(UDP, "0.0.0.0", 68, "255.255.255.255", 67, to_b=(asked,), macs=(mac, b""))
    told = row(
        UDP, "10.0.0.5", 50000, "10.0.0.9", 44818,
        to_b=(ASK_IDENTITY,), to_a=(identity("00524D8E"),), macs=(b"\2\0\0\0\0\5", mac),
    )  # fmt: skip
    (found,) = devices(name(boot, told))

    assert ("10.0.0.9", ("10.0.0.9",), ("00:00:bc:3e:eb:e4",)) == (
        found.address, found.addresses, found.macs,
    )  # fmt: skip
    assert ("dhcp client", "enip server") == found.roles


@given(st.randoms(use_true_random=False))
def test_the_order_of_conversations_does_not_matter(chance: random.Random) -> None:
    rows = [
        web(),
        web(b="fe80::9", a="fe80::5"),
        plc("10.0.0.9"),
        plc("10.1.0.9", mac=8),
        plc("10.0.0.9", "0A0B0C0D"),
        *beacon("00af", 0, 10, 70, 130, 190),
    ]
    seen = name(*rows)
    wanted = devices(seen, announcements(seen))
    chance.shuffle(seen)

    assert wanted == devices(seen, announcements(seen))


@given(st.binary(max_size=60))
def test_whatever_a_server_calls_itself_it_is_one_device(text: bytes) -> None:
    page = PAGE.replace(b"example-httpd/1.4", text.replace(b"\n", b"").replace(b"\r", b""))
    found = devices(name(web(to_a=(page,)), plc("10.0.0.9")))

    assert 1 == sum(one.address == "10.0.0.9" for one in found)
    for one in found:
        assert all(value.isprintable() and len(value) <= 256 for value in one.facts.values())


@pytest.mark.parametrize("many", [2000])
def test_many_devices_are_gathered_without_comparing_each_with_all(many: int) -> None:
    """Counted, not timed: the work for twice as many is about twice as much."""
    calls = []
    for size in (many, 2 * many):
        rows = [plc(f"10.0.{at >> 8}.{at & 255}", f"{at:08x}") for at in range(size)]
        seen = name(*rows)
        calls.append(_calls(seen))

    assert calls[1] < 2.2 * calls[0]


def _calls(seen: list[Named]) -> int:
    """Return how many functions a device list calls."""
    import sys

    count = 0

    def note(frame: object, event: str, arg: object) -> None:
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        devices(seen)
    finally:
        sys.setprofile(before)
    return count


def dhcp(kind: int, mac: str, *options: bytes, given: str = "00000000") -> bytes:
    """Return a DHCP message (RFC 2131, figure 1)."""
    head = bytes((2 if kind == 5 else 1, 1, 6, 0)) + bytes(12) + bytes.fromhex(given) + bytes(8)
    told = (head + bytes.fromhex(mac)).ljust(236, b"\0") + bytes.fromhex("63825363")
    return told + bytes((53, 1, kind)) + b"".join(options) + b"\xff"


def named_host(text: str) -> bytes:
    return bytes((12, len(text))) + text.encode()


FIRST, SECOND_HOST = "020000000021", "020000000022"


def test_hosts_that_share_the_address_of_nobody_are_told_apart() -> None:
    """All that have no address yet ask from 0.0.0.0: one conversation, several hosts."""
    asked = (
        dhcp(1, FIRST, named_host("press-1")),
        dhcp(1, SECOND_HOST, named_host("press-2")),
        dhcp(3, FIRST, bytes((60, 3)) + b"PLC"),
    )
    found = gathered(row(UDP, "0.0.0.0", 68, "255.255.255.255", 67, to_b=asked))

    assert {
        "02:00:00:00:00:21": ("press-1", "PLC"),
        "02:00:00:00:00:22": ("press-2", None),
    } == {at: (one.facts["name"], one.facts.get("product")) for at, one in found.items()}


def test_the_address_that_a_host_was_given_joins_what_it_told_before() -> None:
    asked = (dhcp(1, FIRST, named_host("press-1")), dhcp(1, SECOND_HOST, named_host("press-2")))
    given = dhcp(5, FIRST, given="0a000009")
    rows = [
        row(UDP, "0.0.0.0", 68, "255.255.255.255", 67, to_b=asked),
        row(UDP, "10.0.0.1", 67, "255.255.255.255", 68, to_b=(given,), broadcast=True),
        web(),
    ]
    found = gathered(*rows)

    assert "press-1" == found["10.0.0.9"].facts["name"]
    # the frames of 10.0.0.9 came from another link address than the one it told: that stays told
    assert ("02:00:00:00:00:21",) == found["10.0.0.9"].macs
    assert "dhcp client" in found["10.0.0.9"].roles
    assert "press-2" == found["02:00:00:00:00:22"].facts["name"]
