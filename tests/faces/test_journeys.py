"""What people do with the program, from their first word to the answer."""

from __future__ import annotations

import json
import socket
from contextlib import closing
from pathlib import Path

import pytest
from support.program import portbook

from portbook.emulators import plant
from portbook.emulators.frames import Frame, Host, TcpTalk, pcap
from portbook.records import Level

SUBJECT = "tcp 10.20.0.11:11740"
EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202egpj.exe [bold red]x[/] :smile:".encode()


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    path = tmp_path / "plant.pcap"
    plant.write(path)
    return path


@pytest.mark.parametrize("level", [*Level])
def test_every_level_may_fail_a_run(tmp_path: Path, capture: Path, level: Level) -> None:
    assert 1 == portbook(tmp_path, "read", capture, "--fail-on", level.value).code
    assert 0 == portbook(tmp_path, "read", capture, "--fail-on", "never").code


def test_a_claim_of_the_site_answers_the_finding_that_asked_for_it(
    tmp_path: Path, capture: Path
) -> None:
    before = portbook(tmp_path, "audit", capture, "--jsonl").lines("finding")
    (advice,) = [
        one["advice"]
        for one in before
        if (one["code"], one["subject"]) == ("PB101", "tcp 10.20.0.21:8502")
    ]
    assert "portbook claim add 8502/tcp NAME --protocol modbus" in advice

    portbook(tmp_path, "claim", "add", "8502/tcp", "boiler gateway", "--protocol", "modbus")
    after = portbook(tmp_path, "audit", capture, "--jsonl").lines("finding")

    assert {"tcp 10.20.0.21:8502"} == {one["subject"] for one in before} - {
        one["subject"] for one in after
    }
    assert "boiler gateway" in portbook(tmp_path, "8502").out


def test_an_accepted_finding_leaves_the_exit_code_until_it_is_refused(
    tmp_path: Path, capture: Path
) -> None:
    named = ("PB301", SUBJECT)
    assert 1 == portbook(tmp_path, "audit", capture).code

    portbook(tmp_path, "finding", "accept", *named, "--until", "2099-01-01", "--reason", "a VPN")
    told = portbook(tmp_path, "audit", capture)
    listed = json.loads(portbook(tmp_path, "finding", "list", "--json").out)

    assert (0, True) == (told.code, "1 finding accepted" in told.out)
    assert [(*named, "a VPN")] == [
        (one["code"], one["subject"], one["reason"]) for one in listed["acceptance"]
    ]
    assert 0 == portbook(tmp_path, "finding", "refuse", *named).code
    assert 1 == portbook(tmp_path, "audit", capture).code


def test_refusing_or_pruning_begins_no_book(tmp_path: Path) -> None:
    assert 1 == portbook(tmp_path, "finding", "refuse", "PB301", SUBJECT).code
    pruned = portbook(tmp_path, "book", "prune", "--keep", "90d")

    assert (4, True) == (pruned.code, "portbook book create" in pruned.err)
    assert 4 == portbook(tmp_path, "book", "show").code


def test_the_book_tells_what_came_and_what_went(tmp_path: Path) -> None:
    portbook(tmp_path, "book", "create")
    with closing(socket.create_server(("127.0.0.1", 0))) as door:
        port = door.getsockname()[1]
        portbook(tmp_path, "here")
        seen = portbook(tmp_path, "port", port, "--jsonl").lines("seen")
        portbook(tmp_path, "here")
    portbook(tmp_path, "here")
    told = portbook(tmp_path, "book", "changes", "--since", "1h", "--jsonl").lines("change")

    assert [f"tcp 127.0.0.1:{port}"] == [one["subject"] for one in seen]
    assert ["new", "gone"] == [
        one["what"] for one in told if one["subject"] == f"tcp 127.0.0.1:{port}"
    ]


def test_one_document_holds_a_range_of_pages(tmp_path: Path) -> None:
    told = json.loads(portbook(tmp_path, "1740-1743", "--json").out)

    assert [1740, 1741, 1742, 1743] == [one["port"] for one in told["port"]]


