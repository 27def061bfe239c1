"""REF TEK packets with samples for tests: real ones, and events of our own with Steim frames.

Real packets: obspy test data, units AE4C (C0), 9EEF (C2) and 91F5 (16); each is checked by its
SHA-256. Real files: those of CAPTURES, and those that the obspy package carries as data.
"""

from __future__ import annotations

import hashlib
import struct
import warnings
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

import pytest

from portbook.protocols.reftek import packets
from portbook.protocols.reftek.packets import Packet
from support import CAPTURES

SIZE, NANO = 1024, 1_000_000_000
needs_obspy = pytest.mark.skipif(
    find_spec("obspy") is None, reason="obspy, the independent witness, is absent"
)


def _real(text: str, digest: str) -> bytes:
    octets = bytes.fromhex(text).ljust(SIZE, b"\0")
    assert digest == hashlib.sha256(octets).hexdigest()
    return octets


def _numbers(text: str) -> list[int]:
    return [int(one) for one in text.split()]


C0 = _real(
    """44540015ae4c2822251250551024002704270000006700c03238303a1f73a5be
    373a3338205254503a2053544f50504544204259204556454e54204f50454e0d
    015555550004217800041606cbc2e7e3d1d0cfeed9c6f6e9becde7eccdc8ddcd
    cdc7d8ebbedce9b9d1d8dfe5c1cfe4dcb8aed0c3b7c3dff7d2d9e2d3c4c7fee7
    15b00000c1d5ced0bdace2e0bdd0d3e3ffccffbefffffff4""",
    "ef9b94ba48760457319c66b32f1dcace4d42a1baebbfcaa608afccf942ef25a3",
)
C0_SAMPLES = _numbers(
    """270712 270650 270625 270596 270549 270501 270452 270434 270395 270337 270327 270304
    270238 270187 270162 270142 270091 270035 270000 269949 269898 269841 269801 269780
    269714 269678 269655 269584 269537 269497 269464 269437 269374 269325 269297 269261
    269189 269107 269059 268998 268925 268864 268831 268822 268776 268737 268707 268662
    268602 268545 268543 268518 268455 268412 268362 268314 268247 268163 268133 268101
    268034 267986 267941 267912 267860 267794 267782"""
)
C2 = _real(
    """445400169eef1391048368201024001300150000010600c2ffffffe620b686e7
    fffffccafffffaaefffffcb9000003f400000895000000d4fffff28dfffff3fb
    017d7a95000065c600006561dcfd3c08f4f1d5dd2cdb8a691716f5a60e0fd829
    f8fb2a03196fad9ffcb02fdef532401bf6a0ac09452ff5e1b01c0c1a41dbedfb
    15d55750e309ef052ff90103fd272c052da7f4f3deea14ccb3f9df0ff5f915de
    0c08250df213da0c1c1033012692c3cbf9fce2d64b1c012afa3d1afcd0db141d""",
    "a1fef76d4384d1916eae0c2c52e1681085f4952b339a963fbee3b3f0a7bb2dca",
)
C2_SAMPLES = _numbers(
    """26054 26051 26111 26119 26107 26092 26049 26014 25994 25984 25976 25953 25930 25953
    25958 25941 25963 25937 25951 25966 25926 25967 25959 25954 25996 25999 26024 26051
    26045 26035 26066 26013 26024 25990 25817 25961 25988 25838 25881 25890 25959 26006
    25995 25964 25884 25912 25924 25950 26015 25978 25959 25954 25925 25934 25917 25922
    25969 25962 25963 25966 25963 26002 26046 26051 26032 26009 26008 26027 26014 25980
    25958 25978 25926 25849 25842 25809 25824 25813 25806 25827 25793 25805 25813 25850
    25863 25849 25868 25830 25842 25870 25886 25937 25938 25912 25884 25864 25879 25890
    25883 25879 25849 25807 25882 25910 25911 25953"""
)
_OFF = {-6048: (13, 22, 24, 31, 32, 43, 44, 49, *range(54, 62), *range(63, 82), 83, 85, 86, 88)}
_OFF[-6032] = (82, 84, 87, 89)
PLAIN_SAMPLES = [
    next((value for value, at in _OFF.items() if index in at), -6064) for index in range(90)
]
PLAIN = _real(
    "4454001691f5100122840000020400130009080000900016" + struct.pack(">90h", *PLAIN_SAMPLES).hex(),
    "87773c5bf486b76f14fb92afb3b4f74b1d02f32bcff3407bf21e19255d8d92ef",
)
REAL = ((C0, C0_SAMPLES), (C2, C2_SAMPLES), (PLAIN, PLAIN_SAMPLES))

