"""The services layer of CODESYS V3: what a session asks, and what a device tells of itself.

Sources: microsoft/CoDe16, fridgebuyer/codesys3-dissector; header, tags and the device
identification were checked on a real session.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from portbook.protocols.codesys.naming import dotted
from portbook.protocols.layout import LE, Field, Layout

PLAIN, SECURE = 0xCD55, 0x7557
HEADER = Layout(
    "CODESYS V3 services header",
    20,
    (
        Field("protocol", 0, 2, LE, None, "cd55 plain, 7557 encrypted", PLAIN),
        Field("header_size", 2, 2, LE, "octet", "behind this field: 16, from one client 12", 16),
        Field("group", 4, 2, LE, None, "service group; bit 7: an answer"),
        Field("command", 6, 2, LE),
        Field("session", 8, 4, LE, None, "0 or 17 before the log-in"),
        Field("content_size", 12, 4, LE, "octet"),
        Field("additional", 16, 4, LE),
    ),
)
GROUPS = {
    0x01: "device",
    0x02: "application",
    0x03: "monitor",
    0x04: "visualisation",
    0x05: "log",
    0x06: "settings",
    0x07: "ethernet",
    0x08: "file transfer",
    0x09: "variable access",
    0x0B: "I/O manager",
    0x0C: "user manager",
    0x0F: "trace",
    0x11: "PLC shell",
    0x12: "breakpoints",
    0x13: "force",
    0x18: "alarms",
    0x1B: "monitor 2",
    0x1D: "CodeMeter",
    0x1F: "core dump",
    0x22: "certificates",
}
COMMANDS = {
    (1, 1): "identify",
    (1, 2): "log in",
    (1, 3): "log out",
    (1, 4): "reset to origin",
    (1, 6): "set operating mode",
    (1, 8): "interactive log-in",
    (1, 9): "rename node",
    (1, 10): "create session",
    (2, 5): "download",
    (2, 6): "online change",
    (2, 0x10): "start",
    (2, 0x11): "stop",
    (2, 0x12): "reset",
    (2, 0x23): "create boot project",
    (2, 0x30): "download, compact",
    (2, 0x34): "download, encrypted",
    (8, 2): "write file",
    (8, 3): "write file",
    (8, 4): "write file",
    (8, 5): "read file",
    (8, 6): "read file",
    (8, 7): "read file",
    (8, 0x0C): "list",
    (8, 0x0E): "delete",
    (8, 0x0F): "rename",
    (0x11, 1): "execute shell command",
}
ANSWER = 0x80
DEEPEST, MOST_TAGS = 16, 4096


class Call(msgspec.Struct, frozen=True):
    """One request or answer of the services layer."""

    group: int = 0
    command: int = 0
    answer: bool = False
    session: int = 0
    content: bytes = b""
    secure: bool = False
    faults: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """Return what it is about: `device: identify`."""
        group = GROUPS.get(self.group, f"group {self.group:#x}")
        return f"{group}: {COMMANDS.get((self.group, self.command), f'command {self.command:#x}')}"


class Tag(msgspec.Struct, frozen=True):
    """One tag: its id and its octets; those of a container are tags."""

    id: int
    value: bytes


def read(message: bytes) -> Call | None:
    """Read one whole message of a channel; None when it is of another kind."""
    protocol = int.from_bytes(message[:2], "little")
    if protocol == SECURE and len(message) >= 4:
        return Call(secure=True)
    size = int.from_bytes(message[2:4], "little")
    if protocol != PLAIN or size not in (12, 16) or len(message) < 4 + size:
        return None
    group = HEADER.get(message, "group")
    content = message[4 + size :]
    told = HEADER.get(message, "content_size")
    faults = () if told == len(content) else (f"content of {told} octets, {len(content)} present",)
    return Call(
        group & ~ANSWER,
        HEADER.get(message, "command"),
        bool(group & ANSWER),
        HEADER.get(message, "session"),
        content[:told],
        faults=faults,
    )


def tags(content: bytes, depth: int = 0) -> Iterator[Tag]:
    """Give the tags of a content, those inside containers too; stops where they go wrong."""
    at = count = 0
    while at < len(content) and count < MOST_TAGS:
        ident, at = _varint(content, at)
        size, at = _varint(content, at)
        if ident is None or size is None or at + size > len(content):
            return
        value = content[at : at + size]
        yield Tag(ident, value)
        if ident >= 0x80 and value and depth < DEEPEST:
            yield from tags(value, depth + 1)
        at += size
        count += 1


def device(content: bytes) -> dict[str, str | tuple[str, ...]]:
    """Return what a device identification tells: the answer of group 1, command 1.

    Keys: product, vendor, name, serial, runtime_version, device_version, adapters.
    """
    found: dict[str, str | tuple[str, ...]] = {}
    for tag in tags(content):
        key = {0x02: "product", 0x03: "vendor", 0x04: "name"}.get(tag.id)
        if key:
            text = _text(tag.value, 4, "utf-16-le")
            if text:
                found.setdefault(key, text)
        elif tag.id == 0x01 and len(tag.value) == 12:
            found.setdefault("device_version", dotted(int.from_bytes(tag.value[8:], "little")))
        elif tag.id == 0x06 and len(tag.value) == 4:
            found.setdefault("runtime_version", dotted(int.from_bytes(tag.value, "little")))
        elif tag.id == 0x09:
            serial = _text(tag.value, 2, "latin-1")
            if serial:
                found.setdefault("serial", serial)
        elif tag.id == 0x0A:
            found.setdefault("adapters", _adapters(tag.value))
    return found


def _varint(octets: bytes, at: int) -> tuple[int | None, int]:
    # Lengths are stretched with redundant continuation octets to align values: 8c 80 00 is 12.
    value = 0
    for step in range(5):
        if at + step >= len(octets):
            break
        value |= (octets[at + step] & 0x7F) << 7 * step
        if octets[at + step] < 0x80:
            return value, at + step + 1
    return None, len(octets)


def _text(value: bytes, prefix: int, coding: str) -> str | None:
    size = int.from_bytes(value[:prefix], "little")
    if prefix + size > len(value):
        return None
    return value[prefix : prefix + size].decode(coding, "replace").split("\0", 1)[0]


def _adapters(value: bytes) -> tuple[str, ...]:
    count = int.from_bytes(value[:2], "little")
    found = []
    for at in range(2, min(2 + 8 * count, len(value) - 7), 8):
        address = ".".join(map(str, reversed(value[at : at + 4])))
        mask = int.from_bytes(value[at + 4 : at + 8], "little")
        found.append(f"{address}/{mask.bit_count()}")
    return tuple(found)
