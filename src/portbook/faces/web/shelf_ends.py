"""How a child ended, in words that say what to do."""

from __future__ import annotations

import signal

from portbook.faces.web.children import telling
from portbook.faces.web.children.bounds import ORPHAN
from portbook.faces.web.children.supervising import Ended
from portbook.faces.web.shelf_entries import INTERFACE, Told

_NO_BOUND = "`portbook read` in a terminal has no such bound"


def failure(one: Told, end: Ended) -> str | None:
    """Return why a story failed; None when it did not."""
    if end.late:
        return f"reading took longer than it may, and was ended; {_NO_BOUND}"
    if end.code in (telling.READ, telling.PARTLY):
        return None
    if end.code in (telling.NOTHING_READ, telling.TOO_LARGE) and one.problem:
        return one.problem
    if end.code < 0:
        return _killed(-end.code, one)
    if end.code == ORPHAN:
        return "interrupted: the server ended while it was at work"
    return end.complaint or f"the child left with {end.code} and said nothing"


def _killed(number: int, one: Told) -> str:
    work = "listening" if one.kind == INTERFACE else "reading"
    if number == getattr(signal, "SIGXCPU", 0):
        return f"{work} took more of the processor's time than it may; {_NO_BOUND}"
    if number == getattr(signal, "SIGKILL", 9):
        return (
            f"{work} was killed by somebody, or by the system for lack of memory; try again, and "
            "close what needs much memory"
        )
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = f"signal {number}"
    return f"{work} crashed ({name}); nothing else was harmed; please report the capture"
