"""`portbook watch` as a process, over a pair of virtual interfaces of the test's own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

if sys.platform != "linux":
    pytest.skip("listening live is Linux's so far", allow_module_level=True)

from support.veth import needs_veth, pair, run, send

from portbook.emulators import plant
from portbook.evidence.pcap_library import version

pytestmark = [pytest.mark.root, needs_veth]
FRAMES = [one.octets for one in plant.frames()]
TIMELESS = ("first", "last", "source", "seconds", "capture", "instances")
both_ways = pytest.mark.parametrize(
    "way",
    [
        "ring",
        pytest.param(
            "libpcap",
            marks=pytest.mark.skipif(version() is None, reason="libpcap is absent"),
        ),
    ],
)


@pytest.fixture(autouse=True)
def namespace() -> Iterator[None]:
    with pair():
        yield


@contextlib.contextmanager
def watching(*more: str) -> Iterator[subprocess.Popen[str]]:
    """Start `portbook watch right`; it listens when this returns."""
    command = [sys.executable, "-m", "portbook", "watch", "right", *more]
    environment = {**os.environ, "NO_COLOR": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            assert process.stderr
            assert "listening on right" in process.stderr.readline()
            yield process
        finally:
            process.kill()


def ended(process: subprocess.Popen[str]) -> tuple[list[dict[str, Any]], str]:
    """Return what is still to be told; not by communicate(), which forgets what was read ahead."""
    assert process.stdout
    assert process.stderr
    told, complaint = process.stdout.read(), process.stderr.read()
    process.wait(60)
    return [json.loads(line) for line in told.splitlines()], complaint


def read(path: Path) -> list[dict[str, Any]]:
    plant.write(path)
    told = subprocess.run(
        [sys.executable, "-m", "portbook", "read", "--no-book", "--jsonl", path],
        capture_output=True,
        check=True,
    ).stdout
    return [json.loads(line) for line in told.splitlines()]


def timeless(records: list[dict[str, Any]], *kinds: str) -> list[str]:
    """Return records without what differs by when they were heard: rhythm goes by real time."""
    kept = []
    for one in records:
        if one["kind"] in kinds:
            left = {key: value for key, value in one.items() if key not in TIMELESS}
            if "roles" in left:
                left["roles"] = [role for role in left["roles"] if "announcer" not in role]
            kept.append(json.dumps(left))
    return sorted(kept)


@both_ways
def test_what_is_watched_is_what_a_capture_of_it_tells(tmp_path: Path, way: str) -> None:
    many = str(len(FRAMES))
    with watching("--jsonl", "--no-book", "--packets", many, "--capture", way) as process:
        send(FRAMES)
        told, _ = ended(process)

    kinds = "service", "device", "finding", "oddity"
    # replayed at once, nothing has a rhythm: what rests on announcements stands only in the file
    every = read(tmp_path / "plant.pcap")
    expected = [one for one in every if "announced" not in str(one.get("because"))]
    assert timeless(expected, *kinds) == timeless(told, *kinds)
    (summary,) = [one for one in told if one["kind"] == "summary"]
    assert (0, len(FRAMES), 0) == (process.returncode, summary["packets"], summary["dropped"])


def test_a_signal_ends_it_in_good_order_with_everything_told() -> None:
    with watching("--jsonl", "--no-book") as process:
        send(FRAMES)
        assert process.stdout
        first = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGTERM)
        told, _ = ended(process)

    assert "service" == first["kind"]
    assert 0 == process.returncode
    assert len(FRAMES) == told[-1]["packets"]


@both_ways
def test_only_what_is_asked_for_comes_up_from_the_kernel(way: str) -> None:
    asked = "--port", "502,8502", "--packets", "10", "--capture", way
    with watching("--jsonl", "--no-book", *asked) as process:
        send(FRAMES)
        told, _ = ended(process)

    assert {502, 8502} == {one["port"] for one in told if one["kind"] == "service"}


def test_nothing_is_told_twice_and_what_changes_is_told_again() -> None:
    with watching("--jsonl", "--no-book") as process:
        assert process.stdout
        send(FRAMES)
        seen = [json.loads(process.stdout.readline())]
        send(FRAMES)
        process.send_signal(signal.SIGINT)
        told, _ = ended(process)

    services = [one for one in seen + told if one["kind"] == "service"]
    assert len({(one["address"], one["port"]) for one in services}) == len(services)


def test_the_book_is_kept(tmp_path: Path) -> None:
    book = tmp_path / "plant.book"
    with watching("--jsonl", "--book", str(book), "--packets", str(len(FRAMES))) as process:
        send(FRAMES)
        ended(process)

    told = subprocess.run(
        [sys.executable, "-m", "portbook", "book", "changes", "--since", "1h", "--jsonl"],
        capture_output=True,
        check=True,
        env={**os.environ, "PORTBOOK_BOOK": str(book)},
    ).stdout
    changes = [json.loads(line) for line in told.splitlines()]
    assert {"service", "device", "finding"} <= {one.get("of") for one in changes}


@both_ways
def test_an_interface_that_comes_back_is_followed(way: str) -> None:
    with watching("--jsonl", "--no-book", "--capture", way) as process:
        assert process.stdout
        run("ip", "link", "set", "right", "down")
        down = json.loads(process.stdout.readline())
        run("ip", "link", "set", "right", "up")
        back = json.loads(process.stdout.readline())
        send(FRAMES)
        first = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGTERM)
        _, complaint = ended(process)

    assert "went down" in down["message"]
    assert "is back" in back["message"]
    assert "service" == first["kind"]
    assert 0 == process.returncode
    assert "went down" in complaint


def test_an_interface_that_stays_away_ends_it_with_4_and_the_reason() -> None:
    with watching("--jsonl", "--no-book", "--for", "3s") as process:
        run("ip", "link", "delete", "right")
        _, complaint = ended(process)

    assert 4 == process.returncode
    assert "right: the interface went down" in complaint


@pytest.mark.skipif(version() is None, reason="libpcap is absent")
def test_an_interface_that_libpcap_may_not_open_again_ends_it_with_4_and_all_that_was_heard() -> (
    None
):
    with watching("--jsonl", "--no-book", "--capture", "libpcap") as process:
        send(FRAMES)
        assert process.stdout
        process.stdout.readline()
        run("ip", "link", "delete", "right")
        run("ip", "link", "add", "left", "type", "veth", "peer", "name", "right")
        for name in ("left", "right"):
            run("ip", "link", "set", name, "up")
        told, complaint = ended(process)

    assert 4 == process.returncode
    assert "listening needs the right to capture" in complaint
    assert ("summary", len(FRAMES)) == (told[-1]["kind"], told[-1]["packets"])


def test_people_get_a_line_for_each_new_thing_and_all_of_it_at_the_end() -> None:
    with watching("--no-book", "--packets", str(len(FRAMES))) as process:
        send(FRAMES)
        told, _ = process.communicate(timeout=60)

    assert "service 10.20.0.60:2001/tcp: optommp" in told
    assert "Announcements" not in told  # the replay takes no time: nothing in it has a rhythm
    assert f"{len(FRAMES)} packets, 20 conversations" in told


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("eth9",), 2, "no interface of that name; there are"),
        (("right", "--for", "soon"), 2, "not a duration"),
        (("right", "--capture", "air"), 2, "'air' is not one of"),
    ],
)
def test_what_cannot_be_is_refused_plainly(
    arguments: tuple[str, ...], code: int, words: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "portbook", "watch", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )

    assert code == done.returncode
    assert words in done.stderr
