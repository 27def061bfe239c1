"""Live packets through the system's libpcap, over virtual interfaces of the test's own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from ipaddress import ip_network

import pytest
from support.reading import KINDS, maker, udp_frame

from portbook.emulators import plant
from portbook.emulators.frames import pcap
from portbook.errors import SourceError, UsageError
from portbook.evidence import pcap_library
from portbook.evidence.table import Row, Table
from portbook.protocols.prefilter import prefilter

if sys.platform != "linux":
    pytest.skip("virtual interfaces are Linux's", allow_module_level=True)

from support.sockets import as_nobody, process
from support.veth import needs_veth, pair, run, send

from portbook.evidence.filters import expression
from portbook.evidence.interfaces import InterfaceDownError
from portbook.evidence.libpcap import Interface, names
from portbook.evidence.pcap_batches import MOST
from portbook.evidence.privileges import give_up_capture

pytestmark = [
    pytest.mark.root,
    needs_veth,
    pytest.mark.skipif(pcap_library.version() is None, reason="libpcap is absent"),
]
both_ways = pytest.mark.parametrize("fetched", [False, True], ids=["dumped", "fetched"])


@pytest.fixture(autouse=True)
def namespace() -> Iterator[None]:
    with pair():
        yield


def take(live: Interface, table: Table, packets: int) -> int:
    """Count what comes until so many packets came, or none comes for a second."""
    got = 0
    while got < packets and (block := live.block(1.0)):
        assert block.first is None
        assert len(block.octets) == table.feed(block.octets)
        got += block.packets
        live.give_back()
    return got


def timeless(table: Table) -> list[Row]:
    rows = [
        row._replace(first_ns=0, last_ns=0, times=(), bursts=0, where=0) for row in table.rows()
    ]
    return sorted(rows, key=repr)


@both_ways
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_heard_is_what_a_file_of_it_holds(kind: str, fetched: bool) -> None:
    frames = plant.frames()
    from_file, table = maker(kind)(prefilter().rows), maker(kind)(prefilter().rows)
    from_file.feed(pcap(frames))
    with Interface("right", fetched=fetched) as live:
        sent = send(one.octets for one in frames)

        assert sent == take(live, table, sent)
        assert (sent, 0) == live.drops()
        assert (sent, 0) == live.drops()

    assert timeless(from_file) == timeless(table)
    assert from_file.counts() == table.counts()


@both_ways
def test_more_than_a_batch_and_frames_of_every_length_come_whole(fetched: bool) -> None:
    frames = [udp_frame(bytes(size)) for size in (*range(2 * MOST), 9000, 65000)]
    table = maker("plain")()
    with Interface("right", fetched=fetched) as live:
        send(frames)

        assert len(frames) == take(live, table, len(frames))
    counts = table.counts()
    assert (len(frames), sum(map(len, frames)), 0) == (counts.packets, counts.octets, counts.cut)


@both_ways
def test_a_vlan_tag_is_kept(fetched: bool) -> None:
    frame = udp_frame(b"tagged")
    table = maker("plain")()
    with Interface("right", fetched=fetched) as live:
        send([frame[:12] + bytes.fromhex("81000007") + frame[12:]])
        take(live, table, 1)

    assert [7] == [row.vlan for row in table.rows()]


@both_ways
def test_times_are_those_of_now_in_nanoseconds(fetched: bool) -> None:
    import time

    table = maker("plain")()
    with Interface("right", fetched=fetched) as live:
        before = time.time_ns()
        send(udp_frame(b"now") for _ in range(20))
        take(live, table, 20)

    (row,) = table.rows()
    assert before - 1_000_000 <= row.first_ns <= row.last_ns <= time.time_ns()
    assert any(moment % 1000 for moment in (row.first_ns, row.last_ns, *row.times))


def test_only_what_was_asked_for_comes() -> None:
    told = expression([ip_network("10.0.0.1/32")], [(1740, 1743, None)])
    table = maker("plain")()
    with Interface("right", told=told) as live:
        send([udp_frame(b"a", 40000, 1740), udp_frame(b"b", 40000, 502), udp_frame(b"c", 1743, 9)])

        assert 2 == take(live, table, 2)
        assert live.block() is None


def test_loopback_counts_each_packet_once() -> None:
    import socket

    table = maker("plain")()
    with Interface("lo") as live, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        for _ in range(5):
            out.sendto(b"hello", ("127.0.0.1", 9))
        took = take(live, table, 5)

    assert 5 <= took  # ICMP answers that nobody listens may come as well
    assert [5] == [row.packets_ab for row in table.rows() if row.b_port == 9]


def test_drops_are_told_when_nobody_reads() -> None:
    with Interface("right", buffer_octets=4096) as live:
        sent = send(udp_frame(bytes(60_000)) for _ in range(200))
        came, dropped = live.drops()

        assert sent == came
        assert 0 < dropped < sent
        assert (came, dropped) == live.drops()


@both_ways
def test_an_interface_that_goes_down_is_told_and_followed_when_it_is_up_again(
    fetched: bool,
) -> None:
    with Interface("right", fetched=fetched) as live:
        run("ip", "link", "set", "right", "down")
        with pytest.raises(InterfaceDownError, match="right"):
            live.block(10.0)
        assert not live.reopen()

        run("ip", "link", "set", "right", "up")
        assert live.reopen()
        send([udp_frame(b"again")])

        assert 1 == take(live, maker("plain")(), 1)


def made_again() -> None:
    run("ip", "link", "delete", "right")
    run("ip", "link", "add", "left", "type", "veth", "peer", "name", "right")
    for name in ("left", "right"):
        run("ip", "link", "set", name, "arp", "off", "up")


@both_ways
def test_an_interface_that_is_made_again_is_followed_into_the_same_table(fetched: bool) -> None:
    table = maker("plain")()
    with Interface("right", fetched=fetched) as live:
        send([udp_frame(b"before")])
        assert 1 == take(live, table, 1)
        made_again()
        with pytest.raises(InterfaceDownError, match="disappeared"):
            live.block(10.0)

        assert live.reopen()
        send([udp_frame(b"after")] * 2)
        assert 2 == take(live, table, 2)
        assert (3, 0) == live.drops()

    assert [3] == [row.packets_ab for row in table.rows()]


@both_ways
def test_an_interface_that_was_gone_before_anything_came_is_followed_too(fetched: bool) -> None:
    with Interface("right", fetched=fetched) as live:
        made_again()
        with pytest.raises(InterfaceDownError):
            live.block(10.0)
        assert live.reopen()
        send([udp_frame(b"first")])
        # the head of the file was never given, so it stands before this packet
        assert 1 == take(live, maker("plain")(), 1)


def test_what_is_back_without_the_right_to_hear_it_is_told() -> None:
    def listened() -> tuple[None, str]:
        with Interface("right") as live:
            made_again()
            give_up_capture()
            return None, _reopened(live)

    with process(listened) as (_, told):
        assert "the right to capture" in told


def _reopened(live: Interface) -> str:
    try:
        live.block(10.0)
    except InterfaceDownError:
        try:
            return str(live.reopen())
        except SourceError as error:
            return str(error)
    return "nothing happened"


def test_after_it_is_closed_it_says_so() -> None:
    live = Interface("right")
    live.close()
    live.close()

    with pytest.raises(SourceError, match="it was closed"):
        live.block()
    assert -1 == live.fileno()
    assert (0, 0) == live.drops()


@pytest.mark.parametrize("name", ["eth9", "", "x" * 5000, "right\0", "r\udcffght", "../right"])
def test_an_unknown_interface_is_refused_with_those_that_there_are(name: str) -> None:
    assert {"lo", "left", "right"} <= set(names())
    with pytest.raises(UsageError, match=r"no interface of that name; there are .*right"):
        Interface(name)


def test_another_machine_is_not_asked_to_listen() -> None:
    with pytest.raises(UsageError, match="only interfaces of this machine"):
        Interface("rpcap://127.0.0.1/eth0")


def test_an_interface_that_is_down_says_so() -> None:
    run("ip", "link", "set", "right", "down")
    with pytest.raises(SourceError, match="right: the interface is down; bring it up"):
        Interface("right")


@pytest.mark.parametrize("told", ["port banana", "(", "ip net 10.0.0.0/99", "\udcff"])
def test_a_filter_that_does_not_do_is_refused_with_the_reason(told: str) -> None:
    with pytest.raises(UsageError, match=r"right: the filter .* does not do: \w"):
        Interface("right", told=told)


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
