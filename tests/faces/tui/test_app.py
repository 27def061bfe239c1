"""The full screen as its reader drives it: keys, tables, pages, hostile names, all sizes."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pytest

pytest.importorskip("textual", reason="textual, the extra portbook[tui], is absent")

from rich.cells import cell_len
from support.captured import demo, told
from support.topped import Hand, Told, drive, story

from portbook.errors import UsageError
from portbook.faces.tui.arranging import PAGE, Rows, View
from portbook.faces.tui.news import Newsroom
from portbook.faces.tui.picture import Picture, Tab
from portbook.ports import Transport
from portbook.records import Device, Finding, Level, Service
from portbook.survey.story import Story

EVIL = "\x1b]0;owned\x07\x1b[2J\u202e[red]x[/red] [@click=app.quit]漢字漢字漢字"
SCREENS = Path(__file__).parent / "screens"
SIZES = ((80, 24), (120, 40))


@cache
def plant() -> Story:
    with TemporaryDirectory() as folder:
        return told(Path(folder), demo(), "plant.pcap")


def source() -> Told:
    newsroom = Newsroom()
    newsroom.tell([*plant().devices, *plant().findings], 1_767_600_330 * 10**9)
    return Told(plant(), newsroom.latest)


def services(count: int, **more: Any) -> tuple[Service, ...]:
    return tuple(
        Service(f"10.{at >> 16}.{at >> 8 & 255}.{at & 255}", 502, Transport.TCP, ("modbus",),
                (), 1, 1, 2, "eth1", **more)
        for at in range(1, count + 1)
    )  # fmt: skip


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("overview", "1"),
        ("services", "2"),
        ("devices", "3"),
        ("announcements", "4"),
        ("conversations", "5"),
        ("findings", "6"),
        ("listeners", "7"),
        ("help", "?"),
    ],
)
def test_screens_are_as_they_were_looked_at(name: str, keys: str, size: tuple[int, int]) -> None:
    """Compare with what stands in `screens`; PORTBOOK_NEW_SCREENS=1 writes it anew, to look at."""
    shown = []

    async def play(hand: Hand) -> None:
        await hand.press("question_mark" if keys == "?" else keys)
        shown.append(hand.screen() + "\n")

    drive(source(), play, size=size)
    path = SCREENS / f"{name}-{size[0]}x{size[1]}.txt"
    if os.environ.get("PORTBOOK_NEW_SCREENS"):
        path.write_text(shown[0])

    assert path.read_text() == shown[0]
    assert all(cell_len(line) <= size[0] for line in shown[0].splitlines())


def test_a_finding_opens_its_rule_and_a_key_leads_back() -> None:
    async def play(hand: Hand) -> None:
        await hand.press("6", "enter")
        page = hand.screen()
        assert "error PB301 controller-reachable" in page
        assert "What it rests on" in page
        assert "198.51.100.23 is a public address" in page
        await hand.press("pagedown")
        assert "Why it matters:" in hand.screen()
        await hand.press("escape")
        assert "7 Listen" in hand.screen()
        assert "Why it matters:" not in hand.screen()

    drive(source(), play)


def test_a_service_opens_who_claims_its_port_and_the_reasons() -> None:
    async def play(hand: Hand) -> None:
        await hand.press("2", "slash", *"modbus", "enter", "enter")
        page = hand.screen()
        assert "service 10.20.0.21:8502/tcp" in page
        assert "Reasons for" in page
        assert "Who claims 8502/tcp" in page
        assert "ftnmtp" in page

    drive(source(), play, size=(100, 60))


def test_a_filter_is_typed_kept_shown_and_taken_back() -> None:
    async def play(hand: Hand) -> None:
        await hand.press("2", "slash", *"host:10.20.0.11")
        assert "Services  2 of 10   by service   filter: host:10.20.0.11" in hand.screen()
        await hand.press("enter")
        assert "/ filter" in hand.screen()  # the keys are back
        await hand.press("5")
        assert "filter: host:10.20.0.11" in hand.screen()  # of all tabs
        await hand.press("slash", "escape")
        assert "filter:" not in hand.screen()
        assert "Conversations  20" in hand.screen()

    drive(source(), play, size=(100, 30))


def test_a_filter_that_cannot_be_says_why_and_stays_to_be_mended() -> None:
    async def play(hand: Hand) -> None:
        await hand.press("2", "slash", *"port:99999", "enter")
        assert "port must be 0 to 65535, got 99999" in hand.screen()
        await hand.press(*["backspace"] * 5, *"502", "enter")
        assert "Services  1 of 10" in hand.screen()

    drive(source(), play, size=(100, 30))


def test_a_filter_may_be_given_from_the_start() -> None:
    async def play(hand: Hand) -> None:
        await hand.press("2")
        assert "Services  1 of 10   by service   filter: port:1743/tcp" in hand.screen()

    drive(source(), play, size=(100, 30), words="port:1743/tcp")


def test_a_filter_that_nothing_fits_says_so() -> None:
    async def play(hand: Hand) -> None:
        await hand.press("2", "slash", *"xyz", "enter")
        assert "No row fits the filter" in hand.screen()

    drive(source(), play)


def test_s_goes_through_the_columns_and_r_turns_the_order() -> None:
    async def play(hand: Hand) -> None:
        await hand.press("5")
        octets = [line.split()[0] for line in hand.screen().splitlines()[5:9]]
        assert ["40,508", "6,816", "956", "900"] == octets  # the largest first
        await hand.press("r")
        assert "by octets, reversed" in hand.screen()
        assert hand.screen().splitlines()[5].split()[0] == "178"
        await hand.press("s", "s")
        assert "by server" in hand.screen()
        servers = [line.split()[2] for line in hand.screen().splitlines()[5:8]]
        assert ["10.20.0.1:53", "10.20.0.1:53", "10.20.0.1:53"] == servers

    drive(source(), play, size=(120, 40))


def test_the_cursor_stays_on_its_row_while_others_come_and_change_places() -> None:
    told = Told(story(services=services(50)))

    async def play(hand: Hand) -> None:
        await hand.press("2", *["s"] * 4)  # by clients, the most first
        listing = hand.app.listing("services")
        await hand.press(*["down"] * 30)
        under, line = listing.row.address, listing.at - listing.top
        busy = [
            msgspec.structs.replace(one, clients=int(one.address.split(".")[-1]))
            for one in services(90)
        ]
        told.tell(story(services=tuple(busy)))
        await hand.look()
        assert (under, line) == (listing.row.address, listing.at - listing.top)
        assert 30 != listing.at

    drive(told, play)


def test_at_the_top_the_cursor_stays_at_the_top() -> None:
    told = Told(story(services=services(50)[10:]))

    async def play(hand: Hand) -> None:
        await hand.press("2")
        told.tell(story(services=services(50)))
        await hand.look()
        assert "10.0.0.1" == hand.app.listing("services").row.address

    drive(told, play)


def test_a_row_that_went_leaves_the_cursor_where_it_was() -> None:
    told = Told(story(services=services(50)))

    async def play(hand: Hand) -> None:
        await hand.press("2", "end")
        listing = hand.app.listing("services")
        assert "10.0.0.50" == listing.row.address
        told.tell(story(services=services(20)))
        await hand.look()
        assert "10.0.0.20" == listing.row.address
        told.tell(story())
        await hand.look()
        assert listing.row is None
        assert "No services yet." in hand.screen()
        await hand.press("enter", "down", "pagedown", "home")

    drive(told, play)


def test_twenty_thousand_rows_make_no_more_lines_than_are_in_sight() -> None:
    told = Told(story(services=services(20_000)))

    async def play(hand: Hand) -> None:
        await hand.press("2", "end")
        listing = hand.app.listing("services")
        assert "10.0.78.32" == listing.row.address
        assert "20,000" in hand.screen()
        drawn: list[object] = []
        listing.refresh = lambda *regions, **more: drawn.extend(regions)  # type: ignore[assignment]
        await hand.look()
        assert [] == drawn  # nothing changed
        changed = [*services(20_000)]
        changed[-2] = msgspec.structs.replace(changed[-2], clients=7)
        told.tell(story(services=tuple(changed)))
        await hand.look()
        assert 1 == len(drawn)  # one line did
        await hand.press("pageup")
        assert len(drawn) <= 2 + 20

    drive(told, play)


def test_a_pause_stands_still_and_ends() -> None:
    told = Told(story(services=services(3)))

    async def play(hand: Hand) -> None:
        await hand.press("2", "p")
        assert "PAUSED" in hand.screen()
        told.tell(story(services=services(9)))
        await hand.look()
        assert "Services  3 " in hand.screen()
        await hand.press("p")
        await hand.look()
        assert "PAUSED" not in hand.screen()
        assert "Services  9 " in hand.screen()

    drive(told, play)


@pytest.mark.parametrize("size", [*SIZES, (20, 6), (1, 1), (300, 8)], ids=str)
def test_names_from_the_network_are_letters_and_nothing_else(size: tuple[int, int]) -> None:
    named = Device(
        "10.0.0.9", {"name": EVIL * 50, EVIL: EVIL}, (EVIL,), 1, 2, EVIL, site=EVIL, roles=(EVIL,)
    )
    found = Finding(EVIL, EVIL, Level.ERROR, EVIL, EVIL, EVIL, because=(EVIL,))
    newsroom = Newsroom()
    newsroom.tell([named, found], 1)
    told = Told(story(devices=(named,), findings=(found,)), newsroom.latest)

    async def play(hand: Hand) -> None:
        for keys in (["1"], ["3"], ["enter"], ["escape", "6"], ["enter"], ["escape", "1"]):
            await hand.press(*keys)
            shown = hand.screen()
            assert all(one.isprintable() for one in shown.replace("\n", ""))
            assert all(cell_len(line) <= size[0] for line in shown.splitlines())
            if size in SIZES:
                assert "[red]x[/red]" in shown or "\\u001b]0;owned" in shown

    drive(told, play, size=size)


def test_another_size_lays_everything_out_anew() -> None:
    async def play(hand: Hand) -> None:
        await hand.press("4")
        assert "▮▮▮▮▮▮▯" in hand.screen()
        assert "Announcements 2" not in hand.screen().splitlines()[1]
        await hand.resize(140, 40)
        assert "Announcements 2" in hand.screen().splitlines()[1]
        assert "6 of 6" in hand.screen()
        await hand.resize(40, 10)
        assert all(cell_len(line) <= 40 for line in hand.screen().splitlines())

    drive(source(), play)


def test_what_a_source_cannot_be_asked_is_said_above_the_table() -> None:
    class Refusing(Told):
        def rows(self, tab: Tab, view: View, picture: Picture) -> Rows:
            raise UsageError("the book is asked for one host at a time, not 2")

    async def play(hand: Hand) -> None:
        await hand.press("2")
        assert "the book is asked for one host at a time" in hand.screen()

    drive(Refusing(story()), play)


def test_more_is_fetched_when_the_end_of_what_is_there_comes_near() -> None:
    every = services(3 * PAGE)

    class Paged(Told):
        def rows(self, tab: Tab, view: View, picture: Picture) -> Rows:
            self.asked.append((tab.word, view))
            return Rows(every[: view.reach], len(every), more=view.reach < len(every))

    told = Paged(story())

    async def play(hand: Hand) -> None:
        await hand.press("2")
        assert "500+ of 1,500" in hand.screen()
        await hand.press("end")
        listing = hand.app.listing("services")
        assert 2 * PAGE == len(listing.rows.rows)
        assert PAGE - 1 == listing.at
        await hand.press("end")
        await hand.press("end")
        assert "10.0.5.220" == listing.row.address
        assert "+" not in hand.screen().splitlines()[3]

    drive(told, play)


def test_the_keys_that_lead_out_do_and_the_source_is_let_go() -> None:
    for key in ("q", "ctrl+c"):
        told = Told(story())

        async def play(hand: Hand, key: str = key) -> None:
            await hand.press(key)
            assert not hand.app.is_running

        app = drive(told, play)
        assert told.closed
        assert not app.return_code


def test_ctrl_c_leads_out_of_a_page_and_of_a_filter_too() -> None:
    for keys in (("question_mark", "ctrl+c"), ("slash", "1", "ctrl+c")):

        async def play(hand: Hand, keys: tuple[str, ...] = keys) -> None:
            await hand.press(*keys)
            assert not hand.app.is_running

        drive(Told(story()), play)


def test_a_source_that_is_over_ends_it() -> None:
    told = Told(story())
    told.picture = told.picture._replace(over=True)

    async def play(hand: Hand) -> None:
        await hand.until(lambda: not hand.app.is_running)

    drive(told, play)


def test_tab_goes_from_what_is_wrong_to_what_is_new() -> None:
    async def play(hand: Hand) -> None:
        assert hand.app.listing("wrong").has_focus
        await hand.press("tab", "end", "enter")
        assert "device 10.20.0.11" in hand.screen()  # the first that was told
        await hand.press("escape", "tab", "end", "enter")
        assert "note PB201" in hand.screen()

    drive(source(), play)
