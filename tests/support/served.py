"""The real `portbook serve`, as a process of its own on a free port of loopback."""

from __future__ import annotations

import http.client
import re
import selectors
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple
from urllib.parse import urlsplit

from support.program import environment

PATIENCE_S = 60.0  # for the start and for an answer, on a machine that does much else
END_S = 20.0
SERVE = (sys.executable, "-m", "portbook", "serve", "--listen", "127.0.0.1:0")


class Answer(NamedTuple):
    """What came back; names of headers are in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """Return the body as text."""
        return self.body.decode()


class Served(NamedTuple):
    """A server that answers."""

    home: str  # "http://127.0.0.1:41743"
    book: Path
    process: subprocess.Popen[bytes]
    log: Path  # what it says on standard error

    def ask(
        self, path: str, method: str = "GET", body: bytes | None = None, **headers: str
    ) -> Answer:
        """Send one request and return its answer; `content_type=` is the header content-type."""
        where = urlsplit(self.home)
        connection = http.client.HTTPConnection(where.hostname or "", where.port, PATIENCE_S)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, named)
            got = connection.getresponse()
            told = {name.lower(): value for name, value in got.getheaders()}
            return Answer(got.status, told, got.read())
        finally:
            connection.close()


@contextmanager
def served(
    folder: Path, *arguments: object, book: Path | None = None, **more: str
) -> Iterator[Served]:
    """Run `portbook serve ARGUMENTS` with folders of its own; end it by SIGTERM.

    folder: its home, where its book lies unless one is given; more: of its environment
    Fails when it does not begin, breaks in between, or does not end with 0.
    """
    folder.mkdir(parents=True, exist_ok=True)
    kept, log = book or folder / "book.sqlite", folder / "serve.log"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [*SERVE, "--book", str(kept), *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=environment(folder, **more),
            cwd=folder,
        )
    with process:
        assert process.stdout is not None
        try:
            line = _first_line(process.stdout)
            found = re.search(r"https?://[^ ]+", line)
            assert found, _failed(process, line, log)
            yield Served(found[0].rstrip("/"), kept, process, log)
            assert process.poll() is None, _failed(process, "it ended by itself", log)
        except BaseException:
            process.kill()
            raise
        process.send_signal(signal.SIGTERM)
        code = process.wait(END_S)
    said = log.read_text()
    assert (0, False) == (code, "Traceback" in said), f"portbook serve ended with {code}:\n{said}"


def _first_line(stream: IO[bytes]) -> str:
    with selectors.DefaultSelector() as waiting:
        waiting.register(stream, selectors.EVENT_READ)
        return stream.readline().decode() if waiting.select(PATIENCE_S) else ""


def _failed(process: subprocess.Popen[bytes], line: str, log: Path) -> str:
    return f"portbook serve does not serve ({process.poll()}): {line!r}\n{log.read_text()}"
