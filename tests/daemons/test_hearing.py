"""The supervisor's ears beyond what test_notify plays: bounds, and whose words count."""

from __future__ import annotations

import os
import socket

from support.sockets import linux_only

from portbook.daemons.watchdog.hearing import Ears, word
from portbook.daemons.watchdog.notify import MOST_OCTETS

pytestmark = linux_only


def said(ears: Ears, octets: bytes) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as mouth:
        mouth.sendto(octets, "\0" + ears.address[1:])


def test_each_has_an_address_of_its_own_that_needs_no_file() -> None:
    one, other = Ears(), Ears()

    assert one.address != other.address
    assert one.address.startswith("@")
    one.close()
    other.close()


def test_an_overlong_message_is_cut_and_nothing_else() -> None:
    ears = Ears()
    said(ears, b"READY=1\n" + b"X=" + b"y" * 9000)
    said(ears, b"WATCHDOG=1")

    first, second = ears.take(os.getpid())

    assert word(first).ready
    assert MOST_OCTETS > len(first["X"])
    assert word(second).beat
    ears.close()


def test_descriptors_in_a_message_are_not_kept_open() -> None:
    ears = Ears()
    reading, writing = os.pipe()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as mouth:
        mouth.connect("\0" + ears.address[1:])
        socket.send_fds(mouth, [b"FDSTORE=1"], [writing])
    os.close(writing)
    ears.take(os.getpid())

    assert b"" == os.read(reading, 1)  # the end: nobody holds the other side any more
    os.close(reading)
    ears.close()


def test_more_time_than_an_hour_is_not_granted_at_once() -> None:
    assert 3600 == word({"EXTEND_TIMEOUT_USEC": str(10**15)}).more_s
    assert 0 == word({"EXTEND_TIMEOUT_USEC": "-5"}).more_s
