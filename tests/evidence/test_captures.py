"""Captures of any packing, named in any way, read to the end or to the damage."""

from __future__ import annotations

import contextlib
import gzip
import os
import random
import tempfile
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portbook.emulators import frames, plant
from portbook.errors import SourceError
from portbook.evidence import captures, readers
from portbook.evidence.captures import Capture, find, read
from portbook.evidence.table import Row, Table

try:
    from compression import zstd
except ImportError:
    from backports import zstd

PLANT = plant.capture()
PCAPNG = frames.pcapng(frames.Section(plant.frames()))


def _table(limit: int = 100_000) -> Table:
    return readers.table(seed=1, limit=limit)


def _nothing() -> None:
    raise AssertionError("the table is neither full nor starved")


def _rows(path: Path, table: Table | None = None) -> list[Row]:
    table = table or _table()
    read(Capture(str(path), str(path)), table, full=_nothing, starved=_nothing)
    return list(table.rows())


def _fails(path: Path, table: Table | None = None) -> SourceError:
    with pytest.raises(SourceError) as caught:
        _rows(path, table)
    assert str(path) in str(caught.value)
    return caught.value


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    path = tmp_path_factory.mktemp("plain") / "plant.pcap"
    path.write_bytes(PLANT)
    rows = _rows(path)
    assert 20 == len(rows)
    return rows


def _gzip_members(octets: bytes) -> bytes:
    return b"".join(gzip.compress(octets[at : at + 9999]) for at in range(0, len(octets), 9999))


def _zstd_frames(octets: bytes) -> bytes:
    parts = [zstd.compress(octets[at : at + 9999]) for at in range(0, len(octets), 9999)]
    return bytes.fromhex("5a2a4d1803000000") + b"???" + b"".join(parts)  # a skippable frame first


PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "gzip members": _gzip_members,
    "gzip padded": lambda octets: gzip.compress(octets) + bytes(700),
    "zstd": zstd.compress,
    "zstd frames": _zstd_frames,
}


@pytest.mark.parametrize("packing", PACKINGS)
def test_every_packing_holds_the_same(packing: str, expected: list[Row], tmp_path: Path) -> None:
    path = tmp_path / "a name that says.txt"
    path.write_bytes(PACKINGS[packing](PLANT))

    assert expected == _rows(path)


def test_pcapng_holds_the_same(expected: list[Row], tmp_path: Path) -> None:
    path = tmp_path / "plant.pcapng"
    path.write_bytes(gzip.compress(PCAPNG))
    found = {(row.a, row.a_port, row.b, row.b_port, row.packets_ab) for row in _rows(path)}

    assert {(row.a, row.a_port, row.b, row.b_port, row.packets_ab) for row in expected} == found


@settings(max_examples=15, deadline=None)
@given(st.integers(40, 3000), st.booleans(), st.sampled_from(list(PACKINGS)))
def test_records_that_lie_across_blocks_are_read(size: int, newer: bool, packing: str) -> None:
    octets = PCAPNG if newer else PLANT
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        path = Path(folder) / "plant"
        path.write_bytes(PACKINGS[packing](octets))
        whole = _rows(path)
        patch.setattr(captures, "BLOCK", size)

        assert whole == _rows(path)


def test_a_pipe_and_standard_input_are_read(expected: list[Row], tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(_gzip_members(PLANT),))
    writer.start()
    assert expected == _rows(path)
    writer.join()

    (capture,) = find(["-", "-"]).captures
    kept = os.dup(0)
    try:
        (tmp_path / "plant").write_bytes(PLANT)
        file = os.open(tmp_path / "plant", os.O_RDONLY)
        os.dup2(file, 0)
        os.close(file)
        table = _table()
        read(capture, table, full=_nothing, starved=_nothing)
    finally:
        os.dup2(kept, 0)
        os.close(kept)
    assert ("standard input", None) == (capture.name, capture.path)
    assert expected == list(table.rows())


