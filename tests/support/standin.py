"""A stand-in for the receiver, as a real process: it speaks systemd's protocols and does faults.

    python standin.py FOLDER

It answers six octets with six octets, writes each datagram as a line of FOLDER/got, and beats.
A datagram `do WORD` makes it do a fault: hang, deaf, numb, mute, crash, leave, loop-of-death.
Faults that have to be there from the start are files: FOLDER/late, FOLDER/fragile.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import NoReturn

from portbook.daemons.watchdog.notify import Notifier, listening

BEAT_S = 0.1


class Standin:
    """What it holds and counts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sockets = listening(os.environ)
        self.notifier = Notifier(os.environ)
        self.packets = 0
        self.units_up = 0
        self.speaks = self.reads = self.answers = True
        self.got = os.open(folder / "got", os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def run(self) -> NoReturn:
        """Work until it is ended."""
        if (self.folder / "fragile").exists():
            os._exit(3)
        if (self.folder / "late").exists():
            signal.pause()
        self.notifier.ready()
        last = 0.0
        while True:
            poller = select.poll()
            for name, sock in self.sockets.items():
                if self.reads if name == "field" else self.answers:
                    poller.register(sock, select.POLLIN)
            ready = {fd for fd, _ in poller.poll(BEAT_S * 500)}
            for name, sock in self.sockets.items():
                if sock.fileno() in ready:
                    self.read() if name == "field" else self.answer(name)
            if self.speaks and time.monotonic() - last >= BEAT_S:
                last = time.monotonic()
                self.notifier.beat(packets=self.packets, units_up=self.units_up)

    def read(self) -> None:
        """Take one datagram, and do what it says."""
        octets = self.sockets["field"].recv(2048)
        os.write(self.got, octets + b"\n")
        self.packets += 1
        if octets.startswith(b"do "):
            self.fault(octets[3:].decode())

    def answer(self, name: str) -> None:
        """Answer one connection: so many octets as came, and close."""
        connection, _ = self.sockets[name].accept()
        connection.settimeout(5)
        with connection:
            if octets := connection.recv(6):
                connection.sendall(octets)

    def fault(self, word: str) -> None:
        """Do what a faulty receiver does."""
        if word == "hang":
            while True:
                signal.pause()
        elif word == "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        elif word == "leave":
            os._exit(5)
        elif word == "fragile":
            (self.folder / "fragile").touch()
            os._exit(3)
        elif word == "mute":
            self.speaks = False
        elif word == "numb":
            self.reads = False
        elif word == "deaf":
            self.answers = False
        elif word == "up":
            self.units_up = 1


def main() -> None:
    folder = Path(sys.argv[1])

    def ended(_number: int, _frame: FrameType | None) -> None:
        (folder / "ended").touch()
        sys.exit(0)

    def reloaded(_number: int, _frame: FrameType | None) -> None:
        (folder / "reloaded").touch()

    signal.signal(signal.SIGTERM, ended)
    signal.signal(signal.SIGHUP, reloaded)
    Standin(folder).run()


if __name__ == "__main__":
    main()
