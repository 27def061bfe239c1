"""The filter that is typed: the command line's words, as `host:10.0.0.0/8 port:502 modbus`.

What has no such word before it is plain text: each of them must be met somewhere in a row.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from portbook.errors import UsageError
from portbook.faces.times import moment_ns
from portbook.records import Finding, Level
from portbook.survey.wants import Wants, wanted_host, wanted_ports

LONGEST = 300  # letters
MOST = 30  # words
HINT = "host:10.0.0.0/8  port:1740-1743/udp  protocol:modbus  since:2h  level:warning  any text"


class Sought(msgspec.Struct, frozen=True):
    """What the reader wants to see; empty wants everything.

    texts: in small letters; each must be met in a row; level: findings of at least this
    """

    wants: Wants = Wants()
    texts: tuple[str, ...] = ()
    level: Level | None = None

    def __bool__(self) -> bool:
        return self != NOTHING

    def takes(self, kind: str, one: Any, told: Callable[[Any], str]) -> bool:
        """Tell whether a record of a kind is wanted; told: gives a record's own text."""
        judge = getattr(self.wants, kind, None)
        if self.wants and judge is not None and not judge(one):
            return False
        if self.level and isinstance(one, Finding) and one.level.rank < self.level.rank:
            return False
        if not self.texts:
            return True
        text = told(one).casefold()
        return all(word in text for word in self.texts)


NOTHING = Sought()


def parse(text: str, now_ns: int) -> Sought:
    """Read a filter; raises UsageError that says what a word should look like."""
    if len(text) > LONGEST:
        raise UsageError(f"a filter has at most {LONGEST} letters, this one has {len(text)}")
    told: dict[str, list[str]] = {name: [] for name in _NAMES}
    plain: list[str] = []
    words = text.split()
    if len(words) > MOST:
        raise UsageError(f"a filter has at most {MOST} words, this one has {len(words)}")
    for word in words:
        name, colon, value = word.partition(":")
        if colon and name.lower() in told:
            if not value:
                raise UsageError(f"{name}: needs a value; {_NAMES[name.lower()]}")
            told[name.lower()].append(value)
        else:
            plain.append(word.casefold())
    return Sought(_wants(told, now_ns), tuple(plain), _level(told["level"]))


def written(wants: Wants) -> str:
    """Return the words that ask for the same."""
    words = [f"host:{one}" for one in wants.hosts]
    words += [f"port:{span}{f'/{over.value}' if over else ''}" for span, over in wants.ports]
    words += [f"protocol:{one}" for one in wants.protocols]
    words += [
        f"{name}:{_moment(at)}"
        for name, at in (("since", wants.since_ns), ("until", wants.until_ns))
        if at is not None
    ]
    return " ".join(words)


_FARTHEST = 2**63  # nanoseconds
_NAMES = {
    "host": "write host:10.0.0.5 or host:10.0.0.0/24",
    "port": "write port:1743, port:1743/udp or port:1740-1743",
    "protocol": "write protocol:modbus, or protocol:unknown",
    "since": "write since:2h or since:2026-11-21T08:00Z",
    "until": "write until:2h or until:2026-11-21T08:00Z",
    "level": "write level:note, level:warning or level:error",
}


def _wants(told: dict[str, list[str]], now_ns: int) -> Wants:
    since, until = ([_moment_ns(one, now_ns) for one in told[name]] for name in ("since", "until"))
    return Wants(
        hosts=tuple(map(wanted_host, told["host"])),
        ports=wanted_ports(tuple(told["port"])),
        protocols=tuple(name.lower() for one in told["protocol"] for name in one.split(",")),
        since_ns=max(since, default=None),
        until_ns=min(until, default=None),
    )


def _moment_ns(text: str, now_ns: int) -> int:
    try:
        found = moment_ns(text, now_ns)
    except OverflowError:
        found = _FARTHEST
    if abs(found) >= _FARTHEST:
        raise UsageError(f"no clock goes that far: {text[:20]!r}; write 2h or 30d")
    return found


def _level(told: list[str]) -> Level | None:
    try:
        return max((Level(one.lower()) for one in told), key=lambda one: one.rank, default=None)
    except ValueError:
        raise UsageError(f"not a level: {told[-1]!r}; {_NAMES['level']}") from None


def _moment(at_ns: int) -> str:
    """Write a moment to the microsecond, which is what a filter can tell apart."""
    try:
        moment = datetime.fromtimestamp(at_ns // 1_000_000_000, UTC)
    except (OverflowError, ValueError, OSError):
        moment = datetime(1970 if at_ns < 0 else 9999, 12, 31, tzinfo=UTC)
    told = moment.replace(microsecond=at_ns % 1_000_000_000 // 1000)
    return told.isoformat().replace("+00:00", "Z")
