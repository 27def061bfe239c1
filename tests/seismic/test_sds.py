"""Day files in an SDS tree: each record once, sorted, whole after any end."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.reftek import START_NS, day_records, event

from portbook.errors import UsageError
from portbook.protocols.reftek import packets
from portbook.seismic import miniseed
from portbook.seismic.miniseed import Name
from portbook.seismic.sds import Sds, day_file
from portbook.seismic.store import ArchiveError

NAME = Name("XX", "TEST", "00", "HHZ")


def _records(count: int, name: Name = NAME, at_s: float = 0) -> list[bytes]:
    """Return records of 480 samples at 200 Hz, one after the other."""
    data = next(one for octet in event() if (one := packets.read(octet)) and one.type == "DT")
    made = []
    for number in range(count):
        at_ns = START_NS + int(at_s * 1e9) + number * 2_400_000_000
        made.append(miniseed.copied(data, name, 200, at_ns, number=number + 1)[0])
    return made


def _kept(root: Path, records: list[bytes], **more: int) -> list[bool]:
    tree = Sds(root, **more)
    written = [tree.add(record) for record in records]
    tree.sync()
    tree.close()
    return written


def test_records_go_to_the_file_of_their_day_and_channel(tmp_path: Path) -> None:
    midnight = _records(2, at_s=16 * 3600 - 1)
    other = _records(1, Name("X", "A", "", "BH1"))
    _kept(tmp_path, [*midnight, *other])

    assert {
        "2026/XX/TEST/HHZ.D/XX.TEST.00.HHZ.D.2026.005": midnight[:1],
        "2026/XX/TEST/HHZ.D/XX.TEST.00.HHZ.D.2026.006": midnight[1:],
        "2026/X/A/BH1.D/X.A..BH1.D.2026.005": other,
    } == day_records(tmp_path)


@given(order=st.permutations(range(12)), twice=st.lists(st.integers(0, 11), max_size=6))
def test_any_order_and_any_repetition_give_the_same_file(
    tmp_path_factory: pytest.TempPathFactory, order: list[int], twice: list[int]
) -> None:
    root = tmp_path_factory.mktemp("sds")
    records = _records(12)
    written = _kept(root, [records[at] for at in [*order, *twice]])

    assert [records] == list(day_records(root).values())
    assert 12 == sum(written)


def test_a_record_is_the_same_whatever_its_number(tmp_path: Path) -> None:
    records = _records(5)
    _kept(tmp_path, records)
    again = _kept(tmp_path, [b"999999" + one[6:] for one in records])

    assert {False} == set(again)
    assert [records] == list(day_records(tmp_path).values())


def test_two_records_of_one_time_are_both_kept(tmp_path: Path) -> None:
    first = _records(3)
    other = first[1][:100] + b"\x7f" + first[1][101:]
    _kept(tmp_path, [*first, other])

    assert {*first, other} == set(day_records(tmp_path).popitem()[1])


def test_late_records_survive_checkpoints_and_a_sudden_end(tmp_path: Path) -> None:
    records = _records(60)
    order = random.Random(3).sample(records, 60)
    tree = Sds(tmp_path, checkpoint_octets=8 << 10)
    for record in order:
        tree.add(record)
        tree.sync()
    tree.abandon()
    Sds(tmp_path).close()

    assert [records] == list(day_records(tmp_path).values())


def test_a_torn_end_is_cut_and_told(tmp_path: Path) -> None:
    records = _records(4)
    tree = Sds(tmp_path)
    for record in records:
        tree.add(record)
    tree.sync()
    tree.abandon()
    path = tmp_path / day_file(records[0])
    path.write_bytes(path.read_bytes()[:-100])
    again = Sds(tmp_path)
    again.close()

    assert [(day_file(records[0]), 924)] == [(one.path, one.octets) for one in again.cuts]
    assert [records] == list(day_records(tmp_path).values())


def test_a_file_of_other_records_is_not_touched(tmp_path: Path) -> None:
    record = _records(1)[0]
    path = tmp_path / day_file(record)
    path.parent.mkdir(parents=True)
    small = record[:54] + b"\x09" + record[55:512]
    path.write_bytes(small * 4)
    tree = Sds(tmp_path)
    with pytest.raises(ArchiveError, match="another program wrote it"):
        tree.add(record)
    tree.abandon()

    assert small * 4 == path.read_bytes()


@pytest.mark.parametrize(
    "record",
    [
        b"",
        _records(1)[0][:-1],
        _records(1)[0] + b"\0",
        b"abcdef" + _records(1)[0][6:],
        _records(1)[0][:8] + b"../..00HHZXX" + _records(1)[0][20:],
        _records(1)[0][:22] + b"\x01\x6f" + _records(1)[0][24:],
    ],
)
def test_what_is_no_record_is_refused(tmp_path: Path, record: bytes) -> None:
    tree = Sds(tmp_path)
    with pytest.raises(UsageError, match="no miniSEED 2 record"):
        tree.add(record)
    tree.close()

    assert {} == day_records(tmp_path)


@given(st.integers(0, 63), st.binary(min_size=1, max_size=8))
def test_no_header_leads_out_of_the_tree(at: int, octets: bytes) -> None:
    record = bytearray(_records(1)[0])
    record[at : at + len(octets)] = octets
    from portbook.seismic import sds

    if sds._is_record(bytes(record)):
        path = Path(day_file(bytes(record)))

        assert 5 == len(path.parts)
        assert not {"..", "."} & set(path.parts)
