"""The fuzz targets themselves: what was ever found, all seeds, and drivers that find a fault."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzz import guided, mutating
from fuzz.families import chosen, every, families
from fuzz.found import FOUND
from fuzz.mutating import Failure
from fuzz.payloads import pack, unpack
from fuzz.recognisers import examples
from fuzz.supply import Supply, piece
from fuzz.target import Target
from portbook.ports import Transport
from portbook.protocols import Payload, Side, protocols

ROOT = Path(__file__).parent.parent
SEEDS = [b"letters", b"REF", b"0000"]
needs_atheris = pytest.mark.skipif(
    guided.atheris is None, reason="atheris is not installed: it has no wheel for this Python"
)
found = [(name, octets) for name, several in FOUND.items() for octets in several]


@pytest.mark.parametrize(("name", "octets"), found)
def test_what_was_found_once_is_borne_now(name: str, octets: str) -> None:
    every()[name].check(bytes.fromhex(octets))


@pytest.mark.parametrize("name", every())
def test_a_target_bears_its_seeds_and_small_changes_of_them(name: str) -> None:
    target = every()[name]
    seeds = mutating.seeds(target)

    assert seeds, "nothing to begin with"
    assert len(seeds) + 20 == mutating.run(target, runs=len(seeds) + 20, seconds=None)


def test_every_protocol_has_a_target_with_its_own_examples() -> None:
    asked = {one.name for one in families()["recognisers"]}

    assert {f"recognise-{name}" for name in protocols()} <= asked
    assert set(FOUND) <= set(every())


def _fault(fault: Callable[[bytes], object]) -> Target:
    return Target("planted", fault, lambda: SEEDS, 64)


def _raises(octets: bytes) -> None:
    if octets.startswith(b"RE") and len(octets) > 2 and octets[2] != ord("F"):
        raise IndexError("a planted fault")


def test_the_driver_of_our_own_finds_a_planted_fault_and_gives_the_input_back() -> None:
    with pytest.raises(Failure, match="IndexError: a planted fault") as caught:
        mutating.run(_fault(_raises), runs=20_000, seconds=None)

    with pytest.raises(IndexError):
        _raises(caught.value.octets)


def test_the_driver_of_our_own_is_told_the_same_each_time() -> None:
    def some(number: int) -> list[bytes]:
        inputs = mutating.inputs(_fault(_raises), number)
        return [next(inputs) for _ in range(200)]

    assert some(1) == some(1)
    assert some(1) != some(2)
    assert SEEDS == some(1)[:3]
    assert all(len(one) <= 64 for one in some(1))


def test_an_input_that_takes_for_ever_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(octets: bytes) -> None:
        while octets:
            pass

    monkeypatch.setattr(mutating, "LONGEST_S", 0.05)

    with pytest.raises(Failure, match="TimeoutError"):
        mutating.one(_fault(endless), b"x")


@needs_atheris
def test_atheris_finds_a_planted_fault_and_gives_the_input_back(tmp_path: Path) -> None:
    program = """
import sys
from fuzz import guided, mutating
from fuzz.target import Target
with guided.instrumented("planted"):
    from planted import fault
try:
    guided.run(Target("planted", fault, lambda: [b"letters"], 64), runs=200_000, seconds=None)
except mutating.Failure as failure:
    sys.exit(failure.octets.hex() + str(failure))
"""
    planted = """
def fault(octets):
    if len(octets) > 1 and octets[0] == 0x52:
        if octets[1] == 0xC5:
            raise IndexError("a planted fault")
"""
    (tmp_path / "planted.py").write_text(planted)
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )

    assert 1 == ended.returncode
    assert ended.stderr.startswith("52c5")
    assert "IndexError: a planted fault" in ended.stderr


def test_words_choose_families_and_targets_each_once() -> None:
    names = [one.name for one in chosen(["rings", "headers", "rings"])]

    assert ["rings", "frames"] == names
    assert list(every()) == [one.name for one in chosen([])]
    with pytest.raises(LookupError, match="no target or family: nonsense"):
        chosen(["frames", "nonsense"])


@given(st.binary(max_size=400))
def test_any_octets_are_a_payload_as_the_packet_reader_makes_them(octets: bytes) -> None:
    payload = unpack(octets)

    for side in (payload.to_server, payload.to_client):
        assert sum(kept for _, kept in side.pieces) == len(side.octets)
        assert all(kept <= length for length, kept in side.pieces)
        assert sum(length for length, _ in side.pieces) <= side.total
        assert side.started or payload.transport is Transport.TCP
    assert payload == unpack(pack(payload))


def test_the_protocols_examples_keep_their_octets_on_the_way() -> None:
    for _, payload in examples():
        again = unpack(pack(payload))
        for mine, theirs in ((payload.to_server, again.to_server),):
            kept = [one.octets[:8191] for one in mine][: len(theirs.pieces)]
            assert kept == [one.octets for one in theirs]


@given(st.binary(max_size=60), st.binary(max_size=20))
def test_a_supply_gives_what_was_put_in_and_zero_behind_it(octets: bytes, rest: bytes) -> None:
    supply = Supply(piece(octets) + rest)

    assert octets == supply.piece()
    assert rest == supply.rest()
    assert not supply
    assert (0, b"", "first") == (supply.number(4), supply.piece(), supply.choice(["first"]))


def test_a_side_that_nobody_saw_begin_is_told_as_that() -> None:
    payload = Payload(Transport.TCP, Side(b"ab", ((2, 2),), 2, started=False))

    assert payload == unpack(pack(payload))
