"""From a frame to the segments in it: IP headers, fragments, tunnels.

This is the plain way, for every frame; the readers take short cuts for the common ones and must
come to the same end. Sources: RFC 791, RFC 8200, RFC 4302 (AH).
"""

from __future__ import annotations

from portbook.evidence.fragments import Reassembly
from portbook.evidence.links import IPV4, IPV6, Carried, climb, unlink
from portbook.evidence.segments import SHORTEST, UDP, Ends, Segment, segments
from portbook.evidence.tally import Tally
from portbook.evidence.tunnels import DEEPEST, Inside, in_ip, in_udp

HEADERS = 16  # extension headers of one packet
ROUTING, FRAGMENT, AH = 43, 44, 51
EXTENSIONS = frozenset((0, 43, 60, 135, 139, 140))  # with a length in units of 8 octets


class _Frame:
    """One frame while it is read."""

    __slots__ = ("depth", "ends", "fragment", "missing", "segments")

    def __init__(self, ends: Ends, missing: int) -> None:
        self.ends = ends
        self.missing = missing  # octets of the frame that the source does not have
        self.depth = 0
        self.fragment = False
        self.segments: list[Segment] = []


class Dissector:
    """Reads frames, remembers fragments."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._reassembly = Reassembly(tally)

    def segments(
        self, octets: bytes, link: int, time_ns: int, length: int, vlan: int | None, where: int
    ) -> list[Segment]:
        """Return the segments of a frame; those inside tunnels follow the one around them.

        link: LINKTYPE number; length: octets on the wire; vlan: a tag taken off the frame;
        where: octet of the source, for oddities
        """
        walk = unlink(octets, link, vlan)
        if walk is None:
            self._tally.odd("unknown-link-type", where)
            self._tally.no_ports += 1
            return []
        ends = Ends(b"", b"", None, None, b"", b"", False, time_ns, where, length)
        frame = _Frame(ends, length - len(octets))
        self._network(walk, frame)
        if not frame.segments and not frame.fragment:
            self._tally.no_ports += 1
        return frame.segments

    def finish(self) -> None:
        """Say that no frame follows: unfinished datagrams are given up."""
        self._reassembly.finish()

    def _network(self, walk: Carried, frame: _Frame) -> None:
        if walk.at > len(walk.frame):
            self._tally.odd("short-frame", frame.ends.where)
            return
        frame.ends = frame.ends._replace(
            vlan=walk.vlan,
            source_mac=walk.source,
            target_mac=walk.target,
            broadcast=walk.broadcast,
        )
        if walk.kind == IPV4:
            self._ipv4(walk.frame[walk.at :], frame)
        elif walk.kind == IPV6:
            self._ipv6(walk.frame[walk.at :], frame)

    def _ipv4(self, octets: bytes, frame: _Frame) -> None:
        where = frame.ends.where
        if len(octets) < 20:
            self._tally.odd("short-frame", where)
            return
        header = (octets[0] & 15) * 4
        # TCP segmentation in the network card leaves a length of 0
        total = int.from_bytes(octets[2:4], "big") or len(octets) + frame.missing
        if octets[0] >> 4 != 4 or header < 20 or total < header:
            self._tally.odd("bad-ip-header", where)
            return
        body = octets[header:total]
        frame.ends = frame.ends._replace(source=octets[12:16], target=octets[16:20])
        place = int.from_bytes(octets[6:8], "big")
        offset, more, number = (place & 0x1FFF) * 8, bool(place & 0x2000), octets[9]
        self._check_length(total, len(octets), frame)
        if not offset and not more:
            self._body(number, IPV4, body, total - header, frame)
            return
        key = (IPV4, octets[4:6], number)
        self._fragment(key, number, IPV4, offset, more, body, total - header, frame)

    def _ipv6(self, octets: bytes, frame: _Frame) -> None:
        where = frame.ends.where
        if len(octets) < 40:
            self._tally.odd("short-frame", where)
            return
        if octets[0] >> 4 != 6:
            self._tally.odd("bad-ip-header", where)
            return
        # 0: a jumbogram, or segmentation in the network card
        length = int.from_bytes(octets[4:6], "big") or len(octets) + frame.missing - 40
        frame.ends = frame.ends._replace(source=octets[8:24], target=octets[24:40])
        self._check_length(length + 40, len(octets), frame)
        self._extensions(octets[6], octets[40 : 40 + length], length, frame)

    def _extensions(self, number: int, body: bytes, length: int, frame: _Frame) -> None:
        for _ in range(HEADERS):
            if number == FRAGMENT:
                self._fragment_header(body, length, frame)
                return
            if number not in EXTENSIONS:
                self._body(number, IPV6, body, length, frame)
                return
            if len(body) < 8:
                break
            size = 8 * (body[1] + 1)
            if size > length:
                break
            if number == ROUTING and body[3]:
                self._route(body, size, frame)
            number, body, length = body[0], body[size:], length - size
        self._tally.odd("bad-extension-header", frame.ends.where)

    def _route(self, body: bytes, size: int, frame: _Frame) -> None:
        """Put the last hop of a routing header in the place of the next one (RFC 8200, 4.4)."""
        at = {0: size - 16, 2: 8, 4: 8}.get(body[2])  # RFC 8754 lists the hops backwards
        if at is not None and 8 <= at <= len(body) - 16:
            frame.ends = frame.ends._replace(target=body[at : at + 16])

    def _fragment_header(self, body: bytes, length: int, frame: _Frame) -> None:
        if len(body) < 8 or length < 8:
            self._tally.odd("bad-extension-header", frame.ends.where)
            return
        number, place = body[0], int.from_bytes(body[2:4], "big")
        offset, more, rest = place & 0xFFF8, bool(place & 1), body[8:]
        if not offset and not more:  # RFC 6946: atomic, whole by itself
            self._tally.fragments += 1
            self._extensions(number, rest, length - 8, frame)
            return
        self._fragment((IPV6, body[4:8]), number, IPV6, offset, more, rest, length - 8, frame)

    def _fragment(
        self,
        key: tuple[object, ...],
        number: int,
        version: int,
        offset: int,
        more: bool,
        body: bytes,
        length: int,
        frame: _Frame,
    ) -> None:
        ends = frame.ends
        self._tally.fragments += 1
        frame.fragment = True
        if len(body) < length:  # cut by the capture: it can never become whole
            self._tally.odd("cut-fragment", ends.where)
            if offset:
                return
        else:
            whole = self._reassembly.add(
                (ends.source, ends.target, ends.vlan, ends.tunnel, *key),
                offset,
                more,
                body,
                frame_octets=ends.octets,
                time_ns=ends.time_ns,
                where=ends.where,
            )
            if whole is None:
                return
            frame.ends = ends._replace(octets=whole.frame_octets)
            body, length = whole.octets, len(whole.octets)
            frame.missing = 0
        if version == IPV6:
            self._extensions(number, body, length, frame)
        else:
            self._body(number, version, body, length, frame)

    def _body(self, number: int, outer: int, body: bytes, length: int, frame: _Frame) -> None:
        if number == AH:
            size = 4 * (body[1] + 2) if len(body) >= 2 else 0
            if not 12 <= size <= length:
                self._tally.odd("bad-extension-header", frame.ends.where)
            elif outer == IPV6:
                self._extensions(body[0], body[size:], length - size, frame)
            elif body[0] != AH:
                self._body(body[0], outer, body[size:], length - size, frame)
            return
        if number not in SHORTEST:
            self._inside(in_ip(number, outer, body), body, length, frame)
            return
        came = len(body) + frame.missing  # lengths may lie: no more came than the frame has
        told = length if number == UDP else min(length, came)
        found = segments(number, body, told, frame.ends, self._tally)
        if number == UDP:  # it has a length of its own, which may lie as well
            most = max(0, came - SHORTEST[UDP])
            found = [one._replace(length=min(one.length, most)) for one in found]
        frame.segments += found
        if found and number == UDP:
            one = found[0]
            inside = in_udp(one.source_port, one.target_port, one.payload)
            self._inside(inside, one.payload, one.length, frame)

    def _inside(self, inside: Inside | None, octets: bytes, length: int, frame: _Frame) -> None:
        if inside is None:
            return
        if frame.depth == DEEPEST:
            self._tally.odd("deep-tunnel", frame.ends.where)
            return
        name, kind, at = inside
        outer = frame.ends
        frame.depth += 1
        frame.missing = length - len(octets)
        frame.ends = outer._replace(tunnel=name)
        self._network(climb(Carried(octets, kind, at, outer.vlan)), frame)

    def _check_length(self, told: int, captured: int, frame: _Frame) -> None:
        if told > captured + frame.missing:
            self._tally.odd("datagram-beyond-frame", frame.ends.where)
