"""What pages of stations show: states in words, lists page by page, drawings."""

from __future__ import annotations

import msgspec
import pytest

from portbook.faces.languages import languages
from portbook.faces.web import stations_views as views
from portbook.faces.web.drawings.stations_map import State
from portbook.faces.web.stations_records import Envelope, Place, Run, Station, Told
from portbook.seismic.instruments import Verdict

NOW_NS = 1_795_248_000_000_000_000
ENGLISH = languages()["en"]
UP = Station("9001", Verdict.UP, "up", name="XX.ONE", arrived_ns=NOW_NS)


def station(number: int, verdict: Verdict = Verdict.UP, **more: object) -> Station:
    return msgspec.structs.replace(UP, unit=f"{number:04X}", verdict=verdict, **more)


def told(*stations: Station) -> Told:
    return Told(NOW_NS, NOW_NS, 7, "1", (), stations, ())


@pytest.mark.parametrize(
    ("verdict", "ago_s", "expected"),
    [
        (Verdict.UP, None, "up"),
        (Verdict.STOPPED, 720, "link up, data stopped for 12 min"),
        (Verdict.STOPPED, None, "link up, data stopped"),
        (Verdict.SILENT, 7200, "silent for 2 hr"),
        (Verdict.SILENT, None, "silent"),
        (Verdict.NEVER, None, "never heard"),
        (Verdict.AWAY, 60, "the server that it was heard by is away"),
    ],
)
def test_a_state_is_said_in_words(verdict: Verdict, ago_s: int | None, expected: str) -> None:
    since = None if ago_s is None else NOW_NS - ago_s * 10**9

    assert expected == views.said(ENGLISH, station(1, verdict, since_ns=since), NOW_NS)


def test_every_state_has_its_words_and_its_sign() -> None:
    every = [station(at, verdict) for at, verdict in enumerate(Verdict)]
    counted = views.counts(ENGLISH, every)

    assert set(State) == {which for which, _, _ in counted}
    assert [1] * len(State) == [many for _, _, many in counted]
    assert len(State) == len({words for _, words, _ in counted})


def test_the_worst_are_listed_first_and_pages_follow_each_other() -> None:
    every = [station(at, list(Verdict)[at % 5]) for at in range(250)]
    seen: list[Station] = []
    after = ""
    backwards = []
    while True:
        page = views.listed(every, "", after)
        seen += page.rows
        backwards.append(page.previous)
        if page.next is None:
            break
        after = page.next
    first = views.listed(every, "", backwards[1] or "")

    assert [250, 250, Verdict.SILENT, Verdict.UP] == [
        page.counted,
        len({one.unit for one in seen}),
        seen[0].verdict,
        seen[-1].verdict,
    ]
    assert [None, "0"] == backwards[:2]
    assert first == views.listed(every, "", "")
    assert views.listed(every, "", "../..") == first


def test_all_words_of_a_filter_are_met() -> None:
    every = [station(1, name="XX.ONE"), station(2, Verdict.SILENT, name="XX.TWO"), station(3)]

    assert ["0002"] == [one.unit for one in views.listed(every, "xx SILENT", "").rows]
    assert () == views.listed(every, "xx nowhere", "").rows


def test_a_station_without_position_is_on_no_map() -> None:
    place = Place(24.1, 121.6, None, "recorder")
    drawn = views.world(ENGLISH, told(station(1, place=place), station(2)))

    assert views.world(ENGLISH, told(station(2))) is None
    assert drawn
    for one in drawn:
        assert "/stations/0001" in one.svg
        assert "/stations/0002" not in one.svg


def test_a_channel_is_drawn_for_a_desk_and_for_a_phone() -> None:
    run = Run(tuple(range(views.COLUMNS)), (0,) * views.COLUMNS, (9,) * views.COLUMNS)
    envelope = Envelope("9001", 1, 2, 0, 10**11, views.COLUMNS, (run,), (), 500, 100.0, "HHN")
    (wave,) = views.waves(ENGLISH, [envelope])

    assert (views.WIDE, views.NARROW) == (wave.drawn.wide.width, wave.drawn.narrow.width)
    assert "counts from 0 to 9" in wave.drawn.wide.svg
    assert "stream 1, channel 2" == views.channel(ENGLISH, envelope)
