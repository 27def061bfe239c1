"""A table of fields: read it, write it, explain it.

One table serves the reader, the writer (emulators, demo), the hex view of a page and the
reference page of the protocol. Offsets count from the start of the layout.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from portbook.errors import UsageError


class Coding(NamedTuple):
    """How a field's octets become a value and back."""

    name: str
    read: Callable[[bytes], Any]
    write: Callable[[Any, int], bytes]


def _unsigned(order: str) -> Coding:
    def read(octets: bytes) -> int:
        return int.from_bytes(octets, order)  # type: ignore[arg-type]

    def write(value: Any, size: int) -> bytes:
        return int(value).to_bytes(size, order)  # type: ignore[arg-type]

    return Coding(f"unsigned, {order}-endian", read, write)


def _read_bcd(octets: bytes) -> int | None:
    text = octets.hex()
    return int(text) if text.isdecimal() else None


def _write_bcd(value: Any, size: int) -> bytes:
    return bytes.fromhex(f"{int(value):0{2 * size}d}")


def _read_text(octets: bytes) -> str:
    return octets.split(b"\0", 1)[0].decode("latin-1").rstrip(" ")


def _read_utf16(octets: bytes) -> str:
    return octets.decode("utf-16-le", "replace").split("\0", 1)[0]


def _write_address(value: Any, size: int) -> bytes:
    octets = bytes(int(part) for part in str(value).split("."))
    return octets.rjust(size, b"\0")


BE = _unsigned("big")
LE = _unsigned("little")
BCD = Coding("binary-coded decimal", _read_bcd, _write_bcd)
TEXT = Coding(
    "text, padded with NUL or space",
    _read_text,
    lambda value, size: str(value).encode("latin-1")[:size].ljust(size, b"\0"),
)
UTF16 = Coding(
    "UTF-16, little-endian",
    _read_utf16,
    lambda value, size: str(value).encode("utf-16-le")[:size].ljust(size, b"\0"),
)
HEX = Coding(
    "hexadecimal", lambda octets: octets.hex(), lambda value, size: bytes.fromhex(value).ljust(size)
)
RAW = Coding("octets", bytes, lambda value, size: bytes(value)[:size].ljust(size, b"\0"))
IPV4 = Coding("IPv4 address", lambda octets: ".".join(map(str, octets)), _write_address)
MAC = Coding(
    "MAC address",
    lambda octets: octets.hex(":"),
    lambda value, _: bytes.fromhex(str(value).replace(":", "")),
)


class Field(NamedTuple):
    """One field: name, offset and size in octets, coding, unit, meaning."""

    name: str
    offset: int
    size: int
    coding: Coding
    unit: str | None = None
    meaning: str = ""
    default: Any = None  # what a writer puts there when it is told nothing


class Explained(NamedTuple):
    """One field found in real octets, for a hex view."""

    field: Field
    octets: bytes
    value: Any


class Layout:
    """A named table of fields.

    title: of what; size: octets that must be there, at least the end of the last field
    """

    def __init__(self, title: str, size: int, fields: tuple[Field, ...]) -> None:
        self.title = title
        self.size = size
        self.fields = fields
        self._by_name = {field.name: field for field in fields}
        if len(self._by_name) != len(fields):
            raise UsageError(f"{title}: two fields of one name")
        for field in fields:
            if field.offset + field.size > size:
                raise UsageError(f"{title}: field {field.name} runs past octet {size}")

    def fits(self, octets: bytes, at: int = 0) -> bool:
        """Tell whether the whole layout lies inside `octets` from `at` on."""
        return at >= 0 and at + self.size <= len(octets)

    def get(self, octets: bytes, name: str, at: int = 0) -> Any:
        """Return one field's value, or None when the octets end before it does."""
        field = self._by_name[name]
        start = at + field.offset
        if at < 0 or start + field.size > len(octets):
            return None
        return field.coding.read(octets[start : start + field.size])

    def read(self, octets: bytes, at: int = 0) -> dict[str, Any] | None:
        """Return all fields by name, or None when the layout does not fit."""
        if not self.fits(octets, at):
            return None
        return {field.name: self.get(octets, field.name, at) for field in self.fields}

    def write(self, values: Mapping[str, Any] | None = None, **more: Any) -> bytes:
        """Return `size` octets with the fields filled in; what is not given is its default or 0.

        Raises UsageError for a name that the layout does not have.
        """
        given = {**(values or {}), **more}
        unknown = given.keys() - self._by_name.keys()
        if unknown:
            raise UsageError(f"{self.title} has no field {', '.join(sorted(unknown))}")
        octets = bytearray(self.size)
        for field in self.fields:
            value = given.get(field.name, field.default)
            if value is not None:
                octets[field.offset : field.offset + field.size] = field.coding.write(
                    value, field.size
                )
        return bytes(octets)

    def explain(self, octets: bytes, at: int = 0) -> list[Explained]:
        """Return each field that lies wholly inside `octets`, with its octets and value."""
        found = []
        for field in self.fields:
            raw = octets[at + field.offset : at + field.offset + field.size]
            if len(raw) == field.size:
                found.append(Explained(field, raw, field.coding.read(raw)))
        return found
