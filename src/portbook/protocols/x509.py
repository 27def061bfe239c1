"""Reads the names and the validity of an X.509 certificate, as far as it is there.

Source: RFC 5280 sections 4.1 and 4.2.1.6.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from portbook.protocols import ber
from portbook.protocols.text import clean

COMMON_NAME, ORGANISATION, SERIAL_NUMBER = (2, 5, 4, 3), (2, 5, 4, 10), (2, 5, 4, 5)
ALTERNATIVE_NAMES = (2, 5, 29, 17)
DNS_NAME, BMP_STRING = 0x82, 0x1E
UTC_TIME, GENERAL_TIME = 0x17, 0x18
NAMES = 8  # alternative names given out


class Certificate(NamedTuple):
    """Who a certificate is for, by whom, and until when."""

    subject: str | None  # common name, else organisation
    organisation: str | None
    serial: str | None  # the serialNumber of the subject: that of the device
    issuer: str | None
    until: str | None  # RFC 3339, UTC
    names: tuple[str, ...]


def read(octets: bytes) -> Certificate | None:
    """Read a certificate in DER, or None when it is none."""
    whole = ber.item(octets, 0, len(octets), ber.SEQUENCE)
    body = ber.item(octets, whole.start, whole.end, ber.SEQUENCE) if whole else None
    if body is None:
        return None
    parts = list(ber.walk(octets, body, 16))
    if parts and parts[0].tag == 0xA0:  # the version, absent in version 1
        parts = parts[1:]
    # serial number, algorithm, issuer, validity, subject, key
    if len(parts) < 6 or [part.tag for part in parts[:6]] != [ber.INTEGER] + [ber.SEQUENCE] * 5:
        return None
    issuer, subject = _names(octets, parts[2]), _names(octets, parts[4])
    return Certificate(
        subject.get(COMMON_NAME) or subject.get(ORGANISATION),
        subject.get(ORGANISATION),
        subject.get(SERIAL_NUMBER),
        issuer.get(COMMON_NAME) or issuer.get(ORGANISATION),
        _until(octets, parts[3]),
        _alternatives(octets, parts[6:]),
    )


def told(one: Certificate) -> dict[str, Any]:
    """Return what a certificate tells of a server, as facts of a conversation."""
    words = {
        "certificate_subject": one.subject,
        "certificate_organisation": one.organisation,
        "certificate_issuer": one.issuer,
        "certificate_until": one.until,
        "certificate_names": one.names,
    }
    return {key: value for key, value in words.items() if value}


def _names(octets: bytes, outer: ber.Item) -> dict[tuple[int, ...], str]:
    found: dict[tuple[int, ...], str] = {}
    for group in ber.walk(octets, outer, 32):
        for pair in ber.walk(octets, group, 4):
            parts = list(ber.walk(octets, pair, 2))
            if len(parts) == 2 and parts[0].tag == ber.OID:
                arcs = ber.oid(parts[0].of(octets))
                content = parts[1].of(octets)
                if parts[1].tag == BMP_STRING:
                    content = content.decode("utf-16-be", "replace").encode()
                if arcs and content:
                    found.setdefault(arcs, clean(content))
    return found


def _until(octets: bytes, validity: ber.Item) -> str | None:
    parts = list(ber.walk(octets, validity, 2))
    if len(parts) != 2 or parts[1].tag not in (UTC_TIME, GENERAL_TIME):
        return None
    digits = parts[1].of(octets).removesuffix(b"Z").decode("latin-1")
    if parts[1].tag == UTC_TIME:  # RFC 5280 section 4.1.2.5.1: 50 to 99 are 1950 to 1999
        digits = ("19" if digits[:1] >= "5" else "20") + digits
    if len(digits) != 14 or not (digits.isascii() and digits.isdecimal()):
        return None
    day, time = digits[:8], digits[8:]
    return f"{day[:4]}-{day[4:6]}-{day[6:]}T{time[:2]}:{time[2:4]}:{time[4:]}Z"


def _alternatives(octets: bytes, parts: list[ber.Item]) -> tuple[str, ...]:
    for part in parts:
        outer = ber.item(octets, part.start, part.end, ber.SEQUENCE) if part.tag == 0xA3 else None
        for extension in ber.walk(octets, outer, 32) if outer else ():
            inner = list(ber.walk(octets, extension, 3))
            if not inner or ber.oid(inner[0].of(octets)) != ALTERNATIVE_NAMES:
                continue
            names = ber.item(octets, inner[-1].start, inner[-1].end, ber.SEQUENCE)
            found = (
                [one for one in ber.walk(octets, names, 64) if one.tag == DNS_NAME] if names else []
            )
            return tuple(clean(one.of(octets)) for one in found[:NAMES])
    return ()
