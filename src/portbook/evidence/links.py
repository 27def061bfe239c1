"""Link layers: from the first octet of a frame to the IP packet in it.

Everything between is walked in the number space of EtherTypes: values up to 1500 mean that an
LLC header follows, 0x6558 an Ethernet frame, 0x880B a PPP header. Slices never raise: a frame
that ends early leaves `at` behind its end, which the caller tells as a short frame.
Sources: IANA ieee-802-numbers; the link-layer header types page of tcpdump.org.
"""

from __future__ import annotations

from collections.abc import Callable

IPV4, IPV6 = 0x0800, 0x86DD
ETHERNET, PPP, MPLS, LLC, NOTHING = 0x6558, 0x880B, 0x8847, 0x0004, 0xFFFF
LENGTHS = 1500  # IEEE 802.3: a type field up to here is a length, and LLC follows
LAYERS = 16  # tags and headers that one frame may pile up
BROADCAST = b"\xff" * 6
# AF_INET and the AF_INET6 of each system; some programs write an EtherType instead
NULL_FAMILIES = {2: IPV4, 10: IPV6, 24: IPV6, 28: IPV6, 30: IPV6, IPV4: IPV4, IPV6: IPV6}
PPP_KINDS = {0x21: IPV4, 0x57: IPV6, 0x281: MPLS, 0x283: 0x8848}


class Carried:
    """How far the walk through a frame has come."""

    __slots__ = ("at", "broadcast", "frame", "kind", "source", "target", "vlan")

    def __init__(self, frame: bytes, kind: int, at: int, vlan: int | None = None) -> None:
        self.frame = frame
        self.kind = kind  # EtherType of what stands at `at`
        self.at = at
        self.vlan = vlan  # outermost tag
        self.source = b""  # MAC address, or empty
        self.target = b""
        self.broadcast = False

    def number(self, at: int, size: int = 2) -> int:
        """Read a big-endian number `at` octets from here."""
        return int.from_bytes(self.frame[self.at + at : self.at + at + size], "big")

    def little(self, at: int, size: int = 2) -> int:
        """Read a little-endian number `at` octets from here."""
        return int.from_bytes(self.frame[self.at + at : self.at + at + size], "little")

    def octets(self, at: int, size: int) -> bytes:
        """Return octets, `at` octets from here."""
        return self.frame[self.at + at : self.at + at + size]

    def go(self, kind: int, octets: int) -> None:
        """Step over `octets` to what has the type `kind`."""
        self.kind = kind
        self.at += octets


def unlink(frame: bytes, link: int, vlan: int | None = None) -> Carried | None:
    """Walk to the IP packet of a frame; None when the link type is not known.

    link: LINKTYPE number; vlan: a tag that the system took off the frame
    """
    reader = LINKS.get(link)
    if reader is None:
        return None
    walk = Carried(frame, NOTHING, 0, vlan)
    reader(walk)
    return climb(walk)


def climb(walk: Carried) -> Carried:
    """Walk through tags, labels and small headers until IP or something else is met."""
    for _ in range(LAYERS):
        kind = walk.kind
        if kind in (IPV4, IPV6) or walk.at > len(walk.frame):
            return walk
        step = _llc if kind <= LENGTHS else STEPS.get(kind)
        if step is None:
            return walk
        step(walk)
    walk.kind = NOTHING
    return walk


def _ethernet(walk: Carried) -> None:
    walk.target, walk.source = walk.octets(0, 6), walk.octets(6, 6)
    walk.broadcast = walk.target == BROADCAST
    walk.go(walk.number(12), 14)


def _tag(walk: Carried) -> None:
    if walk.vlan is None:
        walk.vlan = walk.number(0) & 0xFFF
    walk.go(walk.number(2), 4)


def _llc(walk: Carried) -> None:
    saps = walk.number(0)
    if saps == 0xAAAA:
        walk.go(walk.number(6), 8)
    else:
        walk.go(IPV4 if saps == 0x0606 else NOTHING, 3)


def _mpls(walk: Carried) -> None:
    bottom = walk.number(2, 1) & 1
    walk.at += 4
    if bottom:
        _raw(walk)


def _pppoe(walk: Carried) -> None:
    walk.go(PPP, 6)


def _ppp(walk: Carried) -> None:
    if walk.number(0) == 0xFF03:
        walk.at += 2
    size = 1 if walk.number(0, 1) & 1 else 2  # RFC 1661: an odd first octet is the whole number
    walk.go(PPP_KINDS.get(walk.number(0, size), NOTHING), size)


def _raw(walk: Carried) -> None:
    walk.kind = {4: IPV4, 6: IPV6}.get(walk.number(0, 1) >> 4, NOTHING)


def _null(walk: Carried) -> None:
    family = walk.number(0, 4)
    if family not in NULL_FAMILIES:  # the family stands in the order of the machine
        family = walk.little(0, 4)
    # some programs write HDLC's header here, which ends in an EtherType
    walk.go(NULL_FAMILIES.get(family, walk.number(2)), 4)


def _sll(walk: Carried) -> None:
    if walk.number(4) == 6:
        walk.source = walk.octets(6, 6)
    walk.broadcast = walk.number(0) == 1
    walk.go(walk.number(14), 16)


