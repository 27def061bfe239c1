"""Frames of our own making must be what the standards say, and an independent dissector agrees."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import support

from portbook.emulators import frames
from portbook.emulators.frames import Frame, Host, Interface, Section, TcpTalk

NOON_NS = 1_767_268_800_000_000_000
ALICE = Host("192.0.2.1", "02:00:00:00:00:0a")
BOB = Host("192.0.2.2", "02:00:00:00:00:0b")
ALICE6 = Host("2001:db8::1", ALICE.mac)
BOB6 = Host("2001:db8::2", BOB.mac)


def test_the_checksum_is_that_of_the_standards_example() -> None:
    # RFC 1071, section 3: the sum of these octets is ddf2, its complement 220d
    assert 0x220D == frames.checksum(bytes.fromhex("0001f203f4f5f6f7"))
    assert 0x220D == frames.checksum(bytes.fromhex("0001f203f4f5f6f700"))


def test_a_checksum_over_itself_is_zero() -> None:
    packet = frames.ipv4(b"abc", "192.0.2.1", "192.0.2.2", options=b"\x94\x04\0\0\x01")

    assert 0x47 == packet[0]
    assert 0 == frames.checksum(packet[:28])


def test_a_group_has_the_link_address_that_belongs_to_it() -> None:
    assert "01:00:5e:7f:ff:fa" == frames.group("239.255.255.250").mac
    assert "33:33:00:01:00:03" == frames.group("ff02::1:3").mac
    assert "ff:ff:ff:ff:ff:ff" == frames.group("10.0.0.255").mac


def test_tags_stand_outermost_first_and_short_frames_are_padded() -> None:
    frame = frames.ethernet(b"x", ethertype=0x0806, vlans=(7, 42))

    assert bytes.fromhex("8100000781 00002a0806".replace(" ", "")) == frame[12:22]
    assert 60 == len(frame)


def test_a_talk_counts_its_sequence_numbers() -> None:
    talk = TcpTalk(ALICE, 40000, BOB, 502, sequences=(0xFFFFFFFE, 9), mss=3)
    talk.to_server(b"abcdef").to_client(b"gh")
    written = talk.close()

    assert 3 + 3 + 2 + 3 == len(written)
    assert sorted(frame.time_ns for frame in written) == [frame.time_ns for frame in written]
    # the SYN takes number fffffffe, so the first octet is ffffffff and the next segment wraps
    assert (b"\xff\xff\xff\xff", b"\x00\x00\x00\x02") == (
        written[3].octets[38:42],
        written[4].octets[38:42],
    )


def test_a_pcap_has_the_byte_order_and_resolution_asked_for() -> None:
    one = Frame(1_500_000_000_123_456_789, b"x" * 4, length=9)

    little = frames.pcap([one])
    big = frames.pcap([one], nanoseconds=True, big_endian=True)

    assert bytes.fromhex("d4c3b2a1") == little[:4]
    assert (123456).to_bytes(4, "little") == little[28:32]
    assert bytes.fromhex("a1b23c4d") == big[:4]
    assert (123456789).to_bytes(4, "big") == big[28:32]
    assert (4, 9) == (int.from_bytes(big[32:36], "big"), int.from_bytes(big[36:40], "big"))


def _all_kinds() -> list[Frame]:
    talk = TcpTalk(ALICE, 40000, BOB, 80, start_ns=NOON_NS).to_server(b"GET / HTTP/1.1\r\n\r\n")
    talk.to_client(b"HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n" + b"x" * 3000)
    six = TcpTalk(ALICE6, 40001, BOB6, 80, start_ns=talk.now_ns + 10**7)
    six.to_server(b"GET /6 HTTP/1.1\r\n\r\n")
    written = talk.close() + six.reset()
    for number, (one, other) in enumerate(((ALICE, BOB), (BOB6, ALICE6))):
        octets = one.datagram(5000, other, 6000, b"odd" * (number + 1))
        written.append(Frame(six.now_ns + number * 1000, octets))
    inner = frames.ipv4(
        frames.udp(b"tagged", ALICE.address, 1, BOB.address, 2), ALICE.address, BOB.address
    )
    tagged = frames.ethernet(inner, vlans=(5, 6))
    return [*written, Frame(six.now_ns + 9000, tagged)]


@pytest.mark.parametrize(
    ("octets", "times"),
    [
        (frames.pcap(_all_kinds()), 1),
        (frames.pcap(_all_kinds(), nanoseconds=True, big_endian=True), 1),
        (
            frames.pcapng(
                Section(_all_kinds(), (Interface(name="eth0"),)),
                Section(
                    [frame._replace(interface=1) for frame in _all_kinds()],
                    (Interface(resolution=3), Interface(resolution=0x80 | 20)),
                    big_endian=True,
                ),
            ),
            2,
        ),
    ],
    ids=["pcap", "pcap-big-endian-nanoseconds", "pcapng"],
)
@support.needs_tshark
def test_an_independent_dissector_finds_no_fault(octets: bytes, times: int, tmp_path: Path) -> None:
    path = tmp_path / "ours"
    path.write_bytes(octets)
    told = _tshark(path)

    wanted = len(_all_kinds()) * times
    assert wanted == len(told)
    assert {"tcp", "udp"} == {
        part for layers in told for part in layers["frame.protocols"][0].split(":")
    } - {"eth", "ethertype", "ip", "ipv6", "vlan", "data", "http", "data-text-lines"}
    assert [] == [layers for layers in told if "_ws.malformed" in layers]
    assert [] == [layers for layers in told if _faults(layers, repeated=times > 1)]
    stamps = [float(layers["frame.time_epoch"][0]) for layers in told]
    assert all(0 <= stamp - NOON_NS / 1e9 < 1 for stamp in stamps)


@support.needs_tshark
def test_the_witness_does_see_a_wrong_checksum(tmp_path: Path) -> None:
    good = ALICE.datagram(1, BOB, 2, b"payload")
    path = tmp_path / "spoiled.pcap"
    spoiled = good.replace(b"payload", b"pAyload")
    path.write_bytes(frames.pcap([Frame(NOON_NS, spoiled)]))

    assert _faults(_tshark(path)[0], repeated=False)


def _faults(layers: dict[str, list[str]], *, repeated: bool) -> bool:
    """Tell whether the dissector complains; what is told twice is a retransmission by right."""
    words = ("checksum", "malformed") if repeated else ("checksum", "malformed", "retrans", "lost")
    text = " ".join(layers.get("_ws.expert.message", ())).lower()
    return any(word in text for word in words)


def _tshark(path: Path) -> list[dict[str, list[str]]]:
    command = ["tshark", "-r", str(path), "-T", "json", "-n"]
    for option in ("ip.check_checksum", "tcp.check_checksum", "udp.check_checksum"):
        command += ["-o", f"{option}:TRUE"]
    for name in ("frame.protocols", "frame.time_epoch", "_ws.malformed", "_ws.expert.message"):
        command += ["-e", name]
    done = subprocess.run(command, capture_output=True, check=True, timeout=60)
    return [one["_source"]["layers"] for one in json.loads(done.stdout)]
