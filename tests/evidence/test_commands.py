"""Command lines are shown without the secrets on them."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.evidence.commands import without_secrets
from portbook.evidence.listeners import listeners


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["mysqld", "--password=hunter2"], "mysqld --password=***"),
        (["client", "--password", "hunter2", "--port", "502"], "client --password *** --port 502"),
        (["client", "-passwd", "hunter2"], "client -passwd ***"),
        (["run", "DB_PASSWORD=hunter2", "x"], "run DB_PASSWORD=*** x"),
        (["snmpd", "--community=hunter2"], "snmpd --community=***"),
        (["agent", "--api-key:hunter2"], "agent --api-key:***"),
        (["get", "https://me:hunter2@10.0.0.1/x"], "get https://me:***@10.0.0.1/x"),
        (["sshd", "-p", "22"], "sshd -p 22"),
        (
            ["python3", "-m", "http.server", "--bind", "0.0.0.0"],
            "python3 -m http.server --bind 0.0.0.0",
        ),
        (["tool", "--no-password", "--verbose"], "tool --no-password --verbose"),
        ([""], ""),
    ],
)
def test_a_telling_option_hides_its_value(words: list[str], shown: str) -> None:
    assert shown == without_secrets(words)


@given(st.lists(st.text(max_size=40), max_size=8))
def test_any_words_can_be_shown(words: list[str]) -> None:
    assert isinstance(without_secrets(words), str)


@pytest.mark.parametrize("way", [None, "psutil"])
def test_a_real_process_is_listed_without_its_password(way: str | None) -> None:
    script = "import sys; sys.stdin.read()"
    with socket.create_server(("127.0.0.1", 0)) as held:
        number = held.getsockname()[1]
        with subprocess.Popen(
            [sys.executable, "-c", script, "--password", "hunter2"],
            stdin=subprocess.PIPE,
            pass_fds=[held.fileno()],
        ) as child:
            found = listeners(number, way=way, now_ns=0).listeners
            child.communicate()

    (owner,) = [one for record in found for one in record.owners if one.pid == child.pid] or [None]
    if way is None:
        assert owner is not None
    if owner is not None:
        assert owner.command is not None
        assert owner.command.endswith("--password ***")
        assert "hunter2" not in owner.command
