"""The layers of a CODESYS session: blocks, channels with their checksums, services and tags."""

from __future__ import annotations

import struct
import zlib

import pytest
from protocols.test_codesys import BLOCK_ACK, BLOCK_IDENTITY, META
from support.examples import unhex

from portbook.protocols.codesys import blocks, channel, datagram, services


def test_a_real_message_of_the_services_layer_has_the_right_checksum() -> None:
    cut, faults = blocks.split(BLOCK_IDENTITY)
    found = datagram.read(cut[0].datagram)
    assert found is not None
    package = channel.read(found.payload)

    assert [] == faults
    assert package is not None
    assert package.checked
    assert (0x6550E771, 268, 0xDBD8, 1) == (
        package.checksum,
        package.size,
        package.channel,
        package.block,
    )


@pytest.mark.parametrize(("title", "text"), META.items())
def test_meta_packages_carry_a_checksum_over_themselves(title: str, text: str) -> None:
    package = channel.read(unhex(text))

    assert package is not None
    assert title == channel.KINDS[package.kind]
    assert package.checked
    assert () == package.faults
    wrong = channel.read(unhex(text)[:-1] + b"\x55")
    assert wrong is not None
    assert "the checksum of a channel package is wrong" in wrong.faults


def _parts(message: bytes, size: int, checksum: int | None = None) -> list[channel.Package]:
    told = zlib.crc32(message) if checksum is None else checksum
    found = []
    for number, at in enumerate(range(0, len(message), size)):
        head = struct.pack("<BBHII", 1, 0x80 | (number == 0), 7, 5 + number, 0)
        if number == 0:
            head += struct.pack("<II", len(message), told)
        package = channel.read(head + message[at : at + size])
        assert package is not None
        found.append(package)
    return found


def test_a_message_in_several_blocks_is_joined_and_checked() -> None:
    message = bytes(range(256)) * 4
    packages = _parts(message, 480)

    (joined, first, faults) = next(iter(channel.messages(packages)))

    assert (message, 1024, ()) == (joined, first.size, faults)
    assert [] == list(channel.messages(packages[1:])), "continuation without a first block"
    assert [] == list(channel.messages([packages[0], packages[2]])), "block numbers that jump"


def test_a_message_with_a_wrong_checksum_is_said_to_be_so() -> None:
    ((_, _, faults),) = channel.messages(_parts(b"abc" * 9, 100, checksum=1))

    assert ("the checksum of a message is wrong",) == faults


def test_a_message_larger_than_any_buffer_is_a_fault() -> None:
    package = channel.read(struct.pack("<BBHIIII", 1, 0x81, 7, 1, 0, 0x1F4001, 0) + b"x")

    assert package is not None
    assert ("a message of 2048001 octets",) == package.faults


def test_tags_that_never_end_or_run_over_are_left() -> None:
    assert [] == list(services.tags(unhex("ffffffffffff")))
    assert [] == list(services.tags(unhex("0105aa")))
    assert [services.Tag(0x81, b"")] == list(services.tags(unhex("810100")))
    nested = b"\x01\x00"
    for _ in range(40):
        nested = b"\x81\x01" + bytes((len(nested),)) + nested if len(nested) < 128 else nested
    assert 17 >= sum(tag.id == 0x81 for tag in services.tags(nested))


@pytest.mark.parametrize(
    ("length", "fault"),
    [
        (15, "octet 0: a block of 15 octets"),
        (0xFFFFFFFF, "octet 0: a block of 4294967295 octets"),
        (521, "octet 0: a block of 521 octets, at most 520 are known"),
    ],
)
def test_a_block_of_an_impossible_length_is_a_fault(length: int, fault: str) -> None:
    _, faults = blocks.split(blocks.MAGIC + length.to_bytes(4, "little") + bytes(600))

    assert fault == faults[0]


def test_a_stream_that_loses_its_magic_says_where() -> None:
    cut, faults = blocks.split(BLOCK_ACK + b"GET / HTTP/1.1")

    assert 1 == len(cut)
    assert ["octet 36: no block begins here, synchronisation is lost"] == faults
