"""Announcements of a capture stand on a timeline on which a missed beat is seen."""

from __future__ import annotations

import re

from support.served import Served

from portbook.faces.languages import languages
from portbook.faces.web.drawings.timeline import timeline
from portbook.faces.web.pages.announcements import timeline_words
from portbook.ports import Transport
from portbook.records import Announcement, Confidence

SECOND = 1_000_000_000
START = 1_795_000_000 * SECOND


def test_each_beat_of_a_capture_is_drawn(pages: Served) -> None:
    found = re.search(r'href="/captures/([0-9a-z]{12})"', pages.ask("/captures").text)
    assert found
    html = pages.ask(f"/announcements?of={found[1]}").text

    assert "Announcements over time" in html
    assert "every 1 min, 6 of 6 heard" in html


def test_the_beats_of_the_latest_capture_stand_above_the_whole_book(pages: Served) -> None:
    html = pages.ask("/announcements").text
    drawn = html.split('id="part-timeline"', 1)[1].split("</figure>", 1)[0]

    assert "every 1 min, 6 of 6 heard" in drawn
    assert re.search(r'<figcaption><a [^>]*href="\?of=[0-9a-z]{12}">plant.pcap</a>', drawn)
    assert 'id="part-timeline"' not in pages.ask("/announcements?host=192.0.2.7").text


def test_a_missed_beat_is_said_in_every_language() -> None:
    beats = tuple(START + number * 60 * SECOND for number in (0, 1, 2, 4, 5))
    one = Announcement(
        "10.0.0.5", "10.0.0.255", (1740,), Transport.UDP, 60.0, 0.1, 5, 6,
        Confidence.CONFIRMED, beats[0], beats[-1], "eth0", beats_ns=beats,
    )  # fmt: skip
    for language in languages().values():
        drawn = timeline(
            [one], {"eth0": beats[-1] + SECOND}, width=1200, words=timeline_words(language)
        )
        assert language.gettext("missed") in drawn.svg
        assert language.duration(60.0) in drawn.svg
