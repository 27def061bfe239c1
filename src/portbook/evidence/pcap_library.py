"""The system's libpcap through ctypes: found at run time, nothing of it comes with portbook.

macOS and the BSDs have it, Linux as a package, Windows as Npcap, which nobody else may ship.
Sources: the manual pages of pcap(3PCAP) and its functions; the Npcap users' guide.
"""

from __future__ import annotations

import ctypes
import functools
import os
import sys
from collections.abc import Iterable, Iterator
from ctypes import CDLL, POINTER, Structure, c_char_p, c_int, c_long, c_uint, c_void_p
from typing import Any

from portbook.errors import SourceError

ERROR_OCTETS = 256  # PCAP_ERRBUF_SIZE
NO_SUCH, DENIED, NOT_UP, PROMISCUOUS_DENIED = -5, -8, -9, -11  # what pcap_activate returns
NANOSECONDS = 1  # PCAP_TSTAMP_PRECISION_NANO
_UTF_8 = 1  # PCAP_CHAR_ENC_UTF_8


class Program(Structure):
    """A compiled filter: struct bpf_program."""

    _fields_ = (("length", c_uint), ("instructions", c_void_p))


class Head(Structure):
    """What stands before a packet: struct pcap_pkthdr; macOS has a comment behind it."""

    _fields_ = (
        ("seconds", c_long),
        ("ticks", c_long),
        ("captured", ctypes.c_uint32),
        ("length", ctypes.c_uint32),
    )


class Statistics(Structure):
    """struct pcap_stat, with room for what Windows adds."""

    _fields_ = (
        ("packets", c_uint),
        ("dropped", c_uint),
        ("at_interface", c_uint),
        ("more", c_uint * 5),
    )


class Device(Structure):
    """An interface in a linked list: struct pcap_if."""


Device._fields_ = (
    ("next", POINTER(Device)),
    ("name", c_char_p),
    ("description", c_char_p),
    ("addresses", c_void_p),
    ("flags", ctypes.c_uint32),
)

_PROTOTYPES: dict[str, tuple[Any, ...]] = {  # result, then arguments
    "pcap_lib_version": (c_char_p,),
    "pcap_create": (c_void_p, c_char_p, c_char_p),
    "pcap_set_snaplen": (c_int, c_void_p, c_int),
    "pcap_set_promisc": (c_int, c_void_p, c_int),
    "pcap_set_timeout": (c_int, c_void_p, c_int),
    "pcap_set_buffer_size": (c_int, c_void_p, c_int),
    "pcap_activate": (c_int, c_void_p),
    "pcap_geterr": (c_char_p, c_void_p),
    "pcap_statustostr": (c_char_p, c_int),
    "pcap_compile": (c_int, c_void_p, POINTER(Program), c_char_p, c_int, c_uint),
    "pcap_setfilter": (c_int, c_void_p, POINTER(Program)),
    "pcap_freecode": (None, POINTER(Program)),
    "pcap_datalink": (c_int, c_void_p),
    "pcap_setnonblock": (c_int, c_void_p, c_int, c_char_p),
    "pcap_next_ex": (c_int, c_void_p, POINTER(POINTER(Head)), POINTER(c_void_p)),
    "pcap_dispatch": (c_int, c_void_p, c_int, c_void_p, c_void_p),
    "pcap_dump": (None, c_void_p, c_void_p, c_void_p),
    "pcap_dump_fopen": (c_void_p, c_void_p, c_void_p),
    "pcap_dump_ftell": (c_long, c_void_p),
    "pcap_dump_flush": (c_int, c_void_p),
    "pcap_dump_close": (None, c_void_p),
    "pcap_stats": (c_int, c_void_p, POINTER(Statistics)),
    "pcap_close": (None, c_void_p),
    "pcap_findalldevs": (c_int, POINTER(POINTER(Device)), c_char_p),
    "pcap_freealldevs": (None, POINTER(Device)),
}
_WHERE_THERE: dict[str, tuple[Any, ...]] = {  # not in every version, or not on every system
    "pcap_init": (c_int, c_uint, c_char_p),
    "pcap_set_tstamp_precision": (c_int, c_void_p, c_int),
    "pcap_get_tstamp_precision": (c_int, c_void_p),
    "pcap_get_selectable_fd": (c_int, c_void_p),
}


@functools.cache
def library() -> CDLL:
    """Return libpcap, ready to be called; SourceError says what to install where it is not."""
    return load(_candidates())


def load(names: Iterable[str]) -> CDLL:
    """Return the first library of these that loads and has every function that is needed."""
    for name in names:
        try:
            found = CDLL(name)
            for function, (result, *arguments) in _PROTOTYPES.items():
                one = getattr(found, function)
                one.restype, one.argtypes = result, arguments
        except (OSError, AttributeError):
            continue
        for function, (result, *arguments) in _WHERE_THERE.items():
            if hasattr(found, function):
                one = getattr(found, function)
                one.restype, one.argtypes = result, arguments
        if hasattr(found, "pcap_init"):  # names and messages in UTF-8, on Windows too
            found.pcap_init(_UTF_8, ctypes.create_string_buffer(ERROR_OCTETS))
        return found
    raise SourceError(f"{_missing()}; or let another program capture: {piped()}")


def version() -> str | None:
    """Return what libpcap says of itself, None where there is none."""
    try:
        told: bytes = library().pcap_lib_version()
    except SourceError:
        return None
    return told.decode("utf-8", "replace")


def piped(name: str = "INTERFACE") -> str:
    """Return the command by which another program captures and portbook reads."""
    if sys.platform == "win32":
        return f"dumpcap -i {name} -w - | portbook read -"
    return f"tcpdump -i {name} -U -w - | portbook read -"


def _missing() -> str:
    if sys.platform == "win32":
        return "Npcap is not installed, which Windows needs to capture; get it from npcap.com"
    return "libpcap is not installed; install your system's package of it (libpcap, libpcap0.8)"


def _candidates() -> Iterator[str]:
    if sys.platform == "win32":
        # by whole paths only: a DLL of that name in the working folder is not the system's
        room = ctypes.create_unicode_buffer(260)
        ctypes.windll.kernel32.GetSystemDirectoryW(room, len(room))
        npcap = os.path.join(room.value, "Npcap")
        if os.path.isdir(npcap):
            os.add_dll_directory(npcap)  # Packet.dll, which it loads, is there
            yield os.path.join(npcap, "wpcap.dll")
        yield os.path.join(room.value, "wpcap.dll")
        return
    if sys.platform == "darwin":
        yield "/usr/lib/libpcap.A.dylib"
    else:
        yield from ("libpcap.so.1", "libpcap.so.0.8", "libpcap.so")
    from ctypes.util import find_library

    found = find_library("pcap")  # starts other programs: last
    if found:
        yield found
