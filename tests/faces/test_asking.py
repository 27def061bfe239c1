"""What is said before anything is sent, and the words of the two commands."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from portbook.evidence.probes import Errand
from portbook.faces import asking
from portbook.faces.cli.commands import discover, scan
from portbook.ports import Transport
from portbook.protocols import questions
from portbook.records import Reply
from portbook.survey.errands import Wanted, errands, target


def found(name: str, *texts: str, **more: object) -> list[Errand]:
    return errands(Wanted(name, tuple(map(target, texts)), **more))  # type: ignore[arg-type]


def said(some: Sequence[Errand], *, dry: bool = False) -> str:
    return "\n".join(asking.promise(some, 10.0, 1.0, dry=dry))


def test_the_words_of_discover_are_the_questions_that_there_are() -> None:
    assert set(questions()) == set(discover.NAMES)


def test_the_words_of_ask_are_the_questions_that_send_over_tcp() -> None:
    over_tcp = {
        name
        for name, several in questions().items()
        if any(one.transport is Transport.TCP and one.measure for one in several)
    }
    assert over_tcp == set(scan.OF_TCP)


@pytest.mark.parametrize("name", sorted(set(questions()) - {"codesys"}))
def test_every_message_is_said_octet_by_octet(name: str) -> None:
    for transport in {one.transport for one in questions()[name]}:
        some = found(name, "127.0.0.1", "127.0.0.2", transport=transport, secret=b"public")
        text = said(some)
        assert all(line.shown() in text for one in some for line in one.lines)
        assert "127.0.0.1" in text
        assert "127.0.0.2" in text
        assert "nothing is repeated" in text
        assert (b"public".hex() in text) is False


def test_many_hosts_are_counted_first_and_their_messages_said_once() -> None:
    text = said(found("enip", "127.0.0.0/24"))

    assert "254 hosts, 127.0.0.1 to 127.0.0.254" in text
    assert 1 == text.count("ListIdentity\n")


def test_where_messages_differ_by_host_each_is_said() -> None:
    text = said(found("opcua", "127.0.0.1", "127.0.0.2"))

    assert "opc.tcp://127.0.0.1:4840/" in text
    assert "opc.tcp://127.0.0.2:4840/" in text


def test_what_sends_nothing_says_so() -> None:
    assert "no octet" in said(found("unitrends", "127.0.0.1"))
    assert "would send" in said(found("unitrends", "127.0.0.1"), dry=True)


def replies(*outcomes: str) -> list[Reply]:
    return [
        Reply("modbus", Transport.TCP, f"10.0.0.{at}", 502, outcome, 1, 11, 0, 0, 1, 0.1)
        for at, outcome in enumerate(outcomes, 1)
    ]


def test_of_many_those_that_tell_nothing_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    many = replies(*["silent"] * 40, "answered", "refused")
    asking.outcomes(many, everything=False)
    short = capsys.readouterr().out
    asking.outcomes(many, everything=True)
    long = capsys.readouterr().out

    assert "40 silent, 1 refused" in short
    assert ("10.0.0.41" in short, "10.0.0.7" in short) == (True, False)
    assert "10.0.0.7 " in long
