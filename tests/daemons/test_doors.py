"""The receiver's sockets: bound, handed over, or refused with the remedy."""

from __future__ import annotations

import socket

import pytest
from support import sockets

from portbook.daemons.configuration.settings import Settings, from_mapping
from portbook.daemons.sources import doors
from portbook.daemons.sources.doors import DoorError

OFF = {"field": "", "clients": "", "seedlink": "", "status": ""}


def _settings(**listen: str) -> Settings:
    return from_mapping({"listen": OFF | listen})


def test_every_address_of_the_settings_gets_its_socket() -> None:
    found = doors.opened(_settings(field="127.0.0.1:0", clients="127.0.0.1:0"), {})
    kinds = {name: sock.type for name, sock in found.sockets.items()}

    assert kinds == {"field": socket.SOCK_DGRAM, "clients": socket.SOCK_STREAM}
    assert found.where("field") == f"127.0.0.1:{sockets.number(found.sockets['field'])}"
    assert found.where("status") == ""
    assert found.get("status") is None
    assert found.given == ()
    assert found.buffer is not None
    found.close()


def test_ipv6_is_written_in_brackets() -> None:
    try:
        found = doors.opened(_settings(clients="[::1]:0"), {})
    except DoorError as error:
        pytest.skip(f"no IPv6 here: {error}")

    assert found.where("clients").startswith("[::1]:")
    found.close()


@sockets.linux_only
@pytest.mark.parametrize("name", ["field", "clients"])
def test_a_taken_port_names_the_program_that_has_it(name: str) -> None:
    other = sockets.udp() if name == "field" else sockets.tcp()
    port = sockets.number(other)
    with other, pytest.raises(DoorError) as raised:
        doors.opened(_settings(**{name: f"127.0.0.1:{port}"}), {})
    kind = "udp" if name == "field" else "tcp"

    assert f"listen.{name}: 127.0.0.1:{port}/{kind} is taken by " in str(raised.value)
    assert "(pid " in str(raised.value)


def test_an_address_that_is_not_ours_says_where_to_look() -> None:
    with pytest.raises(DoorError, match="ip address"):
        doors.opened(_settings(clients="192.0.2.1:0"), {})


def test_one_that_fails_closes_the_others() -> None:
    with sockets.tcp() as other:
        taken = sockets.number(other)
        with sockets.udp() as free:
            port = sockets.number(free)
        with pytest.raises(DoorError):
            doors.opened(_settings(field=f"127.0.0.1:{port}", clients=f"127.0.0.1:{taken}"), {})
    with sockets.udp(port=port):
        pass  # nobody holds it any more
