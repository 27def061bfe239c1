"""What captures come to in short is what they come to at length: nothing judged is lost."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from support import CAPTURES, field, needs_captures
from support.captured import demo
from support.field import rows
from support.knowing import NOW_NS, knowledge
from support.program import portbook

from portbook.emulators.frames import Host, TcpTalk, pcap
from portbook.evidence import readers
from portbook.evidence.folding import Short, short
from portbook.records import Conversation
from portbook.survey import jobs, reckoning, summing, traffic
from portbook.survey.looking import Room
from portbook.survey.story import Story

SECOND = 1_000_000_000
SERVER = Host("10.0.0.5", "02:00:00:00:00:05")
READ = bytes.fromhex("000100000006010300000001")
TELL = bytes.fromhex("000100000005010302002a")
SHORTLY = (
    "transport", "client", "client_port", "server", "server_port", "site", "source", "vlan",
    "tunnel", "packets", "octets", "payload_octets", "first", "last", "protocol", "confidence",
)  # fmt: skip


def polls(count: int, clients: int = 2, *, answer: bytes = TELL, asks: int = 1) -> bytes:
    """Return a capture in which clients open a connection again and again to read a register."""
    frames = []
    for number in range(count):
        which = number % clients
        client = Host(f"10.0.0.{10 + which}", f"02:00:00:00:00:{10 + which:02x}")
        start_ns = 1_700_000_000 * SECOND + number * SECOND
        talk = TcpTalk(client, 30000 + number, SERVER, 502, start_ns=start_ns)
        for _ in range(asks):
            talk = talk.to_server(READ).to_client(answer)
        frames += talk.close()
    return pcap(frames)


def both(path: Path) -> tuple[Story, Story]:
    whole = traffic.read([str(path)], knowledge(), now_ns=NOW_NS)
    return whole, reckoning.reckon([str(path)], knowledge(), now_ns=NOW_NS)


def totals(story: Story) -> Counter[object]:
    """Return conversations, packets and octets by name, of a whole story or of a short one."""
    found: Counter[object] = Counter()
    for one in story.totals or story.conversations:
        known = one.protocol, one.confidence
        count = 1 if isinstance(one, Conversation) else one.conversations
        for name, number in (
            ("conversations", count),
            ("packets", one.packets),
            ("octets", one.octets),
            ("payload", one.payload_octets),
        ):
            found[*known, name] += number
    return found


def agree(whole: Story, brief: Story) -> None:
    assert totals(whole) == totals(brief)
    assert sorted(map(repr, whole.findings)) == sorted(map(repr, brief.findings))
    assert whole.announcements == brief.announcements
    assert sorted(map(repr, whole.services)) == sorted(map(repr, brief.services))
    assert whole.oddities == brief.oddities
    assert whole.problems == brief.problems
    names = ("packets", "octets", "conversations", "named", "no_ports", "oddities", "sources")
    assert [getattr(whole.summary, name) for name in names] == [
        getattr(brief.summary, name) for name in names
    ]


def test_the_demo_comes_to_the_same_in_short(tmp_path: Path) -> None:
    path = tmp_path / "demo.pcapng"
    path.write_bytes(demo())
    agree(*both(path))


@needs_captures
@pytest.mark.parametrize("name", rows())
def test_every_real_capture_comes_to_the_same_in_short(name: str) -> None:
    path = CAPTURES / name
    brief = reckoning.reckon([str(path)], knowledge(), now_ns=NOW_NS)
    agree(field.story(name), brief)


def test_conversations_that_differ_in_the_clients_port_alone_are_judged_together(
    tmp_path: Path,
) -> None:
    path = tmp_path / "polls.pcap"
    path.write_bytes(polls(100))
    whole, brief = both(path)

    agree(whole, brief)
    (total,) = brief.totals
    assert ("modbus", 100) == (total.protocol, total.conversations)
    (service,) = brief.services
    assert (100, 2) == (service.conversations, service.clients)


def test_an_odd_conversation_among_ordinary_ones_is_named_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "odd.pcap"
    path.write_bytes(polls(20, answer=TELL[:-1]))  # its length lies: no mould, and some doubt
    agree(*both(path))


def test_what_finds_no_room_still_counts_and_is_said_to_be_left_out(tmp_path: Path) -> None:
    path = tmp_path / "polls.pcap"
    path.write_bytes(polls(60, clients=30))
    story = reckoning.reckon([str(path)], knowledge(), now_ns=NOW_NS, room=Room(most=10))

    (total,) = story.totals
    assert (60, 60) == (total.conversations, story.summary.conversations)
    assert 40 == story.summary.left_out
    assert story.summary.left_out > 0


def test_a_small_table_counts_parts_and_says_how_many(tmp_path: Path) -> None:
    path = tmp_path / "polls.pcap"
    path.write_bytes(polls(60, clients=30))
    story = reckoning.reckon([str(path)], knowledge(), now_ns=NOW_NS, room=Room(limit=8))

    (total,) = story.totals
    assert (60, "modbus") == (total.conversations, total.protocol)
    assert 0 < story.summary.closed_early < 60


def test_every_conversation_is_told_in_a_short_line(tmp_path: Path) -> None:
    path = tmp_path / "demo.pcapng"
    path.write_bytes(demo())
    told: list[Short] = []
    reckoning.reckon(
        [str(path)], knowledge(), now_ns=NOW_NS, tell=lambda source, some: told.extend(some)
    )
    whole = traffic.read([str(path)], knowledge(), now_ns=NOW_NS)

    assert sorted(map(repr, map(short, whole.conversations))) == sorted(map(repr, told))


def test_short_lines_hold_what_long_ones_do(tmp_path: Path) -> None:
    path = tmp_path / 'a "quoted" name.pcap'
    path.write_bytes(polls(30))
    whole = portbook(tmp_path, "read", path, "--jsonl").lines("conversation")
    brief = portbook(tmp_path, "read", path, "--jsonl", "--brief").lines("conversation")

    wanted = [{name: one[name] for name in SHORTLY} for one in whole]
    assert sorted(map(json.dumps, wanted)) == sorted(
        json.dumps({name: one[name] for name in SHORTLY}) for one in brief
    )
    assert {"kind", *SHORTLY} == set(brief[0])


def test_a_summary_holds_totals_and_findings_and_no_conversation(tmp_path: Path) -> None:
    path = tmp_path / "polls.pcap"
    path.write_bytes(polls(30))
    lines = portbook(tmp_path, "read", path, "--summary", "--jsonl").lines()

    assert {"total", "summary"} <= {one["kind"] for one in lines}
    assert not {"conversation", "service", "device"} & {one["kind"] for one in lines}
    assert "modbus" in portbook(tmp_path, "read", path, "--summary").out


@pytest.mark.parametrize(
    "words", [("--summary", "--port", "502"), ("--brief",), ("--summary", "--conversations")]
)
def test_words_that_exclude_one_another_are_a_usage_error(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    path = tmp_path / "polls.pcap"
    path.write_bytes(polls(2))
    assert 2 == portbook(tmp_path, "read", path, *words).code


def test_ordinary_conversations_never_reach_a_recogniser(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not readers.COMPILED:
        pytest.skip("the compiled modules are not built: every conversation takes the long way")
    path = tmp_path / "polls.pcap"
    path.write_bytes(polls(30))

    def never(*_: object, **__: object) -> None:
        raise AssertionError("a conversation went the long way")

    monkeypatch.setattr("portbook.survey.naming._identify", never)
    story = reckoning.reckon([str(path)], knowledge(), now_ns=NOW_NS)
    assert ["modbus"] == [one.protocol for one in story.totals]


@pytest.mark.alone
@pytest.mark.parametrize("count", [2, 3])
def test_several_processes_come_to_the_same(
    count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "SMALL", 0)
    paths = [tmp_path / "demo.pcapng", tmp_path / "polls.pcap"]
    paths[0].write_bytes(demo())
    paths[1].write_bytes(polls(300, clients=7))
    alone, shared = (
        reckoning.reckon([str(one) for one in paths], knowledge(), now_ns=NOW_NS, jobs=number)
        for number in (1, count)
    )

    agree(alone, shared)
    assert alone.totals == shared.totals


def test_short_lines_come_from_one_process(tmp_path: Path) -> None:
    path = tmp_path / "polls.pcap"
    path.write_bytes(polls(30))
    told: list[Short] = []
    story = reckoning.reckon(
        [str(path)],
        knowledge(),
        now_ns=NOW_NS,
        jobs=2,
        tell=lambda source, some: told.extend(some),
    )

    assert 30 == len(told) == story.summary.conversations


def test_conversations_are_let_go_of_early_and_come_to_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both ways of it: when longer heads become many, and when conversations do."""
    compiled = pytest.importorskip(
        "portbook.evidence.compiled", reason="the compiled modules are not built"
    )
    path = tmp_path / "polls.pcap"
    path.write_bytes(polls(40, asks=30))  # more than the first octets that everyone has
    whole = traffic.read([str(path)], knowledge(), now_ns=NOW_NS)
    settled: list[int] = []
    real = compiled.Table.settle

    def settle(table: Any, folding: Any) -> None:
        before = table._stores.blocks
        real(table, folding)
        settled.append(before - table._stores.blocks)

    monkeypatch.setattr(compiled.Table, "settle", settle)
    for crowd, swept in ((1, 1 << 16), (1 << 16, 1)):
        settled.clear()
        monkeypatch.setattr(compiled, "CROWD", crowd)
        monkeypatch.setattr(summing, "SWEPT", swept)
        brief = reckoning.reckon([str(path)], knowledge(), now_ns=NOW_NS)

        assert sum(settled) >= 40
        agree(whole, brief)
