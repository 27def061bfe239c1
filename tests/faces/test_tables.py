"""A story as tables: what tells rows apart, what a finding is about, how it is summed up."""

from __future__ import annotations

import msgspec
import pytest

from portbook.addresses import Scope
from portbook.faces import tables
from portbook.ports import Transport
from portbook.records import Finding, Level, Listener, Service, Summary
from portbook.survey.story import Story

SERVICE = Service("10.0.0.9", 502, Transport.TCP, ("modbus",), ("mbap",), 3, 1, 2, "/x/a.pcap")
NOTE = Finding("PB102", "unusual-port", Level.NOTE, "tcp 10.0.0.9:8502", "it moved", "move it back")
ERROR = Finding("PB301", "controller-reachable", Level.ERROR, "tcp 10.0.0.9:502", "far", "close it")


def shown(capsys: pytest.CaptureFixture[str], story: Story, everything: bool = False) -> str:
    tables.show(story, everything)
    return capsys.readouterr().out


def read(*services: Service, **more: object) -> Story:
    return Story(Summary(7, 700, 1, 0.5, named=1), services=services, **more)  # type: ignore[arg-type]


def test_one_capture_without_tags_needs_no_column_for_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = shown(capsys, read(SERVICE))

    assert "a.pcap" not in out
    assert "vlan" not in out


def test_rows_of_several_captures_and_vlans_are_told_apart(
    capsys: pytest.CaptureFixture[str],
) -> None:
    other = msgspec.structs.replace(SERVICE, source="/x/b.pcap", vlan=12)
    out = shown(capsys, read(SERVICE, other))

    (line,) = [line for line in out.splitlines() if "b.pcap" in line]
    assert "12" in line
    assert "a.pcap" in out


def test_a_finding_shows_the_subject_that_accepting_asks_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = shown(capsys, read(findings=(NOTE, ERROR)))

    assert "PB301 tcp 10.0.0.9:502\n" in out
    assert out.index("PB301") < out.index("PB102")  # the gravest first
    assert "portbook finding accept" in out


def test_an_accepted_finding_is_counted_and_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    accepted = msgspec.structs.replace(ERROR, accepted="until 2027-01-01: known")
    story = msgspec.structs.replace(
        read(findings=(accepted,)), summary=Summary(7, 700, 1, 0.5, accepted=1)
    )

    out = shown(capsys, story)
    assert "PB301" not in out
    assert "1 finding accepted" in out


def test_sockets_come_by_number(capsys: pytest.CaptureFixture[str]) -> None:
    doors = [
        Listener(Transport.TCP, "0.0.0.0", port, Scope.ANY, "listen", 0) for port in (8080, 22, 502)
    ]
    out = shown(capsys, Story(Summary(0, 0, 0, 0.1), listeners=tuple(doors), machine=True))

    assert out.index(":22 ") < out.index(":502 ") < out.index(":8080 ")
    assert "3 sockets in 0.1 s" in out


@pytest.mark.parametrize(
    ("story", "said"),
    [
        (read(), "7 packets, 1 conversation, 1 of them named, 0 within the filters in 0.5 s"),
        (
            Story(Summary(0, 0, 0, 0.5, failed_sources=1)),
            "0 packets, 0 conversations in 0.5 s; 1 of 1 source failed",
        ),
        (Story(Summary(0, 0, 0, 0.5), machine=True), "0 sockets in 0.5 s"),
    ],
)
def test_a_look_is_summed_up_in_its_own_words(story: Story, said: str) -> None:
    assert said == tables.summed_up(story)


def test_long_tables_are_cut_and_say_how_to_see_the_rest(
    capsys: pytest.CaptureFixture[str],
) -> None:
    many = [msgspec.structs.replace(SERVICE, port=port) for port in range(1000, 1040)]

    assert "and 10 more; --all shows them" in shown(capsys, read(*many))
    assert "more; --all" not in shown(capsys, read(*many), everything=True)


def test_a_socket_elsewhere_tells_its_namespace_and_who_is_behind_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    plain = Listener(Transport.TCP, "0.0.0.0", 80, Scope.ANY, "listen", 0)
    other = msgspec.structs.replace(plain, namespace="net:[4026532]", note="container web, port 80")
    summary = Summary(0, 0, 0, 0.1)
    alone = shown(capsys, Story(summary, listeners=(plain,), machine=True))
    both = shown(capsys, Story(summary, listeners=(plain, other), machine=True))

    assert "namespace" not in alone
    assert "net:[4026532]" in both
    assert "container web, port 80" in both
