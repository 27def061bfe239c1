"""Kernel filters, judged by a kernel: what passes is what the user asked for, and nothing less."""

from __future__ import annotations

import ctypes
import socket
import struct
import sys
from collections.abc import Sequence
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portbook.emulators import frames
from portbook.evidence import pcap_library
from portbook.evidence.filters import Ports, expression, program
from portbook.ports import Transport

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the filter is Linux's")
ATTACH_FILTER = 26
MACS = "02:00:00:00:00:01", "02:00:00:00:00:02"
ADDRESSES = ("10.0.0.1", "10.0.1.2", "192.168.7.7", "fd00::1", "fd00:0:0:1::2", "2001:db8::9")


class Kernel:
    """A filter at work: a pair of sockets whose datagrams go through it as a frame would."""

    def __init__(self, told: Sequence[tuple[int, int, int, int]]) -> None:
        self.out, self.into = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        packed = b"".join(struct.pack("=HBBI", *one) for one in told)
        room = ctypes.create_string_buffer(packed)
        about = struct.pack("HP", len(told), ctypes.addressof(room))
        self.into.setsockopt(socket.SOL_SOCKET, ATTACH_FILTER, about)
        self.into.setblocking(False)

    def passes(self, frame: bytes) -> bool:
        self.out.send(frame)
        try:
            return len(self.into.recv(1 << 16)) == len(frame)
        except BlockingIOError:
            return False

    def __enter__(self) -> Kernel:
        return self

    def __exit__(self, *_: object) -> None:
        self.out.close()
        self.into.close()


class Library:
    """The same filter in libpcap's words, judged by libpcap."""

    def __init__(self, told: str, link: int = 1) -> None:
        pcap = self.pcap = ctypes.CDLL(pcap_library.library()._name)
        pcap.pcap_open_dead.restype = ctypes.c_void_p
        pcap.pcap_geterr.restype = ctypes.c_char_p
        for name in ("pcap_compile", "pcap_geterr", "pcap_close"):
            getattr(pcap, name).argtypes = [ctypes.c_void_p]
        self.handle, self.made = pcap.pcap_open_dead(link, 1 << 16), pcap_library.Program()
        made = ctypes.byref(self.made)
        code = pcap.pcap_compile(self.handle, made, told.encode(), 1, ctypes.c_uint(0xFFFFFFFF))
        assert 0 == code, pcap.pcap_geterr(self.handle)

    def passes(self, frame: bytes) -> bool:
        head = pcap_library.Head(0, 0, len(frame), len(frame))
        made = ctypes.byref(self.made)
        return bool(self.pcap.pcap_offline_filter(made, ctypes.byref(head), frame))

    def __enter__(self) -> Library:
        return self

    def __exit__(self, *_: object) -> None:
        self.pcap.pcap_freecode(ctypes.byref(self.made))
        self.pcap.pcap_close(self.handle)


needs_libpcap = pytest.mark.skipif(pcap_library.version() is None, reason="libpcap is absent")


def packet(
    source: str, port: int, target: str, other: int, transport: int, *, options: bytes = b""
) -> bytes:
    """Return a frame; both addresses are of one version."""
    four = ip_address(source).version == 4
    if transport == 17:
        body = frames.udp(b"payload", source, port, target, other)
    elif transport == 6:
        body = frames.tcp(b"payload", source, port, target, other, flags=frames.ACK)
    else:
        body = struct.pack(">HH", port, other) + bytes(8)
    if four:
        inner = frames.ipv4(body, source, target, transport, options=options)
        return frames.ethernet(inner, *MACS, frames.IPV4)
    return frames.ethernet(frames.ipv6(body, source, target, transport), *MACS, frames.IPV6)


def asked(
    hosts: Sequence[str], ports: Sequence[Ports], told: tuple[str, int, str, int, int]
) -> bool:
    """Tell by plain means whether a packet is asked for."""
    source, port, target, other, transport = told
    networks = [ip_network(one) for one in hosts]
    near = not hosts or any(ip_address(one) in net for net in networks for one in (source, target))
    name = {6: Transport.TCP, 17: Transport.UDP, 132: Transport.SCTP}.get(transport)
    fits = (
        not ports
        or name is None
        or any(
            first <= number <= last and of in (None, name)
            for first, last, of in ports
            for number in (port, other)
        )
    )
    return near and fits


numbers = st.sampled_from((0, 1, 502, 1739, 1740, 1741, 1743, 1744, 65535))
spans = st.tuples(numbers, numbers, st.sampled_from((None, Transport.TCP, Transport.UDP))).map(
    lambda one: (min(one[:2]), max(one[:2]), one[2])
)
ends = st.sampled_from([(a, b) for a in ADDRESSES for b in ADDRESSES if (":" in a) == (":" in b)])


