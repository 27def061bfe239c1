"""Where questions leave from: own addresses, and the ports that must be ours."""

from __future__ import annotations

import socket

import pytest

from portbook.errors import UsageError
from portbook.evidence import own
from portbook.ports import PortRange

NOBODY = ("no-such-program-of-anybody",)


def test_loopback_is_an_interface_with_its_subnet() -> None:
    everything = own.networks()

    assert "127.0.0.0/8" in {str(one.network) for rows in everything.values() for one in rows}
    assert "127.255.255.255" in own.broadcasts()


def test_an_interface_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(UsageError, match="there are"):
        own.networks("nowhere9")


def test_the_way_to_ourselves_is_from_ourselves() -> None:
    assert "127.0.0.1" == own.towards("127.0.0.1")


def test_the_highest_free_port_is_found_and_not_held() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as first:
        first.bind(("127.0.0.1", 0))
        top = first.getsockname()[1]
        wanted = PortRange(top - 1, top)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as second:
            assert top - 1 == own.free_port(wanted, NOBODY, 1)
            second.bind(("127.0.0.2", top - 1))
            with pytest.raises(UsageError, match="is free"):
                own.free_port(wanted, NOBODY, 1)


def test_a_program_that_owns_the_ports_is_named() -> None:
    import psutil

    name = psutil.Process().name()

    with pytest.raises(UsageError, match="runs on this machine"):
        own.free_port(PortRange(1740, 1743), (name.upper(),), 1)
