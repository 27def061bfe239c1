"""Records of 1024 octets packed anew into pieces of 512, for clients that take no others.

Loads libmseed when it is first used, about 50 ms. A packet becomes at most four pieces, whatever
it holds: Steim-2, or where that cannot hold it, or not in so many, Steim-1, or plain numbers.
Source: SEED manual 2.4, appendix B.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from portbook.errors import PeerError
from portbook.seismic.live_records import PARTS_3, Record
from portbook.seismic.miniseed import SMALL

if TYPE_CHECKING:
    from collections.abc import Callable

    Packer = Callable[[bytes], tuple[bytes, ...]]

_ENCODING = 52  # where a record of ours tells its encoding: in blockette 1000
_STEIM_2, _STEIM_1, _INT_32, _INT_16 = 11, 10, 3, 1


def pieces(record: Record) -> tuple[bytes, ...]:
    """Return a record as miniSEED records of 512 octets; made once, then kept with the record.

    Raises PeerError for samples that cannot be decoded.
    """
    if record.small is None:
        record.small = packer()(record.octets)
    return record.small


@cache
def packer() -> Packer:
    """Load libmseed and return the function that packs one record."""
    from pymseed import DataEncoding, MiniSEEDError, MS3Record
    from pymseed.logging import ensure_thread_logging

    def pack(octets: bytes) -> tuple[bytes, ...]:
        ensure_thread_logging()  # else libmseed writes its complaints to standard error
        plain = _INT_16 if octets[_ENCODING] == _INT_16 else _INT_32
        # Of plain samples a packet has two records, of which the second fits one piece.
        most = PARTS_3 - (octets[_ENCODING] in (_INT_16, _INT_32))
        try:
            whole = MS3Record.parse(octets, unpack_data=True)
            whole.reclen, whole.formatversion = SMALL, 2
            for encoding in (_STEIM_2, _STEIM_1, plain):
                whole.encoding = DataEncoding(encoding)
                made = _generated(whole, most, MiniSEEDError)
                if made:
                    return made
        except MiniSEEDError as error:
            raise PeerError(f"a record's samples cannot be decoded: {error}") from error
        raise PeerError("a record's samples fit into no four records of 512 octets")

    return pack


def _generated(whole: object, most: int, wrong: type[Exception]) -> tuple[bytes, ...]:
    """Return the pieces; none when the encoding cannot hold the samples, or needs too many."""
    try:
        made = tuple(whole.generate())  # type: ignore[attr-defined]
    except wrong:
        return ()
    return made if len(made) <= most else ()
