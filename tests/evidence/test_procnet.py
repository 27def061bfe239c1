"""The kernel's socket tables as text: real lines, odd lines."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.evidence.procnet import local_addresses, parse
from portbook.evidence.sockdiag import CLOSE, ESTABLISHED, INET, INET6, LISTEN, TCP, UDP

pytestmark = pytest.mark.skipif(
    sys.byteorder != "little", reason="these tables are of a little-endian machine"
)

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid ...\n"
# Linux 6.18
LISTENER = (
    "   0: 0100007F:06CF 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0"
    " 12345 1 0000000000000000 100 0 0 10 0\n"
)
CONNECTED = (
    "   1: 0100007F:06CF 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0"
    " 12346 1 0000000000000000 20 4 30 10 -1\n"
)
SIX = (
    "   2: 00000000000000000000000001000000:06CF 00000000000000000000000000000000:0000 07"
    " 00000000:00000000 00:00000000 00000000     0        0 12347 2 0000000000000000 0\n"
)


def test_a_listener_is_read() -> None:
    (found,), odd = parse(HEAD + LISTENER, TCP, {LISTEN})

    assert 0 == odd
    assert (INET, LISTEN, 1743, b"\x7f\0\0\1") == (
        found.family,
        found.state,
        found.port,
        found.address,
    )
    assert (1000, 12345, None, None) == (found.uid, found.inode, found.v6only, found.cgroup)


def test_ipv6_addresses_are_words_in_the_machines_order() -> None:
    (found,), _ = parse(HEAD + SIX, UDP, {CLOSE})

    assert (INET6, bytes(15) + b"\1") == (found.family, found.address)


def test_other_states_and_ports_are_left_out() -> None:
    both = HEAD + LISTENER + CONNECTED

    assert [12345] == [one.inode for one in parse(both, TCP, {LISTEN})[0]]
    assert [12346] == [one.inode for one in parse(both, TCP, {ESTABLISHED})[0]]
    assert [] == parse(both, TCP, {LISTEN}, port=1744)[0]
    assert 2 == len(parse(both, TCP, {LISTEN, ESTABLISHED}, port=1743)[0])


def test_lines_that_make_no_sense_are_counted_and_the_rest_is_read() -> None:
    odd = [
        "one two three\n",
        LISTENER.replace("0100007F", "0100007"),
        LISTENER.replace("06CF", "106CF"),
        LISTENER.replace(" 12345 ", " 12345x "),
        LISTENER.replace(":06CF", ""),
    ]
    found, count = parse(HEAD + "".join(odd) + LISTENER, TCP, {LISTEN})

    assert (1, len(odd)) == (len(found), count)


@given(st.text(max_size=300))
def test_any_text_is_read_without_complaint(text: str) -> None:
    found, odd = parse(HEAD + text, TCP, {LISTEN})

    assert len(found) + odd <= len(text.splitlines())


def test_local_addresses_are_those_of_the_namespace_itself() -> None:
    # Linux 6.18, /proc/net/fib_trie, shortened
    text = """Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 172.17.0.0
        /16 link UNICAST
     |-- 172.17.0.2
        /32 host LOCAL
     |-- 172.17.255.255
        /32 link BROADCAST
"""

    assert {"172.17.0.2"} == local_addresses(text)