@pytest.mark.parametrize("way", ["plain", "gzip through a pipe"])
def test_what_is_plain_or_may_keep_a_thread_waiting_gets_none(
    way: str, expected: list[Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(octets: object) -> None:
        raise AssertionError("a thread was started")

    monkeypatch.setattr(captures, "Ahead", never)
    path = tmp_path / "capture"
    if way == "plain":
        path.write_bytes(PLANT)
        assert expected == _rows(path)
        return
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(gzip.compress(PLANT),))
    writer.start()
    assert expected == _rows(path)
    writer.join()


def test_folders_are_searched_sorted_and_what_is_no_capture_is_counted(tmp_path: Path) -> None:
    (tmp_path / "b" / "c").mkdir(parents=True)
    wanted = [tmp_path / "a.txt", tmp_path / "b" / "c" / "z", tmp_path / "b" / "y.pcap"]
    for path, packing in zip(wanted, ("zstd frames", "gzip", "plain"), strict=True):
        path.write_bytes(PACKINGS[packing](PLANT))
    (tmp_path / "b" / "notes.pcap").write_text("not one")
    (tmp_path / "b" / "empty.pcap").touch()
    (tmp_path / "b" / "text.gz").write_bytes(gzip.compress(b"text"))
    (tmp_path / "b" / "lost").symlink_to("nowhere")
    (tmp_path / "b" / "round").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "b" / "fifo")

    found = find([str(tmp_path), str(wanted[0])])

    assert {str(path) for path in wanted} == {one.name for one in found.captures}
    assert [one.name for one in found.captures] == [one.name for one in find([str(tmp_path)])[0]]
    assert (5, ()) == (found.skipped, found.problems)


def test_patterns_and_names_are_taken_as_they_are(tmp_path: Path) -> None:
    for name in ("b.pcap", "a.pcap", "[x].pcap", "other"):
        (tmp_path / name).write_text("whatever")

    found = find([str(tmp_path / "?.pcap"), str(tmp_path / "[x].pcap"), str(tmp_path / "a.pcap")])

    names = [Path(one.name).name for one in found.captures]
    assert ["a.pcap", "b.pcap", "[x].pcap"] == names


