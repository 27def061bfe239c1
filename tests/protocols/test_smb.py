"""SMB 1 and 2, directly and in a NetBIOS session; dialect and names where they are in the clear."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import CONFIRMED, PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload, Side
from portbook.protocols.smb import recognise

TCP = Transport.TCP
# suricata-verify smb2-ntlmssp-negotiateflags, frames 703, 705, 707 (to the server), 708 (from it)
NEGOTIATE_OLD = unhex(
    "0000009bff534d4272000000001853c8000000000000000000000000fffffffe00000000007800025043204e4554"
    "574f524b2050524f4752414d20312e3000024c414e4d414e312e30000257696e646f777320666f7220576f726b67"
    "726f75707320332e316100024c4d312e325830303200024c414e4d414e322e3100024e54204c4d20302e31320002"
    "534d4220322e3030320002534d4220322e3f3f3f00"
)
NEGOTIATE_NEW = unhex(
    "000000aefe534d4240000000000000000000000000000000000000000100000000000000fffe0000000000000000"
    "0000000000000000000000000000000000000000000024000500010000007f0000001c55ca0e7893e611aaf4000c"
    "2903dfad70000000020000000202100200030203110300000100260000000000010020000100052b10e1c593ac87"
    "c46c69c0713aea73859c14f137e2e858a8f1c8cf300fe44c00000200060000000000020002000100"
)
SETUP = unhex(
    "000000a2fe534d42400001000000000001001f0010000000000000000200000000000000fffe0000000000000000"
    "0000000000000000000000000000000000000000000019000001010000000000000058004a000000000000000000"
    "604806062b0601050502a03e303ca00e300c060a2b06010401823702020aa22a04284e544c4d5353500001000000"
    "978208e2000000000000000000000000000000000a005a290000000f"
)
CHALLENGE = unhex(
    "00000157fe534d4240000100160000c00100010011000000000000000200000000000000fffe0000000000000100"
    "000000740000000000000000000000000000000000000900000048000f01a182010b30820107a0030a0101a10c06"
    "0a2b06010401823702020aa281f10481ee4e544c4d53535000020000001e001e003800000015828ae20e71b47da4"
    "8a95b9000000000000000098009800560000000a005a290000000f4400450053004b0054004f0050002d00560031"
    "004600410030005500510002001e004400450053004b0054004f0050002d00560031004600410030005500510001"
    "001e004400450053004b0054004f0050002d00560031004600410030005500510004001e004400450053004b0054"
    "004f0050002d00560031004600410030005500510003001e004400450053004b0054004f0050002d005600310046"
    "0041003000550051000700080078a7ed218527d20100000000"
)
# Sample_File_MMS_and_GOOSE of ICS-Security-Tools, second TCP stream: session, negotiate
SESSION = unhex(
    "81000044204644454246444442434143414341434143414341434143414341434143414341002045454546454e45"
    "5043414341434143414341434143414341434143414341414100"
)
POSITIVE = unhex("82000000")
ASKED_1 = unhex(
    "00000085ff534d4272000000001853c80000000000000000000000000000fffe00000000006200025043204e4554"
    "574f524b2050524f4752414d20312e3000024c414e4d414e312e30000257696e646f777320666f7220576f726b67"
    "726f75707320332e316100024c4d312e325830303200024c414e4d414e322e3100024e54204c4d20302e313200"
)
ANSWERED_1 = unhex(
    "00000055ff534d4272000000009853c80000000000000000000000000000fffe00000000110500030a0001000411"
    "00000000010000000000fde30080943254e5e2e8c8010000001000035f3baa4063884abd17d5721c567e15"
)

# captured from Samba 4.17.12 on loopback, 2026-11-21: it claims a Windows, and a version of none
SETUP_SAMBA = unhex(
    "0000009cff534d4273000000001843c800000000000000000000000000001a55000001000cff000000ffff020001"
    "00000000004a000000000054c000806100604806062b0601050502a03e303ca00e300c060a2b0601040182370202"
    "0aa22a04284e544c4d53535000010000001582086200000000280000000000000028000000060100000000000f00"
    "55006e00690078000000530061006d00620061000000"
)
CHALLENGE_SAMBA = unhex(
    "00000112ff534d4273160000c08803c800000000000000000000000000001a5535a5010004ff00000000009700e7"
    "00a18194308191a0030a0101a10c060a2b06010401823702020aa27c047a4e544c4d53535000020000000a000a00"
    "3800000015828a62b37d67c710181c0100000000000000003800380042000000060100000000000f570045005200"
    "4b00310002000a005700450052004b00310001000a005700450052004b003100040000000300040076006d000700"
    "08000ea555a4d679dd0100000000570069006e0064006f0077007300200036002e0031000000530061006d006200"
    "6100200034002e00310037002e00310032002d00440065006200690061006e00000041004e004c00410047004500"
    "0000"
)


def message(body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + body


def header_2(command: int, reply: bool) -> bytes:
    head = bytearray(64)
    head[:6] = b"\xfeSMB\x40\x00"
    head[12] = command
    head[16] = reply
    return bytes(head)


AGREED = message(header_2(0, True) + unhex("4100 0100 0203 0000") + bytes(56))

EXAMPLES = [
    Example(
        "negotiate of Windows, SMB 1 that offers SMB 2, suricata-verify frame 703",
        Payload.of(TCP, (NEGOTIATE_OLD,)),
        "smb",
        facts={"smb_version": "SMB 1"},
    ),
    Example(
        "SMB 2 with a challenge that names the server, suricata-verify frames 705 to 708",
        Payload.of(TCP, (NEGOTIATE_NEW, SETUP), (CHALLENGE,)),
        "smb",
        facts={"smb_version": "SMB 2"},
        server={"name": "DESKTOP-V1FA0UQ", "version": "10.0.10586"},
    ),
    Example(
        "SMB 1 in a NetBIOS session of a plant, ICS-Security-Tools",
        Payload.of(TCP, (SESSION, ASKED_1), (POSITIVE, ANSWERED_1)),
        "smb",
        facts={"dialect": "NT LM 0.12"},
        client={"name": "DEMO"},
    ),
    Example(
        "dialect of SMB 3",
        Payload.of(TCP, (NEGOTIATE_NEW,), (AGREED,)),
        "smb",
        facts={"dialect": "SMB 3.0.2"},
    ),
    Example(
        "SMB 1 with a challenge, captured from Samba 4.17.12 on loopback, 2026-11-21",
        Payload.of(TCP, (SETUP_SAMBA,), (CHALLENGE_SAMBA,)),
        "smb",
        facts={"smb_version": "SMB 1"},
        server={"product": "Samba", "version": "4.17.12-Debian", "name": "vm"},
    ),
    Example("session request alone", Payload.of(TCP, (SESSION,)), "smb", PLAUSIBLE),
    Example(
        "SMB 2 whose length lies, as in a synthetic public capture",
        Payload.of(TCP, (message(header_2(0, False))[:3] + b"\x68" + header_2(0, False),)),
        "smb",
        PLAUSIBLE,
    ),
    Example("keep-alive alone", Payload.of(TCP, (unhex("85000000"),)), None, None),
    Example(
        "SMB in a NetBIOS datagram",
        Payload.of(Transport.UDP, (unhex("1102f93fc0a801c8008a0020 00*20 ff534d42 25 00*30"),)),
        None,
        None,
    ),
]


def test_requests_and_replies_keep_their_direction() -> None:
    assert recognise(Payload.of(TCP, (CHALLENGE,))) is None
    assert recognise(Payload.of(TCP, (), (NEGOTIATE_NEW,))) is None
    assert recognise(Payload.of(TCP, (ANSWERED_1,))) is None
    assert recognise(Payload.of(TCP, (), (SESSION,))) is None
    assert recognise(Payload.of(TCP, (POSITIVE,), (SESSION,))) is None


def test_a_message_cut_by_what_was_kept_is_plausible() -> None:
    cut = Side(CHALLENGE[:128], ((len(CHALLENGE), 128),), len(CHALLENGE))
    told = recognise(Payload(TCP, Side(), cut))

    assert told is not None
    assert PLAUSIBLE is told.confidence


def test_encrypted_messages_are_named() -> None:
    told = recognise(Payload.of(TCP, (message(b"\xfdSMB" + bytes(60)),)))

    assert told is not None
    assert CONFIRMED is told.confidence
    assert "SMB 3" == told.facts["smb_version"]


@pytest.mark.parametrize("unicode", [True, False])
def test_a_session_setup_names_the_system(unicode: bool) -> None:
    head = bytearray(32)
    head[:5] = b"\xffSMB\x73"
    head[9] = 0x80
    head[11] = 0x80 if unicode else 0
    name = "Windows 5.1"
    text = (b"\0" + (name + "\0").encode("utf-16-le")) if unicode else name.encode() + b"\0"
    words = unhex("03 ff00 0000 0000")
    setup = message(bytes(head) + words + len(text).to_bytes(2, "little") + text)
    told = recognise(Payload.of(TCP, (NEGOTIATE_OLD,), (setup,)))

    assert told is not None
    assert name == told.server["product"]


@given(st.integers(0, len(CHALLENGE) - 1), st.integers(0, 255))
def test_one_changed_octet_raises_nothing(at: int, value: int) -> None:
    changed = CHALLENGE[:at] + bytes((value,)) + CHALLENGE[at + 1 :]
    told = recognise(Payload.of(TCP, (SETUP,), (changed,)))

    assert told is None or all(text.isprintable() for text in told.server.values())
