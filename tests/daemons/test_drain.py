"""The field socket: what each datagram is taken for, and what is never answered."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import reftek

from portbook.daemons.sources import buffers
from portbook.daemons.sources.drain import ALL, MOST_PEERS, MOST_PREFIXES, Drain, Frame
from portbook.daemons.sources.peers import OTHERS, Peers, plain
from portbook.seismic.spool import Arrival, Mode

PACKETS = reftek.event(seconds=10)


class Field:
    """A drain, the socket that it reads, and one that sends to it."""

    def __init__(self, **more: object) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sender.connect(self.socket.getsockname())
        self.batches: list[list[Arrival]] = []
        self.frames: list[Frame] = []
        self.now_ns = 5
        self.drain = Drain(
            self.socket,
            self.batches.append,
            self.frames.extend,
            clock=lambda: self.now_ns,
            **more,  # type: ignore[arg-type]
        )

    def send(self, *datagrams: bytes) -> None:
        for one in datagrams:
            self.sender.send(one)

    def close(self) -> None:
        self.drain.stop()
        self.socket.close()
        self.sender.close()


@pytest.fixture
def field() -> Iterator[Field]:
    made = Field()
    yield made
    made.close()


def test_datagrams_of_one_packet_come_as_one_batch_in_their_order(field: Field) -> None:
    field.send(*PACKETS)

    assert field.drain.read() == len(PACKETS)
    (batch,) = field.batches
    port = field.sender.getsockname()[1]
    assert [Arrival(one, 5, Mode.RAW, "127.0.0.1", port) for one in PACKETS] == batch


def test_an_empty_socket_delivers_nothing(field: Field) -> None:
    assert field.drain.read() == 0
    assert field.batches == []


def test_a_packet_behind_foreign_octets_is_seen_and_they_are_kept(field: Field) -> None:
    field.send(b"\x01\x02link" + PACKETS[1] + b"tail")
    field.send(b"\x01\x02link" + PACKETS[2])
    field.drain.read()
    (batch,) = field.batches

    assert [(one.mode, one.octets) for one in batch] == [
        (Mode.OBSERVED, PACKETS[1]),
        (Mode.OBSERVED, PACKETS[2]),
    ]
    (prefix,) = field.drain.prefixes()["127.0.0.1"]
    assert (prefix.octets, prefix.times, prefix.last_ns) == (b"\x01\x02link", 2, 5)


def test_nothing_but_our_own_link_is_ever_answered(field: Field) -> None:
    field.send(PACKETS[0], b"x" + PACKETS[1], b"discover", b"\0" * 1024)
    field.drain.read()
    field.sender.setblocking(False)

    with pytest.raises(BlockingIOError):
        field.sender.recv(1)


def test_frames_of_our_own_link_are_handed_on(field: Field) -> None:
    field.send(b"PBL1" + b"\0" * 12)
    field.drain.read()

    assert [Frame(b"PBL1" + b"\0" * 12, field.sender.getsockname(), 5)] == field.frames
    assert field.batches == []


def test_the_rest_is_counted_by_peer_and_name(field: Field) -> None:
    field.send(b"", b"OPTIONS sip:nobody SIP/2.0", b"\xff" * 1024, PACKETS[1][:-1])
    field.drain.read()

    assert field.drain.peers.rows() == {
        "127.0.0.1": {
            "datagram of something else": 2,
            "1024 octets that are no packet": 1,
            "packet of another length, or cut": 1,
        }
    }


def test_who_may_not_send_is_counted_and_not_read() -> None:
    field = Field(allowed=lambda address: False)
    field.send(PACKETS[0], b"PBL1" + b"\0" * 12)
    field.drain.read()
    field.close()

    assert (field.batches, field.frames) == ([], [])
    assert field.drain.peers.totals == {"source not allowed": 2}
    assert 2 == field.drain.foreign


@pytest.mark.parametrize(
    ("mode", "datagram"),
    [
        (Mode.RAW, PACKETS[0]),
        (Mode.OBSERVED, b"x" + PACKETS[0]),
        (Mode.LINK, b"PBL1" + b"\0" * 12),
    ],
)
def test_a_mode_that_is_off_takes_nothing(mode: Mode, datagram: bytes) -> None:
    field = Field(modes=ALL - {mode})
    field.send(datagram)
    field.drain.read()
    field.close()

    assert (field.batches, field.frames) == ([], [])
    assert field.drain.peers.totals.total() == 1 == field.drain.foreign


def test_a_flood_is_taken_in_parts() -> None:
    field = Field(most=4)
    field.send(*PACKETS[:6])

    assert [field.drain.read() for _ in range(3)] == [4, 2, 0]
    assert [len(one) for one in field.batches] == [4, 2]
    field.close()


def test_the_loop_reads_what_comes_also_behind_a_pause() -> None:
    field = Field(pause_s=0.001)

    async def main() -> None:
        came = asyncio.Event()

        def deliver(batch: list[Arrival]) -> None:
            field.batches.append(batch)
            came.set()

        field.drain._deliver = deliver
        field.drain.start(asyncio.get_running_loop())
        for one in PACKETS[:5]:
            field.send(one)
            await asyncio.wait_for(came.wait(), 20)
            came.clear()
        field.drain.stop()
        field.drain.stop()
        field.send(PACKETS[5])
        await asyncio.sleep(0)

    asyncio.run(main())
    assert [one.octets for batch in field.batches for one in batch] == PACKETS[:5]
    assert field.drain.read() == 1  # what came after the stop still waits in the socket
    field.close()


def test_prefixes_and_their_peers_are_bounded(field: Field) -> None:
    field.send(*(bytes([n]) + PACKETS[1] for n in range(MOST_PREFIXES + 3)))
    field.drain.read()
    known = field.drain.prefixes()["127.0.0.1"]

    assert [one.octets[0] for one in known] == list(range(3, MOST_PREFIXES + 3))
    for number in range(MOST_PEERS + 1):
        field.drain._keep(f"10.0.{number >> 8}.{number & 255}", b"x", 9)
    assert len(field.drain.prefixes()) == MOST_PEERS


@given(st.binary(max_size=1200))
def test_no_datagram_raises(octets: bytes) -> None:
    field = Field()
    field.send(octets)
    field.drain.read()
    field.close()
    taken = sum(map(len, field.batches)) + len(field.frames)

    assert taken + field.drain.peers.totals.total() == 1


def test_a_table_of_peers_has_an_end() -> None:
    peers = Peers(most=2)

    assert [peers.count(who, "odd") for who in ("a", "b", "c", "d", "a")] == [1, 1, 1, 2, 2]
    assert peers.rows() == {"a": {"odd": 2}, "b": {"odd": 1}, OTHERS: {"odd": 2}}
    assert peers.totals == {"odd": 5}


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("fe80::1%eth0", "fe80::1"),
        ("2001:db8::1", "2001:db8::1"),
    ],
)
def test_addresses_are_written_one_way(given_: str, expected: str) -> None:
    assert expected == plain(given_)


@pytest.mark.skipif(sys.platform != "linux", reason="asks the Linux kernel")
def test_the_kernel_tells_what_it_had_to_throw_away() -> None:
    field = Field()
    field.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)  # the least that there is
    assert field.drain.dropped() == 0
    for one in PACKETS[:10]:
        field.send(one)

    lost = field.drain.dropped()
    assert lost is not None
    assert 0 < lost == 10 - field.drain.read()
    field.close()


@pytest.mark.skipif(sys.platform != "linux", reason="asks the Linux kernel")
def test_a_buffer_that_is_too_small_names_the_remedy() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        enough = buffers.enlarge(sock, 4096)
        assert enough.got_octets >= 4096
        assert enough.remedy is None
        beyond = buffers.enlarge(sock, (1 << 31) - 1)
        assert beyond.got_octets < beyond.asked_octets
        assert beyond.remedy is not None
        assert f"net.core.rmem_max={(1 << 31) - 1}" in beyond.remedy


@pytest.mark.skipif(sys.platform != "linux", reason="asks the Linux kernel")
def test_what_waits_in_a_socket_is_seen_from_outside(field: Field) -> None:
    assert buffers.waiting(field.socket) == 0
    field.send(PACKETS[0])
    waits = buffers.waiting(field.socket)

    assert waits is not None
    assert waits >= 1024
