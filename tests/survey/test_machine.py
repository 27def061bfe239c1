"""This machine's sockets on their way to findings: real sockets on loopback, real owners."""

from __future__ import annotations

import os
import socket
import sys
from contextlib import closing

import msgspec
import pytest
from support.knowing import NOW_NS, knowledge
from support.sockets import linux_only, number, tcp, udp

from portbook.errors import UsageError
from portbook.findings.identity import REFTEK_PORT
from portbook.ports import Transport
from portbook.records import LOCAL_SITE, Finding
from portbook.survey import machine
from portbook.survey.story import Story

WAYS = ("netlink", "text", "psutil") if sys.platform == "linux" else ("psutil",)


def look(port: int | None = None, **more: object) -> Story:
    return machine.look(knowledge(), now_ns=NOW_NS, port=port, **more)  # type: ignore[arg-type]


def own(story: Story, code: str) -> list[Finding]:
    return [one for one in story.findings if one.code == code]


@pytest.mark.parametrize("way", WAYS)
def test_a_socket_of_ours_is_told_with_its_owner(way: str) -> None:
    with closing(tcp()) as made:
        here = number(made)
        (one,) = look(here, way=way).listeners

    assert (Transport.TCP, "127.0.0.1", here) == (one.transport, one.address, one.port)
    assert os.getpid() == one.pid
    assert (LOCAL_SITE, "this machine", NOW_NS) == (one.site, one.source, one.seen_ns)


def test_a_look_at_everything_holds_it_too() -> None:
    with closing(tcp()) as made:
        here = number(made)
        story = look()

    (one,) = [each for each in story.listeners if each.port == here]
    assert os.getpid() == one.pid
    assert story.machine
    assert (0, 0, 0) == (
        story.summary.packets,
        story.summary.conversations,
        story.summary.failed_sources,
    )
    assert ((), ()) == (story.conversations, story.problems)


def test_two_transports_of_one_number_are_two_records() -> None:
    with closing(tcp()) as made:
        here = number(made)
        try:
            other = udp(port=here)
        except OSError:
            pytest.skip(f"somebody holds {here}/udp here already")
        with closing(other):
            found = {one.transport for one in look(here).listeners}

    assert {Transport.TCP, Transport.UDP} == found


def test_nothing_on_a_port_is_an_empty_look_not_a_failed_one() -> None:
    with closing(tcp()) as made:
        here = number(made)
    story = look(here)

    assert ((), ()) == (story.listeners, story.problems)
    assert story.machine


def test_the_site_stands_in_every_socket() -> None:
    with closing(tcp()) as made:
        story = look(number(made), site="north")

    assert {"north"} == {one.site for one in story.listeners}
    assert {"north"} >= {one.site for one in story.findings}


def test_claims_stand_beside_the_socket_and_never_replace_its_owner() -> None:
    with closing(_at_reftek()) as made:
        (one,) = [each for each in look(number(made)).listeners if each.pid == os.getpid()]

    assert "reftek" in one.claims
    assert one.program != "reftek"


def test_a_stranger_on_the_reftek_port_is_a_finding_that_names_it() -> None:
    with closing(_at_reftek()):
        story = look(REFTEK_PORT)

    (said,) = own(story, "PB103")
    assert str(REFTEK_PORT) in said.subject
    (one,) = [each for each in story.listeners if each.pid == os.getpid()]
    assert str(one.program) in said.message


def test_without_judging_nothing_is_found() -> None:
    with closing(_at_reftek()):
        assert () == look(REFTEK_PORT, judged=False).findings


def _at_reftek() -> socket.socket:
    try:
        return udp(port=REFTEK_PORT)
    except OSError:
        pytest.skip(f"somebody holds {REFTEK_PORT}/udp here already")


@linux_only
def test_a_number_that_the_system_lends_itself_is_a_finding() -> None:
    around = machine.here(knowledge())
    assert around.ephemeral is not None
    with closing(tcp()) as made:  # the system gave this number out of its own range
        here = number(made)
        story = look(here)

    assert here in around.ephemeral
    (said,) = own(story, "PB402")
    assert (here, str(around.ephemeral)) == (
        said.parameters["port"],
        said.parameters["ephemeral"],
    )


def test_a_number_below_that_range_is_none() -> None:
    with closing(_at_reftek()):
        assert [] == own(look(REFTEK_PORT), "PB402")


def test_what_was_known_before_stays_beside_what_the_machine_tells() -> None:
    before = msgspec.structs.replace(knowledge(), networks=("192.0.2.0/24",))
    after = machine.here(before)

    assert "192.0.2.0/24" == after.networks[0]
    assert len(after.networks) >= 1
    assert before.claims is after.claims
    if sys.platform == "linux":
        assert after.ephemeral is not None
        assert after.ephemeral.size > 0


def test_a_way_that_is_none_is_the_users_error() -> None:
    with pytest.raises(UsageError, match="no such way"):
        look(way="guessing")
