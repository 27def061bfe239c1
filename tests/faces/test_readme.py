"""The README shows what the program prints, and its commands are those that CI runs."""

from __future__ import annotations

import re
from pathlib import Path

from support.program import portbook

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
SHOWN = re.compile(r"<!-- demo: begin.*?-->\n```text\n(.*?)```\n<!-- demo: end -->", re.DOTALL)
TAKEN = re.compile(r" in [\d.]+ (s|min[ \d s]*)$", re.MULTILINE)


def test_the_readme_shows_what_demo_prints(tmp_path: Path) -> None:
    shown = SHOWN.search(README)
    ended = portbook(tmp_path, "demo")

    assert 0 == ended.code
    assert shown
    assert shown[1] == TAKEN.sub(" in 0.02 s", ended.out)


def test_the_second_command_is_the_one_that_ci_calls() -> None:
    commands = re.findall(r"```sh\n(.*?)\n```", README, re.DOTALL)
    run = (ROOT / ".ci" / "run").read_text()

    assert [
        "scripts/setup && .venv/bin/portbook demo",
        "scripts/setup --dev && .venv/bin/pytest",
    ] == (commands)
    assert "scripts/setup --dev" in run
    assert '"$bin/pytest"' in run
    assert "bin=.venv/bin" in run


def test_every_page_that_the_readme_names_is_there() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
