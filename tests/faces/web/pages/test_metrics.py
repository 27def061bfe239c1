"""/metrics is what Prometheus reads, and tells the truth; the parser here is as strict as it."""

from __future__ import annotations

import re
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.served import Served

from portbook import __version__
from portbook.faces.web.pages.metrics import CONTENT_TYPE, Family, Sample, text

# Prometheus text exposition format 0.0.4: names, labels with three escapes, decimal numbers.
NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(,|\Z)')
SAMPLE = re.compile(rf"({NAME})(?:\{{(.*)\}})? ([+-]?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?)\Z")
HELP = re.compile(rf"# HELP ({NAME}) ((?:[^\\\n]|\\[\\n])*)\Z")
TYPE = re.compile(rf"# TYPE ({NAME}) (counter|gauge)\Z")
KINDS = ("service", "device", "listener", "announcement", "finding")


class Read(NamedTuple):
    kind: str
    help: str
    samples: dict[tuple[tuple[str, str], ...], float]


def read(told: str) -> dict[str, Read]:
    """Read metrics; fails on whatever the format does not allow."""
    assert told.endswith("\n")
    found: dict[str, Read] = {}
    lines = iter(told.removesuffix("\n").split("\n"))
    help_ = None
    for line in lines:
        if match := HELP.match(line):
            assert match[1] not in found
            help_ = match
            kind = TYPE.match(next(lines))
            assert kind
            assert kind[1] == help_[1]
            found[help_[1]] = Read(kind[2], help_[2], {})
            continue
        match = SAMPLE.match(line)
        assert match, line
        assert help_, line
        assert match[1] == help_[1], "a sample stands with its family"
        labels = labelled(match[2])
        assert labels not in found[match[1]].samples, line
        found[match[1]].samples[labels] = float(match[3])
    return found


def labelled(told: str | None) -> tuple[tuple[str, str], ...]:
    labels, rest = [], told or ""
    while rest:
        match = LABEL.match(rest)
        assert match, told
        value = re.sub(r"\\(.)", lambda one: {"n": "\n"}.get(one[1], one[1]), match[2])
        labels.append((match[1], value))
        rest = rest[match.end() :]
    names = [name for name, _ in labels]
    assert len(set(names)) == len(names)
    return tuple(sorted(labels))


def one(found: dict[str, Read], name: str, **labels: str) -> float:
    return found[name].samples[tuple(sorted(labels.items()))]


def test_metrics_are_what_prometheus_reads(pages: Served) -> None:
    answer = pages.ask("/metrics")
    found = read(answer.text)

    assert 200 == answer.status
    assert "text/plain; version=0.0.4; charset=utf-8" == answer.headers["content-type"]
    assert answer.headers["content-type"].startswith(CONTENT_TYPE)
    assert all(name.startswith("portbook_") for name in found)
    assert all(name.endswith("_total") == (told.kind == "counter") for name, told in found.items())
    assert all(told.help.endswith(".") for told in found.values())


def test_metrics_tell_what_the_pages_show(pages: Served) -> None:
    found = read(pages.ask("/metrics").text)
    told = {kind: one(found, "portbook_sightings", kind=kind) for kind in KINDS}
    levels = [one(found, "portbook_findings", level=name) for name in ("note", "warning", "error")]

    assert 1 == one(found, "portbook_build_info", version=__version__)
    assert 1 == one(found, "portbook_book_readable") == one(found, "portbook_watch_healthy")
    assert 600 < told["device"] < 700
    assert told["finding"] == sum(levels)
    assert all(level > 0 for level in levels)
    assert 0 == one(found, "portbook_stories", state="failed")
    assert "portbook_receiver_reachable" not in found


def test_what_is_kept_shows_in_the_metrics(pages: Served) -> None:
    before = read(pages.ask("/metrics").text)
    for _ in range(3):
        pages.ask("/rules")
    after = read(pages.ask("/metrics").text)

    def grown(name: str) -> float:
        return one(after, name) - one(before, name)

    made, reused = grown("portbook_pages_made_total"), grown("portbook_pages_reused_total")
    assert made + reused >= 3
    assert one(after, "portbook_pages_kept") >= 1
    assert one(after, "portbook_pages_kept_bytes") > 0


@given(
    st.lists(st.tuples(st.text(), st.integers(-(2**60), 2**60)), unique_by=lambda pair: pair[0]),
    st.text(),
)
def test_labels_and_help_are_escaped(told: list[tuple[str, int]], help_: str) -> None:
    samples = tuple(Sample(value, {"name": label}) for label, value in told)
    found = read(text([Family("portbook_x", "gauge", help_, samples)]))["portbook_x"]

    assert {(("name", label),): float(value) for label, value in told} == found.samples


@pytest.mark.parametrize(
    "wrong",
    ["portbook_x 1\n", "# HELP portbook_x a\nportbook_x 1\n", "portbook_x", '# TYPE x{a="\n"} 1\n'],
)
def test_the_parser_is_strict(wrong: str) -> None:
    with pytest.raises((AssertionError, StopIteration)):
        read(wrong)