def _sll2(walk: Carried) -> None:
    if walk.number(11, 1) == 6:
        walk.source = walk.octets(12, 6)
    walk.broadcast = walk.number(10, 1) == 1
    walk.go(walk.number(0), 20)


def _cisco_hdlc(walk: Carried) -> None:
    walk.go(walk.number(2), 4)


def _ppp_hdlc(walk: Carried) -> None:
    if walk.number(0, 1) in (0x0F, 0x8F):
        _cisco_hdlc(walk)
    else:
        _ppp(walk)


def _arcnet(walk: Carried, at: int = 2) -> None:
    kind = walk.number(at, 1)
    # RFC 1051 puts the packet behind the type, RFC 1201 behind a split flag and a sequence
    walk.go({240: IPV4, 212: IPV4, 196: IPV6}.get(kind, NOTHING), at + 1)
    if kind in (212, 196):
        walk.at += 7 if walk.number(0, 1) == 0xFF else 3


def _arcnet_linux(walk: Carried) -> None:
    _arcnet(walk, 4)


def _nflog(walk: Carried) -> None:
    family = walk.number(0, 1)
    walk.at += 4
    for _ in range(64):
        size = walk.little(0)
        if size < 4 or walk.at >= len(walk.frame):
            return
        if walk.little(2) == 9:  # NFULA_PAYLOAD
            walk.go({2: IPV4, 10: IPV6}.get(family, NOTHING), 4)
            return
        walk.at += size + 3 & ~3


def _ppi(walk: Carried) -> None:
    link = walk.little(4, 4)
    walk.at += max(walk.little(2), 8)
    inner = LINKS.get(link)
    if inner and inner not in (_ppi, _radiotap):
        inner(walk)


def _radiotap(walk: Carried) -> None:
    size = max(walk.little(2), 8)
    present, at = walk.little(4, 4), 8
    word = present
    while word >> 31 and at < size:
        word = walk.little(at, 4)
        at += 4
    if present & 1:  # TSFT: 8 octets, aligned
        at = (at + 7 & ~7) + 8
    padded = bool(present & 2 and at < size and walk.number(at, 1) & 0x20)
    walk.at += size
    _wireless(walk, padded)


def _wireless(walk: Carried, padded: bool = False) -> None:
    control, flags = walk.number(0, 1), walk.number(1, 1)
    if control & 0x0C != 0x08 or control & 0x40 or flags & 0x40:
        walk.kind = NOTHING  # not data, no data in it, or encrypted
        return
    size = 30 if flags & 3 == 3 else 24
    first, second, third, fourth = (walk.octets(at, 6) for at in (4, 10, 16, 24))
    walk.target, walk.source = ((first, second), (third, second), (first, third), (third, fourth))[
        flags & 3
    ]
    walk.broadcast = walk.target == BROADCAST
    if control & 0x80:
        size += 6 if flags & 0x80 else 2
    walk.go(LLC, size + 3 & ~3 if padded else size)


def _prism(walk: Carried) -> None:
    walk.at += 144
    _wireless(walk)


def _avs(walk: Carried) -> None:
    walk.at += max(walk.number(4, 4), 8)
    _wireless(walk)


def _frame_relay(walk: Carried) -> None:
    size = next((n + 1 for n in range(1, 4) if walk.number(n, 1) & 1), 0)
    if not size:
        return
    walk.at += size
    if walk.number(0, 1) != 3:  # Cisco's own form: an EtherType follows
        walk.go(walk.number(0), 2)
        return
    walk.at += 1 if walk.number(1, 1) else 2  # RFC 2427: one octet of padding may stand here
    nlpid = walk.number(0, 1)
    if nlpid == 0x80:
        walk.go(walk.number(4), 6)
    else:
        walk.go({0xCC: IPV4, 0x8E: IPV6}.get(nlpid, NOTHING), 1)


def _netanalyzer(walk: Carried) -> None:
    walk.at += 4
    _ethernet(walk)


def _ipnet(walk: Carried) -> None:
    walk.go({2: IPV4, 26: IPV6}.get(walk.number(1, 1), NOTHING), 24)


Step = Callable[[Carried], None]
STEPS: dict[int, Step] = {
    0x8100: _tag,
    0x88A8: _tag,
    0x9100: _tag,
    0x9200: _tag,
    MPLS: _mpls,
    0x8848: _mpls,
    0x8864: _pppoe,
    0x8870: _llc,
    PPP: _ppp,
    ETHERNET: _ethernet,
}
LINKS: dict[int, Step] = {
    0: _null,
    1: _ethernet,
    7: _arcnet,
    9: _ppp,
    12: _raw,
    14: _raw,
    50: _ppp_hdlc,
    51: _pppoe,
    101: _raw,
    104: _cisco_hdlc,
    105: _wireless,
    107: _frame_relay,
    108: _null,
    113: _sll,
    119: _prism,
    127: _radiotap,
    129: _arcnet_linux,
    163: _avs,
    192: _ppi,
    226: _ipnet,
    228: _raw,
    229: _raw,
    239: _nflog,
    240: _netanalyzer,
    276: _sll2,
}
