"""Several processes tell what one tells, and none of them is left."""

from __future__ import annotations

import gzip
import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest
from support import CAPTURES, needs_captures
from support.captured import ONE, THREE, TWO, Frame, demo, ordered, plant, read
from support.knowing import knowledge
from support.program import environment, portbook

from portbook.emulators.frames import pcap
from portbook.evidence.captures import Capture, find
from portbook.evidence.table import Counts
from portbook.faces import exports
from portbook.survey import crew, jobs, work
from portbook.survey.looking import End, Looked, Room
from portbook.survey.naming import key
from portbook.survey.story import Story

pytestmark = pytest.mark.alone  # a process with threads does not fork, and does it all itself
DEADLINE_S = 30
CONVERSATIONS = 629  # of what `busy` gives
VXLAN = b"\x08\0\0\0\0\0\7\0"


@pytest.fixture(autouse=True)
def nothing_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "SMALL", 0)


@pytest.fixture(autouse=True)
def no_process_is_left() -> Iterator[None]:
    yield
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def written(path: Path, octets: bytes, name: str = "own.pcap") -> Path:
    (path / name).write_bytes(octets)
    return path / name


def busy() -> bytes:
    """Return a capture with conversations enough for several shares, some within tunnels."""
    random = Random(7)
    more = [
        Frame(plant.START_NS + at, ONE.datagram(4000 + at % 300, TWO, 9 + at % 7, b"?" * (at % 50)))
        for at in range(400)
    ]
    carried = [
        Frame(plant.START_NS + at, ONE.datagram(6000 + at % 9, TWO, 4789, VXLAN + one.octets))
        for at, one in enumerate(more[:100])
    ]
    noise = [
        Frame(plant.START_NS + at, THREE.datagram(5000 + at, ONE, 53, random.randbytes(60)))
        for at in range(100)
    ]
    return pcap(ordered([*plant.frames(), *more, *carried, *noise]))


def looked(*names: Path, count: int = 1, **more: Any) -> list[Looked]:
    captures = find(map(str, names)).captures
    return crew.look_at_all(captures, knowledge().claims, jobs=count, **more)


def shown(story: Story) -> dict[str, list[dict[str, object]]]:
    """Return a story's JSON without the seconds that it took."""
    document = json.loads(exports.one_document(story.records()))
    document["summary"][0].pop("seconds")
    assert isinstance(document, dict)
    return document


@pytest.mark.parametrize("count", [2, 3, 5])
def test_shares_of_one_capture_tell_what_one_look_tells(count: int, tmp_path: Path) -> None:
    path = written(tmp_path, busy())

    assert looked(path) == looked(path, count=count)


def test_several_captures_are_told_in_their_order(tmp_path: Path) -> None:
    small, large = written(tmp_path, demo(), "a.pcap"), written(tmp_path, busy(), "b.pcap")
    alone = looked(small, large, small.parent / "b.pcap")

    assert alone == looked(small, large, count=2)
    assert [20, CONVERSATIONS] == [len(one.named) for one in alone]


def test_the_whole_story_is_the_same(tmp_path: Path) -> None:
    written(tmp_path, demo(), "a.pcap")
    written(tmp_path, busy(), "b.pcap")

    assert shown(read(tmp_path)) == shown(read(tmp_path, jobs=2))


@needs_captures
@pytest.mark.parametrize("pattern", ["[a-e]*", "f*", "i*", "[m-p]*", "malformed/*", "reftek/*"])
def test_each_real_capture_tells_the_same_in_shares(pattern: str) -> None:
    found = find([str(CAPTURES / pattern)]).captures
    assert found
    for one in found:
        (alone,) = crew.look_at_all([one], knowledge().claims)
        (shared,) = crew.look_at_all([one], knowledge().claims, jobs=2)
        assert alone == shared, one.name


@needs_captures
def test_the_real_captures_tell_the_same_together() -> None:
    assert shown(read(CAPTURES)) == shown(read(CAPTURES, jobs=2))


@pytest.mark.parametrize("limit", [2, 8, 50, 300])
def test_what_is_cut_for_lack_of_memory_adds_up(limit: int, tmp_path: Path) -> None:
    path = written(tmp_path, busy())
    (whole,), (cut,) = looked(path), looked(path, count=2, room=Room(limit=limit))

    assert cut.counts.closed > 0
    assert whole.counts == cut.counts._replace(closed=0)
    assert sums(whole) == sums(cut)
    order = list(dict.fromkeys(key(one.conversation) for one in cut.named))
    assert [key(one.conversation) for one in whole.named] == order
    for known in order:
        parts = [one.conversation.part for one in cut.named if key(one.conversation) == known]
        assert parts in ([None], list(range(1, len(parts) + 1)))


def sums(one: Looked) -> dict[object, tuple[int, int]]:
    """Return packets and octets of each conversation, its parts added up."""
    found: dict[object, tuple[int, int]] = {}
    for told in (each.conversation for each in one.named):
        packets, octets = found.get(key(told), (0, 0))
        found[key(told)] = packets + told.packets, octets + told.octets
    return found


