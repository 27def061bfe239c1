"""Bad input through the real program: one clear line each, all before it kept, the right code."""

from __future__ import annotations

import gzip
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support.captured import ONE, TWO, demo, ordered
from support.program import Ended, portbook

from portbook.emulators import plant
from portbook.emulators.frames import Frame, Section, block, pcap, pcapng

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PACKETS = len(plant.frames())
GOOD = pcap([Frame(0, ONE.datagram(9, TWO, 9, b"hello"))])


def read(folder: Path, *names: object, stdin: bytes = b"") -> Ended:
    """Run `portbook read --jsonl` and hold what it says to what is true of all runs."""
    ended = portbook(folder, "read", *names, "--jsonl", stdin=stdin)
    assert "Traceback" not in ended.err
    assert len(ended.lines("error")) == len(ended.err.splitlines())
    assert all(line.startswith("portbook: ") for line in ended.err.splitlines())
    assert 1 == len(ended.lines("summary"))
    return ended


def packets(ended: Ended) -> int:
    told: int = ended.lines("summary")[0]["packets"]
    assert told >= sum(one["packets"] for one in ended.lines("conversation"))
    return told


def cut(octets: bytes) -> bytes:
    return octets[:-7]


def lying(octets: bytes) -> bytes:
    """Let the last record say that it has more than any frame."""
    last = 16 + len(ordered(plant.frames())[-1].octets)
    at = len(octets) - last + 8
    return octets[:at] + b"\xff\xff\xff\x7f" + octets[at + 4 :]


@pytest.mark.parametrize(
    ("octets", "said", "offset"),
    [
        (b"", "empty", 0),
        (b"\0" * 500, "not a capture", 0),
        (b"MZ\x90\0 not a capture at all", "not a capture: it begins with 4d 5a", 0),
        (b"BZh91AY&SY", "bunzip2", 0),
        (b"PK\x03\x04" + bytes(60), "unzip", 0),
        (demo()[:10], "in the middle", 0),
        (pcap([], link=1)[:4] + b"\1\0\4\0" + bytes(16), "only version 2", 4),
    ],
)
def test_a_file_that_is_no_capture_leaves_with_4(
    octets: bytes, said: str, offset: int, tmp_path: Path
) -> None:
    (tmp_path / "bad.pcap").write_bytes(octets)
    ended = read(tmp_path, "bad.pcap")

    assert (4, 0) == (ended.code, packets(ended))
    (problem,) = ended.lines("error")
    assert ("bad.pcap", offset) == (problem["source"], problem["offset"])
    assert problem["message"].startswith("bad.pcap: ")
    assert said in problem["message"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("gone.pcap", "no such file or folder; check the name"),
        ("*.pcapng", "no file matches this pattern; check the name"),
        ("nothing", "the folder is empty; portbook reads pcap and pcapng"),
        ("others", "none of its 2 files is a capture; portbook reads pcap and pcapng"),
    ],
)
def test_a_name_that_stands_for_nothing_leaves_with_4(name: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "notes.txt").write_text("no capture")
    (tmp_path / "others" / "empty.pcap").write_bytes(b"")
    ended = read(tmp_path, name)

    assert (4, 0) == (ended.code, packets(ended))
    assert f"portbook: {name}: {said}" in ended.err


@pytest.mark.skipif(sys.platform != "linux", reason="a file that opens and then fails")
def test_a_file_that_fails_when_it_is_read_is_told(tmp_path: Path) -> None:
    ended = read(tmp_path, "/proc/self/mem")

    assert 4 == ended.code
    assert "portbook: /proc/self/mem: cannot be read: input/output error" in ended.err


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "secret.pcap").write_bytes(GOOD)
    (tmp_path / "secret.pcap").chmod(0)
    ended = read(tmp_path, "secret.pcap")

    assert 4 == ended.code
    assert "secret.pcap: cannot be read: permission denied; ask its owner" in ended.err


PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "pcap": lambda octets: octets,
    "gz": gzip.compress,
    "zst": zstd.compress,
}


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize(
    ("damage", "said"),
    [(cut, "in the middle of a record"), (lying, "more than any frame")],
    ids=["cut", "lying"],
)
def test_damage_leaves_with_3_and_keeps_all_before_it(
    damage: Callable[[bytes], bytes], said: str, packing: str, tmp_path: Path
) -> None:
    (tmp_path / "bad").write_bytes(PACKINGS[packing](damage(demo())))
    ended = read(tmp_path, "bad")

    assert (3, PACKETS - 1) == (ended.code, packets(ended))
    (problem,) = ended.lines("error")
    last = len(ordered(plant.frames())[-1].octets)
    assert len(demo()) - last - 16 == problem["offset"]
    assert said in problem["message"]
    assert ("octets are those of what the" in problem["message"]) == (packing != "pcap")
    assert 2 == len(ended.lines("announcement"))


