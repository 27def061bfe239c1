"""Live packets over a pair of virtual interfaces in a network namespace of the test's own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from ipaddress import ip_network

import pytest
from support.reading import KINDS, maker, udp_frame

from portbook.emulators import plant
from portbook.emulators.frames import pcap
from portbook.errors import SourceError, UsageError
from portbook.evidence.table import Row, Table
from portbook.protocols.prefilter import prefilter

if sys.platform != "linux":
    pytest.skip("the kernel's ring is Linux's", allow_module_level=True)

from support.sockets import as_nobody
from support.veth import needs_veth, pair, run, send

from portbook.evidence.filters import program
from portbook.evidence.interfaces import Interface, InterfaceDownError, names

pytestmark = [pytest.mark.root, needs_veth]


@pytest.fixture(autouse=True)
def namespace() -> Iterator[None]:
    with pair():
        yield


def take(live: Interface, table: Table, packets: int) -> int:
    """Count what comes until so many packets came, or none comes for a second."""
    got = 0
    while got < packets and (block := live.block(1.0)):
        assert table.ring(block.octets, block.first, live.link, twice=live.twice) == -1
        got += block.packets
        live.give_back()
    return got


def timeless(table: Table) -> list[Row]:
    rows = [
        row._replace(first_ns=0, last_ns=0, times=(), bursts=0, where=0) for row in table.rows()
    ]
    return sorted(rows, key=repr)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_heard_is_what_a_file_of_it_holds(kind: str) -> None:
    frames = plant.frames()
    from_file, table = maker(kind)(prefilter().rows), maker(kind)(prefilter().rows)
    from_file.feed(pcap(frames))
    with Interface("right") as live:
        sent = send(one.octets for one in frames)

        assert sent == take(live, table, sent)
        assert (sent, 0) == live.drops()

    assert timeless(from_file) == timeless(table)
    assert from_file.counts() == table.counts()


def test_the_kernel_drops_what_nobody_asked_for() -> None:
    told = program([ip_network("10.0.0.1/32")], [(1740, 1743, None)])
    table = maker("plain")()
    with Interface("right", program=told) as live:
        send([udp_frame(b"a", 40000, 1740), udp_frame(b"b", 40000, 502), udp_frame(b"c", 1743, 9)])

        assert 2 == take(live, table, 2)
        assert live.block() is None


def test_loopback_counts_each_packet_once() -> None:
    import socket

    table = maker("plain")()
    with Interface("lo") as live, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        for _ in range(5):
            out.sendto(b"hello", ("127.0.0.1", 9))
        took = take(live, table, 10)

    assert 10 <= took  # ICMP answers that nobody listens may come as well
    assert [5] == [row.packets_ab for row in table.rows() if row.b_port == 9]


def test_drops_are_told_when_nobody_reads() -> None:
    with Interface("right", blocks=2, block_octets=4096) as live:
        sent = send(udp_frame(bytes(1400)) for _ in range(100))
        came, dropped = live.drops()

        assert sent == came
        assert 90 <= dropped < sent
        assert (came, dropped) == live.drops()


def test_an_interface_that_goes_down_is_told_and_followed_when_it_is_up_again() -> None:
    with Interface("right") as live:
        run("ip", "link", "set", "right", "down")
        with pytest.raises(InterfaceDownError, match="right"):
            live.block(5.0)
        assert not live.reopen()

        run("ip", "link", "set", "right", "up")
        assert live.reopen()
        send([udp_frame(b"again")])

        assert 1 == take(live, maker("plain")(), 1)


def test_an_interface_that_is_made_again_under_its_name_is_followed() -> None:
    with Interface("right") as live:
        run("ip", "link", "delete", "right")
        with pytest.raises(InterfaceDownError, match="right"):
            live.block(5.0)
        assert not live.reopen()
        run("ip", "link", "add", "left", "type", "veth", "peer", "name", "right")
        for name in ("left", "right"):
            run("ip", "link", "set", name, "arp", "off", "up")

        assert live.reopen()
        send([udp_frame(b"again")])

        assert 1 == take(live, maker("plain")(), 1)


def test_an_unknown_interface_is_refused_with_those_that_there_are() -> None:
    assert {"lo", "left", "right"} <= set(names())
    with pytest.raises(UsageError, match=r"eth9: no interface of that name; there are .*right"):
        Interface("eth9")


def _opens(name: str) -> str:
    try:
        Interface(name).close()
    except SourceError as error:
        return str(error)
    return "opened"


def test_without_the_right_to_capture_it_is_told_which_right_is_missing() -> None:
    told = as_nobody(lambda: _opens("lo"))

    assert "CAP_NET_RAW" in told
    assert "watch lo" in told
