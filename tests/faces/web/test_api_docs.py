"""docs/api.md tells of what there is, no more and no less, and its examples run."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.guarded import TOKEN
from support.served import Served, served

from portbook.faces.web import api as package
from portbook.faces.web.api.describing import document
from portbook.faces.web.api.events import EVENTS
from portbook.faces.web.api.operations import ROOT
from portbook.faces.web.api.words import filters
from portbook.faces.web.app import _found
from portbook.faces.web.hub import REMEMBERED, WAITING

PAGE = (Path(__file__).parents[3] / "docs" / "api.md").read_text()
OPERATIONS = [one.opt["operation"] for one in _found(package)]
EXAMPLES = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
# As the text stands, but that an answer of 400 and above is a failure.
CHECKED = 'set -eu\ncurl() { command curl --fail-with-body --silent --show-error "$@"; }\n'

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="the examples need curl")


@pytest.fixture(scope="module")
def shown(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("shown")
    copied = Path(shutil.copy(filled, folder / "book.sqlite"))
    shutil.copy(filled.parent / "plant.pcap", folder)
    with served(folder, book=copied) as running:
        yield running


@pytest.fixture(scope="module")
def closed(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("closed")
    shutil.copy(filled.parent / "plant.pcap", folder)
    (folder / "token").write_text(f"{TOKEN}\n")
    (folder / "token").chmod(0o600)
    with served(folder, "--token-file", folder / "token") as running:
        yield running


def rows(heading: str) -> list[str]:
    """Return the rows of the tables below a heading."""
    part = re.split(r"^#+ ", PAGE.partition(f"# {heading}\n")[2], flags=re.MULTILINE)[0]
    return re.findall(r"^\| (?!.*---)(.*) \|$", part, re.MULTILINE)


def test_every_operation_is_told() -> None:
    told = {
        (match[1], ROOT + match[2])
        for row in rows("What can be asked")
        if (match := re.match(r"([A-Z]+) \| `([^`]+)`", row))
    }

    assert {(one.method, one.path) for one in OPERATIONS} == told


def test_every_filter_is_told() -> None:
    words = filters("finding", book=True, story=True, level=True).__struct_fields__
    told = [word for row in rows("Lists") for word in re.findall(r"`(\w+)`", row.split(" | ")[0])]

    assert sorted(words) == sorted(told)


def test_every_event_is_told() -> None:
    told = [match[1] for row in rows("Events") if (match := re.match(r"`(\w+)`", row))]

    assert list(EVENTS) == told
    assert f"last {REMEMBERED} events" in PAGE.replace("\n", " ")
    assert f"more than {WAITING} events" in PAGE.replace("\n", " ")


def test_every_problem_is_told() -> None:
    components = document(OPERATIONS)["components"]["responses"]
    described = {name.removeprefix("Problem") for name in components} - {"", "Unchanged"}
    told = {word for row in rows("Problems") for word in re.findall(r"\d{3}", row.split(" | ")[0])}

    assert described <= told
    assert told - described == {"405", "414"}  # of the path and the address, not of an operation


def test_every_metric_is_told(shown: Served) -> None:
    told = {
        name
        for row in rows("Metrics")
        for name in re.findall(r"`(portbook_\w+)", row.split(" | ")[0])
    }
    found = set(re.findall(r"^# TYPE (\w+)", shown.ask("/metrics").text, re.MULTILINE))

    assert found | {"portbook_receiver_reachable", "portbook_stations"} == told


@needs_curl
@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_an_example_runs(example: str, shown: Served, closed: Served) -> None:
    server = closed if "Authorization" in example else shown
    for written in ("http://127.0.0.1:8743", "https://plant.example"):
        example = example.replace(written, server.home)
    done = subprocess.run(
        ["bash", "-c", CHECKED + example],
        cwd=server.book.parent,
        capture_output=True,
        timeout=60,
        check=False,
    )

    # 23: whoever read its output had enough
    complaints = [line for line in done.stderr.splitlines() if b"(23)" not in line]
    assert (0, []) == (done.returncode, complaints), done
    assert done.stdout


def test_without_a_token_nothing_is_told(closed: Served) -> None:
    for path in ("/api/v1/status", "/api/v1/openapi.json", "/metrics", "/api/v1/events"):
        answer = closed.ask(path)

        assert 401 == answer.status
        assert answer.headers["www-authenticate"].startswith("Bearer")
