"""What stands above the rules: what they are for, and where they hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from portbook.planning.firewalls.guarded import Guard
from portbook.planning.firewalls.places import Places

WIDTH = 96


def heading(guards: Sequence[Guard], where: Places, loading: Iterable[str]) -> Iterator[str]:
    """Give comment lines, each begun with #, the same for the same plan."""
    yield "# Written by `portbook plan firewall`: keeps controller protocols where they belong."
    yield "# They only drop; what they let go on is judged by the rules that stand beside them."
    yield "#"
    yield from (f"# {line}" for line in loading)
    yield "#"
    inside = where.interface or ", ".join((*where.inside[4], *where.inside[6]))
    yield from _folded(f"control network: {inside}")
    stations = ", ".join((*where.stations[4], *where.stations[6]))
    nobody = "none named, so any host inside may program; name them with --station"
    yield from _folded(f"engineering stations: {stations or nobody}")
    yield "#"
    for one in guards:
        ports = ", ".join(map(str, one.ports))
        yield from _folded(f"{one.name} {one.transport.value} {ports}: {one.kind.value}; {one.why}")
    yield ""


def _folded(text: str) -> Iterator[str]:
    import textwrap

    plain = "".join(letter if letter.isprintable() else "?" for letter in text)
    for at, line in enumerate(textwrap.wrap(plain, WIDTH, break_on_hyphens=False)):
        yield f"# {'' if at == 0 else '    '}{line}"
