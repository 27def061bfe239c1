"""A small plant capture of our own making: what `portbook demo` writes and reads.

Five minutes of a made-up control network with a fixed clock, so that each run gives the same
octets. Controllers announce themselves on UDP 1740-1743 and a backup agent greets on TCP 1743; a
seismic recorder delivers an event; Modbus and HTTP stand on ports that are not theirs; somebody
outside reaches a controller. Names, serial numbers and measurements are invented; the formats are
those of the protocols' references.
"""

from __future__ import annotations

import struct
from pathlib import Path

from portbook.emulators import recorder
from portbook.emulators.frames import Frame, Host, TcpTalk, ethernet, group, pcap

START_NS = 1_767_600_000_000_000_000  # 2026-01-05T08:00:00Z
ROUNDS, PERIOD_S = 6, 60  # CODESYS announcements of each controller

ROUTER = Host("10.20.0.1", "02:00:5e:00:00:01")
SCADA = Host("10.20.0.5", "02:00:5e:00:00:05", ttl=128)
PRESS = Host("10.20.0.11", "02:00:5e:00:00:11")
CONVEYOR = Host("10.20.0.12", "02:00:5e:00:00:12")
METER = Host("10.20.0.21", "02:00:5e:00:00:21")
GATEWAY = Host("10.20.0.22", "02:00:5e:00:00:22")
BACKUP = Host("10.20.0.30", "02:00:5e:00:00:30")
RECORDER = Host("10.20.0.40", "02:00:5e:00:00:40")
ARCHIVE = Host("10.20.0.41", "02:00:5e:00:00:41")
ENGINEER = Host("10.20.0.50", "02:00:5e:00:00:50", ttl=128)
PAC = Host("10.20.0.60", "00:a0:3d:01:1f:3e")
OUTSIDE = Host("198.51.100.23", ROUTER.mac, ttl=113)  # RFC 5737: an address for examples
EVERYBODY = group("10.20.0.255")

_IDENTIFY = 0xC202  # CODESYS name service: "identify yourself"


def write(path: Path) -> int:
    """Write the capture to a file and return its size in octets."""
    return path.write_bytes(capture())


def capture() -> bytes:
    """Return the capture as a pcap file; the same octets each time."""
    return pcap(sorted(frames(), key=lambda frame: frame.time_ns))


def frames() -> list[Frame]:
    """Return all frames of the capture, scene by scene."""
    return [
        *_announcements(PRESS, after_s=4.0),
        *_announcements(CONVEYOR, after_s=23.5),
        *_engineer_asks(),
        *_outsider_reaches_controller(),
        *_backup_agent_greets(),
        *_recorder_delivers(),
        *_meter_is_polled(),
        *_web_page_on_502(),
        *_status_of_the_pac(),
        *_names_and_clocks(),
        *_who_has(),
    ]


def _at(seconds: float) -> int:
    return START_NS + round(seconds * 1000) * 1_000_000


def _announcements(controller: Host, after_s: float) -> list[Frame]:
    """Return rounds of the router's address request: the same datagram to all four ports."""
    octets = _datagram(hops=1, service=1, sender=_node(controller))
    return [
        Frame(
            # real rounds come 0 to 11 ms late and take less than half a millisecond
            _at(after_s + PERIOD_S * number) + number * 7 % 11 * 1_000_000 + index * 90_000,
            controller.datagram(1740, EVERYBODY, 1740 + index, octets),
        )
        for number in range(ROUNDS)
        for index in range(4)
    ]


def _engineer_asks() -> list[Frame]:
    found = []
    for number, (controller, node, product) in enumerate(
        ((PRESS, "press-1", "Example Controller 300"), (CONVEYOR, "conveyor-2", "Example Edge 10"))
    ):
        question = struct.pack("<HHI", _IDENTIFY, 0x0400, number)
        ask = _datagram(13, 3, _node(ENGINEER), _node(controller), question)
        told = _identification(number, node, product, f"EX-{300 + number:04}", driver=5)
        answer = _datagram(14, 4, _node(controller), _node(ENGINEER), told)
        at = _at(70 + 2 * number)
        found.append(Frame(at, ENGINEER.datagram(1740, controller, 1740, ask)))
        found.append(Frame(at + 3_100_000, controller.datagram(1740, ENGINEER, 1740, answer)))
    return found