# Files, and of each stream/channel: samples and SHA-256 of them all as big-endian 32-bit numbers.
FILES = {
    "225051000_00008656": {
        (0, 0): (6800, "20b9174662761f21bcfc6df2d8465ca18feb7302b94a027cbfba2131ded74a19"),
        (0, 1): (6800, "2755eb0dc7ff20e401de2949b50ad28c4b77aef33a941a65bb08bc06bebad619"),
        (0, 2): (6800, "f14636fb557fdaadc74981896b99f20cec92b995b7d013fe6de2d7fd12b8953c"),
    },
    "104800000_000093F8": {
        (0, 0): (3788, "a643efdad0f359eda2e86883216ad0296cdfe7f53abfd41e3d436ad3d16300c0"),
        (0, 1): (3788, "4789380f7ed53cc05aaf355aa118fb3f09b5c6dd38f48d2d4707c923c465b4bb"),
        (0, 2): (3788, "ca646598358f5e6c86a77ebd5577e53c1c5d91322a4bd1aa49ce843cb82151fb"),
    },
    "221935615_00000000": {
        (0, 0): (890, "92f571bfba5077d6f93b781fb630e36b3f9019b8b8ff80661fa705501f3a1707"),
        (0, 1): (890, "b0ff03aa6001e934ca8094fdf97cf41dbd718b5651b81f6429abdc9b9babb624"),
    },
    "065520000_013EE8A0.rt130": {
        (8, 0): (2090, "661aa16834d1ec340a878414fa2478377fe3ff2e07913e374c89b8f332546015"),
        (8, 1): (2090, "a26189e7250290e128848c6a35f770fec20d7ec7ca48bb7ccfeb49af21699fda"),
        (8, 2): (2090, "dee448007d084c154724df059a2ecae222c8f2533d32dbdc3ee03363076296a7"),
    },
    "230000005_0036EE80_cropped.rt130": {
        (0, 0): (250, "fb4b27a55df3dd4884d99d145151e577aca43f83ae6151e2a31a7f41f34da765"),
        (0, 1): (250, "6c8b81643b540c60df9aafc11b6a0bf061c3745206e223fc7fe7a2cb318ddec0"),
        (0, 2): (250, "40503d32e6b575ec848e8c967e6d5e9f49f828a6b7168d1f0dfcb9b268859859"),
    },
}


def real_file(name: str) -> Path:
    """Return a real file, or skip the test with the reason."""
    found = CAPTURES / "reftek" / name
    if found.is_file():
        return found
    spec = find_spec("obspy")
    if spec and spec.submodule_search_locations:
        found = Path(spec.submodule_search_locations[0], "io", "reftek", "tests", "data", name)
        if found.is_file():
            return found
    if CAPTURES.is_dir():
        pytest.skip("obspy, the independent witness, is absent, and its data with it")
    pytest.skip("the real captures (../shared/captures) are absent")


