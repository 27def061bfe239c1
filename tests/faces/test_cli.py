"""The program as a whole: its words, its exit codes, how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from support.program import environment, portbook

from portbook.emulators import plant
from portbook.faces.cli import program as cli
from portbook.faces.cli.lazy import Commands

COMMANDS = CliRunner().invoke(cli.portbook, ["--help"]).output


def all_commands() -> list[list[str]]:
    """Return the words of every command and subcommand."""
    group = cli.portbook
    assert isinstance(group, Commands)
    found: list[list[str]] = []
    context = cli.click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        found.append([name])
        if isinstance(command, cli.click.Group):
            found += [[name, below] for below in command.commands]
    return found


@pytest.mark.parametrize("words", all_commands(), ids=" ".join)
def test_every_command_teaches(words: list[str]) -> None:
    result = CliRunner().invoke(cli.portbook, [*words, "--help"])

    assert 0 == result.exit_code
    assert "Usage:" in result.output
    taught = result.output.split("Options:")[0].split("\n", 1)[1]  # all below "Usage:"
    assert f"  portbook {' '.join(words)}" in taught  # an example first


@pytest.mark.parametrize("words", all_commands(), ids=" ".join)
def test_every_command_stands_in_the_docs(words: list[str]) -> None:
    docs = Path(__file__).parents[2] / "docs" / "cli.md"
    assert f"`portbook {' '.join(words)}" in docs.read_text()


def test_a_port_page_loads_nothing_heavy(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "portbook", "1743"],
        env=environment(tmp_path),
        capture_output=True,
        check=True,
        cwd=tmp_path,
    )
    loaded = {line.rsplit(b"|", 1)[-1].strip() for line in ended.stderr.splitlines()}
    heavy = {b"numpy", b"litestar", b"rich", b"textual", b"psutil", b"sqlite3", b"tomlkit"}

    assert b"portbook.claims.registry" in loaded
    assert set() == heavy & loaded


@pytest.mark.parametrize("heard", ["1743", "1743/udp", "1740-1743"])
def test_a_bare_number_is_a_port_page(tmp_path: Path, heard: str) -> None:
    ended = portbook(tmp_path, heard)

    assert 0 == ended.code
    assert "CODESYS V3" in ended.out
    assert "sudo ss -" in ended.out


def test_the_page_of_1743_names_all_four_with_their_sources(tmp_path: Path) -> None:
    claims = portbook(tmp_path, "1743", "--jsonl").lines("claim")
    told = {(one["claimant"], one["claim"]) for one in claims}

    assert {
        ("cinegrfx-lm", "assigned"),
        ("CODESYS V3", "unofficial"),
        ("Unitrends", "unofficial"),
        ("KDE Connect", "unofficial"),
    } <= told
    assert all(one["source"]["title"] for one in claims)


def test_a_page_in_json_has_the_commands_for_that_very_number(tmp_path: Path) -> None:
    page = json.loads(portbook(tmp_path, "2543/udp", "--json").out)["port"][0]

    assert ["tcpdump -n udp port 2543"] == page["how_to_watch"]
    assert ["Get-NetUDPEndpoint -LocalPort 2543"] == page["how_to_check"]["windows"]
    assert ("user", "registered") == (page["band"], page["alias"])


def test_a_name_finds_its_ports(tmp_path: Path) -> None:
    ended = portbook(tmp_path, "port", "modbus", "--jsonl")

    assert 502 in {one["first"] for one in ended.lines("claim")}
    assert 1 == portbook(tmp_path, "port", "no-such-thing-anywhere").code


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["raed"], "did you mean `portbook read`"),
        (["99999"], "0 to 65535"),
        (["1743/icmp"], "not a transport"),
        (["read"], "CAPTURES"),
        (["read", "x.pcap", "--host", "nonsense"], "not an address or prefix"),
        (["read", "x.pcap", "--since", "yesterday"], "not a time"),
        (["read", "x.pcap", "--json", "--jsonl"], "exclude each other"),
        (["rule", "PB999"], "no rule"),
        (["0-65535"], "at most 16 pages"),
    ],
)
def test_a_wrong_call_leaves_with_2_and_says_what_is_right(
    tmp_path: Path, words: list[str], said: str
) -> None:
    ended = portbook(tmp_path, *words)

    assert (2, "") == (ended.code, ended.out)
    assert said in ended.err
    assert "Traceback" not in ended.err


def test_a_rule_is_its_docstring(tmp_path: Path) -> None:
    ended = portbook(tmp_path, "rule", "pb301")

    assert 0 == ended.code
    assert "Why it matters:" in ended.out


def test_completion_completes_commands(tmp_path: Path) -> None:
    script = portbook(tmp_path, "completion", "bash")
    words = portbook(
        tmp_path, _PORTBOOK_COMPLETE="bash_complete", COMP_WORDS="portbook re", COMP_CWORD="1"
    )

    assert "_portbook_completion" in script.out
    assert {"plain,read", "plain,registry"} <= set(words.out.split())


def test_the_reader_of_our_output_may_go_away(tmp_path: Path) -> None:
    capture = tmp_path / "plant.pcap"
    plant.write(capture)
    reading, writing = os.pipe()
    os.close(reading)
    ended = subprocess.run(
        [sys.executable, "-m", "portbook", "read", str(capture), "--jsonl"],
        stdout=writing,
        stderr=subprocess.PIPE,
        env=environment(tmp_path),
        check=False,
    )
    os.close(writing)

    assert (0, b"") == (ended.returncode, ended.stderr)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_said_and_leaves_with_4(tmp_path: Path) -> None:
    with open("/dev/full", "wb") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "portbook", "1743", "--jsonl"],
            stdout=full,
            stderr=subprocess.PIPE,
            env=environment(tmp_path),
            check=False,
        )

    assert 4 == ended.returncode
    assert b"No space left" in ended.stderr
    assert b"Traceback" not in ended.stderr


def test_ctrl_c_leaves_with_130_and_no_traceback(tmp_path: Path) -> None:
    fifo = tmp_path / "endless"
    os.mkfifo(fifo)
    running = subprocess.Popen(
        [sys.executable, "-m", "portbook", "read", str(fifo)],
        stderr=subprocess.PIPE,
        env=environment(tmp_path),
    )
    with open(fifo, "wb") as end:  # opens only when portbook has opened the other end
        end.write(plant.capture()[:4096])
        end.flush()
        running.send_signal(signal.SIGINT)
        _, err = running.communicate(timeout=30)

    assert 130 == running.returncode
    assert b"Traceback" not in err
