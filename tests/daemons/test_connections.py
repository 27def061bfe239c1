"""Connections made ready: who is there, what the system is asked for."""

from __future__ import annotations

import socket

import pytest

from portbook.daemons.outputs.connections import Peer, prepared, reset


def _pair(family: socket.AddressFamily, address: str) -> tuple[socket.socket, socket.socket]:
    with socket.socket(family) as door:
        door.bind((address, 0))
        door.listen()
        far = socket.create_connection(door.getsockname()[:2])
        return door.accept()[0], far


def test_a_connection_never_waits_and_is_not_delayed() -> None:
    near, far = _pair(socket.AF_INET, "127.0.0.1")
    with near, far:
        assert Peer(*far.getsockname()) == prepared(near)
        assert not near.getblocking()
        assert near.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert near.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


def test_who_is_gone_already_is_nobody() -> None:
    with socket.socket() as sock:
        assert prepared(sock) is None


def test_a_peer_is_written_so_that_its_port_is_seen() -> None:
    assert ["10.0.0.9:2543", "[fd00::9]:2543"] == [
        str(Peer(address, 2543)) for address in ("10.0.0.9", "fd00::9")
    ]


def test_an_address_of_version_four_stays_one_on_a_socket_for_both() -> None:
    try:
        door = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
    except (OSError, ValueError):
        pytest.skip("this system has no IPv6")
    with door, socket.create_connection(("127.0.0.1", door.getsockname()[1])):
        near, _ = door.accept()
        with near:
            peer = prepared(near)
    assert peer is not None
    assert "127.0.0.1" == peer.address


def test_a_reset_lets_go_of_what_was_not_fetched() -> None:
    near, far = _pair(socket.AF_INET, "127.0.0.1")
    with far:
        near.send(b"never read")
        reset(near)
        with pytest.raises(ConnectionResetError):
            _read_all(far)


def _read_all(sock: socket.socket) -> None:
    while sock.recv(100):
        continue