def test_shares_hold_together_what_one_look_may_hold() -> None:
    given = work.Work([], 1, [], knowledge().claims, "local", Room(1000, 1 << 20, 400))

    assert Room(1000, 1 << 20, 400) == given.room_of(jobs.Task(0))
    assert Room(250, 1 << 20, 100) == given.room_of(jobs.Task(0, (3, 4)))


def test_what_is_damaged_is_told_once(tmp_path: Path) -> None:
    path, other = written(tmp_path, busy()[:-5]), written(tmp_path, b"no capture at all", "b.pcap")
    alone = looked(path, other, tmp_path / "gone.pcap")

    assert alone == looked(path, other, tmp_path / "gone.pcap", count=2)
    assert ["in the middle of a record" in str(one.problem) for one in alone] == [True, False]


def test_octets_of_all_shares_are_one_progress(tmp_path: Path) -> None:
    path = written(tmp_path, busy())
    told: list[tuple[str, int, int | None]] = []
    looked(path, count=3, progress=lambda *far: told.append(far))
    size = path.stat().st_size

    assert {str(path)} == {name for name, _, _ in told}
    assert {size} == {total for _, _, total in told}
    assert sorted(done for _, done, _ in told) == [done for _, done, _ in told]
    assert size == told[-1][1]


def test_several_captures_are_one_progress(tmp_path: Path) -> None:
    paths = [written(tmp_path, demo(), f"{number}.pcap") for number in range(3)]
    told: list[tuple[str, int, int | None]] = []
    looked(*paths, count=2, progress=lambda *far: told.append(far))

    assert ("3 captures", 3 * len(demo()), 3 * len(demo())) == told[-1]


def test_a_packed_capture_is_read_by_one_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, gzip.compress(busy()))
    monkeypatch.setattr(os, "fork", forbidden)

    assert CONVERSATIONS == len(looked(path, count=2)[0].named)


def test_little_is_read_without_a_start_of_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, busy())
    monkeypatch.setattr(jobs, "SMALL", len(busy()) + 1)
    monkeypatch.setattr(os, "fork", forbidden)

    assert CONVERSATIONS == len(looked(path, count=2)[0].named)


def test_beside_another_thread_nothing_is_forked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, done = written(tmp_path, busy()), threading.Event()
    monkeypatch.setattr(os, "fork", forbidden)
    other = threading.Thread(target=done.wait)
    other.start()
    try:
        assert CONVERSATIONS == len(looked(path, count=2)[0].named)
    finally:
        done.set()
        other.join()


def forbidden() -> int:
    raise AssertionError("a process was started")


