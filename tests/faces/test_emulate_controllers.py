"""`portbook emulate codesys|...|plant` as people run it: in a process, until they stop it."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.program import environment, portbook

from portbook.emulators.controllers import KINDS
from portbook.faces.cli.emulate_controllers import EXAMPLES, TITLES


@contextmanager
def emulating(
    home: Path, *words: str
) -> Iterator[tuple[subprocess.Popen[str], list[dict[str, Any]]]]:
    """Run `portbook emulate WORDS --jsonl`; give it with where its stand-ins stand."""
    many = len(KINDS) if words[0] == "plant" and "--only" not in words else 1
    command = [sys.executable, "-m", "portbook", "emulate", *words, "--jsonl"]
    with subprocess.Popen(
        command,
        env=environment(home),
        cwd=home,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as program:
        assert program.stdout
        try:
            yield program, [json.loads(program.stdout.readline()) for _ in range(many)]
        finally:
            program.kill()


def place(listens: list[str], transport: str) -> tuple[str, int]:
    text = next(one for one in listens if one.startswith(transport))
    host, _, port = text.split(" ")[1].rpartition(":")
    return host, int(port)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_says_where_it_stands_answers_and_tells_what_it_was_asked(
    tmp_path: Path, number: signal.Signals
) -> None:
    words = ("--listen", "127.0.0.1:0", "--vendor", "Example", "--product", "EX-1")
    with emulating(tmp_path, "modbus", *words, "--version", "2.0") as (program, (where,)):
        with socket.create_connection(place(where["listens"], "tcp"), timeout=20) as one:
            one.sendall(bytes.fromhex("000100000005012b0e0100"))
            told = one.recv(256)
        program.send_signal(number)
        out, err = program.communicate(timeout=20)

    assert b"\0\7Example\1\4EX-1\2\0032.0" == told[14:]
    (record,) = [json.loads(line) for line in out.splitlines()]
    assert ("standin", "modbus", 1) == (
        record["kind"],
        record["protocol"],
        record["asked"]["read device identification"],
    )
    assert 0 == program.returncode
    assert f"Modbus/TCP server listens on {where['listens'][0]}\n" == err


def test_a_plant_is_one_of_each_on_addresses_in_a_row(tmp_path: Path) -> None:
    words = ("plant", "--ports", "any", "--name", "hall")
    with emulating(tmp_path, *words) as (program, places):
        program.send_signal(signal.SIGTERM)
        program.communicate(timeout=20)

    assert [*KINDS] == [one["protocol"] for one in places]
    firsts = [one["listens"][0].split(" ")[1].rpartition(":")[0] for one in places]
    assert [f"127.0.0.{number}" for number in range(11, 21)] == firsts
    assert [f"hall-{kind}" for kind in KINDS] == [one["name"] for one in places]


def test_what_a_table_and_a_document_tell(tmp_path: Path) -> None:
    words = ("emulate", "plant", "--ports", "any", "--only", "ftp", "--for", "0.05")

    assert "nothing was asked\n" == portbook(tmp_path, *words).out
    told = json.loads(portbook(tmp_path, *words, "--json").out)
    assert [("ftp", {})] == [(one["protocol"], one["asked"]) for one in told["standin"]]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("modbus", "--listen", "10.0.0.5"), 2, "say it again: --yes 10.0.0.5"),
        (("modbus", "--listen", "127.0.0.1:x"), 2, "write HOST:PORT"),
        (("codesys", "--version", "3.5"), 2, "a CODESYS version is 4 numbers"),
        (("codesys", "--announce-to", "192.0.2.1", "--listen", "127.0.0.1:0"), 2, "is outside"),
        (("codesys", "--announce-to", "me", "--listen", "127.0.0.1:0"), 2, "an IPv4 address"),
        (("optommp", "--version", "9.5"), 2, "an Opto 22 version is written"),
        (("optommp", "--mac", "00:a0"), 2, "a MAC address is six octets"),
        (("optommp", "--listen", "::1"), 2, "it needs IPv4"),
        (("enip", "--vendor", "Acme"), 2, "by name there are"),
        (("enip", "--serial", "x"), 2, "a CIP serial number is a number"),
        (("s7", "--version", "1"), 2, "an S7 version is 3 numbers"),
        (("snmp", "--community", "é" * 300), 2, "a community has at most"),
        (("bacnet", "--instance", "4194303"), 2, "a BACnet device instance"),
        (("unitrends", "--data-port", "0"), 2, "a data port is 1 to 65535"),
        (("ftp", "--name", "a\x07b"), 2, "printable"),
        (("modbus", "--fault", "grumpy"), 2, "there are silent"),
        (("modbus", "--fault", "times=0"), 2, "1 to 10000 times"),
        (("modbus", "--fault", "late=-1"), 2, "late"),
        (("modbus", "--fault", "stranger=192.0.2.1"), 2, "beyond"),
        (("plant", "--from", "10.0.0.1"), 2, "loopback addresses in a row"),
        (("plant", "--from", "127.255.255.250"), 2, "loopback addresses in a row"),
        (("plant", "--only", "toaster"), 2, "no stand-in for 'toaster'"),
    ],
)
def test_what_cannot_be_is_refused_with_what_to_do(
    tmp_path: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    ended = portbook(tmp_path, "emulate", *words, "--for", "0")

    assert (code, "") == (ended.code, ended.out)
    assert said in ended.err
    assert "Traceback" not in ended.err


def test_a_port_that_is_taken_ends_with_4(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = portbook(tmp_path, "emulate", "modbus", "--listen", f"127.0.0.1:{port}")

    assert 4 == ended.code
    assert "it is taken; choose another, or any: --listen 127.0.0.1:0" in ended.err


def test_a_text_that_a_protocol_has_no_place_for_is_told_of(tmp_path: Path) -> None:
    ended = portbook(
        tmp_path, "emulate", "optommp", "--serial", "7", "--listen", "127.0.0.1:0", "--for", "0"
    )

    assert 0 == ended.code
    assert "its protocol has no place for --serial" in ended.err


@pytest.mark.parametrize("kind", [*TITLES])
def test_every_example_of_the_help_runs(tmp_path: Path, kind: str) -> None:
    import shlex

    words = shlex.split(EXAMPLES[kind])
    if "--listen" in words:  # ports of the examples may be taken here, or not ours
        at = words.index("--listen")
        words[at : at + 2] = []
    words += ["--listen", "127.0.0.1:0", "--for", "0"]

    assert 0 == portbook(tmp_path, "emulate", kind, *words).code
    assert EXAMPLES[kind] in portbook(tmp_path, "emulate", kind, "--help").out
