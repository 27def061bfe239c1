"""Who is client, who is server, what they said first, and where it went."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.rows import TCP, UDP, row

from portbook.evidence.conversations import Observed, address_text, mac_text, records, turned
from portbook.evidence.table import Row
from portbook.ports import Transport
from portbook.protocols import Cast
from portbook.records import Conversation


def _one(given_row: Row) -> Observed:
    (found,) = records([given_row], "test.pcap")
    return found


def _ends(one: Observed) -> tuple[str, int, str, int, str]:
    told = one.conversation
    return (told.client, told.client_port, told.server, told.server_port, told.roles)


A_ASKS = ("10.0.0.5", 50000, "10.0.0.9", 502)
B_ASKS = ("10.0.0.9", 502, "10.0.0.5", 50000)


@pytest.mark.parametrize(
    ("syn", "wanted"),
    [
        (1, A_ASKS),
        (2, B_ASKS),
        (4, B_ASKS),  # only a's SYN+ACK was captured
        (8, A_ASKS),
        (1 | 8, A_ASKS),
        (2 | 4, B_ASKS),
        (1 | 2 | 4, B_ASKS),  # both sent a SYN, a accepted
        (1 | 2 | 8, A_ASKS),
        (1 | 2, A_ASKS),  # simultaneous open: the first one
        (1 | 2 | 4 | 8, A_ASKS),
    ],
)
def test_a_syn_tells_who_is_the_client(syn: int, wanted: tuple[str, int, str, int]) -> None:
    one = _one(row(TCP, syn=syn, packets=(3, 3)))

    assert (*wanted, "syn") == _ends(one)
    assert one.roles_known


def test_a_datagrams_first_sender_is_the_client_whatever_the_ports() -> None:
    one = _one(row(UDP, a_port=53, b_port=50000, to_b=(b"x",)))

    assert ("10.0.0.5", 53, "10.0.0.9", 50000, "first-sender") == _ends(one)
    assert not one.roles_known


@pytest.mark.parametrize(
    ("a_port", "b_port", "client_port", "roles"),
    [
        (502, 50000, 50000, "port"),
        (50000, 502, 50000, "port"),
        (1740, 502, 1740, "port"),
        (44818, 50000, 50000, "port"),
        (44818, 3033, 44818, "first-sender"),
        (50000, 60000, 50000, "first-sender"),
        (22, 22, 22, "first-sender"),
    ],
)
def test_a_connection_without_its_beginning_goes_by_the_bands(
    a_port: int, b_port: int, client_port: int, roles: str
) -> None:
    one = _one(row(TCP, a_port=a_port, b_port=b_port, packets=(2, 2)))

    assert (client_port, roles) == (one.conversation.client_port, one.conversation.roles)
    assert not one.roles_known


@pytest.mark.parametrize(
    ("address", "broadcast", "cast", "group"),
    [
        ("255.255.255.255", False, Cast.BROADCAST, None),
        ("10.0.0.255", True, Cast.BROADCAST, None),
        ("10.0.0.77", True, Cast.BROADCAST, None),  # the link's broadcast address decides
        ("224.0.0.251", False, Cast.MULTICAST, "224.0.0.251"),
        ("239.255.255.250", True, Cast.MULTICAST, "239.255.255.250"),
        ("ff02::fb", False, Cast.MULTICAST, "ff02::fb"),
        ("10.0.0.255", False, Cast.UNICAST, None),  # its link address is a host's
        ("fe80::ff", False, Cast.UNICAST, None),
    ],
)
def test_the_destination_tells_the_cast(
    address: str, broadcast: bool, cast: Cast, group: str | None
) -> None:
    source = "fe80::1" if ":" in address else "10.0.0.5"
    one = _one(row(UDP, a=source, b=address, to_b=(b"hello",), broadcast=broadcast))

    assert (cast, group) == (one.payload.cast, one.payload.group)
    assert cast.value == one.conversation.cast
    assert source == one.conversation.client


def test_without_link_addresses_a_last_octet_of_255_is_a_broadcast() -> None:
    silent = row(UDP, b="10.0.0.255", to_b=(b"hello",), macs=(b"", b""))
    talking = row(UDP, b="10.0.0.255", to_b=(b"hello",), to_a=(b"yes",), macs=(b"", b""))

    assert Cast.BROADCAST is _one(silent).payload.cast
    assert Cast.UNICAST is _one(talking).payload.cast


def test_a_group_address_is_never_the_client() -> None:
    one = _one(row(UDP, a="224.0.0.1", b="10.0.0.9", to_b=(b"forged",)))

    assert ("10.0.0.9", "224.0.0.1", "cast") == (
        one.conversation.client,
        one.conversation.server,
        one.conversation.roles,
    )
    assert (b"", b"forged") == (one.payload.to_server.octets, one.payload.to_client.octets)


def test_a_turned_row_keeps_its_sums_and_its_sides() -> None:
    one = _one(row(TCP, to_b=(b"+OK ready",), to_a=(b"HELO", b"x"), syn=2, packets=(4, 7)))
    told = one.conversation

    assert (7, 4) == (told.packets_to_server, told.packets_to_client)
    assert (5, 9) == (told.payload_octets_to_server, told.payload_octets_to_client)
    assert 11 == told.packets
    assert b"HELOx" == one.payload.to_server.octets
    assert ((4, 4), (1, 1)) == one.payload.to_server.pieces
    assert "02:00:00:00:00:09" == told.client_mac
    assert one.payload.to_server.started
    assert not one.payload.to_client.started


def test_a_protocol_turns_the_ends_once() -> None:
    one = _one(row(UDP, a_port=53, b_port=50000, to_b=(b"answer",)))
    other = turned(one)

    assert ("10.0.0.9", 50000, "10.0.0.5", 53, "protocol") == _ends(other)
    assert (b"", b"answer") == (other.payload.to_server.octets, other.payload.to_client.octets)
    assert (0, 1) == (other.conversation.packets_to_server, other.conversation.packets_to_client)
    assert other.conversation.answered
    assert one.conversation == msg_without_roles(turned(other).conversation, one)


def msg_without_roles(told: Conversation, original: Observed) -> Conversation:
    import msgspec

    return msgspec.structs.replace(
        told, roles=original.conversation.roles, answered=original.conversation.answered
    )


def test_neither_a_syn_nor_a_broadcast_is_turned() -> None:
    for given_row in (
        row(TCP, syn=1, packets=(2, 2)),
        row(UDP, b="10.0.0.255", to_b=(b"x",), broadcast=True),
    ):
        one = _one(given_row)
        assert one is turned(one)


@pytest.mark.parametrize(
    ("given_row", "answered"),
    [
        (row(TCP, syn=1, packets=(1, 1)), False),  # SYN, then a reset
        (row(TCP, syn=1, packets=(3, 0)), False),
        (row(TCP, syn=1 | 8, packets=(2, 1)), True),
        (row(TCP, syn=2 | 4, packets=(1, 2)), True),
        (row(TCP, syn=1, to_a=(b"hello",)), True),
        (row(TCP, to_b=(b"data",), packets=(1, 1)), True),  # mid-stream, acknowledged
        (row(TCP, packets=(1, 1)), False),
        (row(UDP, to_b=(b"ask",)), False),
        (row(UDP, to_b=(b"ask",), to_a=(b"",)), True),
    ],
)
def test_an_answer_is_more_than_a_reset(given_row: Row, answered: bool) -> None:
    assert answered == _one(given_row).conversation.answered


def test_site_source_part_and_tag_come_along() -> None:
    (one,) = records([row(vlan=7, candidates=5)], "eth0", site="north", part=2)
    told = one.conversation

    assert ("north", "eth0", 2, 7, Transport.UDP) == (
        told.site,
        told.source,
        told.part,
        told.vlan,
        told.transport,
    )
    assert 5 == one.candidates


def test_addresses_are_written_the_one_way() -> None:
    assert "10.0.0.5" == address_text(bytes((10, 0, 0, 5)))
    assert "2001:db8::1" == address_text(bytes.fromhex("20010db8" + "00" * 11 + "01"))
    assert "::ffff:10.0.0.5" == address_text(bytes(10) + b"\xff\xff" + bytes((10, 0, 0, 5)))
    assert None is mac_text(b"")


@given(
    st.sampled_from((6, 17, 132)),
    st.integers(0, 15),
    st.integers(0, 65535),
    st.integers(0, 65535),
    st.binary(min_size=4, max_size=4),
    st.tuples(st.integers(0, 3), st.integers(0, 3)),
    st.booleans(),
)
def test_nothing_is_lost_whoever_asks(
    transport: int,
    syn: int,
    a_port: int,
    b_port: int,
    address: bytes,
    packets: tuple[int, int],
    broadcast: bool,
) -> None:
    made = row(transport, a_port=a_port, b_port=b_port, syn=syn, packets=packets)
    one = _one(made._replace(b=address, broadcast=broadcast))

    told = one.conversation
    assert sum(packets) == told.packets_to_server + told.packets_to_client == told.packets
    ends = {(told.client, told.client_port), (told.server, told.server_port)}
    assert {("10.0.0.5", a_port), (address_text(address), b_port)} == ends
    back = turned(turned(one)).conversation
    assert (told.client, told.server) == (back.client, back.server)
