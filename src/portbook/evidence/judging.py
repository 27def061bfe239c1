"""The judge of moulds, where the compiled modules were built; else conversations go the long way.

It only ever says yes: to a name that the recogniser of that protocol would confirm. There is no
plain twin, since the recognisers are one already.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from portbook.protocols.moulds import Mould


class Judge(Protocol):
    """Moulds by number."""

    def fits(
        self,
        number: int,
        stream: bool,
        asked: Sequence[tuple[bytes, int]],
        told: Sequence[tuple[bytes, int]],
    ) -> bool:
        """Tell whether a conversation fits a mould.

        asked, told: what was kept of each datagram and its true length; of a stream one such
        pair, with the length of all that was sent
        """


def judge(moulds: Iterable[Mould]) -> Judge | None:
    """Return a judge of moulds, None where the compiled modules are not built."""
    try:
        from portbook.evidence._moulds import Moulds
    except ImportError:
        return None
    return Moulds(list(moulds))