def obspy_traces(path: Path) -> list[tuple[int, int, float, list[int]]]:
    """Return what obspy reads: channel, begin in nanoseconds, rate, samples."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from obspy.io.reftek.core import _read_reftek130

        return [
            (
                int(trace.stats.reftek130["channel_number"]),
                trace.stats.starttime.ns,
                float(trace.stats.sampling_rate),
                [int(value) for value in trace.data],
            )
            for trace in _read_reftek130(str(path))
        ]


def split(octets: bytes) -> list[Packet]:
    """Return the packets of a file that consists of nothing else."""
    found = [packets.read(octets, at) for at in range(0, len(octets), SIZE)]
    assert all(found)
    return [one for one in found if one]


def read(octets: bytes) -> Packet:
    """Return a packet that is one."""
    packet = packets.read(octets)
    assert packet
    return packet


def changed(octets: bytes, at: int, new: bytes) -> bytes:
    """Return octets with some of them replaced."""
    return octets[:at] + new + octets[at + len(new) :]


def steim_1(samples: Sequence[int], before: int = 0) -> bytes:
    """Return the 960 octets of Steim-1 frames of samples, each difference in the least room."""
    steps = [_wrapped(b - a) for a, b in zip([before, *samples], samples, strict=False)]
    words: list[tuple[int, bytes]] = [(0, struct.pack(">i", samples[0])), (0, b"")]
    words[1] = (0, struct.pack(">i", samples[-1]))
    while steps:
        for code, many, form, top in (
            (1, 4, ">4b", 127),
            (2, 2, ">2h", 32767),
            (3, 1, ">i", 1 << 32),
        ):
            some = steps[:many]
            if len(some) == many and all(-top <= step <= top for step in some):
                words.append((code, struct.pack(form, *some)))
                del steps[:many]
                break
    frames = b""
    while words:
        part, words = words[:15], words[15:]
        control = sum(code << 28 - 2 * at for at, (code, _) in enumerate(part))
        frames += struct.pack(">I", control) + b"".join(word for _, word in part).ljust(60, b"\0")
    assert len(frames) <= 960, "too many samples for one packet"
    return frames.ljust(960, b"\0")


def _wrapped(value: int) -> int:
    return (value + (1 << 31)) % (1 << 32) - (1 << 31)


class Recorder:
    """Makes the packets of one stream: an event of C0 packets whose samples follow each other."""

    def __init__(
        self, unit: str = "9ABC", start_ns: int = 1_700_000_000 * NANO, rate_hz: int = 100
    ) -> None:
        self.unit = unit
        self.rate_hz = rate_hz
        self.now_ns = start_ns
        self.event = 1
        self.sequence = 0
        self._value = {0: 0, 1: 1000, 2: -1000}

    def header(self, kind: str = "EH", rate: str | None = None) -> bytes:
        """Return an EH or ET; rate: its text, the real one by default."""
        text = f"{self.rate_hz}" if rate is None else rate
        octets = bytearray(self._head(kind, 416) + _bcd(self.event, 4) + bytes(5) + b"\xc0")
        octets = octets.ljust(SIZE, b" ")
        octets[24:57] = f"Trigger Time = {self._text()}\r\n".encode().ljust(33)
        octets[60:64], octets[88:92] = b"TEST", text.encode().ljust(4)
        octets[96:112], octets[112:128] = self._text().encode(), self._text().encode()
        self.sequence += 1
        return bytes(octets)

    def round(self, samples: int = 100, *, flat: bool = False) -> list[bytes]:
        """Return one data packet of each of three channels and let time go on."""
        made = [self.data(channel, samples, flat=flat) for channel in range(3)]
        self.now_ns += samples * NANO // self.rate_hz
        return made

    def data(self, channel: int, samples: int, *, flat: bool = False) -> bytes:
        """Return one data packet; the next one of the channel follows it."""
        before = self._value[channel]
        values = [before + (0 if flat else 3 * at - at * at % 7) for at in range(1, samples + 1)]
        self._value[channel] = values[-1]
        head = self._head("DT", SIZE) + _bcd(self.event, 4) + bytes((0, channel))
        head += _bcd(samples, 4) + b"\x00\xc0"
        self.sequence += 1
        return head + b" " * 40 + steim_1(values, before)

    def event_of(self, rounds: int, samples: int = 100) -> list[bytes]:
        """Return a whole event: EH, data, ET; the next event has the next number."""
        made = [self.header()]
        for _ in range(rounds):
            made += self.round(samples)
        made.append(self.header("ET"))
        self.event, self.sequence = self.event + 1, 0
        return made

    def _head(self, kind: str, octets: int) -> bytes:
        moment = self._moment()
        clock = f"{moment:%j%H%M%S}{self.now_ns // 1_000_000 % 1000:03}"
        head = kind.encode() + b"\0" + _bcd(moment.year % 100, 2) + bytes.fromhex(self.unit + clock)
        return head + _bcd(octets, 4) + _bcd(self.sequence % 10_000, 4)

    def _text(self) -> str:
        return f"{self._moment():%Y%j%H%M%S}{self.now_ns // 1_000_000 % 1000:03}"

    def _moment(self) -> datetime:
        return datetime.fromtimestamp(self.now_ns // NANO, UTC)


def health(unit: str, sequence: int, text: str, clock: str = "325050000000") -> bytes:
    """Return an SH packet of the year 26."""
    head = b"SH\0\x26" + bytes.fromhex(unit + clock) + _bcd(24 + len(text), 4) + _bcd(sequence, 4)
    return (head + b" " * 8 + text.encode()).ljust(SIZE)


def joined(made: Sequence[bytes]) -> bytes:
    """Return packets as a file holds them."""
    return b"".join(made)


def each(made: Sequence[bytes]) -> Iterator[Packet]:
    """Give packets as they are read."""
    return map(read, made)


def _bcd(number: int, digits: int) -> bytes:
    return bytes.fromhex(f"{number:0{digits}d}")
