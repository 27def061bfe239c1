"""Check sums of 16 bits that several protocols share, computed octet by octet from tables."""

from __future__ import annotations


def _reflected_table(polynomial: int) -> tuple[int, ...]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ polynomial if value & 1 else value >> 1
        table.append(value)
    return tuple(table)


def _straight_table(polynomial: int) -> tuple[int, ...]:
    table = []
    for octet in range(256):
        value = octet << 8
        for _ in range(8):
            value = (value << 1 ^ polynomial if value & 0x8000 else value << 1) & 0xFFFF
        table.append(value)
    return tuple(table)


_IBM = _reflected_table(0xA001)
_CCITT = _straight_table(0x1021)


def crc16(octets: bytes, start: int = 0xFFFF) -> int:
    """Return CRC-16 (polynomial 0x8005, reflected), as Modbus RTU, ROC and Genisys have it."""
    value = start
    for octet in octets:
        value = value >> 8 ^ _IBM[(value ^ octet) & 0xFF]
    return value


def ccitt(octets: bytes, start: int = 0xFFFF) -> int:
    """Return CRC-CCITT (polynomial 0x1021, not reflected), as synchrophasors have it.

    Source: IEEE C37.118.2-2011, annex B.
    """
    value = start
    for octet in octets:
        value = (value << 8 ^ _CCITT[value >> 8 ^ octet]) & 0xFFFF
    return value