anything = (
    st.lists(
        st.sampled_from(
            ("10.0.0.1/32", "10.0.0.0/23", "0.0.0.0/0", "fd00::/64", "::/0", "2001:db8::9/128")
        ),
        max_size=3,
        unique=True,
    ),
    st.lists(spans, max_size=4),
    st.lists(
        st.tuples(ends, numbers, numbers, st.sampled_from((6, 17, 132, 1, 58))),
        min_size=1,
        max_size=5,
    ),
    st.sampled_from((b"", b"\x01" * 8)),
)


@settings(max_examples=300)
@given(*anything)
def test_what_is_asked_for_passes_and_the_rest_does_not(
    hosts: list[str],
    ports: list[Ports],
    packets: list[tuple[tuple[str, str], int, int, int]],
    options: bytes,
) -> None:
    told = program([ip_network(one) for one in hosts], ports)
    if told is None:
        assert not hosts
        assert not ports
        return
    with Kernel(told) as kernel:
        for (source, target), port, other, transport in packets:
            one = source, port, target, other, transport
            assert asked(hosts, ports, one) == kernel.passes(packet(*one, options=options)), one


@needs_libpcap
@settings(max_examples=150)
@given(*anything)
def test_in_libpcaps_words_the_same_passes(
    hosts: list[str],
    ports: list[Ports],
    packets: list[tuple[tuple[str, str], int, int, int]],
    options: bytes,
) -> None:
    told = expression([ip_network(one) for one in hosts], ports)
    assert (told is None) == (not hosts and not ports)
    if told is None:
        return
    with Library(told) as library:
        for (source, target), port, other, transport in packets:
            one = source, port, target, other, transport
            assert asked(hosts, ports, one) == library.passes(packet(*one, options=options)), one


@needs_libpcap
def test_in_libpcaps_words_what_cannot_be_judged_passes_too() -> None:
    told = expression([ip_network("10.9.9.9/32")], [(1740, 1743, Transport.DCCP)])
    assert told is not None
    later = frames.ipv4(bytes(64), "10.0.0.1", "10.0.0.2", 17, fragment=0x00B9)
    with Library(told) as library:
        assert library.passes(frames.ethernet(later, *MACS, frames.IPV4))
        assert library.passes(frames.ethernet(bytes(46), *MACS, 0x0806))
        assert library.passes(frames.ethernet(bytes(46), *MACS, 0x8100))
        assert library.passes(packet("10.9.9.9", 1740, "10.0.0.2", 1740, 33))
        assert not library.passes(packet("10.9.9.9", 1740, "10.0.0.2", 1740, 17))
        assert not library.passes(packet("fd00::1", 1740, "fd00::2", 1740, 17))


@needs_libpcap
@pytest.mark.parametrize(("link", "head"), [(12, b""), (0, bytes((2, 0, 0, 0)))])
def test_in_libpcaps_words_frames_of_other_kinds_are_filtered(link: int, head: bytes) -> None:
    told = expression([], [(502, 502, Transport.TCP)])
    assert told is not None
    with Library(told, link) as library:
        assert library.passes(head + packet("10.0.0.1", 40000, "10.0.0.2", 502, 6)[14:])
        assert not library.passes(head + packet("10.0.0.1", 40000, "10.0.0.2", 503, 6)[14:])


def test_fragments_and_what_is_no_ip_pass_since_they_are_judged_later() -> None:
    told = program([ip_network("10.9.9.9/32")], [(1740, 1743, Transport.UDP)])
    assert told is not None
    later = frames.ipv4(bytes(64), "10.0.0.1", "10.0.0.2", 17, fragment=0x00B9)
    with Kernel(told) as kernel:
        assert kernel.passes(frames.ethernet(later, *MACS, frames.IPV4))
        assert kernel.passes(frames.ethernet(bytes(46), *MACS, 0x0806))
        assert kernel.passes(frames.ethernet(bytes(46), *MACS, 0x8100))
        assert not kernel.passes(packet("10.0.0.1", 1740, "10.0.0.2", 1740, 17))


def test_frames_that_begin_with_ip_are_filtered_too() -> None:
    told = program([], [(502, 502, Transport.TCP)], ethernet=False)
    assert told is not None
    with Kernel(told) as kernel:
        for source, target in (("10.0.0.1", "10.0.0.2"), ("fd00::1", "fd00::2")):
            assert kernel.passes(packet(source, 40000, target, 502, 6)[14:])
            assert not kernel.passes(packet(source, 40000, target, 503, 6)[14:])


def test_nothing_asked_for_needs_no_program() -> None:
    assert program() is None
    assert expression() is None


def test_more_than_a_program_can_hold_is_left_to_later() -> None:
    assert program([], [(one, one, None) for one in range(1, 400)]) is None
    many = [ip_network(f"10.0.{one >> 8}.{one & 255}/32") for one in range(3000)]
    assert program(many) is None
    assert expression(many) is None