@pytest.mark.parametrize("packing", ["gz", "zst"])
def test_packed_octets_that_end_too_early_keep_what_was_unpacked(
    packing: str, tmp_path: Path
) -> None:
    packed = PACKINGS[packing](demo())
    (tmp_path / "bad").write_bytes(packed[: len(packed) // 2])
    ended = read(tmp_path, "bad")

    assert ended.code in (3, 4)
    assert (ended.code == 3) == (packets(ended) > 0)
    assert 1 == len(ended.lines("error"))


def test_lengths_that_lie_in_a_pcapng_are_told_at_their_octet(tmp_path: Path) -> None:
    octets = pcapng(Section([Frame(0, ONE.datagram(9, TWO, 9, b"x"))]))
    (tmp_path / "bad.pcapng").write_bytes(octets + block(6, bytes(40))[:4] + b"\5\0\0\0" + bytes(8))
    ended = read(tmp_path, "bad.pcapng")

    assert (3, 1) == (ended.code, packets(ended))
    assert len(octets) == ended.lines("error")[0]["offset"]


def test_a_link_type_that_nobody_reads_is_counted_and_named(tmp_path: Path) -> None:
    (tmp_path / "odd.pcap").write_bytes(pcap([Frame(0, bytes(40))] * 3, link=147))
    ended = read(tmp_path, "odd.pcap")

    assert (0, 3) == (ended.code, packets(ended))
    (odd,) = ended.lines("oddity")
    assert ("unknown-link-type", 3) == (odd["name"], odd["count"])
    assert "odd.pcap" in odd["where"]


def test_good_and_bad_sources_together_leave_with_3(tmp_path: Path) -> None:
    (tmp_path / "good.pcap").write_bytes(demo())
    (tmp_path / "bad.pcap").write_bytes(b"nonsense")
    ended = read(tmp_path, "bad.pcap", "good.pcap", "gone.pcap")

    assert (3, PACKETS) == (ended.code, packets(ended))
    assert ["bad.pcap", "gone.pcap"] == sorted(one["source"] for one in ended.lines("error"))
    summary = ended.lines("summary")[0]
    assert (3, 2) == (summary["sources"], summary["failed_sources"])


def test_bad_sources_alone_leave_with_4(tmp_path: Path) -> None:
    (tmp_path / "bad.pcap").write_bytes(b"nonsense")

    assert 4 == read(tmp_path, "bad.pcap", "gone.pcap").code


@pytest.mark.parametrize("packing", PACKINGS)
def test_standard_input_is_read_like_a_file(packing: str, tmp_path: Path) -> None:
    ended = read(tmp_path, "-", stdin=PACKINGS[packing](demo()))

    assert (0, PACKETS) == (ended.code, packets(ended))
    assert {"standard input"} == {one["source"] for one in ended.lines("conversation")}


def test_standard_input_that_ends_too_early_or_is_nothing(tmp_path: Path) -> None:
    early, nothing = read(tmp_path, "-", stdin=cut(demo())), read(tmp_path, "-")

    assert (3, PACKETS - 1) == (early.code, packets(early))
    assert 4 == nothing.code
    assert "standard input: the file is empty" in nothing.err


def test_a_folder_is_read_to_its_bottom(tmp_path: Path) -> None:
    below = tmp_path / "plant" / "night"
    below.mkdir(parents=True)
    for name, pack in PACKINGS.items():
        (below / f"a.{name}").write_bytes(pack(demo()))
    (below / "readme.txt").write_text("not a capture")
    ended = read(tmp_path, "plant")

    assert (0, 3 * PACKETS) == (ended.code, packets(ended))
    assert 3 == ended.lines("summary")[0]["sources"]


def test_a_finding_goes_before_a_failed_source(tmp_path: Path) -> None:
    (tmp_path / "good.pcap").write_bytes(demo())

    assert 1 == portbook(tmp_path, "audit", "good.pcap", "gone.pcap").code
    assert 3 == portbook(tmp_path, "audit", "good.pcap", "gone.pcap", "--fail-on", "never").code


def test_names_with_odd_characters_cannot_steer_the_terminal(tmp_path: Path) -> None:
    name = "night\x1b[2J\n.pcap"
    (tmp_path / name).write_bytes(b"nonsense")
    ended = portbook(tmp_path, "read", name)

    assert 4 == ended.code
    assert "\x1b" not in ended.err
    assert 1 == len(ended.err.splitlines())
