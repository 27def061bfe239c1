"""Sends polite questions: one at a time for a host, never faster than told, nothing unannounced.

    with SentLog(path) as log:
        prober = Prober(Pace(), log, Rounds(None))
        replies = prober.run(errands)      what became of each
        prober.exchanges.rows()            what was said, for `conversations.records`

Each message is logged before it leaves, in full. A connection is made once; nothing is repeated.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from ipaddress import ip_network

import msgspec

from portbook.addresses import parse
from portbook.evidence.exchanges import End, Exchanges
from portbook.evidence.own import Own
from portbook.evidence.pace import Pace
from portbook.evidence.probe_ways import Datagrams, EndedError, Stream
from portbook.evidence.rounds import Rounds
from portbook.evidence.sent_log import SentLog
from portbook.ports import Transport
from portbook.protocols.questions import Asking, Line, Question, Verdict
from portbook.records import Reply

AT_ONCE = 32  # hosts
QUIET_S = 0.5  # after a greeting: it is over
MOST_ODD = 64  # messages of a host that do not answer, and are kept
MOST_FROM_ONE = 4  # answers of one endpoint to one question to all
MOST_ENDS = 4096  # endpoints whose answers to one question are kept


class Errand(msgspec.Struct, frozen=True):
    """One question to one address and port; own: where it leaves from."""

    question: Question
    asking: Asking
    own: Own = Own()

    @property
    def lines(self) -> tuple[Line, ...]:
        """Return all that it may send."""
        return self.question.said(self.asking)

    @property
    def peer(self) -> End:
        """Return whom it asks."""
        return End(self.asking.host, self.asking.port)


class _Tally:
    """What became of an errand so far."""

    def __init__(self) -> None:
        self.at_ns, self.began = time.time_ns(), time.monotonic()
        self.sent = self.sent_octets = self.answers = self.octets = self.odd = 0
        self.from_one: Counter[End] = Counter()

    def reply(self, errand: Errand, outcome: str, note: str | None) -> Reply:
        """Return the record of it: what was answered stays answered, whatever came then."""
        if self.answers and outcome not in ("answered", "left out"):
            outcome, note = "answered", f"then {outcome}" + (f": {note}" if note else "")
        question = errand.question
        return Reply(
            protocol=question.protocol or None,
            transport=question.transport,
            address=errand.asking.host,
            port=errand.asking.port,
            outcome=outcome,
            sent=self.sent,
            sent_octets=self.sent_octets,
            answers=self.answers,
            answer_octets=self.octets,
            at_ns=self.at_ns,
            seconds=round(time.monotonic() - self.began, 3),
            note=note,
        )


class Prober:
    """Asks. oddities: name -> how often, and where first; interrupted: Ctrl-C came."""

    def __init__(self, pace: Pace, log: SentLog, rounds: Rounds) -> None:
        self._pace, self._log, self._rounds = pace, log, rounds
        self.exchanges = Exchanges()
        self.oddities: dict[str, tuple[int, str]] = {}
        self.interrupted = False

    def run(
        self, errands: Sequence[Errand], told: Callable[[Reply], None] | None = None
    ) -> list[Reply]:
        """Run the errands, those to one host one after the other; return what became of each.

        told: is given each reply as it comes. At Ctrl-C what is left is "interrupted".
        Raises OSError when the log cannot be written: then nothing more is sent.
        """
        return asyncio.run(self._run(errands, told or (lambda reply: None)))

    async def _run(self, errands: Sequence[Errand], told: Callable[[Reply], None]) -> list[Reply]:
        replies: dict[int, Reply] = {}
        slots = asyncio.Semaphore(AT_ONCE)

        async def host(several: Iterable[tuple[int, Errand]]) -> None:
            async with slots:
                for at, errand in several:
                    replies[at] = await self._ask(errand)
                    told(replies[at])

        try:
            async with asyncio.TaskGroup() as group:
                for several in _by_host(errands):
                    group.create_task(host(several))
        except asyncio.CancelledError:
            self.interrupted = True
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None
        left = _Tally()
        return [
            replies.get(at) or left.reply(errand, "interrupted", None)
            for at, errand in enumerate(errands)
        ]

    async def _ask(self, errand: Errand) -> Reply:
        tally = _Tally()
        question, peer = errand.question, errand.peer
        once = "" if question.inside else f"{peer.host}:{peer.port}"
        if once and (wait_s := self._rounds.take(once, question.every_s, time.time_ns())):
            recent = f"it was asked not long ago; next in {wait_s / 60:.0f} min"
            return tally.reply(errand, "left out", recent)
        await self._pace.turn(peer.host)
        tally = _Tally()
        note: str | None = None
        try:
            outcome = await self._travel(errand, tally)
        except EndedError as ended:
            outcome, note = ended.outcome, ended.note
        reply = tally.reply(errand, outcome, note)
        self._write("end", errand, outcome=reply.outcome, came=reply.answer_octets)
        return reply

    async def _travel(self, errand: Errand, tally: _Tally) -> str:
        question, asking = errand.question, errand.asking
        if question.transport is Transport.TCP:
            async with Stream(errand.peer, errand.own, question.measure) as stream:
                self._write("connect", errand)
                await stream.connect(question.wait_s)
                self.exchanges.connected(stream.own, stream.peer, time.time_ns())
                if not errand.lines:
                    return await self._greeting(errand, stream, tally)
                try:
                    return await self._dialogue(errand, stream, tally)
                finally:
                    self._came(errand, stream, stream.peer, stream.rest(), tally)
        async with Datagrams(errand.peer, errand.own, broadcast=asking.broadcast) as datagrams:
            await datagrams.connect(question.wait_s)
            if asking.broadcast or question.gap_s is not None:
                return await self._round(errand, datagrams, tally)
            return await self._dialogue(errand, datagrams, tally)

    async def _dialogue(self, errand: Errand, way: Stream | Datagrams, tally: _Tally) -> str:
        """Say one line after the other, each when the one before was answered."""
        heard: list[tuple[bytes, ...]] = []
        for line in errand.lines:
            octets = line.ready(heard)
            if octets is None:
                heard.append(())
                continue
            if tally.sent:
                await self._pace.turn(errand.peer.host)
            await self._send(errand, way, line, octets, tally)
            if not line.answered:
                break
            heard.append(await self._answer(errand, way, line, octets, tally))
            if not heard[-1] and (line.vital or way.begun):
                break
        if tally.answers:
            return "answered"
        return "cut" if way.begun else "otherwise" if tally.odd else "silent"

    async def _answer(
        self, errand: Errand, way: Stream | Datagrams, line: Line, sent: bytes, tally: _Tally
    ) -> tuple[bytes, ...]:
        """Return the messages that answer a line, none when its time is over."""
        until = asyncio.get_running_loop().time() + errand.question.wait_s
        parts: list[bytes] = []
        while True:
            try:
                peer, octets = await way.receive(until)
            except TimeoutError:
                return ()
            if peer.host != way.peer.host.split("%", 1)[0]:
                self._odd(
                    "answer-from-elsewhere", f"{errand.peer.host} was asked, {peer.host} answers"
                )
                continue
            if tally.odd < MOST_ODD:
                self._came(errand, way, peer, octets, tally)
            verdict = line.verdict(sent, octets)
            if verdict is Verdict.OTHER:
                tally.odd += 1
                if isinstance(way, Stream):
                    raise EndedError("otherwise", "what came is no answer to the question")
                continue
            if len(parts) < MOST_ODD:
                parts.append(octets)
            if verdict is Verdict.ANSWER:
                tally.answers += 1
                return tuple(parts)

    async def _round(self, errand: Errand, way: Datagrams, tally: _Tally) -> str:
        """Send all lines a moment apart, and collect what comes until the time is over."""
        question = errand.question
        began = asyncio.get_running_loop().time()
        lines = errand.lines
        sent: list[tuple[Line, bytes]] = []
        for number, line in enumerate(lines):
            await self._gather(errand, way, sent, began + number * (question.gap_s or 0), tally)
            await self._send(errand, way, line, line.octets, tally)
            sent.append((line, line.octets))
        await self._gather(errand, way, sent, began + question.wait_s, tally)
        if tally.answers:
            return "answered"
        return "otherwise" if tally.odd else "silent"

    async def _gather(
        self,
        errand: Errand,
        way: Datagrams,
        sent: list[tuple[Line, bytes]],
        until: float,
        tally: _Tally,
    ) -> None:
        asking = errand.asking
        subnet = ip_network(f"{asking.own}/{asking.prefix}", strict=False) if asking.own else None
        while True:
            try:
                peer, octets = await way.receive(until)
            except TimeoutError:
                return
            except EndedError as ended:
                if asking.broadcast or ended.outcome != "refused":
                    raise
                continue  # of several ports of a host some have nobody behind them
            address = parse(peer.host)
            welcome = peer.host == asking.host or (asking.broadcast and address in (subnet or ()))
            if not welcome:
                self._odd("answer-from-elsewhere", f"{asking.host} was asked, {peer.host} answers")
                continue
            known = peer in tally.from_one or len(tally.from_one) < MOST_ENDS
            if not known or tally.from_one[peer] >= MOST_FROM_ONE:
                self._odd("answer-storm", f"{peer.host} answers one question again and again")
                continue
            tally.from_one[peer] += 1
            self._came(errand, way, peer, octets, tally)
            fits = any(one.verdict(said, octets) is Verdict.ANSWER for one, said in sent)
            tally.answers += fits
            tally.odd += not fits

    async def _greeting(self, errand: Errand, way: Stream, tally: _Tally) -> str:
        """Read what the server says by itself; send nothing."""
        clock = asyncio.get_running_loop().time
        until = clock() + errand.question.wait_s
        room = errand.question.most_read
        while room > 0:
            try:
                octets = await way.some(until, room)
            except TimeoutError:
                break
            if not octets:
                if not tally.octets:
                    raise EndedError("closed")
                break
            self._came(errand, way, way.peer, octets, tally)
            room -= len(octets)
            until = min(until, clock() + QUIET_S)
        return "greeted" if tally.octets else "open"

    async def _send(
        self, errand: Errand, way: Stream | Datagrams, line: Line, octets: bytes, tally: _Tally
    ) -> None:
        port = line.port or errand.peer.port
        own, now_ns = way.own, time.time_ns()
        self._write(
            "send",
            errand,
            port=port,
            own_address=own.host or None,
            own_port=own.port,
            octets=line.shown(octets),
            length=len(octets),
        )
        await way.send(octets, port)
        self._pace.left(errand.peer.host)
        tally.sent += 1
        tally.sent_octets += len(octets)
        self.exchanges.said(
            errand.question.transport,
            own,
            End(errand.peer.host, port),
            octets,
            now_ns,
            broadcast=errand.asking.broadcast,
        )

    def _came(
        self, errand: Errand, way: Stream | Datagrams, peer: End, octets: bytes, tally: _Tally
    ) -> None:
        if octets:
            tally.octets += len(octets)
            now_ns = time.time_ns()
            self.exchanges.heard(errand.question.transport, way.own, peer, octets, now_ns)

    def _odd(self, name: str, where: str) -> None:
        count, first = self.oddities.get(name, (0, where))
        self.oddities[name] = count + 1, first

    def _write(self, what: str, errand: Errand, **more: object) -> None:
        fields: dict[str, object] = {
            "question": errand.question.name,
            "transport": errand.question.transport.value,
            "address": errand.peer.host,
            "port": errand.peer.port,
        }
        self._log.write(what, time.time_ns(), **{**fields, **more})


def _by_host(errands: Sequence[Errand]) -> list[list[tuple[int, Errand]]]:
    """Group errands with their place, by host; those that need one own port are one group."""
    groups: dict[object, list[tuple[int, Errand]]] = {}
    for at, errand in enumerate(errands):
        groups.setdefault(errand.own.port or errand.asking.host, []).append((at, errand))
    return list(groups.values())
