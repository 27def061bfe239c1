"""archive.sta as the maker's archive library writes it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from portbook.seismic import archive_state
from portbook.seismic.archive_state import State, Stream

# Written by the maker's archive library for the packets of a real file (unit AE4C).
VECTOR = bytes.fromhex("ae4c01000741d5861132c0000041d586113b58f5c3000000000000740043480000")

times = st.integers(0, 4_000_000_000).map(lambda ms: ms * 1_000_000)
streams = st.builds(
    Stream,
    st.integers(0, 0xFFFF).map("{:04X}".format),
    st.integers(0, 100),
    times,
    times,
    st.integers(0, 0xFFFF),
    st.integers(0, 1 << 50),
    st.sampled_from((0.0, 1.0, 100.0, 1000.0)),
)
states = st.builds(
    lambda name, made, every, writing: State(
        name, made, made, {(one.unit, one.place): one for one in every}, writing
    ),
    st.text("abcXYZ019-_", max_size=63),
    times,
    st.lists(streams, max_size=5),
    st.booleans(),
)


def test_a_stream_of_a_real_archive_is_read_and_written() -> None:
    state = State("raw", 0, 0, {})
    told = archive_state.encode(state)
    octets = told[:132] + (1).to_bytes(4) + told[136:] + VECTOR
    read = archive_state.decode(octets)
    expected = Stream(
        "AE4C", 1, 1444431051_000_000_000, 1444431085_390_000_000, 0b111, 29 * 1024, 200.0
    )

    assert 160 == len(told)
    assert read is not None
    assert {("AE4C", 1): expected} == read.streams
    assert VECTOR == archive_state.encode(read)[160:]


def test_limits_are_none_and_the_current_size_is_the_sum() -> None:
    one, other = Stream("9D20", 1, 5, 6, 0, 2048), Stream("9D20", 0, 5, 6, 0, 1024)
    octets = archive_state.encode(State("raw", 0, 0, {("9D20", 1): one, ("9D20", 0): other}))

    assert b"\xff" * 16 + (3072).to_bytes(8) == octets[136:160]
    assert 226 == len(octets)


@given(states)
def test_what_is_written_is_read(state: State) -> None:
    assert state == archive_state.decode(archive_state.encode(state))


@given(states, st.data())
def test_any_cut_is_refused(state: State, data: st.DataObject) -> None:
    octets = archive_state.encode(state)
    cut = data.draw(st.integers(0, len(octets) - 1))

    assert archive_state.decode(octets[:cut]) is None


@given(st.binary(min_size=160, max_size=400))
def test_any_octets_are_read_or_refused(octets: bytes) -> None:
    archive_state.decode(octets)
