"""A story on disk tells what the story in memory tells, page by page, whatever is asked."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.captured import demo, told
from support.knowing import NOW_NS

from portbook.book.cursors import Cursor, mark
from portbook.book.listings import Asked, Listed
from portbook.book.stories import Link, StoryFile, orders, removed
from portbook.book.story_tables import KINDS
from portbook.errors import SourceError, UsageError
from portbook.ports import PortRange, Transport
from portbook.records import Conversation, Finding, Level, Oddity, Problem, Summary
from portbook.survey.story import Story
from portbook.survey.wants import Wants

SUMMARY = Summary(packets=1, octets=2, conversations=3, seconds=0.5)


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Story:
    return told(tmp_path_factory.mktemp("plant"), demo(), "plant.pcap")


@pytest.fixture(scope="module")
def kept(plant: Story, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoryFile]:
    path = tmp_path_factory.mktemp("kept") / "plant.story"
    with StoryFile.create(path) as story:
        story.write(one for one in plant.records() if not isinstance(one, Summary))
        story.finish(plant.summary)
    with StoryFile.open(path) as story:
        yield story


@pytest.fixture
def story(tmp_path: Path) -> Iterator[StoryFile]:
    with StoryFile.create(tmp_path / "own.story") as made:
        yield made


def conversation(number: int = 1, **more: Any) -> Conversation:
    told = {
        "transport": Transport.UDP,
        "client": "10.0.0.5",
        "client_port": 40_000 + number % 20_000,
        "server": "10.0.0.9",
        "server_port": 502,
        "source": "own.pcap",
        "packets": 1,
        "octets": 100,
        "payload_octets": 40,
        "first_ns": NOW_NS + number,
        "last_ns": NOW_NS + number,
    }
    return Conversation(**{**told, **more})


def pages(story: StoryFile, kind: str, asked: Asked) -> list[Listed[Any]]:
    """Return all pages, forward; asserts that the way back tells the same."""
    found = [story.listed(kind, asked)]
    while found[-1].next:
        found.append(story.listed(kind, msgspec.structs.replace(asked, after=found[-1].next)))
    here = found[-1]
    for before in reversed(found[:-1]):
        assert here.previous
        here = story.listed(kind, msgspec.structs.replace(asked, after=here.previous))
        assert before.rows == here.rows
    assert here.previous is None or here is found[-1]
    return found


def every(story: StoryFile, kind: str, **asked: Any) -> list[Any]:
    found = pages(story, kind, Asked(**{"most": 1000, **asked}))
    return [one for page in found for one in page.rows]


def written(one: Any) -> bytes:
    """Return a record as it is written in JSON, which knows lists and no tuples."""
    return msgspec.json.encode(one, enc_hook=dict)


def alike(expected: Any, actual: Any) -> None:
    assert sorted(map(written, expected)) == sorted(map(written, actual))


def test_what_is_read_back_is_what_was_written(plant: Story, kept: StoryFile) -> None:
    for kind in KINDS:
        expected = [one for one in plant.records() if one.__struct_config__.tag == kind]
        alike(expected, every(kept, kind))
        assert all(type(one) is KINDS[kind].type for one in every(kept, kind))
        assert len(expected) == kept.counts()[kind]
    assert plant.summary == kept.summary()
    assert "done" == kept.state()


ORDERS = [(kind, order) for kind in KINDS for order in orders(kind)]


@pytest.mark.parametrize(("kind", "order"), ORDERS)
def test_pages_of_every_order_hold_every_row_once(kept: StoryFile, kind: str, order: str) -> None:
    up = [one for page in pages(kept, kind, Asked(order=order, most=3)) for one in page.rows]
    down = every(kept, kind, order=f"-{order}", most=4)

    alike(every(kept, kind), up)
    assert up == list(reversed(down))
    column = {"first": "first_ns", "last": "last_ns"}.get(order, order)
    values = [getattr(one, column, None) for one in up]
    if all(isinstance(one, int) for one in values):
        assert sorted(values) == values


SINGLE = {
    "conversation": Wants.conversation,
    "service": Wants.service,
    "announcement": Wants.announcement,
    "finding": Wants.finding,
}


@cache
def wanted() -> st.SearchStrategy[dict[str, Any]]:
    hosts = ("10.20.0.11", "10.20.0.0/24", "10.20.0.8/29", "::/0", "0.0.0.0/0", "192.0.2.7")
    spans = (PortRange(502, 502), PortRange(1740, 1743), PortRange(0, 1023), PortRange(9, 9))
    start = 1_790_000_000_000_000_000
    return st.fixed_dictionaries(
        {},
        optional={
            "host": st.sampled_from(hosts),
            "ports": st.lists(st.sampled_from(spans), min_size=1, max_size=2).map(tuple),
            "protocol": st.sampled_from(("modbus", "codesys-v3", "unknown", "http", "nothing")),
            "since_ns": st.integers(start - 10**15, start + 10**15),
            "until_ns": st.integers(start - 10**15, start + 10**15),
        },
    )


@pytest.mark.parametrize("kind", SINGLE)
@given(asked=wanted(), most=st.integers(1, 9), order=st.sampled_from(("", "-first", "protocol")))
def test_filters_leave_what_the_command_line_leaves(
    plant: Story, kept: StoryFile, kind: str, asked: dict[str, Any], most: int, order: str
) -> None:
    wants = Wants(
        hosts=(asked["host"],) if "host" in asked else (),
        ports=tuple((span, None) for span in asked.get("ports", ())),
        protocols=(asked["protocol"],) if "protocol" in asked else (),
        since_ns=asked.get("since_ns"),
        until_ns=asked.get("until_ns"),
    )
    records = [one for one in plant.records() if one.__struct_config__.tag == kind]
    expected = [one for one in records if SINGLE[kind](wants, one)]

    chosen = order if order.removeprefix("-") in orders(kind) else ""
    found = pages(kept, kind, Asked(**asked, order=chosen, most=most))

    alike(expected, [one for page in found for one in page.rows])
    assert {(len(expected), False)} == {(page.counted, page.more) for page in found}


def test_few_rows_are_gathered_and_many_walked_with_the_same_result(
    kept: StoryFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = [
        {"host": "10.20.0.11"},
        {"text": "modbus 10.20."},
        {"ports": (PortRange(502, 502),)},
        {"protocol": "modbus", "since_ns": 0},
    ]
    gathered = [every(kept, "conversation", **one, most=2) for one in asked]
    monkeypatch.setattr("portbook.book.story_ways.FEW", -1)
    monkeypatch.setattr("portbook.book.story_ways.FEW_SCANNED", -1)
    monkeypatch.setattr("portbook.book.story_asking.MOST_COUNTED", 3)
    walked = [
        [row for page in pages(kept, "conversation", Asked(**one, most=2)) for row in page.rows]
        for one in asked
    ]

    assert gathered == walked
    assert all(gathered)


def test_a_story_that_is_still_written_can_be_asked_without_its_indexes(
    plant: Story, tmp_path: Path
) -> None:
    with StoryFile.create(tmp_path / "half.story") as story, story_of(story) as other:
        assert "reading" == other.state()
        assert other.summary() is None
        before = other.data_version()
        story.write(plant.conversations)

        assert before != other.data_version()
        alike(plant.conversations, every(other, "conversation", text="", host="0.0.0.0/0"))
        alike(
            (one for one in plant.conversations if one.protocol == "modbus"),
            every(other, "conversation", protocol="modbus", order="first", most=2),
        )


def story_of(story: StoryFile) -> StoryFile:
    return StoryFile.open(story.path)


def test_every_word_of_a_search_must_be_met(story: StoryFile) -> None:
    told = [
        conversation(1, protocol="modbus", claims=("mbap",), facts={"vendor": "Škoda Plant-7"}),
        conversation(2, protocol="http", facts={"names": ["PLC-north.example.org"]}),
        conversation(3, client="10.1.0.7", server="fd00::7", protocol="modbus"),
    ]
    story.write(told)
    story.arrange()

    def found(text: str) -> list[int]:
        return sorted(one.client_port - 40_000 for one in every(story, "conversation", text=text))

    assert [1, 3] == found("modbus")
    assert [1] == found("MODBUS škoda")
    assert [1] == found("plant-7")
    assert [] == found("plant-8")
    assert [2] == found("plc north")
    assert [2] == found("plc-north.exam")
    assert [3] == found("fd00::7")
    assert [3] == found("10.1.")
    assert [3] == found("10.1.0.0/16 udp")
    assert [1, 2, 3] == found("502")
    assert [2] == found("40002")
    assert [] == found("modbus http")
    assert [1, 2, 3] == found("  ")
    assert [] == found('"modbus OR http"')
    assert [] == found("NEAR(modbus)")


def test_devices_are_met_by_any_address_and_by_the_ports_they_serve(
    plant: Story, kept: StoryFile
) -> None:
    one = next(one for one in plant.devices if one.address == "10.20.0.21")

    assert [one] == every(kept, "device", text=one.mac)
    assert one in every(kept, "device", host=one.address)
    assert one in every(kept, "device", ports=(PortRange(8502, 8502),))
    assert one in every(kept, "device", protocol="modbus")
    assert {one.address: one} == kept.devices([one.address, "192.0.2.77", "nonsense"])


def test_findings_are_asked_for_by_level(plant: Story, kept: StoryFile) -> None:
    expected = [one for one in plant.findings if one.level.rank >= Level.WARNING.rank]

    assert 0 < len(expected) < len(plant.findings)
    alike(expected, every(kept, "finding", level=Level.WARNING))
    ranks = [one.level.rank for one in every(kept, "finding")]
    assert sorted(ranks, reverse=True) == ranks


def test_the_same_conversation_is_told_anew_not_twice(story: StoryFile) -> None:
    story.arrange()
    story.write([conversation(1), conversation(2)])
    turned = conversation(
        1,
        client="10.0.0.9",
        client_port=502,
        server="10.0.0.5",
        server_port=40_001,
        protocol="modbus",
        packets=9,
        part=1,
    )
    story.write([turned, conversation(1, part=2), conversation(1, vlan=7)])

    found = every(story, "conversation", order="first")
    assert 4 == len(found)
    assert turned in found
    assert [turned] == every(story, "conversation", protocol="modbus")
    assert [turned] == every(story, "conversation", text="modbus")


def test_two_things_that_look_the_same_in_one_story_both_stay(story: StoryFile) -> None:
    one = Oddity("cut-frame", 1, "own.pcap, octet 24", source="own.pcap")
    other = msgspec.structs.replace(one, count=2)
    for _ in range(2):
        story.write([one, other])

    alike([one, other], every(story, "oddity"))


def test_hosts_that_speak_are_linked_by_what_they_say(story: StoryFile) -> None:
    story.write(
        [
            conversation(1, protocol="modbus", octets=10, part=1),
            conversation(1, protocol="modbus", octets=30, part=2),
            conversation(2, protocol="modbus", octets=5, server_port=8502),
            conversation(3, server="10.0.0.7"),
            conversation(4, client="10.9.0.1", server="fd00::1", octets=7),
        ]
    )
    fresh = story.links(Asked(), 2)
    story.link()
    ready = story.links(Asked(), 2)

    modbus = Link(
        "10.0.0.5", "10.0.0.9", Transport.UDP, None, "modbus", 2, 3, 45, NOW_NS + 1, NOW_NS + 2
    )
    assert fresh == ready
    assert 1 == ready.left_out
    assert [("10.0.0.7", 502, None, 100), ("10.0.0.9", None, "modbus", 45)] == [
        (one.server, one.server_port, one.protocol, one.octets) for one in ready.links
    ]
    assert modbus == ready.links[1]
    for asked in (
        Asked(protocol="modbus"),
        Asked(ports=(PortRange(8502, 8502), PortRange(502, 502)), protocol="modbus"),
        Asked(text="modbus"),
    ):
        assert (modbus,) == story.links(asked, 5).links
    assert (7,) == tuple(one.octets for one in story.links(Asked(host="fd00::/8"), 5).links)
    assert 2 == len(story.links(Asked(protocol="unknown", transport=Transport.UDP), 5).links)


def test_counts_follow_what_is_written(story: StoryFile) -> None:
    story.write([conversation(1)])
    story.finish(SUMMARY)
    assert 1 == story.counts()["conversation"]
    story.write([conversation(2)])

    assert {"conversation": 2, "service": 0} == {
        kind: story.counts()[kind] for kind in ("conversation", "service")
    }


def test_a_sum_of_absurd_counts_is_no_error(story: StoryFile) -> None:
    story.write([conversation(one, octets=2**80, packets=2**63) for one in range(3)])
    story.finish(SUMMARY)

    assert 2**63 - 1 == story.links(Asked(), 1).links[0].octets
    assert 2**80 == every(story, "conversation")[0].octets


def test_the_timeline_begins_with_who_missed_the_most(plant: Story, kept: StoryFile) -> None:
    found = kept.timeline(Asked())

    alike(plant.announcements, found.rows)
    missed = [one.expected - one.times for one in found.rows]
    assert sorted(missed, reverse=True) == missed
    assert all(one.beats_ns for one in found.rows)


def test_only_the_newest_stay_and_words_nobody_says_are_forgotten(story: StoryFile) -> None:
    story.arrange()
    story.write(conversation(one, facts={"name": f"host{one}.example"}) for one in range(30))

    assert 20 == story.keep_newest("conversation", 10)
    assert 0 == story.keep_newest("conversation", 10)

    assert list(range(20, 30)) == sorted(
        one.first_ns - NOW_NS for one in every(story, "conversation")
    )
    assert [] == every(story, "conversation", text="host3.example")
    assert 1 == len(every(story, "conversation", text="host23.example"))
    story.write([conversation(3, facts={"name": "host3.example"})])
    assert 1 == len(every(story, "conversation", text="host3.example"))
    labels = sqlite3.connect(story.path).execute("SELECT count(*) FROM label").fetchone()[0]
    assert 11 == labels


def test_what_holds_no_more_is_removed(story: StoryFile, plant: Story) -> None:
    story.write(plant.findings)
    story.keep_only("finding", plant.findings[1:])

    alike(plant.findings[1:], every(story, "finding"))
    assert [] == every(story, "finding", text=plant.findings[0].subject, host="0.0.0.0/0")[:0]


def test_names_that_are_no_text_are_kept_readable(story: StoryFile) -> None:
    hostile = "bad\udcff\0name'; DROP TABLE conversation; --.pcap"
    told = Finding("PB999", "x", Level.NOTE, hostile, hostile, "", parameters={"name": hostile})
    story.write([conversation(1, source=hostile), told, Problem(hostile, hostile)])
    story.finish(SUMMARY)

    (found,) = every(story, "conversation")
    assert found.source.startswith("bad\\udcff\0name'")
    assert [found] == every(story, "conversation", source=found.source)
    assert 1 == len(every(story, "finding", text="drop table"))
    assert 1 == story.counts()["error"]


DAMAGED = [
    "",
    "x",
    "%%%",
    "a" * 5000,
    mark(Cursor("service", "-octets", 1, 1)),
    mark(Cursor("conversation", "octets", 1, 1)),
    mark(Cursor("conversation", "-octets", "text", 1)),
    mark(Cursor("conversation", "-octets", 2**80, 1)),
]


@pytest.mark.parametrize("after", DAMAGED)
def test_a_mark_that_was_not_given_is_refused(kept: StoryFile, after: str) -> None:
    with pytest.raises(UsageError, match="first page"):
        kept.listed("conversation", Asked(after=after))


def test_a_mark_with_another_address_in_it_is_refused(kept: StoryFile) -> None:
    after = mark(Cursor("conversation", "client", "no hex", 1))

    with pytest.raises(UsageError, match="first page"):
        kept.listed("conversation", Asked(order="client", after=after))


@pytest.mark.parametrize(
    ("kind", "asked"),
    [
        ("nothing", {}),
        ("conversation", {"order": "id; DROP TABLE conversation"}),
        ("conversation", {"most": 0}),
        ("conversation", {"most": 1001}),
        ("conversation", {"host": "10.0.0.0/99"}),
        ("conversation", {"host": "\x00"}),
        ("conversation", {"text": "a b c d e f g h i"}),
        ("conversation", {"text": "a" * 65}),
        ("conversation", {"text": "\ud800"}),
        ("service", {"protocol": "\ud800"}),
        ("conversation", {"ports": (PortRange(1, 2),) * 65}),
    ],
)
def test_what_cannot_be_asked_is_refused(kept: StoryFile, kind: str, asked: Any) -> None:
    with pytest.raises(UsageError):
        kept.listed(kind, Asked(**asked))


def test_an_address_without_a_letter_is_searched_for(story: StoryFile) -> None:
    told = [conversation(1, server="::", protocol="modbus"), conversation(2, server="fd00::7")]
    story.write(told)
    story.arrange()

    assert [told[0]] == every(story, "conversation", text="::")
    assert [told[0]] == every(story, "conversation", text=":: modbus")


@given(text=st.text(max_size=40))
def test_no_search_does_anything_but_search(kept: StoryFile, text: str) -> None:
    try:
        found = kept.listed("conversation", Asked(text=text))
    except UsageError:
        return
    assert 0 <= len(found.rows) <= found.counted


def test_a_page_whose_rows_went_leads_back(story: StoryFile) -> None:
    story.arrange()
    story.write(conversation(one, octets=one) for one in range(4))
    first = story.listed("conversation", Asked(most=3))
    story.keep_newest("conversation", 0)
    gone = story.listed("conversation", Asked(most=3, after=first.next))
    story.write([conversation(9, octets=9)])
    back = story.listed("conversation", Asked(most=3, after=gone.previous))

    assert ((), None) == (gone.rows, gone.next)
    assert [9] == [one.octets for one in back.rows]


def test_only_records_of_a_story_are_taken(story: StoryFile) -> None:
    with pytest.raises(UsageError, match="no room"):
        story.write([SUMMARY])
    with pytest.raises(TypeError):
        story.write([conversation(1), conversation(2, packets="many")])

    story.write([conversation(3)])
    assert 1 == len(every(story, "conversation"))


def test_a_story_tells_how_far_it_came(story: StoryFile) -> None:
    story.fail("the child was killed\ud800")
    with story_of(story) as other:
        assert "failed: the child was killed\\ud800" == other.state()
        with pytest.raises(UsageError, match="reading only"):
            other.write([conversation(1)])
    story.tell(SUMMARY)
    assert SUMMARY == story.summary()


def test_only_its_owner_may_read_it(story: StoryFile) -> None:
    assert 0o600 == Path(story.path).stat().st_mode & 0o777
    with pytest.raises(SourceError):
        StoryFile.create(story.path)
    removed(story.path)
    with pytest.raises(SourceError, match="no story there"):
        StoryFile.open(story.path)


def test_other_files_are_no_stories(tmp_path: Path) -> None:
    other = tmp_path / "other.sqlite"
    sqlite3.connect(other).execute("CREATE TABLE conversation (id INTEGER)").connection.close()
    with pytest.raises(SourceError, match="not a story"):
        StoryFile.open(other)
    other.write_bytes(b"\xd4\xc3\xb2\xa1" * 100)
    with pytest.raises(SourceError, match="damaged"):
        StoryFile.open(other)
    with pytest.raises(SourceError):
        StoryFile.open(tmp_path)


def test_a_newer_story_is_refused(story: StoryFile) -> None:
    connection = sqlite3.connect(story.path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()

    with pytest.raises(SourceError, match="schema 99"):
        StoryFile.open(story.path)


def test_a_damaged_file_raises_nothing_else(kept: StoryFile, tmp_path: Path) -> None:
    whole = Path(kept.path).read_bytes()
    chance = random.Random(7)
    refused = 0
    for number in range(60):
        path = tmp_path / f"{number}.story"
        octets = bytearray(whole)
        for _ in range(chance.choice((1, 20, 2000))):
            octets[chance.randrange(100, len(octets))] = chance.randrange(256)
        path.write_bytes(octets[: chance.choice((len(octets), chance.randrange(len(octets))))])
        refused += not readable(path)
    assert refused > 20


def readable(path: Path) -> bool:
    """Ask a story for everything; False: it said that it is damaged."""
    try:
        with StoryFile.open(path) as story:
            for kind in KINDS:
                story.listed(kind, Asked(text="modbus", host="10.0.0.0/8"))
                story.listed(kind, Asked(most=1000))
            story.links(Asked(), 10)
            story.devices(["10.20.0.11"])
            story.summary()
    except SourceError:
        return False
    return True
