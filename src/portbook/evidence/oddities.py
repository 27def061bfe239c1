"""What each oddity of traffic means, and what to do about it, in a sentence."""

from __future__ import annotations

from collections.abc import Mapping

CUT_FRAME = "cut-frame"  # told of a whole capture, from its counts

MEANINGS: Mapping[str, str] = {
    "answer-from-elsewhere": (
        "another address answered than was asked; look for a device with several addresses, "
        "address translation, or somebody who answers in its place"
    ),
    "answer-storm": (
        "a device answered one question again and again; it was left alone, and may have a fault"
    ),
    "bad-extension-header": (
        "an IPv6 extension header, or an authentication header, runs out of its packet; such "
        "packets get past filters, so look at who sends them"
    ),
    "bad-fragment": (
        "a fragment lies beyond the end of its datagram, or has no octets; it was left out: a "
        "faulty sender, or an old attack on reassembly"
    ),
    "bad-ip-header": (
        "the version or the length of an IP header cannot be; the frame was counted, and nothing "
        "in it was read"
    ),
    "bad-length": (
        "an IP packet is too short for the TCP, UDP or SCTP header that it announces; its ports "
        "were not read"
    ),
    "bad-tcp-header": (
        "a TCP header says a length that cannot be; ports and packets count, its octets were not "
        "read"
    ),
    "bad-udp-length": (
        "a UDP datagram says another length than its packet has room for; the packet's was taken"
    ),
    "cut-file": (
        "the capture ends within a record: it was cut, or is still being written; all before "
        "that was read"
    ),
    "cut-fragment": (
        "the capture cut a fragment, so its datagram cannot be put together; capture with a "
        "larger snapshot length"
    ),
    CUT_FRAME: (
        "frames are shorter in the capture than on the wire; names and devices may be missing: "
        "capture with a larger snapshot length (tcpdump -s 0)"
    ),
    "datagram-beyond-frame": (
        "an IP packet says more octets than its frame has; a faulty sender, or a tool that wrote "
        "the capture otherwise than it travelled"
    ),
    "deep-tunnel": (
        "more than four tunnels within each other; the innermost was not opened: somebody may "
        "hide traffic"
    ),
    "incomplete-datagram": (
        "fragments of which others never came, within 60 s or before the end; lost packets, or "
        "a flood of fragments"
    ),
    "overlapping-fragments": (
        "fragments that tell the same octets twice; the first one counts: hosts differ in which "
        "they take, which is how filters are evaded"
    ),
    "short-frame": ("a frame ends within a header; the capture cut it, or it was sent so short"),
    "table-full": (
        "packets that found no room for their conversation and were not told; raise the limit "
        "of conversations"
    ),
    "unknown-interface": (
        "a pcapng frame of an interface that the file does not describe; it was counted, not read"
    ),
    "unknown-link-type": (
        "frames of a link type that portbook does not read; they were counted: convert the "
        "capture, or capture on another interface"
    ),
}


def meaning(name: str) -> str | None:
    """Return what an oddity means and what to do about it; None for a name that is not known."""
    return MEANINGS.get(name)
