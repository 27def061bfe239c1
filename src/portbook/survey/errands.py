"""From what the user asked for to errands: who is asked, from where, and all that is refused.

Nothing is sent here. A refusal is a UsageError that says what would be allowed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, ip_address, ip_network
from typing import NamedTuple

from portbook.addresses import Scope, scope_of
from portbook.errors import UsageError
from portbook.evidence import own
from portbook.evidence.own import Own
from portbook.evidence.probes import Errand
from portbook.ports import HIGHEST, Transport
from portbook.protocols import guarded, questions
from portbook.protocols.questions import Asking, Question
from portbook.records import Sending

MOST_HOSTS = 256
LIMITED_BROADCAST = "255.255.255.255"
WIDEST_BROADCAST = 30  # longer prefixes have no broadcast address


class Target(NamedTuple):
    """What one word on the command line means; text: the word itself."""

    text: str
    hosts: tuple[str, ...]
    port: int | None = None


class Wanted(NamedTuple):
    """What the user asked for.

    name: of a question; transport: None for the gentlest; yes: addresses and subnets that were
    named a second time; number: of requests; ports: in place of the usual one
    """

    name: str
    targets: tuple[Target, ...] = ()
    interface: str | None = None
    transport: Transport | None = None
    ports: tuple[int, ...] = ()
    yes: tuple[str, ...] = ()
    public: bool = False
    secret: bytes = b""
    number: int = 1
    now_ns: int = 0


_WITH_PORT = re.compile(r"(?:\[([^\]]+)\]|([^:\[\]]+))(?::(\d{1,5}))?\Z")


def target(text: str) -> Target:
    """Read an address, ADDRESS:PORT, [V6]:PORT or a prefix; raises UsageError for anything else.

    A name is refused: looking it up would ask somebody else first.
    """
    bare = _address(text)
    if bare:
        return Target(text, (bare,))
    if "/" in text:
        return Target(text, _range(text))
    match = _WITH_PORT.match(text)
    host = _address(match[1] or match[2]) if match else None
    if match is None or host is None:
        raise UsageError(
            f"not an address: {text!r}; write 10.0.0.9, 10.0.0.9:502, [fe80::9%eth1]:502 or "
            "10.0.0.0/28. Names are not looked up: that would ask another host first"
        )
    port = int(match[3]) if match[3] else None
    if port is not None and not 1 <= port <= HIGHEST:
        raise UsageError(f"a port is 1 to {HIGHEST}, got {port}")
    return Target(text, (host,), port)


def chosen(name: str, transport: Transport | None) -> Question:
    """Return the question of a name; raises UsageError when it is not asked over a transport."""
    several = questions().get(name, ())
    if not several:
        raise UsageError(f"no question {name!r}; there are {', '.join(questions())}")
    for one in several:
        if transport in (None, one.transport):
            return one
    over = ", ".join(one.transport.value for one in several)
    raise UsageError(f"{name} is asked over {over} only")


def errands(wanted: Wanted, *, confirmed: bool = True) -> list[Errand]:
    """Return what is to be asked, in order.

    confirmed: False for a dry run, which may look at what it would need a second word for
    """
    question = chosen(wanted.name, wanted.transport)
    if question.secret and not wanted.secret:
        raise UsageError(
            f"{question.name} needs a {question.secret}: --{question.secret}-file FILE, or "
            f"PORTBOOK_{question.secret.upper()}. It is never shown or logged"
        )
    if question.inside or not wanted.targets:
        return _subnet(question, wanted, confirmed=confirmed)
    allowed(wanted, question.most_hosts, confirmed=confirmed)
    found = []
    for host, port in places(wanted.targets, wanted.ports or question.ports):
        _unguarded(port, question)
        found.append(errand_for(question, wanted, host, port, _from(wanted.interface, host)))
    return found


def listening(question: Question, wanted: Wanted, *, confirmed: bool = True) -> list[Errand]:
    """Return errands that connect and listen; they go to any port, since they send nothing."""
    allowed(wanted, question.most_hosts, confirmed=confirmed)
    return [
        errand_for(question, wanted, host, port, _from(wanted.interface, host))
        for host, port in places(wanted.targets, wanted.ports)
    ]


def sendings(found: Sequence[Errand]) -> Iterator[Sending]:
    """Tell all that errands may send, message by message."""
    for errand in found:
        asking = errand.asking
        for number, line in enumerate(errand.lines, 1):
            yield Sending(
                protocol=errand.question.protocol,
                transport=errand.question.transport,
                address=asking.host,
                port=line.port or asking.port,
                number=number,
                octets=line.shown(),
                length=len(line.octets),
                words=line.words,
                when=line.when,
                own_address=errand.own.address or None,
                own_port=errand.own.port or None,
            )


def subnet(found: Sequence[Errand]) -> str | None:
    """Return the subnet that a round stays inside, when it may be asked only so often."""
    if not found or not found[0].question.inside:
        return None
    asking = found[0].asking
    return str(ip_network(f"{asking.own}/{asking.prefix}", strict=False))


def places(targets: Iterable[Target], ports: Sequence[int]) -> Iterator[tuple[str, int]]:
    """Give each host once with each of its ports."""
    seen: set[tuple[str, int]] = set()
    for one in targets:
        for host in one.hosts:
            for port in (one.port,) if one.port else ports:
                if (host, port) not in seen:
                    seen.add((host, port))
                    yield host, port


def allowed(wanted: Wanted, most: int, *, confirmed: bool) -> None:
    """Raise UsageError for hosts that are not to be asked, or too many of them."""
    hosts = list(dict.fromkeys(host for one in wanted.targets for host in one.hosts))
    if len(hosts) > most:
        many = "one named host" if most == 1 else f"{most} hosts"
        raise UsageError(f"{len(hosts)} hosts; {wanted.name} asks at most {many} in one call")
    everybody = own.broadcasts() | {LIMITED_BROADCAST}
    for one in wanted.targets:
        for host in one.hosts:
            _reachable(host, everybody)
            if scope_of(host) is Scope.PUBLIC and confirmed:
                _said_twice(host, one.text, wanted)


def _reachable(host: str, everybody: frozenset[str]) -> None:
    address = ip_address(host.split("%", 1)[0])
    if host in everybody:
        raise UsageError(f"{host} is a broadcast address: name one host, or --interface NAME")
    if address.is_multicast or address.is_unspecified:
        raise UsageError(f"{host} is no address of one host")


def _said_twice(host: str, text: str, wanted: Wanted) -> None:
    if not (wanted.public and {host, text} & set(wanted.yes)):
        raise UsageError(
            f"{host} is a public address; a controller must not be there, and asking a stranger's "
            f"is not polite. When it is yours, say it twice: --public --yes {text}"
        )


def _unguarded(port: int, question: Question) -> None:
    owner = guarded(port, question.transport, question.protocol)
    if owner and question.lines(Asking("0.0.0.0", port, own="0.0.0.0", own_port=1740)):
        raise UsageError(
            f"nothing but {owner} is ever sent to port {port}: a message of another protocol can "
            "do harm there"
        )


def _subnet(question: Question, wanted: Wanted, *, confirmed: bool) -> list[Errand]:
    """Return errands that stay inside one subnet of an interface, or go to all of it."""
    if not wanted.targets and not question.broadcast:
        raise UsageError(f"name the hosts: portbook discover {question.name} ADDRESS...")
    if not wanted.targets and not wanted.interface:
        raise UsageError(
            f"name hosts, or the interface whose subnet is asked: portbook discover "
            f"{question.name} --interface NAME --yes SUBNET"
        )
    if question.inside and (wanted.ports or any(one.port for one in wanted.targets)):
        raise UsageError(f"{question.name} is asked at its own ports only")
    if wanted.ports and not wanted.targets:
        raise UsageError(
            f"a whole subnet is asked at the port of {question.name} only; --port goes with hosts"
        )
    here = _own_subnet(question, wanted)
    network = here.network
    allowed(wanted, question.most_hosts, confirmed=confirmed)
    if confirmed and str(network) not in wanted.yes:
        raise UsageError(
            f"this asks in the subnet {network}; say that you want that: --yes {network}"
        )
    if confirmed and scope_of(str(here.ip)) is Scope.PUBLIC and not wanted.public:
        raise UsageError(f"{network} is a public subnet; say that you mean it: --public")
    if not wanted.targets and network.prefixlen > WIDEST_BROADCAST:
        raise UsageError(f"{network} has no broadcast address: name the host")
    port = 0
    if question.own_ports:
        port = own.free_port(question.own_ports, question.rivals, wanted.now_ns)
    place = Own(str(here.ip), wanted.interface or "", port)
    hosts = [host for host, _ in places(wanted.targets, (0,))] or [str(network.broadcast_address)]
    return [
        errand_for(question, wanted, host, question.ports[0], place, here, not wanted.targets)
        for host in hosts
    ]


def _own_subnet(question: Question, wanted: Wanted) -> IPv4Interface:
    """Return the own address whose subnet holds all that is asked."""
    addresses = [one for rows in own.networks(wanted.interface).values() for one in rows]
    hosts = [_ipv4(host) for one in wanted.targets for host in one.hosts]
    fitting = [one for one in addresses if all(host in one.network for host in hosts)]
    if hosts and not fitting:
        raise UsageError(_outside(question, wanted))
    named = [one for one in fitting if str(one.network) in wanted.yes]
    candidates = named or fitting
    if len({one.network for one in candidates}) == 1:
        return candidates[0]
    if not candidates:
        raise UsageError(f"{wanted.interface} has no IPv4 address to ask from")
    several = ", ".join(str(one.network) for one in candidates)
    raise UsageError(f"several subnets there: {several}; choose one with --yes SUBNET")


def _outside(question: Question, wanted: Wanted) -> str:
    where = f" of {wanted.interface}" if wanted.interface else " of this machine"
    names = ", ".join(one.text for one in wanted.targets[:3])
    text = f"{names}: not inside one subnet{where}, and the answer would not find its way back"
    if any(one.transport is Transport.TCP for one in questions().get(question.name, ())):
        text += (
            f"; one named host can be asked elsewhere: portbook discover {question.name} HOST --tcp"
        )
    return text


def errand_for(
    question: Question,
    wanted: Wanted,
    host: str,
    port: int,
    place: Own,
    here: IPv4Interface | None = None,
    broadcast: bool = False,
) -> Errand:
    """Return the errand of a question to one place; here: our address there, with its prefix."""
    asking = Asking(
        host,
        port,
        number=wanted.number,
        secret=wanted.secret,
        broadcast=broadcast,
        own=str(here.ip) if here else "",
        own_port=place.port,
        prefix=here.network.prefixlen if here else 32,
        now_ns=wanted.now_ns,
    )
    return Errand(question, asking, place)


def _from(interface: str | None, host: str) -> Own:
    """Return where a question to a host leaves from; without an interface the system chooses."""
    if interface is None:
        return Own(own.towards(host) or "")
    (rows,) = own.networks(interface).values()
    address = ip_address(host.split("%", 1)[0])
    if address.version == 6:
        return Own("", interface)
    if not rows:
        raise UsageError(f"{interface} has no IPv4 address to ask from")
    near = next((one for one in rows if address in one.network), rows[0])
    return Own(str(near.ip), interface)


def _ipv4(host: str) -> IPv4Address:
    try:
        return IPv4Address(host)
    except ValueError:
        raise UsageError(f"{host}: this question needs IPv4 addresses") from None


def _address(text: str) -> str | None:
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    try:
        address: IPv4Address | IPv6Address = ip_address(bare)
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


def _range(text: str) -> tuple[str, ...]:
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        raise UsageError(f"not a prefix: {text!r}; write 10.0.0.0/28") from None
    if network.num_addresses > MOST_HOSTS:
        raise UsageError(
            f"{text} has {network.num_addresses} addresses, at most {MOST_HOSTS} are asked in one "
            f"call; write a longer prefix"
        )
    return tuple(map(str, network.hosts()))
