"""What the receiver's benchmarks share: a cheap sender, cheap clients, and a receiver to measure.

    python benchmarks/rtpd_load.py send ...     a sender in a process of its own; see `sender`
    python benchmarks/rtpd_load.py read ...     clients in a process of their own; see `reader`

Packets are made once and patched in place: sequence, time tag, and in the filler, which nobody
reads, the moment of sending. Many go out with one system call.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from portbook.emulators.reftek import steim, writer
from portbook.emulators.reftek.dates import NANO, tag

FIRST_UNIT, SAMPLES, RATE_HZ, CHANNELS = 0x9001, 446, 100, 3
SIZE, MESSAGE, STAMP = 1024, 1030, 28
LOOPBACK = "127.0.0.1"
EVENT = 1


class Packets:
    """DT packets of many units in one buffer; `round` makes the next one of each unit.

    Their frames follow each other, their sequences and times go on: to a receiver all is well.
    """

    def __init__(self, units: int, start_ns: int) -> None:
        self.units = units
        self.buffer = bytearray(units * SIZE)
        self._start_ns = start_ns
        self._sequence = 0
        values = [n * 37 % 200 - 100 for n in range(SAMPLES)]
        frames = steim.pack(values, values[-1], "C0").frames
        self.samples = steim.pack(values, values[-1], "C0").samples
        for unit in range(units):
            packet = writer.data(
                FIRST_UNIT + unit,
                tag(start_ns),
                0,
                event=EVENT,
                stream=0,
                channel=0,
                samples=self.samples,
                coding="C0",
                body=b" " * writer.FILLER + frames,
            )
            self.buffer[unit * SIZE : (unit + 1) * SIZE] = packet
        self._bcd = [bytes.fromhex(f"{number:04}") for number in range(10_000)]

    def headers(self) -> Iterator[bytes]:
        """Give the event headers, which go first."""
        for unit in range(self.units):
            when = tag(self._start_ns)
            yield writer.event(
                "EH", FIRST_UNIT + unit, when, 0, number=EVENT, stream=0, rate=str(RATE_HZ),
                coding="C0", first=when,
            )  # fmt: skip

    def round(self) -> None:
        """Patch all packets: the next sequence, its time and channel."""
        turn, channel = divmod(self._sequence, CHANNELS)
        self._sequence += 1
        when = tag(self._start_ns + turn * self.samples * NANO // RATE_HZ)
        head = bytes.fromhex(when.digits) + b"\x10\x24" + self._bcd[self._sequence % 10_000]
        year, buffer = when.year % 100, self.buffer
        year_octet = year // 10 << 4 | year % 10
        for at in range(0, len(buffer), SIZE):
            buffer[at + 3] = year_octet
            buffer[at + 6 : at + 16] = head
            buffer[at + 19] = channel

    def stamp(self, unit: int) -> None:
        """Write the moment of sending into a packet's filler."""
        at = unit * SIZE + STAMP
        self.buffer[at : at + 8] = time.monotonic_ns().to_bytes(8)


