"""A small plant of network namespaces: two subnets, a switch in one, a router between them.

    asker 10.71.0.5 ── switch 10.71.0.1 = router = 10.72.0.1 ── far 10.72.0.9
    near  10.71.0.9 ──┘

All of it is the test's own and gone afterwards. Only IPv4; nothing leads out of it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from typing import NamedTuple

from portbook.evidence.interfaces import Interface
from support.veth import NEW_NETWORK, SILENT

ASKER, NEAR, FAR = "10.71.0.5", "10.71.0.9", "10.72.0.9"
SUBNET, EVERYBODY = "10.71.0.0/24", "10.71.0.255"


class Space:
    """A network namespace, held by a process that does nothing."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._holder = subprocess.Popen(["unshare", "--net", "sleep", "600"])
        self.pid = self._holder.pid
        home = os.stat("/proc/self/ns/net").st_ino
        end = time.monotonic() + 10
        while os.stat(f"/proc/{self.pid}/ns/net").st_ino == home:
            assert time.monotonic() < end, "no namespace came"
            os.sched_yield()
        self.run("sysctl -q -w " + SILENT)
        self.run("ip link set lo up")

    def run(self, command: str) -> None:
        """Run a command in it that has to work."""
        with self.inside():
            subprocess.run(command.split(), check=True, capture_output=True)

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """Be in it: what this thread opens, and the programs it starts, are there."""
        library = ctypes.CDLL(None, use_errno=True)
        with open("/proc/thread-self/ns/net", "rb") as home:
            with open(f"/proc/{self.pid}/ns/net", "rb") as there:
                _move(library, there.fileno())
            try:
                yield
            finally:
                _move(library, home.fileno())

    def close(self) -> None:
        """Let it go."""
        self._holder.kill()
        self._holder.wait()


class Plant(NamedTuple):
    """Where everything is; the interfaces are called left (asker), near and far."""

    asker: Space
    router: Space
    near: Space
    far: Space

    def forget(self) -> None:
        """Let the kernels forget their neighbours, which they would look for again."""
        for space in self:
            space.run("ip neigh flush all")


@contextlib.contextmanager
def plant() -> Iterator[Plant]:
    """Build the plant."""
    with contextlib.ExitStack() as stack:
        spaces = []
        for name in Plant._fields:
            spaces.append(Space(name))
            stack.callback(spaces[-1].close)
        made = Plant(*spaces)
        # a switch that snoops joins a group of its own, and tells everybody
        made.router.run("ip link add switch type bridge mcast_snooping 0")
        _cable(made.router, "to-asker", made.asker, "left")
        _cable(made.router, "to-near", made.near, "near")
        _cable(made.router, "to-far", made.far, "far")
        for port in ("to-asker", "to-near"):
            made.router.run(f"ip link set {port} master switch up")
        made.router.run("ip link set switch up")
        made.router.run("ip link set to-far up")
        made.router.run("sysctl -q -w net.ipv4.ip_forward=1")
        made.router.run("ip address add 10.71.0.1/24 dev switch")
        made.router.run("ip address add 10.72.0.1/24 dev to-far")
        for space, interface, address in (
            (made.asker, "left", ASKER),
            (made.near, "near", NEAR),
            (made.far, "far", FAR),
        ):
            space.run(f"ip address add {address}/24 broadcast + dev {interface}")
            space.run(f"ip link set {interface} up")
            router = address.rsplit(".", 1)[0] + ".1"
            space.run(f"ip route add default via {router}")
        yield made


def _cable(one: Space, name: str, other: Space, far_name: str) -> None:
    one.run(f"ip link add {name} type veth peer name {far_name} netns {other.pid}")


def _move(library: ctypes.CDLL, space: int) -> None:
    if library.setns(space, NEW_NETWORK):
        raise OSError(ctypes.get_errno(), "setns")


class Packet(NamedTuple):
    """An IPv4 packet of UDP or TCP, as it went over the wire; flags: of TCP."""

    time_ns: int
    source: str
    source_port: int
    target: str
    target_port: int
    protocol: int
    flags: int
    payload: bytes


class Heard:
    """What went over an interface while it was listened to; frames counts all of it, ARP too."""

    def __init__(self, live: Interface) -> None:
        self._live = live
        self._packets: list[Packet] = []
        self.frames = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def packets(self) -> list[Packet]:
        """Stop listening, and return the packets."""
        self._stop.set()
        self._thread.join()
        assert self._live.drops().dropped == 0
        return self._packets

    def _listen(self) -> None:
        while not self._stop.is_set():
            self._take(0.05)
        while self._take(0.2):
            pass

    def _take(self, wait_s: float) -> bool:
        block = self._live.block(wait_s)
        if block is None:
            return False
        here = block.first
        for _ in range(block.packets):
            # struct tpacket3_hdr (linux/if_packet.h)
            step, seconds, nanos, size = struct.unpack_from("=4I", block.octets, here)
            (start,) = struct.unpack_from("=H", block.octets, here + 24)
            frame = bytes(block.octets[here + start : here + start + size])
            self.frames += 1
            if packet := _packet(seconds * 10**9 + nanos, frame):
                self._packets.append(packet)
            here += step
        self._live.give_back()
        return True


def _packet(time_ns: int, frame: bytes) -> Packet | None:
    if frame[12:14] != b"\x08\x00" or frame[23] not in (6, 17):
        return None
    head = 4 * (frame[14] & 15)
    (whole,) = struct.unpack_from(">H", frame, 16)
    data = frame[14 + head : 14 + whole]
    source, target = (".".join(map(str, frame[at : at + 4])) for at in (26, 30))
    ports = struct.unpack_from(">HH", data)
    tcp = frame[23] == 6
    skip = 4 * (data[12] >> 4) if tcp else 8
    flags = data[13] if tcp else 0
    return Packet(time_ns, source, ports[0], target, ports[1], frame[23], flags, data[skip:])


@contextlib.contextmanager
def heard(space: Space, interface: str) -> Iterator[Heard]:
    """Listen to an interface of a namespace."""
    with space.inside():
        live = Interface(interface, blocks=16)
    with live:
        listening = Heard(live)
        try:
            yield listening
        finally:
            listening.packets()


def sent_from(packets: list[Packet], address: str) -> dict[tuple[str, int], bytes]:
    """Return what an address sent, by whom it was sent to, payloads joined."""
    found: dict[tuple[str, int], bytes] = {}
    for one in packets:
        if one.source == address and one.payload:
            place = one.target, one.target_port
            found[place] = found.get(place, b"") + one.payload
    return found
