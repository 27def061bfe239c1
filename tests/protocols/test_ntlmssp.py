"""NTLM messages: who speaks, and nothing of the login."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import unhex

from portbook.protocols.ntlmssp import client, server

# suricata-verify smb2-ntlmssp-negotiateflags: challenge of frame 708, authenticate of frame 709
# up to the names
CHALLENGE = unhex(
    "4e544c4d53535000020000001e001e003800000015828ae20e71b47da48a95b90000000000000000980098005600"
    "00000a005a290000000f4400450053004b0054004f0050002d00560031004600410030005500510002001e004400"
    "450053004b0054004f0050002d00560031004600410030005500510001001e004400450053004b0054004f005000"
    "2d00560031004600410030005500510004001e004400450053004b0054004f0050002d0056003100460041003000"
    "5500510003001e004400450053004b0054004f0050002d0056003100460041003000550051000700080078a7ed21"
    "8527d20100000000"
)
AUTHENTICATE = unhex(
    "4e544c4d5353500003000000180018009c00000048014801b40000001e001e005800000008000800760000001e00"
    "1e007e00000010001000fc010000158288e20a005a290000000fc6107a73184fb65fe684f6a1641464be44004500"
    "53004b0054004f0050002d0032004100450046004d003700470075007300650072004400450053004b0054004f00"
    "50002d0032004100450046004d0037004700"
)


def test_a_challenge_names_the_server_and_its_version() -> None:
    assert {"name": "DESKTOP-V1FA0UQ", "version": "10.0.10586"} == server(b"x" + CHALLENGE)


@pytest.mark.parametrize("version", ["06010000", "ffffffff", "00000100"])
def test_a_version_that_is_of_no_windows_is_left_out(version: str) -> None:
    # captured from Samba 4.17.12 and impacket 0.13.1 on loopback, 2026-11-21
    at = CHALLENGE.index(bytes.fromhex("0a005a29"))
    other = CHALLENGE[:at] + bytes.fromhex(version) + CHALLENGE[at + 4 :]

    assert {"name": "DESKTOP-V1FA0UQ"} == server(other)


def test_an_authenticate_message_names_the_workstation_and_not_the_user() -> None:
    assert {"name": "DESKTOP-2AEFM7G"} == client(AUTHENTICATE)


def test_the_other_kind_of_message_tells_nothing() -> None:
    assert {} == client(CHALLENGE)
    assert {} == server(AUTHENTICATE)
    assert {} == server(b"NTLMSSP\0" * 100)


def test_the_second_message_is_found_behind_the_first() -> None:
    assert "DESKTOP-V1FA0UQ" == server(AUTHENTICATE + CHALLENGE)["name"]


@given(st.integers(0, len(CHALLENGE) - 1), st.binary(max_size=4))
def test_changed_octets_raise_nothing(at: int, change: bytes) -> None:
    for message, read in ((CHALLENGE, server), (AUTHENTICATE, client)):
        told = read(message[:at] + change + message[at + len(change) :])
        assert all(text.isprintable() for text in told.values())
        read(message[:at])
