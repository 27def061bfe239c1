"""Another thread unpacks: the octets, the errors and the bounds stay what they were."""

from __future__ import annotations

import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.errors import SourceError
from portbook.evidence import ahead
from portbook.evidence.ahead import Ahead


class Source:
    """Gives what it was given, then perhaps an error."""

    packed: str | None = "gzip"

    def __init__(self, pieces: list[bytes], error: BaseException | None = None) -> None:
        self.done = 4
        self.given = 0
        self._pieces, self._error = list(pieces), error

    def piece(self, most: int) -> bytes:
        self.done += 1
        while self._pieces:
            octets = self._pieces.pop(0)
            if len(octets) > most:
                self._pieces.insert(0, octets[most:])
            if octets:
                self.given += len(octets[:most])
                return octets[:most]
        if self._error:
            raise self._error
        return b""


def _drained(octets: Ahead, size: int) -> bytes:
    found, room = bytearray(), bytearray(size)
    while count := octets.into(memoryview(room)):
        found += room[:count]
    return bytes(found)


@given(
    st.lists(st.binary(max_size=60), max_size=40),
    st.integers(1, 90),
    st.integers(1, 90),
    st.integers(1, 90),
)
def test_whatever_the_sizes_all_octets_come_in_order(
    pieces: list[bytes], block: int, step: int, room: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ahead, "BLOCK", block)
        patch.setattr(ahead, "STEP", step)
        source = Source(pieces)
        with Ahead(source) as octets:
            assert b"".join(pieces) == _drained(octets, room)

        assert ("gzip", source.done) == (octets.packed, octets.done)
        assert 0 == octets.into(memoryview(bytearray(5)))


@pytest.mark.parametrize("error", [SourceError("cut", offset=7), OSError(5, "disk"), MemoryError()])
def test_an_error_comes_behind_the_octets_before_it_and_stays(error: BaseException) -> None:
    room = bytearray(9)
    with Ahead(Source([b"one", b"two"], error)) as octets:
        assert (6, b"onetwo") == (octets.into(memoryview(room)), room[:6])
        for _ in range(2):
            with pytest.raises(type(error)) as caught:
                octets.into(memoryview(room))
            assert error is caught.value


def test_it_goes_no_further_ahead_than_a_few_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "BLOCK", 1000)
    source = Source([bytes(100_000)])

    with Ahead(source) as octets:
        room = memoryview(bytearray(10))
        for _ in range(300):
            assert octets.into(room)

    assert 3000 <= source.given <= 3000 + 2 * 1000


def test_leaving_early_ends_the_thread_and_gives_the_setting_back() -> None:
    usual, threads = sys.getswitchinterval(), threading.active_count()
    with Ahead(Source([bytes(10_000_000)])) as octets:
        assert ahead.STEP == octets.into(memoryview(bytearray(ahead.STEP + 1)))

    assert (usual, threads) == (sys.getswitchinterval(), threading.active_count())


def test_two_at_a_time_give_the_setting_back_when_both_have_ended() -> None:
    usual = sys.getswitchinterval()
    first, second = Ahead(Source([b"a"])), Ahead(Source([b"b"]))
    with first:
        with second:
            assert sys.getswitchinterval() < usual
        assert sys.getswitchinterval() < usual
        assert b"a" == _drained(first, 10)

    assert usual == sys.getswitchinterval()