def _outsider_reaches_controller() -> list[Frame]:
    here, there = _tcp_node(OUTSIDE, 49811), _tcp_node(PRESS, 11740)
    question = struct.pack("<HHI", _IDENTIFY, 0x0400, 0x11223344)
    told = _identification(0x11223344, "press-1", "Example Controller 300", "EX-0300", driver=1)
    talk = TcpTalk(OUTSIDE, 49811, PRESS, 11740, start_ns=_at(131), step_ns=21_000_000)
    talk.to_server(_block(_datagram(13, 3, here, there, question)))
    talk.to_client(_block(_datagram(14, 4, there, here, told)))
    return talk.close()


def _backup_agent_greets() -> list[Frame]:
    argument = b"Connect36092\0\0\0"
    greeting = struct.pack(">BBHIIIIB", 0xA5, ord("A"), 1, 44, 2, 1, 1, 0)
    greeting += struct.pack(">II", 2, len(argument)) + argument
    talk = TcpTalk(SCADA, 50122, BACKUP, 1743, start_ns=_at(95))
    return talk.to_client(greeting).close()


def _recorder_delivers() -> list[Frame]:
    """Return an event that was triggered half a minute ago, sent as fast as the link takes it."""
    packets = recorder.event(unit="9D20", trigger_ns=_at(120), seconds=30)
    return [
        Frame(_at(151) + number * 12_000_000, RECORDER.datagram(2543, ARCHIVE, 2543, packet))
        for number, packet in enumerate(packets)
    ]


def _meter_is_polled() -> list[Frame]:
    talk = TcpTalk(SCADA, 50210, METER, 8502, start_ns=_at(10), step_ns=2_000_000)
    for number in range(24):
        registers = [2300 + number % 3, 2310, 2295 + number % 5, 5000, 0, 0, 17, 18, 16, 941]
        talk.to_server(struct.pack(">HHHBBHH", number, 0, 6, 1, 3, 100, len(registers)))
        told = struct.pack(">BBB10H", 1, 3, 2 * len(registers), *registers)
        talk.to_client(struct.pack(">HHH", number, 0, len(told)) + told)
        talk.wait(10_000_000_000)
    return talk.close()


def _web_page_on_502() -> list[Frame]:
    page = b"<html><title>Line gateway</title><h1>Line gateway</h1></html>\n"
    head = f"HTTP/1.1 200 OK\r\nServer: example-httpd/1.4\r\nContent-Length: {len(page)}\r\n\r\n"
    talk = TcpTalk(ENGINEER, 51000, GATEWAY, 502, start_ns=_at(81))
    talk.to_server(b"GET / HTTP/1.1\r\nHost: 10.20.0.22:502\r\nUser-Agent: example/1\r\n\r\n")
    return talk.to_client(head.encode() + page).close()


def _status_of_the_pac() -> list[Frame]:
    """Return two reads of an Opto 22 unit's status area: what it is, and its part number."""
    mac = bytes.fromhex(PAC.mac.replace(":", ""))
    area = struct.pack(">IIII", 0x42, 0, 0, 0) + bytes(8)
    area += bytes.fromhex("03050200 03050200 0000007c 060107e2 02000000 0000")
    area += mac + bytes((10, 20, 0, 60, 255, 255, 255, 0, 10, 20, 0, 1))
    talk = TcpTalk(SCADA, 50311, PAC, 2001, start_ns=_at(101))
    for label, offset, content in ((2, 0x00, area), (3, 0x80, b"SNAP-PAC-S1\0")):
        asked = struct.pack(">HBBHHIHH", 0, label << 2, 0x50, 0, 0xFFFF, 0xF0300000 + offset, 0, 0)
        talk.to_server(asked[:12] + struct.pack(">HH", len(content), 0))
        told = struct.pack(">HBBHBxxxxxHH", 0, label << 2, 0x70, 0, 0, len(content), 0)
        talk.to_client(told + content)
    return talk.close()


