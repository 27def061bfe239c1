"""Reads who speaks from NTLM messages, wherever they travel inside another protocol.

User names, challenges and answers to them are stepped over.
Source: [MS-NLMP] sections 2.2.1.1 to 2.2.1.3, 2.2.2.1 (AV_PAIR) and 2.2.2.10 (VERSION).
"""

from __future__ import annotations

from portbook.protocols.layout import LE, RAW, Field, Layout
from portbook.protocols.text import clean

MARK = b"NTLMSSP\0"
NEGOTIATE, CHALLENGE, AUTHENTICATE = 1, 2, 3
UNICODE, HAS_VERSION = 0x00000001, 0x02000000
COMPUTER, DNS_COMPUTER = 1, 3
PAIRS = 16

HEADER = Layout("NTLM message", 12, (Field("mark", 0, 8, RAW), Field("type", 8, 4, LE)))
_CHALLENGE = Layout(
    "NTLM challenge",
    48,
    (
        Field("flags", 20, 4, LE),
        Field("length", 40, 2, LE, "byte", "target information"),
        Field("offset", 44, 4, LE, "byte"),
    ),
)
_AUTHENTICATE = Layout(
    "NTLM authenticate",
    64,
    (
        Field("length", 44, 2, LE, "byte", "workstation"),
        Field("offset", 48, 4, LE, "byte"),
        Field("flags", 60, 4, LE),
    ),
)
_VERSION = Layout(
    "NTLM version",
    4,
    (Field("major", 0, 1, LE), Field("minor", 1, 1, LE), Field("build", 2, 2, LE)),
)


def client(octets: bytes) -> dict[str, str]:
    """Return the name of the asking side, from its authenticate message."""
    message = _find(octets, AUTHENTICATE)
    told = _AUTHENTICATE.read(message)
    if told is None:
        return {}
    raw = message[told["offset"] : told["offset"] + told["length"]]
    name = raw.decode("utf-16-le", "replace") if told["flags"] & UNICODE else raw
    name = clean(name, 64)
    return {"name": name} if name else {}


def server(octets: bytes) -> dict[str, str]:
    """Return name and version of the answering side, from its challenge."""
    message = _find(octets, CHALLENGE)
    told = _CHALLENGE.read(message)
    if told is None:
        return {}
    facts = {}
    pairs = _pairs(message[told["offset"] : told["offset"] + told["length"]])
    name = pairs.get(DNS_COMPUTER) or pairs.get(COMPUTER)
    if name:
        facts["name"] = name
    version = _VERSION.read(message, _CHALLENGE.size) if told["flags"] & HAS_VERSION else None
    # Windows has a build; Samba says 6.1.0 and impacket sets all bits, which tells nothing of them.
    if version and 0 < version["major"] < 0xFF and version["build"]:
        facts["version"] = f"{version['major']}.{version['minor']}.{version['build']}"
    return facts


def _find(octets: bytes, kind: int) -> bytes:
    """Return the octets from the first message of a kind on, empty when there is none."""
    at = octets.find(MARK)
    for _ in range(8):
        if at < 0:
            break
        if HEADER.get(octets, "type", at) == kind:
            return octets[at:]
        at = octets.find(MARK, at + 1)
    return b""


def _pairs(octets: bytes) -> dict[int, str]:
    found: dict[int, str] = {}
    at = 0
    for _ in range(PAIRS):
        kind, length = (int.from_bytes(octets[at + k : at + k + 2], "little") for k in (0, 2))
        if kind == 0 or at + 4 + length > len(octets):
            break
        if kind in (COMPUTER, DNS_COMPUTER):
            found[kind] = clean(
                octets[at + 4 : at + 4 + length].decode("utf-16-le", "replace"), 128
            )
        at += 4 + length
    return found
