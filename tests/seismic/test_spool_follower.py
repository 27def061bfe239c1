"""A follower in another process reads whole records only, each once, while the spool grows."""

from __future__ import annotations

from pathlib import Path

from support.spooling import RECORD, everything, put, spool_of

from portbook.seismic.spool import Follower


def test_a_follower_reads_what_comes_over_segments_and_restarts(tmp_path: Path) -> None:
    follower = Follower(tmp_path / "later", 0)

    assert [] == follower.take(10)

    got: list[int] = []
    for _ in range(4):
        with spool_of(tmp_path / "later", segment_octets=7 * RECORD) as spool:
            for _ in range(3):
                put(spool, 5)
                got += [one.number for one in follower.take(4)]
            got += [one.number for one in follower.take(1000)]
            assert [] == follower.take(1000)
    follower.close()

    assert list(range(60)) == got


def test_a_follower_goes_past_segments_that_were_released(tmp_path: Path) -> None:
    follower = Follower(tmp_path, 0)
    with spool_of(tmp_path, segment_octets=10 * RECORD) as spool:
        put(spool, 10)

        assert 5 == len(follower.take(5))

        for _ in range(5):
            put(spool, 10)
        spool.release(50, 0)

        # its file is deleted, and yet open: it reads that to the end
        assert [*range(5, 10), *range(50, 60)] == [one.number for one in follower.take(100)]
        assert 50 == everything(tmp_path, 12)[0].number
    follower.close()


def test_a_follower_waits_for_the_rest_of_a_record(tmp_path: Path) -> None:
    with spool_of(tmp_path) as spool:
        put(spool, 3)
    path = next(tmp_path.glob("*.spool"))
    octets = path.read_bytes()
    follower = Follower(tmp_path, 0)
    for size in range(0, len(octets) + 1, 272):
        path.write_bytes(octets[:size])
        found = follower.take(10)

        assert (size % RECORD == 0 and size > 0) == bool(found)

    follower.close()
