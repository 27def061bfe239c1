"""Picks the packet reader: the compiled one where it was built, else the plain one."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from portbook.evidence import packets
from portbook.evidence.shares import WHOLE, Part
from portbook.evidence.table import Table
from portbook.protocols.prefilter import Row as Signature

_compiled: Callable[..., Table] | None
try:
    from portbook.evidence import compiled as fast
except ImportError:
    _compiled = None
else:
    _compiled = fast.Table

COMPILED = _compiled is not None


def table(
    signatures: Iterable[Signature] = (),
    *,
    seed: int,
    limit: int = 1_000_000,
    pool_octets: int = 64 << 20,
    compiled: bool | None = None,
    part: Part = WHOLE,
) -> Table:
    """Return an empty conversation table.

    signatures: rows of the prefilter; seed: for the hash, from a source that peers cannot guess;
    limit: conversations held at a time; pool_octets: for longer heads;
    part: (share, shares) of the conversations that the table keeps, chosen alike by every reader;
    packets, octets, fragments and oddities are those of the whole source all the same
    compiled: True or False asks for one reader, None takes the faster one that is there
    Raises ImportError when the compiled reader is asked for and was not built,
    ValueError when there is no such share.
    """
    rows = tuple(signatures)
    if compiled or (compiled is None and COMPILED):
        if _compiled is None:
            raise ImportError("the compiled packet reader is not built; leave out compiled=True")
        return _compiled(rows, seed=seed, limit=limit, pool_octets=pool_octets, part=part)
    return packets.Table(rows, seed=seed, limit=limit, pool_octets=pool_octets, part=part)
