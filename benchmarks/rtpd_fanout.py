"""Fan-out of the ring alone, over loopback TCP: deliveries a second to many clients.

    python benchmarks/rtpd_fanout.py [CLIENTS [SECONDS]]

Every packet goes to all clients (unfiltered), then to the one of 64 that asked for its unit (each
client another filter), then to all as messages of version 2. Clients are read by one other
process, which throws away what it reads, so that the sender is what is measured. Nothing is lost:
packets are made as fast as the slowest client takes them. Figures are of wall-clock time, and of
the sender's processor time.
"""

from __future__ import annotations

import os
import select
import socket
import sys
import time
from collections.abc import Callable

from portbook.protocols.reftek.client import Wish
from portbook.seismic.ring import Cursor, Ring

SLOTS, BATCH = 32_768, 256
FIRST_UNIT = 0x9000
GOALS = {"unfiltered": 1_500_000, "64 filters": 300_000}


def main() -> None:
    clients = int(sys.argv[1]) if len(sys.argv) > 1 else 64
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 4.0
    ways: dict[str, tuple[Callable[[int], Wish], int]] = {
        "unfiltered": (lambda _: Wish(), 1),
        f"{clients} filters": (lambda at: Wish(FIRST_UNIT + at, 0x0110), 1),
        "unfiltered, version 2": (lambda _: Wish(), 2),
    }
    for name, (wish, version) in ways.items():
        deliveries, wall_s, cpu_s = measured(clients, seconds, wish, version)
        goal = f" (goal: {GOALS[name]:,})" if name in GOALS else ""
        print(
            f"{clients} clients, {name:22} {deliveries / wall_s:12,.0f} deliveries/s{goal}; "
            f"{deliveries / cpu_s:12,.0f} a second of processor time",
            flush=True,
        )


def measured(
    clients: int, seconds: float, wish: Callable[[int], Wish], version: int
) -> tuple[int, float, float]:
    """Return deliveries, and the wall-clock and processor seconds that they took."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=clients)
    reader = os.fork()
    if not reader:
        try:
            read_all(listening.getsockname()[1], clients)
        finally:
            os._exit(0)
    sockets = [listening.accept()[0] for _ in range(clients)]
    ring = Ring(SLOTS)
    served = [(one, ring.cursor(wish(at), version)) for at, one in enumerate(sockets)]
    for one in sockets:
        one.setblocking(False)
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    batches = made(clients)
    began, began_cpu = time.perf_counter(), time.process_time()
    octets = sent_until(ring, served, batches, began + seconds)
    wall_s, cpu_s = time.perf_counter() - began, time.process_time() - began_cpu
    for one in (listening, *sockets):
        one.close()
    os.waitpid(reader, 0)
    return octets // (1030 if version == 1 else 1034), wall_s, cpu_s


def sent_until(
    ring: Ring, served: list[tuple[socket.socket, Cursor]], batches: list[list[bytes]], end: float
) -> int:
    """Send until the end; return the octets that the sockets took."""
    octets, at = 0, 0
    while time.perf_counter() < end:
        if max(cursor.lag for _, cursor in served) < SLOTS - BATCH * 2:
            ring.append(batches[at % len(batches)])
            at += 1
        moved = 0
        for one, cursor in served:
            if cursor.waiting:
                try:
                    took = one.send(cursor.chunk())
                except BlockingIOError:
                    continue
                cursor.sent(took)
                moved += took
        octets += moved
        if not moved:
            select.select([], [one for one, _ in served], [], 0.1)
    return octets


def made(units: int) -> list[list[bytes]]:
    """Return batches of data packets of as many units as there are clients, in turns."""
    packets = [
        b"DT\x00\x26" + (FIRST_UNIT + at % units).to_bytes(2, "big") + bytes(12) + bytes(1006)
        for at in range(16 * BATCH)
    ]
    return [packets[at : at + BATCH] for at in range(0, len(packets), BATCH)]


def read_all(port: int, clients: int) -> None:
    """Throw away what comes on all connections, until they end."""
    waiting = select.epoll()
    sockets = {}
    for _ in range(clients):
        one = socket.create_connection(("127.0.0.1", port))
        sockets[one.fileno()] = one
        waiting.register(one, select.EPOLLIN)
    while sockets:
        for file, _ in waiting.poll():
            if not sockets[file].recv(1 << 22, socket.MSG_TRUNC):
                sockets.pop(file).close()


if __name__ == "__main__":
    main()
