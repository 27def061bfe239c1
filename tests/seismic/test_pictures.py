"""A line of bars tells how far a channel swings."""

from __future__ import annotations

from support.recorded import NANO, Recorder, each

from portbook.seismic.assembly import Assembler
from portbook.seismic.outcomes import Placed
from portbook.seismic.pictures import Pictures
from portbook.seismic.samples import decode


def pictures(made: list[bytes], columns: int) -> list[tuple[int, str]]:
    assembler, collector = Assembler(2023), Pictures()
    out = [one for packet in each(made) for one in assembler.add(packet)] + assembler.flush()
    for one in out:
        if isinstance(one, Placed):
            values = decode(one.packet).values
            if values is not None:
                collector.take(one, values.tolist())
    return [(one.channel, one.bars) for one in collector.all(columns)]


def test_a_flat_part_is_low_and_a_swing_is_high() -> None:
    recorder = Recorder()
    made = [recorder.header(), *recorder.round(flat=True), *recorder.round()]

    ((channel, bars), *others) = pictures(made, 4)
    assert (0, "▁▁") == (channel, bars[:2])
    assert "█" in bars[2:]
    assert [1, 2] == [channel for channel, _ in others]


def test_where_nothing_is_the_picture_is_blank() -> None:
    recorder = Recorder()
    made = [recorder.header(), *recorder.round()]
    recorder.now_ns += 8 * NANO
    made += recorder.round()

    assert all("        " in bars for _, bars in pictures(made, 30))


def test_the_picture_is_as_wide_as_asked() -> None:
    for columns in (1, 2, 7, 80):
        assert {columns} == {len(bars) for _, bars in pictures(Recorder().event_of(3), columns)}
