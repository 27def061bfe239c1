"""Who stands behind docker-proxy, from its command line."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from portbook.evidence.docker_proxy import Behind, behind, note, proxy
from portbook.records import Owner

COMMAND = (
    "/usr/bin/docker-proxy -proto tcp -host-ip 0.0.0.0 -host-port 8080 "
    "-container-ip 172.17.0.2 -container-port 80 -use-listen-fd"
)


def test_address_and_port_of_the_container_are_read() -> None:
    assert Behind("172.17.0.2", 80) == behind(COMMAND)


def test_a_command_line_without_them_tells_nothing() -> None:
    assert behind("") is None
    assert behind(COMMAND.replace("-container-port 80", "")) is None
    assert behind(COMMAND.replace(" 80 ", " 99999 ")) is None


@given(st.text(max_size=100))
def test_any_command_line_is_read_without_complaint(text: str) -> None:
    behind(text)


def test_the_note_says_what_is_known_and_how_to_learn_the_rest() -> None:
    target = Behind("172.17.0.2", 80)

    assert "handed on to container web at 172.17.0.2 port 80" == note(target, "web", 8080)
    assert note(target, None, 8080).endswith("docker ps --filter publish=8080")
    assert note(None, None, 8080).startswith("published by a container")


def test_only_the_program_of_that_name_hands_on() -> None:
    nginx, docker = Owner(1, "nginx"), Owner(2, "docker-proxy")

    assert docker is proxy((nginx, docker))
    assert proxy((nginx,)) is None
