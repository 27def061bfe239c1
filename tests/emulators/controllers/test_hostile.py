"""Whatever octets come, no stand-in raises, and none answers or keeps more than it may."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.emulators.controllers import KINDS, MOST_KINDS, Device, Framed, device
from portbook.emulators.controllers.codesys import Codesys
from portbook.emulators.controllers.modbus import Modbus
from portbook.emulators.controllers.optommp import OptoMmp
from portbook.ports import Transport

# one good message of each, to be damaged: sources as in test_vectors.py
GOOD = {
    "codesys": ["c56b40030020000000010000" + "02c2000444332211"],
    "optommp": [
        "000004400000fffff0300004",
        "000008500000fffff030000000400000",
        "000024100000fffff0d810000008000000000001ffffffff",
    ],
    "enip": [
        "63000000000000000000000000000000c1debed100000000",
        "65000400000000000000000000000000000000000000000001000000",
        "6f001600000202130000000000000000000000000000000000000000000002000000" + "0000b200"
        "060001022001" + "2401",
    ],
    "modbus": ["000100000005012b0e0100", "0d2f0000000601030000000a"],
    "bacnet": ["810b000c0120ffff00ff1008", "810a001101040005010c0c023fffff194b"],
    "s7": [
        "0300001611e00000000100c0010ac1020100c2020101",
        "0300001902f08032010000000000080000f0000001000101e0",
        "0300002102f080320700000100000800080001120411440100ff09000400110000",
    ],
    "opcua": [
        "48454c462100000000000000000001000000010000000000000000000100000078",
        "4f504e4684000000000000002f000000687474703a2f2f6f7063666f756e646174696f6e2e6f72672f55412f53"
        "65637572697479506f6c696379234e6f6e65ffffffffffffffff01000000010000000100be010000003c7d0c5c"
        "2bca0101000000ff030000ffffffff0000000000000000000000000000000100000000000000808d5b00",
    ],
    "snmp": [
        "302802010104067075626c6963a01b02030458aa020100020100300e300c06082b060102010101000500"
    ],
    "unitrends": ["a552002d0000001f"],
    "ftp": ["55534552206120620d0a"],
}
DAMAGE = st.tuples(st.integers(0, 400), st.integers(0, 255), st.integers(-8, 8))
SPEAKERS = {kind for kind in KINDS if any(_.transport is Transport.UDP for _ in device(kind).doors)}
STREAMS = {kind for kind in KINDS if any(_.transport is Transport.TCP for _ in device(kind).doors)}


def damaged(octets: bytes, damage: list[tuple[int, int, int]]) -> bytes:
    found = bytearray(octets)
    for at, value, shift in damage:
        at %= len(found) or 1
        if not shift:
            found[at : at + 1] = bytes((value,))
        elif shift < 0:
            del found[at : at - shift]
        else:
            found[at:at] = bytes((value,)) * shift
    return bytes(found)


def everything(kind: str) -> Any:
    good = st.sampled_from([bytes.fromhex(one) for one in GOOD[kind]])
    worse = st.builds(damaged, good, st.lists(DAMAGE, max_size=4))
    return st.lists(st.one_of(good, worse, st.binary(max_size=80)), max_size=8)


def made(kind: str) -> Device:
    one = device(kind)()
    ports = {door.transport: door.port for door in one.doors}
    one.placed("127.0.0.11", 8, ports)
    return one


@pytest.mark.parametrize("kind", sorted(SPEAKERS))
def test_no_datagram_raises_and_no_answer_is_longer_than_a_datagram(kind: str) -> None:
    @given(everything(kind))
    def holds(datagrams: list[bytes]) -> None:
        one = made(kind)
        for octets in datagrams:
            answers = list(one.datagram(octets, 1))
            assert len(answers) <= 1
            assert all(len(sent.octets) <= 2048 for sent in answers)
        assert len(one.tally.asked) <= MOST_KINDS + 1

    holds()


@pytest.mark.parametrize("kind", sorted(STREAMS))
def test_no_stream_raises_and_pieces_do_not_change_what_is_said(kind: str) -> None:
    @given(everything(kind), st.integers(1, 40))
    def holds(parts: list[bytes], size: int) -> None:
        stream = b"".join(parts)
        whole, pieces = made(kind).session(1), made(kind).session(1)
        assert whole.begin(1) == pieces.begin(1)
        told = whole.receive(stream, 1)
        cut = b"".join(
            pieces.receive(stream[at : at + size], 1)
            for at in range(0, len(stream), size)
            if not pieces.ended
        )
        assert len(told) <= 64 * 1024
        if kind != "optommp":  # it throws away what came with a message that is none
            assert (told, whole.ended) == (cut, pieces.ended)

    holds()


@pytest.mark.parametrize("kind", sorted(STREAMS))
def test_a_session_keeps_no_more_than_one_message(kind: str) -> None:
    session = made(kind).session(1)
    session.begin(1)
    flood = bytes.fromhex(GOOD[kind][-1])[:7] + b"\xfe" * 4089
    for _ in range(64):
        if not session.ended:
            session.receive(flood, 1)

    if isinstance(session, Framed):
        assert len(session._buffer) <= session.largest + len(flood)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_what_was_asked_is_counted_in_bounded_kinds(kind: str) -> None:
    one = made(kind)
    for number in range(1000):
        one.tally.note(f"question {number}")

    assert MOST_KINDS + 1 >= len(one.tally.asked)
    assert 1000 == one.tally.asked.total()


# malformed datagrams, each as it would come to a runtime
@pytest.mark.parametrize(
    "hexed",
    [
        "",
        "c5",
        "c50b4001001000",
        "c5084001001000af",
        "c50a4001001000af",
        "c50f4001001000af",
        "c50b400100ff00af",
        "c50b407f001000af",
        "c50b4001001000afdeadbeef",
        "c56b40030010003202c20004443322",  # cut
        "c56b40030010003202c200044433221100",  # something behind the request
        "c56b40030010003203c2000444332211",  # another question
        "c56b4003000002c2000444332211",  # from nobody
        "c56b4023001000320000000002c2000444332211",
        "c56b400300100cff02c2000444332211",  # an address of no port and no host of a /24
        "c56b4003001000ff02c2000444332211",  # from everybody
        "c56b40030010000002c2000444332211",  # from the network itself
        "c56b40030011002000320000" + "02c2000444332211",  # for another node
    ],
)
def test_a_codesys_runtime_answers_nothing_malformed(hexed: str) -> None:
    one = Codesys()
    ports = {Transport.UDP: 1740, Transport.TCP: 11740}
    one.placed("192.168.1.20", 24, ports)

    assert [] == list(one.datagram(bytes.fromhex(hexed), 0))


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ("000004500000fffff030000000000000", 6),  # nothing is asked for
        ("000004500000fffff030000007f30000", 6),  # 2,035 octets
        ("000004500000fffff030024a00040000", 5),  # across the end of the status area
        ("000004400000fffff030024c", 4),  # behind it: not before a powerup clear
        ("0000044000000000f0300004", 5),  # no address of Opto 22
        ("000004000000fffff0300004" + "00000001", 4),  # a write to the status
        ("000004100000fffff038000000080000" + "00" * 8, 5),  # not four octets
        ("000004000000fffff0380000" + "00000002", 4),  # reset, before the clear
        ("000004300000fffff0300004", 5),  # code 3
        ("000004f00000fffff0300004", 5),  # code 15
    ],
)
def test_an_opto_22_unit_refuses_as_the_guide_says(asked: str, code: int) -> None:
    unit = made("optommp")

    told = unit.session(0).receive(bytes.fromhex(asked), 0)

    assert f"0000{asked[4:6]}" == told[:3].hex()
    assert code << 4 == told[6]
    assert not any(told[7:12])
    assert isinstance(unit, OptoMmp)
    assert unit.clear_needed, "nothing of it was a powerup clear"


def test_an_opto_22_unit_needs_a_new_clear_after_a_reset_and_forgets() -> None:
    unit = made("optommp")

    def ask(hexed: str) -> str:
        (sent,) = unit.datagram(bytes.fromhex(hexed), 0)
        return sent.octets.hex()

    clear, reset = ("000004000000fffff0380000" + one for one in ("00000001", "00000002"))
    assert ask(clear).startswith("000004200000000")
    ask("000000100000fffff0d810000004000000000005")
    assert ask("000008400000fffff0d81000").endswith("00000005")
    assert ask("00000c400000fffff9990000").startswith("00000c6000005")
    assert ask("000008400000fffff030000c").endswith("0000e005")

    assert ask(reset).startswith("000004200000000")
    assert ask("000008400000fffff0d81000").startswith("0000086000004")
    assert ask(clear).startswith("000004200000000")
    assert ask("000008400000fffff0d81000").endswith("00000000")
    assert ask("000008400000fffff03a0074").endswith("000007d1"), "its port"


@pytest.mark.parametrize(
    ("pdu", "exception"),
    [
        ("03000000", 3),  # cut
        ("0300000000", 3),  # nothing
        ("030000007e", 3),  # 126 registers
        ("0100000fff", 3),  # more bits than an answer holds
        ("030064000a", 2),  # behind the last register
        ("2b0e0500", 3),  # no such code
        ("2b0e0477", 2),  # no such object
        ("2b0e01", 3),  # cut
        ("2b0d0100", 1),
        ("0800010000", 1),  # restart communications
        ("0600010001", 1),
        ("10000000010200ff", 1),
        ("5a0002", 1),
        ("80", 1),
    ],
)
def test_a_modbus_server_answers_what_it_will_not_do_with_an_exception(
    pdu: str, exception: int
) -> None:
    session = Modbus().session(0)
    octets = bytes.fromhex(pdu)

    told = session.receive(b"\0\1\0\0" + (len(octets) + 1).to_bytes(2, "big") + b"\xff" + octets, 0)

    assert bytes((0, 1, 0, 0, 0, 3, 255, octets[0] | 0x80, exception)) == told


@pytest.mark.parametrize("head", ["00010001000601", "00010000000101", "0001000000ff01"])
def test_a_modbus_server_leaves_a_stream_that_is_none(head: str) -> None:
    session = Modbus().session(0)

    assert b"" == session.receive(bytes.fromhex(head), 0)
    assert session.ended


def test_an_snmp_agent_is_silent_to_another_community() -> None:
    agent = made("snmp")
    asked = bytes.fromhex(GOOD["snmp"][0])

    assert [] == list(agent.datagram(asked.replace(b"public", b"secret"), 0))
    assert "secret" not in repr(agent.tally.asked)
