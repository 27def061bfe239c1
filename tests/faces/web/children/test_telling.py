"""What a child says is understood, or passed over: it may be out of its mind."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.faces.web.children.telling import Said, say, understood
from portbook.records import Summary

SUMMARY = Summary(packets=1, octets=2, conversations=3, seconds=0.5)


@given(
    st.builds(
        Said,
        step=st.none() | st.text(),
        done=st.none() | st.floats(0, 1),
        changed=st.lists(st.text()).map(tuple),
        problem=st.none() | st.text(),
        summary=st.sampled_from((None, SUMMARY)),
    )
)
def test_what_is_said_is_understood(said: Said) -> None:
    assert said == understood(msgspec.json.encode(said) + b"\n")


@given(st.binary())
def test_other_lines_are_passed_over(line: bytes) -> None:
    assert understood(line) in (None, Said())  # {} says nothing


def test_an_absurd_share_is_passed_over() -> None:
    for share in (b"-1", b"1.5", b"1e999", b'"x"'):
        assert understood(b'{"kind":"said","done":' + share + b"}") is None


def test_words_that_are_no_text_are_said_all_the_same(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    say(problem="bad\ud800 name\n" + "x" * 9000)

    (line,) = capfdbinary.readouterr().out.splitlines()
    said = understood(line)
    assert said
    assert said.problem
    assert said.problem.startswith("bad\\ud800 name\nxx")
    assert 2000 == len(said.problem)