class _Iovec(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Head(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint32),
        ("vector", ctypes.POINTER(_Iovec)),
        ("vector_length", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _Message(ctypes.Structure):
    _fields_ = (("head", _Head), ("sent", ctypes.c_uint))  # mmsghdr


class Many:
    """Sends the packets of a buffer, as datagrams, many with one call of sendmmsg(2)."""

    def __init__(self, sock: socket.socket, buffer: bytearray) -> None:
        self._sock = sock
        self._kept = (ctypes.c_char * len(buffer)).from_buffer(buffer)
        begin = ctypes.addressof(self._kept)
        many = len(buffer) // SIZE
        self._vectors = (_Iovec * many)(*((begin + at * SIZE, SIZE) for at in range(many)))
        self._messages = (_Message * many)()
        for message, vector in zip(self._messages, self._vectors, strict=True):
            message.head.vector = ctypes.pointer(vector)
            message.head.vector_length = 1
        self._call = ctypes.CDLL(None, use_errno=True).sendmmsg
        self._call.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int)

    def send(self, first: int, last: int) -> None:
        """Send packets from `first` up to `last`."""
        while first < last:
            at = ctypes.addressof(self._messages) + first * ctypes.sizeof(_Message)
            sent = self._call(self._sock.fileno(), at, last - first, 0)
            if sent < 0:
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
            first += sent


def sender(port: int, rate: float, seconds: float, units: int, silence_s: float) -> None:
    """Send `rate` packets a second for so long; then, if asked, single ones after silences.

    Prints what it sent and its processor time, as JSON.
    """
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.connect((LOOPBACK, port))
    packets = Packets(units, time.time_ns() // NANO * NANO - 6 * 3600 * NANO)
    for header in packets.headers():
        sock.send(header)
        time.sleep(0.0002)
    many = Many(sock, packets.buffer)
    total, sent, at = int(rate * seconds), 0, units
    begun, most_late = time.perf_counter(), 0.0
    while sent < total:
        due = min(total, int((time.perf_counter() - begun) * rate) + 1)
        while sent < due:
            if at == units:
                packets.round()
                at = 0
            last = min(units, at + min(64, due - sent))
            for unit in range(at, last):
                packets.stamp(unit)
            many.send(at, last)
            sent += last - at
            at = last
        late = time.perf_counter() - begun - sent / rate
        most_late = max(most_late, late)
        time.sleep(0.001 if rate > 2000 else 0.0005)
    took = time.perf_counter() - begun
    for _ in range(3 if silence_s else 0):
        time.sleep(silence_s)
        if at == units:
            packets.round()
            at = 0
        packets.stamp(at)
        many.send(at, at + 1)
        at += 1
        sent += 1
    told = {"sent": sent + units, "seconds": took, "late_s": most_late}
    print(json.dumps({**told, "cpu_s": time.process_time()}), flush=True)


def reader(port: int, clients: int, filtered: bool, sampled: int) -> None:
    """Read as so many clients until told to stop, each one unit if filtered.

    sampled: of every so many clients one notes how long its packets took, 0: none
    Prints READY, and at the end what came, as JSON.
    """
    poll = select.epoll()
    sockets: dict[int, socket.socket] = {}
    counts, noted, parts = {}, {}, {}
    for number in range(clients):
        unit = FIRST_UNIT + number if filtered else 0
        sock = joined(port, unit)
        sockets[sock.fileno()] = sock
        counts[sock.fileno()] = 0
        if sampled and number % sampled == 0:
            noted[sock.fileno()] = []
            parts[sock.fileno()] = b""
        poll.register(sock, select.EPOLLIN)
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(1))
    print("READY", flush=True)
    room = bytearray(1 << 20)
    took: list[tuple[int, int]] = []
    while not stopped:
        for number, _ in poll.poll(0.2):
            got = sockets[number].recv_into(room)
            if not got:
                poll.unregister(number)
                continue
            counts[number] += got
            if number in noted:
                now = time.monotonic_ns()
                stream = parts[number] + room[:got]
                at = 0
                while at + MESSAGE <= len(stream):
                    if stream[at + 1] == 2:  # a heartbeat
                        at += 6
                        continue
                    stamp = int.from_bytes(stream[at + 6 + STAMP : at + 14 + STAMP])
                    if stream[at + 6 : at + 8] == b"DT":
                        took.append((stamp, now - stamp))
                    at += MESSAGE
                parts[number] = bytes(stream[at:])
    told = {"octets": list(counts.values()), "cpu_s": time.process_time(), "took": sorted(took)}
    print(json.dumps(told), flush=True)


def joined(port: int, unit: int = 0) -> socket.socket:
    """Return a client's connection, behind the handshake: all packets, or those of a unit."""
    sock = socket.create_connection((LOOPBACK, port), 30)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    attributes = unit.to_bytes(4) + bytes.fromhex("0000fffe 000000ff 0000001e" + "00000000" * 3)
    for message, answer in (
        (bytes.fromhex("000100000000"), 6),
        (bytes.fromhex("000b0000000400000001"), 10),
        (bytes.fromhex("00030000001c") + attributes, 34),
    ):
        sock.sendall(message)
        while answer:
            answer -= len(sock.recv(answer))
    return sock


SETTINGS = """
folder = "{folder}/rtpd"
[listen]
field = "{loopback}:{field}"
clients = "{loopback}:{clients}"
status = "{loopback}:{status}"
[ring]
packets = 131072
[archive]
raw = "{folder}/raw"
min_free_gb = 0
max_gb = {most_gb}
"""


class Receiver:
    """A receiver in a process of its own."""

    def __init__(self, folder: Path, most_gb: float = 0) -> None:
        self.field, self.clients, self.http = (_free(kind) for kind in (2, 1, 1))
        ports = {"field": self.field, "clients": self.clients, "status": self.http}
        settings = SETTINGS.format(folder=folder, loopback=LOOPBACK, most_gb=most_gb, **ports)
        (folder / "rtpd.toml").write_text(settings)
        self._said = (folder / "said").open("wb")
        words = ("-m", "portbook", "rtpd", "--config", str(folder / "rtpd.toml"))
        self.process = subprocess.Popen([sys.executable, *words], stderr=self._said)
        end = time.monotonic() + 30
        while not self._serves():
            if self.process.poll() is not None or time.monotonic() > end:
                raise SystemExit((folder / "said").read_text())
            time.sleep(0.05)

    def status(self) -> dict[str, Any]:
        """Return what it tells of itself."""
        with urllib.request.urlopen(f"http://{LOOPBACK}:{self.http}/status", timeout=30) as answer:
            told: dict[str, Any] = json.load(answer)
        return told

    def processor_s(self) -> dict[str, float]:
        """Return the processor time so far, of the receiver and of its archiver."""
        main = self.process.pid
        children = Path(f"/proc/{main}/task/{main}/children").read_text().split()
        return {"receiver": _processor_s(main), "archiver": sum(map(_processor_s, children))}

    def end(self) -> None:
        """Stop it."""
        self.process.terminate()
        self.process.wait(60)
        self._said.close()

    def _serves(self) -> bool:
        try:
            self.status()
        except OSError:
            return False
        return True


@contextmanager
def sending(receiver: Receiver, *words: object) -> Iterator[subprocess.Popen[bytes]]:
    """Run a sender; it is done when it has printed its account."""
    with _own("send", receiver.field, *words) as process:
        yield process


@contextmanager
def reading(receiver: Receiver, *words: object) -> Iterator[subprocess.Popen[bytes]]:
    """Run clients that are all connected."""
    with _own("read", receiver.clients, *words) as process:
        assert process.stdout is not None
        if process.stdout.readline() != b"READY\n":
            raise SystemExit("the clients could not connect")
        yield process


def account(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    """Return what a process of ours printed at its end."""
    assert process.stdout is not None
    told: dict[str, Any] = json.loads(process.stdout.read())
    return told


@contextmanager
def _own(*words: object) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, __file__, *map(str, words)], stdout=subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _processor_s(pid: int | str) -> float:
    words = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def _free(kind: int) -> int:
    with socket.socket(socket.AF_INET, socket.SocketKind(kind)) as sock:
        sock.bind((LOOPBACK, 0))
        return int(sock.getsockname()[1])


if __name__ == "__main__":
    if sys.argv[1] == "send":
        sender(int(sys.argv[2]), *map(float, sys.argv[3:5]), int(sys.argv[5]), float(sys.argv[6]))
    else:
        reader(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "filtered", int(sys.argv[5]))