def _names_and_clocks() -> list[Frame]:
    found = []
    for number, name in enumerate((b"historian", b"press-1", b"updates")):
        labels = b"".join(bytes((len(part),)) + part for part in (name, b"plant", b"example"))
        question = labels + b"\0" + struct.pack(">HH", 1, 1)
        ask = struct.pack(">HHHHHH", 0x4100 + number, 0x0100, 1, 0, 0, 0) + question
        told = struct.pack(">HHHHHH", 0x4100 + number, 0x8580, 1, 1, 0, 0) + question
        told += struct.pack(">HHHIH4B", 0xC00C, 1, 1, 300, 4, 10, 20, 0, 5 + number)
        port, at = 52000 + number, _at(30 + 47 * number)
        found.append(Frame(at, SCADA.datagram(port, ROUTER, 53, ask)))
        found.append(Frame(at + 900_000, ROUTER.datagram(53, SCADA, port, told)))
    for number in range(5):
        at = _at(15 + 64 * number)
        asked = bytes((0x23, 0, 6, 0xEC)) + bytes(36) + _ntp_time(at)
        found.append(Frame(at, SCADA.datagram(123, ROUTER, 123, asked)))
        told = bytes((0x24, 2, 6, 0xEC)) + bytes.fromhex("00000210 00000a20 0a140001")
        told += _ntp_time(at - 30_000_000_000) + asked[-8:] + _ntp_time(at + 200_000) * 2
        found.append(Frame(at + 400_000, ROUTER.datagram(123, SCADA, 123, told)))
    return found


def _who_has() -> list[Frame]:
    """Return an ARP question and its answer (RFC 826): frames without ports."""
    found = []
    for kind, here, there, target in (
        (1, SCADA, EVERYBODY, METER._replace(mac="00:00:00:00:00:00")),
        (2, METER, SCADA, SCADA),
    ):
        octets = struct.pack(">HHBBH", 1, 0x0800, 6, 4, kind)
        for host in (METER if kind == 2 else here, target):
            octets += bytes.fromhex(host.mac.replace(":", ""))
            octets += bytes(map(int, host.address.split(".")))
        frame = ethernet(octets, here.mac, there.mac, 0x0806)
        found.append(Frame(_at(9.5) + kind * 300_000, frame))
    return found


def _node(host: Host, index: int = 0) -> bytes:
    """Return the CODESYS address of a host of a /24 network: port index, then host bits."""
    return bytes((index, int(host.address.rsplit(".", 1)[1])))


def _tcp_node(host: Host, port: int) -> bytes:
    return struct.pack(">H4B", port, *map(int, host.address.split(".")))


def _datagram(
    hops: int, service: int, sender: bytes, receiver: bytes = b"", payload: bytes = b""
) -> bytes:
    """Return a CODESYS router datagram: header of three words, receiver, sender, padding."""
    lengths = len(sender) // 2 << 4 | len(receiver) // 2
    head = bytes((0xC5, hops << 3 | 3, 0x40, service, 0, lengths)) + receiver + sender
    return head + bytes(-len(head) % 4) + payload


def _block(datagram: bytes) -> bytes:
    """Return a block of the CODESYS TCP block driver: magic, length with header."""
    return struct.pack("<II", 0xE8170100, 8 + len(datagram)) + datagram


def _identification(number: int, node: str, product: str, serial: str, driver: int) -> bytes:
    """Return the CODESYS name service's answer; driver: 1 TCP, 5 UDP."""
    names = (node, product, "Example Controls")
    fixed = struct.pack("<HHI", 0xC280, 0x0400, number)
    fixed += struct.pack("<HBBHHHH", 4, 1, 0, 0, *map(len, names))
    fixed += struct.pack("<III", 0x1000, 0x00420001, 0x03051428)
    fixed += struct.pack("<IBBBB8x", 1, len(serial), 0, driver, 0)
    text = b"".join(name.encode("utf-16-le") + b"\0\0" for name in names)
    return fixed + text + serial.encode() + b"\0"


def _ntp_time(time_ns: int) -> bytes:
    seconds, rest = divmod(time_ns, 1_000_000_000)
    return struct.pack(">II", seconds + 2_208_988_800, (rest << 32) // 1_000_000_000)