def test_a_page_of_a_port_in_use_names_its_holder(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as door:
        told = portbook(tmp_path, door.getsockname()[1])

    assert "reaches loopback: " in told.out
    assert "nothing holds it" not in told.out


def test_the_dynamic_band_and_port_0_are_said_to_be_what_they_are(tmp_path: Path) -> None:
    assert "IANA assigns none of these numbers" in portbook(tmp_path, "65535").out
    assert "sport = :0" not in portbook(tmp_path, "0").out


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_a_free_port_can_be_asked_for_one_transport(tmp_path: Path, transport: str) -> None:
    words = ("next", "--policy", "opto22", "--transport", transport, "--count", 1, "--jsonl")
    (found,) = portbook(tmp_path, "plan", *words).lines("plan")

    assert (22004, transport) == (found["port"], found["transport"])


def test_a_plan_tells_the_same_claim_once_and_writes_it_as_a_claim(tmp_path: Path) -> None:
    words = ("plan", "check", "22004", "--policy", "opto22", "--not-here")
    lines = portbook(tmp_path, *words).out.splitlines()
    (answer,) = portbook(tmp_path, *words, "--jsonl").lines("plan")
    claims = [one["claim"] for one in answer["reasons"] if one["claim"]]

    assert len(lines) == len(set(lines))
    assert any("optohost004" in line and "2023-03-13" in line for line in lines)
    assert all({"first", "last", "source"} <= claim.keys() for claim in claims)


@pytest.mark.parametrize(
    ("octets", "said"),
    [
        (b"", "the file is empty"),
        (b"hello\n", "no column"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"<registry", "XML"),
    ],
)
def test_a_bad_registry_file_is_refused_and_the_old_one_stays(
    tmp_path: Path, octets: bytes, said: str
) -> None:
    bad = tmp_path / "bad"
    bad.write_bytes(octets)
    ended = portbook(tmp_path, "registry", "update", bad)

    assert 4 == ended.code
    assert said in ended.err
    assert "the table in use was kept" in ended.err
    assert "14459" in portbook(tmp_path, "registry", "show").out


def test_a_server_that_is_not_there_is_said_and_the_old_table_stays(tmp_path: Path) -> None:
    with closing(socket.socket()) as unheard:
        unheard.bind(("127.0.0.1", 0))  # bound only: whoever connects is refused
        url = f"http://127.0.0.1:{unheard.getsockname()[1]}/registry.csv"
        ended = portbook(tmp_path, "registry", "update", url)

    assert 4 == ended.code
    assert "the table in use was kept. Without a network" in ended.err


@pytest.mark.parametrize("words", [["read", "--conversations"], ["audit"]])
def test_no_name_in_a_capture_steers_the_terminal(tmp_path: Path, words: list[str]) -> None:
    asker, server = Host("10.0.0.1", "02:00:00:00:00:01"), Host("10.0.0.2", "02:00:00:00:00:02")
    web = TcpTalk(asker, 50000, server, 502)
    web.to_server(b"GET / HTTP/1.1\r\nHost: " + EVIL + b"\r\n\r\n")
    web.to_client(b"HTTP/1.1 200 OK\r\nServer: " + EVIL + b"A" * 10_000 + b"\r\n\r\n")
    mail = TcpTalk(asker, 50001, server, 25)
    mail.to_client(b"220 " + EVIL + b" ESMTP\r\n").to_server(b"EHLO " + EVIL + b"\r\n")
    frames: list[Frame] = [*web.close(), *mail.close()]
    capture = tmp_path / "odd \x1b[31m \u202e name.pcap"
    capture.write_bytes(pcap(frames))
    told = portbook(tmp_path, *words, capture)
    failed = portbook(tmp_path, "read", f"{capture}.none")

    for text in (told.out, failed.err):
        assert text
        assert not {"\x1b", "\x07", "\x9b", "\u202e"}.intersection(text)


def test_a_terminal_that_lacks_letters_is_no_fault(tmp_path: Path) -> None:
    portbook(tmp_path, "claim", "add", "8502/tcp", "Kotel č. 1")
    told = portbook(tmp_path, "8502", PYTHONIOENCODING="latin-1")

    assert 0 == told.code
    assert "Kotel \\u010d. 1" in told.out


def test_sockets_can_be_asked_for_place_only(tmp_path: Path) -> None:
    ended = portbook(tmp_path, "here", "--protocol", "modbus")

    assert 2 == ended.code
    assert "No such option" in ended.err


def test_a_socket_at_every_address_is_met_at_each(tmp_path: Path) -> None:
    with closing(socket.create_server(("0.0.0.0", 0))) as door:
        port = door.getsockname()[1]
        words = ("here", "--host", "10.9.8.7", "--port", port, "--jsonl")
        found = portbook(tmp_path, *words).lines("listener")

    assert [port] == [one["port"] for one in found]
