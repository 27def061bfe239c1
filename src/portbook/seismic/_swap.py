# cython: boundscheck=True, wraparound=False, cdivision=True, language_level=3
# cython: initializedcheck=False
# mypy: disable-error-code="misc,type-arg,valid-type,assignment,attr-defined,index,no-any-return"
# mypy: disable-error-code="no-untyped-call,import"
"""The compiled half of `blocks.swap`: which packets can be swapped, and their records.

What each octet means: `protocols.reftek.layouts` and `miniseed.template`. Tests hold it to the
half that is written with arrays.
"""

from __future__ import annotations

import cython

if not cython.compiled:
    raise ImportError("the header swap is not compiled")

if cython.compiled:
    from cython.cimports.libc.string import memcpy
    from cython.cimports.portbook.seismic._numbers import FROM, SIZE


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def two(octet: cython.uchar) -> cython.int:
    """Return two binary-coded digits as a number, and what is none as one above all sums."""
    if octet >> 4 > 9 or octet & 15 > 9:
        return 100_000
    return (octet >> 4) * 10 + (octet & 15)


def sources(octets, most, found) -> None:  # type: ignore[no-untyped-def]
    """Tell for each packet which unit, stream, channel and format it is, or -1.

    octets: shape (n, 1024); most: by format octet the number of
    samples that is too many, 0 for those that cannot be swapped;
    found: int64, the five octets of the source as one number
    """
    packets = cython.declare(cython.const[cython.uchar][:, ::1], octets)
    limits = cython.declare(cython.const[cython.int][::1], most)
    out = cython.declare(cython.longlong[::1], found)
    row: cython.Py_ssize_t
    at: cython.int
    total: cython.int
    if packets.shape[1] != SIZE:
        raise ValueError("a packet has 1024 octets")
    for row in range(packets.shape[0]):
        out[row] = -1
        if packets[row, 0] != 0x44 or packets[row, 1] != 0x54:  # DT
            continue
        total = two(packets[row, 2]) + two(packets[row, 3])
        for at in range(6, 22):
            total += two(packets[row, at])
        if total >= 100_000:
            continue
        day: cython.int = two(packets[row, 6]) * 10 + (packets[row, 7] >> 4)
        hour: cython.int = (packets[row, 7] & 15) * 10 + (packets[row, 8] >> 4)
        minute: cython.int = (packets[row, 8] & 15) * 10 + (packets[row, 9] >> 4)
        second: cython.int = (packets[row, 9] & 15) * 10 + (packets[row, 10] >> 4)
        count: cython.int = two(packets[row, 12]) * 100 + two(packets[row, 13])
        samples: cython.int = two(packets[row, 20]) * 100 + two(packets[row, 21])
        most_here: cython.int = limits[packets[row, 23]]
        if day < 1 or day > 366 or hour > 23 or minute > 59 or second > 60:
            continue
        if count < 16 or count > SIZE or most_here == 0 or samples >= most_here:
            continue
        out[row] = (
            cython.cast(cython.longlong, packets[row, 4]) << 32
            | cython.cast(cython.longlong, packets[row, 5]) << 24
            | cython.cast(cython.longlong, packets[row, 18]) << 16
            | cython.cast(cython.longlong, packets[row, 19]) << 8
            | packets[row, 23]
        )


def fill(octets, chosen, headers, which, years, number, records) -> None:  # type: ignore[no-untyped-def]
    """Write the record of each chosen packet.

    chosen: int64, places of packets; headers: shape (m, 64), one a source; which: int64, the
    header of each chosen packet; years: uint16, full years by two digits; number: of the first
    record; records: shape (len(chosen), 1024)
    """
    packets = cython.declare(cython.const[cython.uchar][:, ::1], octets)
    places = cython.declare(cython.const[cython.longlong][::1], chosen)
    heads = cython.declare(cython.const[cython.uchar][:, ::1], headers)
    head_of = cython.declare(cython.const[cython.longlong][::1], which)
    full = cython.declare(cython.const[cython.ushort][::1], years)
    out = cython.declare(cython.uchar[:, ::1], records)
    index: cython.Py_ssize_t
    row: cython.Py_ssize_t
    head: cython.Py_ssize_t
    digit: cython.int
    flags: cython.uchar
    count: cython.int = number
    left: cython.int
    if packets.shape[1] != SIZE or out.shape[1] != SIZE or heads.shape[1] != FROM:
        raise ValueError("packets and records have 1024 octets, headers 64")
    for index in range(places.shape[0]):
        row, head = places[index], head_of[index]
        # the first and the last octet of each row are looked at: all between them are inside
        out[index, SIZE - 1] = packets[row, SIZE - 1]
        memcpy(cython.address(out[index, 0]), cython.address(heads[head, 0]), FROM)
        memcpy(cython.address(out[index, FROM]), cython.address(packets[row, FROM]), SIZE - FROM)
        left = count % 1_000_000
        for digit in range(5, -1, -1):
            out[index, digit] = 0x30 + left % 10
            left //= 10
        count += 1
        stamp(out, index, 20, full[two(packets[row, 3])])
        stamp(out, index, 22, two(packets[row, 6]) * 10 + (packets[row, 7] >> 4))
        out[index, 24] = (packets[row, 7] & 15) * 10 + (packets[row, 8] >> 4)
        out[index, 25] = (packets[row, 8] & 15) * 10 + (packets[row, 9] >> 4)
        out[index, 26] = (packets[row, 9] & 15) * 10 + (packets[row, 10] >> 4)
        out[index, 27] = 0
        stamp(out, index, 28, ((packets[row, 10] & 15) * 100 + two(packets[row, 11])) * 10)
        stamp(out, index, 30, two(packets[row, 20]) * 100 + two(packets[row, 21]))
        flags = packets[row, 22]
        out[index, 36] |= flags >> 7 | (flags & 3) << 2
        out[index, 38] |= (flags >> 6 & 1) << 1


@cython.cfunc
@cython.inline
@cython.exceptval(-1)
def stamp(
    out: cython.uchar[:, ::1], row: cython.Py_ssize_t, at: cython.Py_ssize_t, value: cython.int
) -> cython.int:
    """Write two octets."""
    out[row, at] = value >> 8
    out[row, at + 1] = value & 0xFF
    return 0
