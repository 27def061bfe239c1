"""What a child may use: the bounds hold, and it ends with its parent."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from portbook.book.stories import StoryFile
from portbook.faces.web.children import bounds

posix = pytest.mark.skipif(os.name != "posix", reason="setrlimit(2) is of Unix systems")
linux = pytest.mark.skipif(sys.platform != "linux", reason="prctl(2) is Linux's")
READING = "portbook.faces.web.children.reading"


def run(code: str, limits: bounds.Bounds) -> subprocess.CompletedProcess[str]:
    """Run code in a child that has confined itself."""
    head = (
        "from portbook.faces.web.children.bounds import Bounds, confine\n"
        f"confine(Bounds(memory={limits.memory}, file={limits.file}, seconds={limits.seconds}))\n"
    )
    return subprocess.run(
        [sys.executable, "-c", head + code],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


@linux
def test_memory_is_bounded() -> None:
    done = run("print(len(bytearray(400 << 20)))", bounds.Bounds(memory=300 << 20))

    assert "MemoryError" in done.stderr
    assert "" == done.stdout


@posix
def test_a_file_is_bounded(tmp_path: Path) -> None:
    code = f"open({str(tmp_path / 'x')!r}, 'wb').write(bytes(1 << 20))"
    done = run(code, bounds.Bounds(file=1 << 16))

    assert "File too large" in done.stderr
    assert 1 << 16 == (tmp_path / "x").stat().st_size


@posix
def test_the_time_of_the_processor_is_bounded() -> None:
    done = run("while True: pass", bounds.Bounds(seconds=1))

    assert -signal.SIGXCPU == done.returncode


@linux
def test_no_new_rights_can_be_had() -> None:
    code = "print([l for l in open('/proc/self/status') if l.startswith('NoNewPrivs')])"

    assert "NoNewPrivs:\\t1" in run(code, bounds.Bounds()).stdout


@posix
def test_bounds_that_somebody_set_already_are_not_widened() -> None:
    code = (
        "import resource\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (500, 1000))\n"
        "from portbook.faces.web.children.bounds import Bounds, confine\n"
        "confine(Bounds())\n"
        "print(resource.getrlimit(resource.RLIMIT_FSIZE))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "(1000, 1000)\n" == done.stdout


SERVER = """
import asyncio, sys
from pathlib import Path
from portbook.faces.web.shelf import Shelf

async def serve():
    shelf = Shelf(Path(sys.argv[1]), captures=[Path(sys.argv[2])])
    def tell(story, what):
        if shelf.told(story).step:
            print("at work", flush=True)
    async with shelf.running(tell):
        await asyncio.Event().wait()

asyncio.run(serve())
"""


@posix
def test_children_do_not_outlive_a_server_that_is_killed(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "endless.pcap")
    command = [sys.executable, "-c", SERVER, tmp_path / "stories", tmp_path / "endless.pcap"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        assert "at work\n" == server.stdout.readline()
        (child,) = psutil.Process(server.pid).children()
        server.kill()
        gone, alive = psutil.wait_procs([child], timeout=30)

    assert ([child], []) == (gone, alive)


@posix
def test_a_child_ends_when_its_standard_input_does(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "endless.pcap")
    StoryFile.create(tmp_path / "x.story").close()
    command = [sys.executable, "-m", READING, "--name=x", tmp_path / "endless.pcap"]
    with subprocess.Popen(
        [*command, tmp_path / "x.story"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout
        assert child.stdin
        assert "reading" == json.loads(child.stdout.readline())["step"]
        child.stdin.close()

        assert bounds.ORPHAN == child.wait(30)