@pytest.mark.parametrize("allowed", [0, 1])
def test_where_the_system_refuses_processes_the_rest_does_it(
    allowed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, fork, left = written(tmp_path, busy()), os.fork, [None] * allowed
    alone = looked(path)

    def refusing() -> int:
        if not left:
            raise OSError("no more processes")
        left.pop()
        return fork()

    monkeypatch.setattr(os, "fork", refusing)

    assert alone == looked(path, count=2)


Dying = Callable[[], End]


def killed() -> End:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def starved() -> End:
    raise MemoryError


def broken() -> End:
    raise LookupError("a fault of ours")


def dies(monkeypatch: pytest.MonkeyPatch, how: Dying, name: str, part: tuple[int, int]) -> None:
    """Let the worker that looks at one capture, or one share of it, come to an end."""
    true = work.stream

    def stream(capture: Capture, claims: object, take: object, *more: Any) -> End:
        if capture.name.endswith(name) and more[-1] == part:
            return how()
        return true(capture, claims, take, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(work, "stream", stream)


@pytest.mark.parametrize(("how", "why"), [(killed, "was killed"), (starved, "no more memory")])
def test_a_share_that_is_lost_is_told(
    how: Dying, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, busy())
    (alone,) = looked(path)
    dies(monkeypatch, how, "own.pcap", (0, 2))
    (one,) = looked(path, count=2)

    assert one.problem is not None
    for words in (str(path), why, "1 of 2 shares", "--jobs 1"):
        assert words in one.problem.message
    assert alone.counts == one.counts
    assert not one.nothing_read
    assert 0 < len(one.named) < len(alone.named)
    assert all(named in alone.named for named in one.named)


def test_a_lost_capture_leaves_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [written(tmp_path, demo(), f"{number}.pcap") for number in range(6)]
    alone = looked(*paths)
    dies(monkeypatch, killed, "2.pcap", (0, 1))
    found = looked(*paths, count=2)

    assert [one for at, one in enumerate(alone) if at != 2] == [
        one for at, one in enumerate(found) if at != 2
    ]
    assert found[2].problem is not None
    assert found[2].nothing_read
    assert "it is not told" in found[2].problem.message
    story = read(*paths, jobs=2)
    assert (6, 1) == (story.summary.sources, story.summary.failed_sources)


def test_when_all_workers_end_what_none_began_is_told_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [written(tmp_path, demo(), f"{number}.pcap") for number in range(3)]
    monkeypatch.setattr(work, "stream", lambda *_: killed())
    found = looked(*paths, count=2)

    assert [True] * 3 == [one.nothing_read for one in found]
    assert 1 == sum("was never begun" in str(one.problem) for one in found)
    assert Counts(0, 0, 0, 0, 0, 0) == found[0].counts


def test_a_fault_of_ours_is_not_hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, busy())
    dies(monkeypatch, broken, "own.pcap", (1, 2))

    with pytest.raises(RuntimeError, match=r"(?s)in stream.*LookupError: a fault of ours"):
        looked(path, count=2)


def test_an_interrupt_ends_all_of_them(tmp_path: Path) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        looked(written(tmp_path, busy()), count=2, progress=interrupted)


def test_as_many_jobs_as_processors_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(5)), raising=False)
    assert 5 == crew.processors()
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    assert crew.MOST_JOBS == crew.processors()


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a capture that is worth a second process by its size alone."""
    filler = pcap([Frame(plant.START_NS, ONE.datagram(7, TWO, 7, bytes(1400)))] * 25_000)
    return written(tmp_path_factory.mktemp("large"), busy() + filler[24:], "large.pcap")


def test_the_command_tells_the_same_however_many_jobs(large: Path, tmp_path: Path) -> None:
    runs = [portbook(tmp_path, "read", large, "--json", "--jobs", count) for count in (1, 2)]
    told = [json.loads(one.out) for one in runs]
    for one in told:
        one["summary"][0].pop("seconds")

    assert [(0, "")] * 2 == [(one.code, one.err) for one in runs]
    assert told[0] == told[1]


def test_a_number_of_jobs_that_cannot_be_is_refused(tmp_path: Path) -> None:
    assert 2 == portbook(tmp_path, "read", "x.pcap", "--jobs", "0").code


class Running:
    """`portbook read` at work with a pipe that nobody writes to, in a group of its own."""

    def __init__(self, large: Path, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "portbook", "read", "pipe", str(large), "--jobs", "2"],
            cwd=tmp_path,
            env=environment(tmp_path),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        # it opens once a worker has begun with it
        self.writer = os.open(tmp_path / "pipe", os.O_WRONLY)

    def workers(self) -> list[int]:
        pid = self.process.pid
        told = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
        return list(map(int, told.split()))

    def close(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()
        os.close(self.writer)


@pytest.fixture
def running(large: Path, tmp_path: Path) -> Iterator[Running]:
    one = Running(large, tmp_path)
    yield one
    one.close()


def gone(watched: list[int]) -> None:
    """Wait until processes have ended."""
    ready = select.poll()
    for one in watched:
        ready.register(one, select.POLLIN)
    for _ in watched:
        ((descriptor, _),) = ready.poll(DEADLINE_S * 1000)[:1]
        ready.unregister(descriptor)
        os.close(descriptor)


@pytest.mark.parametrize("whom", ["all", "parent"])
def test_an_interrupted_command_leaves_nothing(running: Running, whom: str) -> None:
    watched = list(map(os.pidfd_open, running.workers()))
    assert watched
    if whom == "all":  # as a terminal does
        os.killpg(running.process.pid, signal.SIGINT)
    else:
        os.kill(running.process.pid, signal.SIGINT)
    _, told = running.process.communicate(timeout=DEADLINE_S)

    assert (130, b"interrupted\n") == (running.process.returncode, told)
    gone(watched)


def test_a_killed_command_leaves_nothing(running: Running) -> None:
    watched = list(map(os.pidfd_open, running.workers()))
    assert watched
    running.process.kill()

    gone(watched)


def test_a_worker_that_is_killed_leaves_the_rest_told(running: Running, tmp_path: Path) -> None:
    """The one that waits for the pipe is killed; what the other one read is there."""
    (waiting,) = [one for one in running.workers() if opened(one, tmp_path / "pipe")]
    os.kill(waiting, signal.SIGKILL)
    out, told = running.process.communicate(timeout=DEADLINE_S)

    assert 3 == running.process.returncode
    assert b"portbook: pipe: a process that read it was killed" in told
    assert b"--jobs 1" in told
    assert b"modbus" in out


def opened(pid: int, path: Path) -> bool:
    links = Path(f"/proc/{pid}/fd").iterdir()
    return any(os.readlink(one) == str(path) for one in links)


def test_a_reader_that_goes_away_ends_it_quietly(large: Path, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "portbook", "read", str(large), "--jobs", "2", "--jsonl"],
        cwd=tmp_path,
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        assert running.stdout.readline().startswith(b'{"kind":"conversation"')
        running.stdout.close()
        assert b"" == running.stderr.read()

    assert 0 == running.returncode
