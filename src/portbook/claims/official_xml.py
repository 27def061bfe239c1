"""The XML form of the registry: records flow by, none of the tree is kept.

Element and attribute names: the file's own, namespace http://www.iana.org/assignments. The CSV is
a pure function of it, so each record becomes the same row as in the CSV. The element `people`
(names and e-mail addresses) may be there or not; nothing of it is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from xml.parsers import expat

from portbook.claims.table import MOST_ROWS, Row, checked_row, fold
from portbook.errors import SourceError

MOST_DEPTH = 16
NAMESPACE = "http://www.iana.org/assignments"
ROOT = f"{NAMESPACE} registry"
_TEXTS = {"name", "protocol", "description", "number", "note", "unauthorized", "sc"}


def rows_and_date(octets: bytes, source: str) -> tuple[list[Row], str]:
    """Read all records and the registry's own date.

    Raises SourceError with the line where it is not well-formed, not the registry, or hostile.
    """
    reader = _Reader(source)
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = reader.doctype
    reader.line = lambda: parser.CurrentLineNumber
    try:
        parser.Parse(octets, True)
    except expat.ExpatError as error:
        raise SourceError(
            f"{source}: line {error.lineno}: {expat.ErrorString(error.code)}; the XML may be cut",
            offset=max(parser.ErrorByteIndex, 0),
        ) from error
    except (LookupError, ValueError) as error:
        raise SourceError(f"{source}: its XML encoding cannot be read ({error})") from error
    return reader.rows, reader.date or "not told"


class _Reader:
    """Follows one parse: the path of open elements, the record in hand."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.rows: list[Row] = []
        self.date = ""
        self.line: Callable[[], int] = int
        self._path: list[str] = []
        self._texts: dict[str, list[str]] = {}
        self._into: list[str] | None = None
        self._dates = ("", "")
        self._label: list[str] | None = None
        self._xref = ("", "")
        self._holders: list[str] = []  # assignee
        self._persons: list[str] = []
        self._references: list[str] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if not self._path and tag != ROOT:
            raise SourceError(f"{self.source}: root element {tag.split()[-1]!r}; not the registry")
        if len(self._path) >= MOST_DEPTH:
            raise self._refused(f"elements nested deeper than {MOST_DEPTH}")
        name = tag.rpartition(" ")[2]
        self._path.append(name)
        depth = len(self._path)
        if depth == 2 and name == "record":
            self._begin(attributes)
        elif depth == 2 and name == "updated":
            self._texts, self._into = {"date": []}, []
        elif self._path[1:2] == ["record"]:
            if depth == 3 and name in _TEXTS:
                self._into = self._texts.setdefault(name, [])
            elif name == "xref":
                self._label = []
                self._xref = attributes.get("type", ""), attributes.get("data", "")

    def end(self, tag: str) -> None:
        name, depth = self._path.pop(), len(self._path)
        if depth == 1 and name == "updated" and self._into is not None:
            self.date = fold("".join(self._into))
            self._into = None
        elif depth == 1 and name == "record":
            self._finish()
        elif self._label is not None and name == "xref":
            self._refer(depth)
        elif depth == 2:
            self._into = None

    def text(self, text: str) -> None:
        if self._label is not None:
            self._label.append(text)
        elif self._into is not None:
            self._into.append(text)

    def doctype(self, *_: object) -> None:
        raise self._refused("a document type declaration, which the registry never has")

    def _refused(self, what: str) -> SourceError:
        return SourceError(f"{self.source}: line {self.line()}: {what}; refused")

    def _begin(self, attributes: dict[str, str]) -> None:
        self._texts, self._into = {}, None
        self._dates = attributes.get("date", ""), attributes.get("updated", "")
        self._holders, self._persons, self._references = [], [], []

    def _refer(self, depth: int) -> None:
        kind, data = self._xref
        label = fold("".join(self._label or ())) or (data.upper() if kind == "rfc" else data)
        self._label = None
        if self._into is not None:
            self._into.append(f"[{label}]")
        elif depth == 3 and self._path[-1] == "assignee":
            self._holders.append(data)
        elif kind == "person":
            self._persons.append(data)
        else:
            self._references.append(label)

    def _finish(self) -> None:
        if len(self.rows) >= MOST_ROWS:
            raise self._refused(f"more than {MOST_ROWS} records")
        fields = [
            self._told("number"),
            self._told("protocol"),
            self._told("name"),
            self._told("description"),
            "".join(f"[{key}]" for key in self._holders or self._persons),
            *map(fold, self._dates),
            "".join(f"[{label}]" for label in self._references),
            self._told("sc"),
            self._told("unauthorized"),
            self._told("note"),
        ]
        self.rows.append(checked_row(fields, f"{self.source}: line {self.line()}"))

    def _told(self, name: str) -> str:
        return fold("".join(self._texts.get(name, ())))
