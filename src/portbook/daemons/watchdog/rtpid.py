"""The watchdog: holds the sockets for ever, and sees to it that a receiver works on them.

It imports next to nothing and does next to nothing, so that nothing ends it: `watching` decides,
here is the loop. The sockets stay open while a receiver is replaced: connections wait in their
queues and datagrams in their buffers, so that nobody is refused and little is lost.
Started by `launching`, which reads the settings and turns itself into this program.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import struct
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import FrameType
from typing import Any, NamedTuple

from portbook.daemons.sources.buffers import dropped, waiting
from portbook.daemons.voices.log import Log
from portbook.daemons.voices.messenger import Messenger
from portbook.daemons.watchdog import restarts
from portbook.daemons.watchdog.child import Child, born, state, without_protocols
from portbook.daemons.watchdog.hearing import Ears, word
from portbook.daemons.watchdog.holding import Hold
from portbook.daemons.watchdog.notify import Notifier, listening
from portbook.daemons.watchdog.questions import Question, near
from portbook.daemons.watchdog.vitals import Limits, Sight
from portbook.daemons.watchdog.watching import Act, Do, Watch

LOCK = "locked"  # the operator's lock: while FOLDER/locked exists, rtpd is left to people
_LOCK_EVERY_NS = 1_000_000_000
_SIGNALS = {Do.TERMINATE: signal.SIGTERM, Do.ABORT: signal.SIGABRT, Do.KILL: signal.SIGKILL}
_ACCEPT_QUEUE = struct.Struct("=24xI")  # tcp_info: tcpi_unacked, of a socket that listens


class Plan(NamedTuple):
    """What is watched, and how."""

    folder: str  # the receiver's: rtpid.json, restarts.jsonl and the operator's lock
    command: Sequence[str]  # starts the receiver; the first is a path
    limits: Limits = Limits()
    tell: Sequence[str] = ()  # starts what tells an alarm that stands on its input
    hold: int = -1  # descriptor of the folder's lock, see `holding`


def main() -> int:
    """Watch as the plan in the first argument says, until told to end."""
    told = json.loads(sys.argv[1])
    plan = Plan(**{**told, "limits": Limits(**told["limits"])})
    if plan.hold >= 0:
        os.set_inheritable(plan.hold, False)
    return Rtpid(plan, listening(os.environ), os.environ).run()


class Rtpid:
    """The loop; `run` returns when the receiver has ended as well."""

    def __init__(
        self, plan: Plan, sockets: Mapping[str, socket.socket], environ: Mapping[str, str]
    ) -> None:
        self._plan, self._sockets = plan, sockets
        self._environ = without_protocols(environ)
        self._notifier = Notifier(environ)
        self._ears, self._child = Ears(), Child()
        self._watch = Watch(plan.limits)
        self._question = Question(plan.limits.probe_limit_s)
        self._messenger = Messenger(plan.tell, self._environ)
        self._voice = _Voice(plan.folder, self._messenger)
        self._hold = Hold(plan.hold) if plan.hold >= 0 else None
        self._field = select.poll()
        if "field" in sockets:
            self._field.register(sockets["field"], select.POLLIN)
        self._starts = 0
        self._down_ns = self._lock_ns = self._alive_ns = 0
        self._serves = self._locked = self._passes = False

    def run(self) -> int:
        """Watch until SIGTERM or SIGINT; SIGHUP goes on to the receiver."""
        reading, writing = socket.socketpair()
        reading.setblocking(False)
        writing.setblocking(False)
        signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, self._signalled)
        self._notifier.ready(f"holds {', '.join(self._sockets) or 'no sockets'}")
        while (wait_ns := self._step()) is not None:
            self._wait(reading, wait_ns)
        self._notifier.stopping()
        return 0

    def _signalled(self, number: int, _frame: FrameType | None) -> None:
        if number in (signal.SIGTERM, signal.SIGINT):
            self._watch.leave()
        elif number == signal.SIGHUP:
            self._passes = True

    def _step(self) -> int | None:
        """Look once; return how long to wait at most, None at the end."""
        now = time.monotonic_ns()
        pid = self._child.pid
        status = self._child.collect()  # before its last words are heard: then none come after
        for told in self._ears.take(pid):
            self._watch.heard(word(told), now)
        answered = self._question.step(now)
        if answered is not None:
            self._watch.probed(answered, now)
        act = self._watch.look(self._sight(now, status))
        if status is not None:
            self._ended(pid, now)
        self._do(act, now)
        self._look_back(now)
        self._messenger.step(now)
        self._say_alive(now)
        return None if act.do is Do.LEAVE else act.wait_ns

    def _sight(self, now: int, status: int | None) -> Sight:
        running = self._child.pid != 0
        if not running or now - self._lock_ns >= _LOCK_EVERY_NS:
            self._lock_ns = now
            self._lock(os.path.exists(os.path.join(self._plan.folder, LOCK)))
        waits = self._watch.serving and bool(self._field.poll(0))
        late = running and self._watch.late
        return Sight(
            now,
            running=running,
            status=status,
            locked=self._locked,
            waits=waits,
            state=state(self._child.pid) if late else "",
            note=self._queues() if late or waits else "",
        )

    def _lock(self, there: bool) -> None:
        if there != self._locked:
            what = "is locked by its operator: it is neither started nor ended"
            self._voice.say("warning", f"rtpd {what if there else 'is watched again'}")
        self._locked = there

    def _queues(self) -> str:
        """Return what waits in the sockets, in words, for the reason of a restart."""
        words = []
        for name, sock in self._sockets.items():
            if name == "field":
                words.append(f"{name}: {waiting(sock)} octets wait, {dropped(sock)} dropped so far")
                continue
            with suppress(OSError, struct.error):
                told = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _ACCEPT_QUEUE.size)
                (number,) = _ACCEPT_QUEUE.unpack(told)
                if number:
                    words.append(f"{name}: {number} connections wait")
        return ", ".join(words)

    def _do(self, act: Act, now: int) -> None:
        if act.do is Do.START:
            self._start(act)
        elif act.do in _SIGNALS:
            self._down_ns = self._down_ns or now
            self._voice.say("warning", f"rtpd {self._child.pid}: {act.do.value}, since {act.why}")
            self._child.signal(_SIGNALS[act.do])
        if act.probe and "clients" in self._sockets and not self._question.open:
            self._question.ask(near(*self._sockets["clients"].getsockname()[:2]), now)
        if self._passes and self._watch.serving:  # one that starts would die of it
            self._child.signal(signal.SIGHUP)
            self._passes = False

    def _start(self, act: Act) -> None:
        self._starts += 1
        self._question.drop()
        limit_us = int(self._plan.limits.limit_s * 1e6)
        environ = {
            **self._environ,
            "NOTIFY_SOCKET": self._ears.address,
            "WATCHDOG_USEC": str(limit_us),  # without WATCHDOG_PID it holds for whoever reads it
        }
        fds = {name: sock.fileno() for name, sock in self._sockets.items()}
        also = (self._plan.hold,) if self._hold else ()
        try:
            self._child.start(self._plan.command, fds, environ, also)
        except OSError as error:  # no memory or no process left: it counts as an end
            self._voice.say("error", f"rtpd cannot be started: {error}")
            return
        self._voice.say("info", f"rtpd {self._child.pid} started: {act.why}")
        self._voice.write("start", pid=self._child.pid, what=act.what, why=act.why)
        self._describe()

    def _ended(self, pid: int, now: int) -> None:
        what, why = self._watch.last
        self._serves = False
        self._alive_ns = 0
        self._down_ns = self._down_ns or now
        self._voice.write("end", pid=pid, what=what, why=why)
        self._voice.say("info" if self._watch.leaving else "warning", f"rtpd {pid} ended: {why}")
        if not self._watch.leaving:
            self._voice.set("restart", "warning", f"rtpd is restarted: {why}")

    def _look_back(self, now: int) -> None:
        """Tell of what has changed: it serves, it runs well, it is in trouble."""
        if self._watch.serving and not self._serves:
            self._serves = True
            self._alive_ns = 0  # it is news, so it is told at once
            outage_ns = now - self._down_ns if self._down_ns else 0
            self._down_ns = 0
            outage_s = round(outage_ns / 1e9, 3)
            self._voice.write("serving", pid=self._child.pid, outage_s=outage_s)
            self._voice.say("info", f"rtpd {self._child.pid} serves, {outage_s} s after the fault")
        if self._watch.trouble:
            self._voice.set("watchdog", "error", self._watch.trouble)
        else:
            self._voice.clear("watchdog")
            if self._watch.well:
                self._voice.clear("restart")

    def _describe(self) -> None:
        if self._hold is None:
            return
        rtpid, rtpd = os.getpid(), self._child
        self._hold.write(
            {
                "rtpid": {"pid": rtpid, "born": born(rtpid)},
                "rtpd": {"pid": rtpd.pid, "born": rtpd.born},
                "starts": self._starts,
            }
        )

    def _say_alive(self, now: int) -> None:
        """Tell systemd that this loop turns; of the receiver it says what it told of itself."""
        every_s = self._notifier.watchdog_s
        if every_s is None or now - self._alive_ns < every_s * 1e9 / 3:
            return
        self._alive_ns = now
        counts = self._watch.counts
        packets = f", {counts.packets} packets" if counts else ""
        does = f"serves{packets}" if self._watch.serving else "is down"
        self._notifier.alive(f"rtpd {self._child.pid or ''} {does}; started {self._starts} times")

    def _wait(self, signals: socket.socket, wait_ns: int) -> None:
        poller = select.poll()
        poller.register(signals, select.POLLIN)
        poller.register(self._ears, select.POLLIN)
        if self._question.open:
            poller.register(self._question.fileno(), self._question.events)
        poller.poll(wait_ns / 1e6)
        with suppress(BlockingIOError):
            signals.recv(4096)


class _Voice:
    """Log, restarts.jsonl and alarms: each alarm is set once while it stands, and cleared once."""

    def __init__(self, folder: str, messenger: Messenger) -> None:
        self._folder, self._messenger = folder, messenger
        self._standing: dict[str, dict[str, Any]] = {}
        self._log = Log()

    def say(self, level: str, text: str) -> None:
        """Write a line to the log."""
        self._log.say(level, f"rtpid: {text}")

    def write(self, kind: str, **facts: Any) -> None:
        """Write a line to restarts.jsonl."""
        restarts.write(self._folder, kind, time.time_ns(), **facts)

    def set(self, key: str, level: str, message: str) -> None:
        """Set an alarm, which is told once as long as it stands."""
        if key in self._standing:
            return
        alarm = {"key": key, "what": "restart", "level": level, "message": message}
        self._standing[key] = alarm
        if level == "error":
            self.say(level, message)
            self.write("trouble", why=message)
        self._messenger.tell({"set": alarm})

    def clear(self, key: str) -> None:
        """Clear an alarm if it stands."""
        if self._standing.pop(key, None) is not None:
            self._messenger.tell({"clear": key})


if __name__ == "__main__":
    sys.exit(main())
