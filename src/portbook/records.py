"""The records that travel through the house: claims, evidence, findings.

Frozen and complete when made. Times are Unix nanoseconds in fields named `..._ns`; faces print
them as RFC 3339. Unknown is None, never -1 or an empty text. Names of fields are those of the
output contract (docs/output.md): what stands there is not renamed.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import msgspec

from portbook.addresses import Scope
from portbook.ports import PortRange, Transport

NOTHING: Mapping[str, Any] = MappingProxyType({})
LOCAL_SITE = "local"
THIS_MACHINE = "this machine"  # source of what its sockets tell


class Confidence(StrEnum):
    """How sure an identification or an announcement is.

    PLAUSIBLE: the shape fits. CONFIRMED: lengths, checks, or both directions agree.
    """

    PLAUSIBLE = "plausible"
    CONFIRMED = "confirmed"


class Level(StrEnum):
    """How much a finding matters; ordered by `rank`."""

    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"

    @property
    def rank(self) -> int:
        """Return 0 for a note, 1 for a warning, 2 for an error."""
        return ("note", "warning", "error").index(self.value)


class ClaimKind(StrEnum):
    """What sort of statement a claim is (reference: portbook's docs/claims.md)."""

    ASSIGNED = "assigned"
    RESERVED = "reserved"
    UNASSIGNED = "unassigned"
    IANA_NOTED = "iana-noted"
    VENDOR_RESERVED = "vendor-reserved"
    UNOFFICIAL = "unofficial"
    DYNAMIC_USE = "dynamic-use"
    MALWARE = "malware"
    OS_EXCLUDED = "os-excluded"
    SITE = "site"


class Source(msgspec.Struct, frozen=True):
    """Who says it, where, and when. Nothing stands in the book without one."""

    title: str
    date: str | None = None  # ISO date, or "2023-03" where no day is known
    where: str | None = None  # section, page, repository and path


class Claim(msgspec.Struct, frozen=True, tag="claim", tag_field="kind"):
    """Somebody says what a port is for."""

    ports: PortRange
    transport: Transport | None  # None: the source does not say
    claimant: str  # service name, product or vendor
    claim: ClaimKind
    source: Source
    confidence: str | None = None  # "verified", "two sources", "one source"
    title: str | None = None  # what it is, in words
    role: str | None = None  # "server", "client", "both": which end has the number
    note: str | None = None
    alias_of: str | None = None  # the well-formed name that replaces this historic one
    also: tuple[Source, ...] = ()  # further sources that say the same
    protocol: str | None = None  # short name of the protocol of ours that it speaks of


class Owner(msgspec.Struct, frozen=True):
    """A process that holds a socket; a socket may have several."""

    pid: int
    program: str | None
    user: str | None = None
    command: str | None = None  # the command line, when it may be read
    unit: str | None = None  # systemd unit
    container: str | None = None  # container id or name
    executable: str | None = None  # the program's file, when it may be read


class Listener(msgspec.Struct, frozen=True, tag="listener", tag_field="kind"):
    """A socket of this machine that is open for others, or holds a port against them."""

    transport: Transport
    address: str  # as bound: "0.0.0.0", "::", "10.0.0.5"
    port: int
    scope: Scope
    # "listen", "unconnected" (UDP), "connected" (UDP), "bound" (holds the port only); on request
    # also connections: "established", "syn-sent", "syn-recv", "fin-wait1", "close-wait", ...
    state: str
    seen_ns: int
    owners: tuple[Owner, ...] = ()
    owners_hidden: bool = False  # True: there are owners that this user may not see
    family: str = "ipv4"  # "ipv4", "ipv6", "dual" (an IPv6 socket that also takes IPv4)
    interface: str | None = None  # bound to one interface
    namespace: str | None = None  # network namespace, None: our own
    uid: int | None = None  # user id that the kernel tells without privilege
    user: str | None = None
    unit: str | None = None  # systemd unit by control group, when the owner is hidden too
    container: str | None = None
    inode: int | None = None
    peer: str | None = None  # a connected socket's other end: "10.0.0.5:1740", "[::1]:53"
    site: str = LOCAL_SITE
    source: str = THIS_MACHINE
    claims: tuple[str, ...] = ()
    backlog: int | None = None  # connections that may wait to be accepted
    note: str | None = None  # what else is known: who stands behind docker-proxy, ...

    @property
    def pid(self) -> int | None:
        """Return the first owner's process id."""
        return self.owners[0].pid if self.owners else None

    @property
    def program(self) -> str | None:
        """Return the first owner's program."""
        return self.owners[0].program if self.owners else None


class Identification(msgspec.Struct, frozen=True):
    """Which protocol the bytes are, with reasons for and against."""

    protocol: str
    confidence: Confidence
    because: tuple[str, ...]
    against: tuple[str, ...] = ()
    facts: Mapping[str, Any] = NOTHING  # of the conversation
    client: Mapping[str, str] = NOTHING  # identity facts of the asking side: vendor, product, ...
    server: Mapping[str, str] = NOTHING  # identity facts of the answering side
    swapped: bool = False  # True: the protocol shows that client and server are the other way round
    # identity facts of further hosts, each with its `mac`, and its `address` where that is told
    others: tuple[Mapping[str, str], ...] = ()
    # what another conversation may share with it, and no other should: the questions that a group
    # was asked, or those that answers without a question repeat
    ties: tuple[str, ...] = ()


class Conversation(msgspec.Struct, frozen=True, tag="conversation", tag_field="kind"):
    """Packets between two endpoints, both directions."""

    transport: Transport
    client: str
    client_port: int
    server: str
    server_port: int
    source: str
    packets: int
    octets: int  # whole frames
    payload_octets: int  # above UDP, TCP or SCTP headers
    first_ns: int
    last_ns: int
    site: str = LOCAL_SITE
    vlan: int | None = None
    tunnel: str | None = None  # None: outermost; else what it was carried in: "gre", "vxlan", ...
    packets_to_server: int = 0
    packets_to_client: int = 0
    payload_octets_to_server: int = 0
    payload_octets_to_client: int = 0
    roles: str = "first-sender"  # how client and server were told: "syn", "protocol", "port", ...
    bursts: int = 1  # groups of packets with more than a second of silence between them
    cast: str = "unicast"  # destination: "unicast", "broadcast", "multicast"
    client_mac: str | None = None
    server_mac: str | None = None
    part: int | None = None  # 1, 2, ...: cut for lack of memory, the parts add up
    answered: bool = False  # the server's end answered; a TCP reset is no answer
    protocol: str | None = None
    confidence: Confidence | None = None
    because: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()
    facts: Mapping[str, Any] = NOTHING
    alike: int = 1  # conversations told in this one, which differ in the client's port only


class Total(msgspec.Struct, frozen=True, tag="total", tag_field="kind"):
    """What the conversations of one protocol come to."""

    protocol: str | None  # None: the bytes say nothing
    confidence: Confidence | None
    conversations: int
    packets: int
    octets: int  # whole frames
    payload_octets: int


class Service(msgspec.Struct, frozen=True, tag="service", tag_field="kind"):
    """An address and port that answers or announces, with all protocols seen there."""

    address: str
    port: int
    transport: Transport
    protocols: tuple[str, ...]
    claims: tuple[str, ...]
    conversations: int
    first_ns: int
    last_ns: int
    source: str
    site: str = LOCAL_SITE
    vlan: int | None = None
    confidence: Confidence | None = None  # the best of its conversations
    clients: int = 0


class Instance(msgspec.Struct, frozen=True):
    """A program of a device that announces itself, such as one CODESYS runtime of several."""

    protocol: str
    address: str  # and port that it sends from
    port: int
    index: int | None  # which of the protocol's own ports that is, from 0: CODESYS 1740 to 1743
    node: str | None  # its address in the protocol's own network, as its tools write it
    first_ns: int
    last_ns: int
    period_s: float | None = None  # None: not heard often enough to know
    times: int = 0  # rounds heard, 0 where no rhythm is known
    missed: int = 0  # rounds that were due and not heard, until the end of listening


class Device(msgspec.Struct, frozen=True, tag="device", tag_field="kind"):
    """A host with what it told of itself: vendor, product, version, name, serial."""

    address: str  # the first of its addresses; its link address where it has none
    facts: Mapping[str, str]
    because: tuple[str, ...]
    first_ns: int
    last_ns: int
    source: str
    site: str = LOCAL_SITE
    vlan: int | None = None
    mac: str | None = None
    addresses: tuple[str, ...] = ()
    macs: tuple[str, ...] = ()
    protocols: tuple[str, ...] = ()  # that it spoke
    roles: tuple[str, ...] = ()  # "modbus server", "http client", "codesys-v3 announcer"
    instances: tuple[Instance, ...] = ()
    against: tuple[str, ...] = ()  # what contradicts itself


class Announcement(msgspec.Struct, frozen=True, tag="announcement", tag_field="kind"):
    """A conversation, or a group of them, that repeats with a rhythm."""

    source: str  # who announces (the contract's word; the capture stands in `capture`)
    destination: str
    ports: tuple[int, ...]  # destination ports
    transport: Transport
    period_s: float
    jitter_s: float
    times: int
    expected: int
    confidence: Confidence
    first_ns: int
    last_ns: int
    capture: str
    source_port: int | None = None
    protocol: str | None = None
    because: tuple[str, ...] = ()
    site: str = LOCAL_SITE
    vlan: int | None = None
    # when its latest rounds began, in order, at most 64; none is left out in between, so a hole
    # of several periods among them is rounds that were missed
    beats_ns: tuple[int, ...] = ()


class Oddity(msgspec.Struct, frozen=True, tag="oddity", tag_field="kind"):
    """Malformed or unusual traffic, named and counted."""

    name: str
    count: int
    where: str  # the file, and the octet or packet where it was first met
    advice: str | None = None
    site: str = LOCAL_SITE
    source: str | None = None  # the capture


class Finding(msgspec.Struct, frozen=True, tag="finding", tag_field="kind"):
    """What portbook says of it, by a rule with a stable code."""

    code: str
    name: str  # the rule's name: "controller-reachable"
    level: Level
    subject: str  # what it is about, stable between runs: "udp 10.0.0.9:1740"
    message: str
    advice: str
    parameters: Mapping[str, Any] = NOTHING  # for faces in other languages
    because: tuple[str, ...] = ()  # claims and evidence that it rests on
    site: str = LOCAL_SITE
    vlan: int | None = None
    source: str | None = None
    accepted: str | None = None  # until when and why, when somebody accepted it


class Summary(msgspec.Struct, frozen=True, tag="summary", tag_field="kind"):
    """What was read, what was left out, and how long it took."""

    packets: int
    octets: int
    conversations: int
    seconds: float
    sources: int = 1
    failed_sources: int = 0
    named: int = 0  # conversations whose protocol is known
    no_ports: int = 0  # frames without UDP, TCP or SCTP: ARP, ICMP, ...
    oddities: int = 0
    closed_early: int = 0  # conversations cut for lack of memory
    left_out: int = 0  # conversations counted, named and added up, but told no further
    accepted: int = 0  # findings that somebody accepted
    hidden: tuple[str, ...] = ()  # what could not be seen for lack of permission
    dropped: int = 0  # packets that the kernel lost for lack of room, where it was live
    sent: int = 0  # messages that portbook sent itself
    sent_octets: int = 0  # of their payload


class Sending(msgspec.Struct, frozen=True, tag="sending", tag_field="kind"):
    """A message that portbook will send when it asks, told before anything leaves."""

    protocol: str
    transport: Transport
    address: str
    port: int
    number: int  # of the messages to this address, from 1
    octets: str  # hex; `..`: an answer decides this octet; `**`: a secret that is not shown
    length: int  # octets
    words: str  # what it asks
    when: str | None = None  # the condition under which it is sent; None: in any case
    own_address: str | None = None  # None: the system chooses
    own_port: int | None = None


class Reply(msgspec.Struct, frozen=True, tag="reply", tag_field="kind"):
    """What became of one question to one address.

    outcome: "answered", "greeted" (it spoke first), "open" (TCP: connected, and silent), "silent",
    "refused", "unreachable", "closed" (it hung up without a word), "cut" (it began an answer and
    did not finish it), "otherwise" (what came is no answer to the question), "forbidden" (this
    system did not let it leave), "left out" (asked not long ago), "interrupted"
    """

    protocol: str | None  # that was asked for; None: whatever greets
    transport: Transport
    address: str
    port: int
    outcome: str
    sent: int  # messages
    sent_octets: int
    answers: int  # messages that answer the question
    answer_octets: int  # all that came
    at_ns: int
    seconds: float
    note: str | None = None
    site: str = LOCAL_SITE
    source: str | None = None


class Problem(msgspec.Struct, frozen=True, tag="error", tag_field="kind"):
    """A source that failed, or could be read in part only."""

    source: str
    message: str
    offset: int | None = None
