"""Named conversations as octets: how one process hands them to another, some hundreds at a time.

Much of what a conversation holds, many hold alike: protocol, reasons, claims. Such a set goes over
once, then only its number; so unpacking costs little beside naming, and the receiver keeps one
copy, as if it had named them itself. What comes out is equal to what went in, tuples and lists and
numbers of any size in facts included.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from operator import is_not, itemgetter
from types import NoneType
from typing import Any, get_type_hints

import msgspec

from portbook.records import NOTHING, Confidence, Conversation, Identification
from portbook.survey.naming import Named

PARCEL = 500  # conversations that go together: some 100 kB
MOST_ALIKE = 1 << 16  # sets that both sides remember; then they begin anew
_WIDE = 1 << 63  # larger integers than the format holds go as text
_PLAIN = frozenset((str, bool, int, float, bytes, NoneType))
_Fields = tuple[Any, ...]

_ALIKE = (
    "transport", "source", "site", "vlan", "tunnel", "roles", "cast",
    "protocol", "confidence", "because", "against", "claims",
)  # fmt: skip
_AGREE = ("protocol", "confidence", "because", "against", "facts")  # record and identification
_TEXTS = ("client", "server", "client_mac", "server_mac")  # of which many are the same

_RECORD, _TOLD = Conversation.__struct_fields__, Identification.__struct_fields__
_OWN = tuple(name for name in _RECORD if name not in (*_ALIKE, "facts"))
_TOLD_OWN = tuple(name for name in _TOLD if name not in _AGREE)

_alike = itemgetter(*map(_RECORD.index, _ALIKE))
_own = itemgetter(*map(_RECORD.index, _OWN))
_agree_told = itemgetter(*map(_TOLD.index, _AGREE))
_agree_alike = itemgetter(*map(_ALIKE.index, _AGREE[:-1]))
_agree_record = itemgetter(*map(_RECORD.index, _AGREE))
_told_own = itemgetter(*map(_TOLD.index, _TOLD_OWN))
_in_record = itemgetter(*map((*_OWN, *_ALIKE, "facts").index, _RECORD))
_in_told = itemgetter(*map((*_TOLD_OWN, *_AGREE).index, _TOLD))
_texts = tuple(map(_OWN.index, _TEXTS))
_NO_MORE = _told_own(msgspec.structs.astuple(Identification("", Confidence.PLAUSIBLE, ())))


class Packer:
    """Packs conversations; what it packs, one `Unpacker` takes in the same order."""

    def __init__(self) -> None:
        self._numbers: dict[_Fields, int] = {}
        self._encoder = msgspec.msgpack.Encoder(enc_hook=_plain)

    def pack(self, seen: Iterable[Named]) -> bytes:
        """Return conversations as octets.

        Raises TypeError where a fact is something that cannot be written.
        """
        anew = len(self._numbers) >= MOST_ALIKE
        if anew:
            self._numbers.clear()
        known = len(self._numbers)
        rows = [self._row(one) for one in seen]
        fresh = list(islice(self._numbers, known, None))
        return self._encoder.encode((anew, fresh, rows))

    def _row(self, one: Named) -> _Fields:
        fields = msgspec.structs.astuple(one.conversation)
        number = self._numbers.setdefault(_alike(fields), len(self._numbers))
        told = one.identification and _told(one.identification, fields)
        return (number, _own(fields), _packed(one.conversation.facts), one.times, told, *one[3:])


class Unpacker:
    """Gives conversations back from the octets of one `Packer`."""

    def __init__(self) -> None:
        self._known: list[_Fields] = []
        self._decoder = msgspec.msgpack.Decoder(_parcel())

    def unpack(self, octets: bytes | memoryview) -> Iterator[Named]:
        """Give the conversations that octets hold.

        Raises ValueError or IndexError when no packer wrote them.
        """
        anew, fresh, rows = self._decoder.decode(octets)
        if anew:
            self._known.clear()
        self._known += fresh
        for number, own, facts, times, told, *rest in rows:
            for at in _texts:
                if own[at] is not None:
                    own[at] = sys.intern(own[at])
            alike, facts = self._known[number], _unpacked(facts)
            record = Conversation(*_in_record((*own, *alike, facts)))
            yield Named(record, times, told and _identification(told, alike, facts), *rest)


def _told(told: Identification, record: _Fields) -> _Fields:
    """Return what an identification tells, without what its conversation's record tells too."""
    fields = msgspec.structs.astuple(told)
    own = _told_own(fields)
    differs = None
    if any(map(is_not, _agree_told(fields), _agree_record(record))):
        *agreed, facts = _agree_told(fields)
        differs = (*agreed, _packed(facts))
    return (None if own == _NO_MORE else own), differs


def _identification(told: _Fields, alike: _Fields, facts: Mapping[str, Any]) -> Identification:
    own, differs = told
    agreed = (*_agree_alike(alike), facts)
    if differs is not None:
        agreed = (*differs[:-1], _unpacked(differs[-1]))
    own = _NO_MORE if own is None else [NOTHING if value == {} else value for value in own]
    return Identification(*_in_told((*own, *agreed)))


def _packed(facts: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return facts as something that comes back as what it was: the format has but one list."""
    if _PLAIN.issuperset(map(type, facts.values())) and not _wide(facts.values()):
        return facts
    return {name: _boxed(value) for name, value in facts.items()}


def _unpacked(facts: dict[str, Any]) -> Mapping[str, Any]:
    if list in map(type, facts.values()):
        return {name: _unboxed(value) for name, value in facts.items()}
    return facts or NOTHING


def _wide(values: Iterable[Any]) -> bool:
    return any(type(value) is int and not -_WIDE <= value < _WIDE for value in values)


def _boxed(value: Any) -> Any:
    if isinstance(value, int) and not -_WIDE <= value < _WIDE:
        return ["int", str(value)]
    if type(value) in _PLAIN or isinstance(value, (str, int)):
        return value
    if isinstance(value, Mapping):
        return ["dict", *(_boxed(part) for pair in value.items() for part in pair)]
    if isinstance(value, (tuple, list)):
        return ["tuple" if isinstance(value, tuple) else "list", *map(_boxed, value)]
    raise TypeError(f"a fact cannot be a {type(value).__name__}; use text, numbers, tuples")


def _unboxed(value: Any) -> Any:
    if type(value) is not list:
        return value
    kind, *parts = value
    if kind == "int":
        return int(parts[0])
    if kind == "dict":
        return dict(zip(map(_unboxed, parts[::2]), map(_unboxed, parts[1::2]), strict=True))
    return tuple(map(_unboxed, parts)) if kind == "tuple" else list(map(_unboxed, parts))


def _plain(value: Any) -> Any:
    return dict(value)  # NOTHING, which stands for all empty mappings


def _parcel() -> Any:
    """Return the type of a parcel, made of the records' own: a field that is new goes along."""
    record, told, named = map(get_type_hints, (Conversation, Identification, Named))
    alike = _tuple(record[name] for name in _ALIKE)
    told_own = _tuple(told[name] for name in _TOLD_OWN)
    agreed = _tuple(told[name] for name in _AGREE)
    more = _tuple((told_own | None, agreed | None))
    rest = [named[name] for name in Named._fields[3:]]
    row = _tuple((int, list[Any], dict[str, Any], tuple[int, ...], more | None, *rest))
    return _tuple((bool, _list(alike), _list(row)))


def _tuple(kinds: Iterable[Any]) -> Any:
    return tuple.__class_getitem__(tuple(kinds))


def _list(kind: Any) -> Any:
    return list.__class_getitem__(kind)