def test_names_that_stand_for_nothing_are_told_one_by_one(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes").write_text("text")
    names = [str(tmp_path / name) for name in ("missing", "*.none", "empty", "full")]

    found = find(names)

    assert () == found.captures
    assert names == [str(problem).split(": ")[0] for problem in found.problems]
    for problem, word in zip(
        found.problems, ("no such", "no file matches", "is empty", "none of its 1"), strict=True
    ):
        assert word in str(problem)


@pytest.mark.parametrize(
    ("octets", "word"),
    [
        (b"", "is empty"),
        (b"\xd4\xc3", "not a capture: it begins with d4 c3"),
        (b"hello world, this is text", "not a capture"),
        (b"snoop\0\0\0\0\0\0\2", "editcap"),
        (b"BZh91AY&SY", "bunzip2"),
        (gzip.compress(b""), "is empty"),
        (gzip.compress(b"text inside of it"), "not a capture"),
        (gzip.compress(gzip.compress(PLANT)), "not a capture"),
    ],
)
def test_what_is_no_capture_is_said_in_words(octets: bytes, word: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(octets)

    assert word in str(_fails(path))


def test_a_file_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    assert "no such file" in str(_fails(tmp_path / "gone"))
    assert "cannot be read" in str(_fails(tmp_path))


@pytest.mark.parametrize("packing", ["plain", "gzip", "gzip members", "zstd frames"])
def test_what_stands_before_the_cut_is_kept(
    packing: str, expected: list[Row], tmp_path: Path
) -> None:
    packed = PACKINGS[packing](PLANT)
    path = tmp_path / "cut"
    path.write_bytes(packed[: len(packed) // 2])
    table = _table()

    error = _fails(path, table)

    assert "read" in str(error)
    assert error.offset is not None
    assert 60 < table.counts().packets < len(plant.frames())
    assert 5 < len(list(table.rows())) <= len(expected)


@pytest.mark.parametrize("packing", ["gzip", "zstd frames"])
def test_what_stands_before_the_damage_is_kept(packing: str, tmp_path: Path) -> None:
    noise = frames.Host("10.0.0.1", "02:00:00:00:00:01")
    chance = random.Random(7)
    octets = frames.pcap(
        frames.Frame(
            number * 10**9, noise.datagram(9, noise, 9, chance.randbytes(500).hex().encode())
        )
        for number in range(100)
    )
    packed = bytearray(PACKINGS[packing](octets))
    middle = len(packed) // 2
    packed[middle : middle + 40] = bytes(40)
    path = tmp_path / "damaged"
    path.write_bytes(packed)
    table = _table()

    assert "damaged" in str(_fails(path, table))
    assert 30 < table.counts().packets < 100


def test_a_wrong_checksum_at_the_very_end_costs_nothing(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(PLANT))
    packed[-8] ^= 1
    path = tmp_path / "damaged"
    path.write_bytes(packed)
    table = _table()

    assert "damaged gzip" in str(_fails(path, table))
    assert len(plant.frames()) == table.counts().packets


@pytest.mark.parametrize("packing", ["gzip", "zstd"])
def test_octets_behind_the_packed_ones_are_told(packing: str, tmp_path: Path) -> None:
    packed = PACKINGS[packing](PLANT)
    path = tmp_path / "more"
    path.write_bytes(packed + b"and then text")
    table = _table()

    error = _fails(path, table)

    assert (len(packed), True) == (error.offset, "follow the end" in str(error))
    assert len(plant.frames()) == table.counts().packets


def test_an_offset_inside_a_packed_file_says_so(tmp_path: Path) -> None:
    lie = PLANT[:24] + PLANT[24:32] + b"\xff\xff\xff\x7f" + PLANT[36:]
    path = tmp_path / "lie"
    path.write_bytes(lie)
    assert 24 == _fails(path).offset

    path.write_bytes(gzip.compress(lie))
    assert "octets are those of what the gzip file holds" in str(_fails(path))


@pytest.mark.parametrize("packing", ["gzip", "zstd"])
def test_what_unpacks_to_much_is_never_held_whole(packing: str, tmp_path: Path) -> None:
    empty = frames.Frame(0, bytes(60_000))
    path = tmp_path / "bomb"
    path.write_bytes(PACKINGS[packing](frames.pcap([empty] * 1000)))
    table = _table()
    assert path.stat().st_size < 100_000

    tracemalloc.start()
    try:
        _rows(path, table)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert 1000 == table.counts().packets
    assert peak < 12_000_000


@pytest.mark.parametrize("size", [700, 1 << 20])
def test_a_full_table_is_emptied_and_nothing_is_lost(
    size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(captures, "BLOCK", size)
    path = tmp_path / "plant"
    path.write_bytes(PLANT)
    table = _table(limit=3)
    closed: list[Row] = []

    def full() -> None:
        rows = table.close(2)
        assert rows
        closed.extend(rows)

    read(Capture("plant", str(path)), table, full=full, starved=_nothing)

    parts = [*closed, *table.rows()]
    whole = _rows(path)
    assert sum(row.packets_ab + row.packets_ba for row in whole) == sum(
        row.packets_ab + row.packets_ba for row in parts
    )
    assert len(parts) > len(whole)


def test_a_starved_pool_is_told_and_the_reading_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "plant"
    path.write_bytes(PLANT)
    calls: list[int] = []

    class Hungry:
        """Takes 1000 octets at a time and is starved after each."""

        full = False
        starved = False

        def feed(self, block: memoryview) -> int:
            self.starved = True
            return min(1000, len(block))

        def finish(self, rest: int = 0) -> None:
            calls.append(-rest)

    table = Hungry()

    def starved() -> None:
        table.starved = False
        calls.append(1)

    read(Capture("plant", str(path)), table, full=_nothing, starved=starved)  # type: ignore[arg-type]

    assert [1, -(len(PLANT) - 1000)] == calls


class Stubborn:
    """Uses nothing of what it is fed, or stays full."""

    starved = False

    def __init__(self, full: bool) -> None:
        self.full = full

    def feed(self, block: memoryview) -> int:
        return 0

    def finish(self, rest: int = 0) -> None:
        pass


def test_a_table_that_never_uses_anything_does_not_eat_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(captures, "BLOCK", 64)
    monkeypatch.setattr(captures, "LONGEST_RECORD", 4096)
    path = tmp_path / "plant"
    path.write_bytes(PLANT)

    with pytest.raises(SourceError, match="longer than"):
        read(Capture("plant", str(path)), Stubborn(False), full=_nothing, starved=_nothing)  # type: ignore[arg-type]


def test_a_table_that_stays_full_is_a_fault_of_ours(tmp_path: Path) -> None:
    path = tmp_path / "plant"
    path.write_bytes(PLANT)

    with pytest.raises(RuntimeError, match="still full"):
        read(Capture("plant", str(path)), Stubborn(True), full=lambda: None, starved=_nothing)  # type: ignore[arg-type]


def test_a_disk_that_fails_in_the_middle_keeps_what_was_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Failing:
        packed = None
        done = 0
        _left = PLANT[:30_000]

        def into(self, room: memoryview) -> int:
            if not self._left:
                raise OSError(5, "Input/output error")
            count = min(len(room), len(self._left))
            room[:count], self._left = self._left[:count], self._left[count:]
            return count

    path = tmp_path / "plant"
    path.write_bytes(PLANT)
    monkeypatch.setattr(captures, "unpacked", lambda raw: Failing())
    table = _table()

    assert "input/output error" in str(_fails(path, table))
    assert 100 < table.counts().packets < len(plant.frames())


def test_progress_grows_to_the_size_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "plant"
    path.write_bytes(gzip.compress(PLANT * 1))
    seen: list[tuple[int, int | None]] = []

    read(
        Capture("plant", str(path)),
        _table(),
        full=_nothing,
        starved=_nothing,
        progress=lambda done, total: seen.append((done, total)),
    )

    size = path.stat().st_size
    assert {size} == {total for _, total in seen}
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert size == seen[-1][0]


@pytest.mark.parametrize("packing", ["plain", "gzip", "zstd"])
def test_an_interruption_passes_through_and_closes_the_file(packing: str, tmp_path: Path) -> None:
    path = tmp_path / "plant"
    path.write_bytes(PACKINGS[packing](PLANT))
    before, threads = len(os.listdir("/proc/self/fd")), threading.active_count()

    def interrupt(done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read(
            Capture("plant", str(path)),
            _table(),
            full=_nothing,
            starved=_nothing,
            progress=interrupt,
        )
    assert (before, threads) == (len(os.listdir("/proc/self/fd")), threading.active_count())


def test_a_file_that_grows_or_vanishes_while_it_is_read_does_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(captures, "BLOCK", 5000)
    path = tmp_path / "plant"
    half = len(PLANT) // 2
    path.write_bytes(PLANT[:half])
    table = _table()
    steps = iter(["grow", "vanish"])

    def meddle(done: int, total: int | None) -> None:
        step = next(steps, None)
        if step == "grow":
            with path.open("ab") as file:
                file.write(PLANT[half:])
        elif step == "vanish":
            path.unlink()

    read(Capture("plant", str(path)), table, full=_nothing, starved=_nothing, progress=meddle)

    assert len(plant.frames()) == table.counts().packets


@given(
    st.binary(max_size=300),
    st.sampled_from([b"\x1f\x8b\x08\0", b"\x28\xb5\x2f\xfd", PLANT[:24], PCAPNG[:28]]),
)
def test_random_octets_behind_a_magic_end_in_words(octets: bytes, magic: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hostile"
        path.write_bytes(magic + octets)
        with contextlib.suppress(SourceError):
            _rows(path)
