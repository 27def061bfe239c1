"""The kernel's answer over netlink, as octets: real ones, cut ones, lying ones."""

from __future__ import annotations

import struct
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import mutations, unhex

from portbook.evidence.sockdiag import INET, INET6, LISTEN, SCTP, TCP, UDP, parse, request

little = pytest.mark.skipif(sys.byteorder != "little", reason="these octets are little-endian")

# Linux 6.18, x86-64: TCP listener on 127.0.0.1:1743, backlog 5, user 1000, cgroup 1; then the end
REAL = unhex(
    """74000000 14000200 01000000 6e4b0000 020a0000 06cf0000 7f000001 00000000
       00000000 00000000 00000000 00000000 00000000 00000000 00000000 13000000
       00000000 00000000 00000000 05000000 e8030000 933b0100 05000800 00000000
       0c001500 01000000 00000000 06001600 52000000
       14000000 03000200 01000000 6e4b0000 00000000"""
)


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def message(
    family: int = INET,
    port: int = 1743,
    address: bytes = b"\x7f\0\0\1",
    state: int = LISTEN,
    inode: int = 1,
    attributes: bytes = b"",
    length: int | None = None,
    kind: int = 20,
) -> bytes:
    body = struct.pack("=BBBB", family, state, 0, 0) + struct.pack(">HH", port, 0)
    body += address.ljust(16, b"\0") + bytes(16) + struct.pack("=I8x", 0)
    body += struct.pack("=IIIII", 0, 0, 5, 1000, inode) + attributes
    size = 16 + len(body) if length is None else length
    return struct.pack("=IHHII", size, kind, 2, 1, 0) + body


DONE = struct.pack("=IHHIIi", 20, 3, 2, 1, 0, 0)


def failed(number: int) -> bytes:
    return struct.pack("=IHHIIi", 36, 2, 0, 1, 0, -number) + bytes(16)


@little
def test_a_real_listener_is_read_whole() -> None:
    answer = parse(REAL, TCP)
    (found,) = answer.sockets

    assert (True, 0, 0) == (answer.done, answer.error, answer.cut)
    assert (TCP, INET, LISTEN) == (found.protocol, found.family, found.state)
    assert (1743, 0) == (found.port, found.peer_port)
    assert (b"\x7f\0\0\1", bytes(4)) == (found.address, found.peer)
    assert (5, 1000, 80787) == (found.backlog, found.uid, found.inode)
    assert (None, 1, 0) == (found.v6only, found.cgroup, found.interface)


def test_messages_of_several_lengths_are_all_read() -> None:
    six = attribute(11, b"\1")
    piece = message(inode=1) + message(INET6, inode=2, attributes=six) + message(inode=3)
    piece += message(INET6, inode=4, attributes=attribute(11, b"\0") + attribute(21, bytes(7)))
    answer = parse(piece + DONE, TCP)

    assert [1, 2, 3, 4] == [found.inode for found in answer.sockets]
    assert [None, True, None, False] == [found.v6only for found in answer.sockets]
    assert [4, 16, 4, 16] == [len(found.address) for found in answer.sockets]
    assert [None] * 4 == [found.cgroup for found in answer.sockets]
    assert answer.done


def test_a_piece_without_the_end_is_not_the_end() -> None:
    answer = parse(message(), UDP)

    assert (1, False, 0) == (len(answer.sockets), answer.done, answer.cut)


def test_the_kernels_refusal_is_told_by_its_number() -> None:
    assert ([], True, 2, 0) == parse(failed(2), SCTP)
    assert 95 == parse(struct.pack("=IHHIIi", 20, 3, 2, 1, 0, -95), UDP).error


def test_a_message_that_is_neither_socket_nor_end_is_stepped_over() -> None:
    assert [7] == [one.inode for one in parse(message(kind=99) + message(inode=7), TCP).sockets]


@pytest.mark.parametrize("length", [0, 1, 15, 16, 87, 89, 200, 0xFFFFFFFF])
def test_a_length_that_lies_ends_the_answer_and_is_counted(length: int) -> None:
    answer = parse(message(inode=1) + message(inode=2, length=length), TCP)

    assert [1] == [found.inode for found in answer.sockets]
    assert (False, 1) == (answer.done, answer.cut)


@pytest.mark.parametrize("length", [0, 3, 9, 0xFFFF])
def test_an_attribute_whose_length_lies_is_left_out_and_the_socket_kept(length: int) -> None:
    lying = struct.pack("=HH", length, 11) + b"\1\0\0\0"
    (found,) = parse(message(INET6, attributes=lying), TCP).sockets

    assert found.v6only is None


def test_a_socket_with_several_addresses_stands_once_for_each() -> None:
    four = struct.pack("=H", INET) + bytes(2) + b"\x0a\0\0\1" + bytes(120)
    six = struct.pack("=H", INET6) + bytes(6) + b"\xfd" + bytes(15) + bytes(104)
    found = parse(message(attributes=attribute(17, four + six + b"\0" * 40)), SCTP).sockets

    assert [b"\x0a\0\0\1", b"\xfd" + bytes(15)] == [one.address for one in found]
    assert {1} == {one.inode for one in found}


def test_every_prefix_and_change_of_an_answer_is_read_without_complaint() -> None:
    six = attribute(11, b"\1") + attribute(21, struct.pack("=Q", 77))
    whole = message() + message(INET6, attributes=six) + message(inode=3) + DONE
    for octets in (REAL, whole):
        for changed in mutations(octets):
            answer = parse(changed, TCP)
            assert len(answer.sockets) <= len(changed) // 88 + 1


@given(st.binary(max_size=400))
def test_any_octets_are_read_without_complaint(octets: bytes) -> None:
    answer = parse(octets, TCP)

    assert 88 * len(answer.sockets) <= len(octets)
    assert answer.cut in (0, 1)


@given(
    st.lists(
        st.tuples(
            st.integers(0, 65535),
            st.integers(0, 2**32 - 1),
            st.none() | st.booleans(),
            st.none() | st.integers(0, 2**64 - 1),
        ),
        max_size=8,
    ),
    st.integers(0, 400),
)
def test_what_was_written_is_read_back(
    rows: list[tuple[int, int, bool | None, int | None]], lost: int
) -> None:
    pieces = []
    for port, inode, v6only, cgroup in rows:
        more = b"" if v6only is None else attribute(11, bytes([v6only]))
        more += b"" if cgroup is None else attribute(21, struct.pack("=Q", cgroup))
        pieces.append(message(INET6, port, bytes(16), inode=inode, attributes=more))
    whole = b"".join(pieces)
    answer = parse(whole[: max(0, len(whole) - lost)], TCP)
    read = [(one.port, one.inode, one.v6only, one.cgroup) for one in answer.sockets]

    assert rows[: len(read)] == read
    kept, end = 0, len(whole) - lost
    for piece in pieces:
        end -= len(piece)
        kept += end >= 0
    assert kept == len(read)


@little
def test_a_question_for_one_port_carries_a_program_for_the_kernel() -> None:
    # ports from 1743 to 1743; a jump 4 octets beyond the end refuses
    assert unhex(
        """5c000000 1400 0103 01000000 00000000 02110000 82000000 00*48
               14000100 02081400 0000cf06 03080c00 0000cf06"""
    ) == request(INET, UDP, 1 << 7 | 1 << 1, 1743)


def test_a_question_for_all_ports_carries_none() -> None:
    assert 72 == len(request(INET6, TCP, 1 << LISTEN))
