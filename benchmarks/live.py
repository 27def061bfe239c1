"""Live reading: as many packets as this machine can offer, over a pair of virtual interfaces.

    sudo python benchmarks/live.py [SECONDS] [CONVERSATIONS]      60 s and 2,000 unless told

The sender is a process of its own that hands the kernel batches (sendmmsg) as fast as it takes
them; the reader counts them through the kernel's ring into the table that `portbook watch` uses,
and looks at all of it every second as that does. Printed: the rate that was offered, what the
kernel dropped, packets for each processor second of the reader. In one run with it: the same ring
with nobody reading the packets (the kernel's own share). Nothing leaves this machine: the
interfaces are in a namespace that this program makes.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import socket
import subprocess
import sys
import time
from multiprocessing.synchronize import Event

from portbook.claims import loading
from portbook.claims.everything import Claims
from portbook.emulators.frames import Host
from portbook.evidence import readers
from portbook.evidence.interfaces import Interface
from portbook.survey.knowledge import Knowledge
from portbook.survey.live import Live

BATCH = 512
NEW_NETWORK = 0x40000000


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    conversations = int(sys.argv[2]) if len(sys.argv) > 2 else 2_000
    if os.geteuid():
        raise SystemExit("making interfaces needs root: sudo python benchmarks/live.py")
    if not readers.COMPILED:
        print("the packet reader is not compiled: these are the plain reader's figures")
    _namespace()
    policies = [loading.policy(name) for name in loading.SHIPPED]
    knowledge = Knowledge(claims=Claims.load(None, None, policies))
    begin, stop = multiprocessing.Event(), multiprocessing.Event()
    sender = multiprocessing.Process(target=send, args=(conversations, begin, stop))
    with Interface("right") as opened:
        live = Live("right", knowledge, "local")
        sender.start()
        begin.set()
        began, cpu, looked, looks = time.monotonic(), os.times(), 0.0, 0
        look_at = began + 1.0
        while (now := time.monotonic()) < began + seconds:
            block = opened.block(0.1)
            if block is not None:
                live.take(block.octets, block.first, opened.link, twice=False)
                opened.give_back()
            if now >= look_at:
                before = time.process_time()
                list(live.news(live.story(time.time_ns(), now - began)))
                looked += time.process_time() - before
                looks += 1
                look_at = now + 1.0 + 5 * (time.process_time() - before)
        end, took = os.times(), time.monotonic() - began
        user, system = end.user - cpu.user, end.system - cpu.system
        came, dropped = opened.drops()
        stop.set()
        sender.join()
    print(f"offered and heard   {came / took / 1e6:8.2f} M packets/s for {took:.0f} s")
    print(f"dropped by kernel   {dropped:8,} of {came:,}")
    print(f"counted             {live.packets:8,}")
    # the kernel's work of bringing packets in is put down to whoever runs just then
    for name, used in (("reader's own", user), ("and the kernel's", user + system)):
        rate = live.packets / (used - looked) / 1e6
        print(f"{name:18}  {rate:8.2f} M packets/processor s (goal: 10)")
    print(f"looks               {looks:8,} of {looked / max(1, looks) * 1000:.1f} ms each")


def send(conversations: int, begin: Event, stop: Event) -> None:
    """Send datagrams of many conversations until told to stop."""
    library = ctypes.CDLL(None, use_errno=True)

    class Vector(ctypes.Structure):
        _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))

    class Head(ctypes.Structure):
        _fields_ = (
            ("name", ctypes.c_void_p),
            ("name_length", ctypes.c_uint32),
            ("vectors", ctypes.POINTER(Vector)),
            ("count", ctypes.c_size_t),
            ("control", ctypes.c_void_p),
            ("control_length", ctypes.c_size_t),
            ("flags", ctypes.c_int),
            ("sent", ctypes.c_uint),
        )

    frames = [_frame(number) for number in range(max(conversations, BATCH))]
    kept = [ctypes.create_string_buffer(frame, len(frame)) for frame in frames]
    vectors = (Vector * len(frames))(*((ctypes.addressof(one), len(one)) for one in kept))
    heads = (Head * len(frames))()
    for number in range(len(frames)):
        heads[number].vectors = ctypes.pointer(vectors[number])
        heads[number].count = 1
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as out:
        out.setsockopt(263, 20, 1)  # PACKET_QDISC_BYPASS
        out.bind(("left", 0))
        begin.wait()
        at = 0
        size = ctypes.sizeof(Head)
        while not stop.is_set():
            many = min(BATCH, len(frames) - at)
            place = ctypes.byref(heads, at * size)
            library.sendmmsg(out.fileno(), place, many, 0)
            at = (at + many) % len(frames)


def _frame(number: int) -> bytes:
    here = Host(f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}", "02:00:00:00:00:01")
    return here.datagram(40_000, Host("10.255.0.1", "02:00:00:00:00:02"), 1740, b"x" * 32)


def _namespace() -> None:
    if ctypes.CDLL(None, use_errno=True).unshare(NEW_NETWORK):
        raise SystemExit("the system lets nobody make network namespaces here")
    for command in (
        "ip link add left type veth peer name right",
        "ip link set left arp off up",
        "ip link set right arp off up",
    ):
        subprocess.run(command.split(), check=True)


if __name__ == "__main__":
    multiprocessing.set_start_method("fork")
    main()
