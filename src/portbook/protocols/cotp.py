"""ISO transport on TCP (TPKT, COTP), where nothing shows that it carries S7comm, MMS or RDP.

The connect of S7comm, MMS and RDP is one and the same. What is seen beyond it is told as a fact.
"""

from __future__ import annotations

from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Signature, Usual, confirmed, plausible
from portbook.protocols.mms import speaks_mms
from portbook.protocols.rdp import speaks_rdp
from portbook.protocols.s7comm import speaks_s7
from portbook.protocols.tpkt import (
    CALLED,
    CALLING,
    CONFIRM,
    CONNECT,
    TPKT,
    Stream,
    access_point,
    parameters,
    read,
)
from portbook.records import Identification, Source

NAME = "cotp"
SESSION = (b"\x0d", b"\x0e", b"\x01\x00\x01\x00")  # connect, accept, give tokens + data transfer


def recognise(payload: Payload) -> Identification | None:
    """Name ISO transport by its connect, or by telegrams that fill both directions."""
    if payload.transport is not Transport.TCP:
        return None
    asked, answered = read(payload.to_server), read(payload.to_client)
    if (not asked and not answered) or _stray(asked) or _stray(answered):
        return None
    if any(speaks(side) for speaks in (speaks_s7, speaks_mms) for side in (asked, answered)):
        return None
    if speaks_rdp(asked, answered) or asked.first(CONFIRM) or answered.first(CONNECT):
        return None
    facts = _facts(asked, answered)
    against = _against(asked, answered, facts)
    connect, confirm = asked.first(CONNECT), answered.first(CONFIRM)
    if connect and confirm:
        shared = confirm.target == connect.origin
        because = "a connect and its confirm" + (" share a reference" if shared else "")
        return confirmed(NAME, because, against=against, facts=facts)
    if connect or confirm:
        return plausible(NAME, "the length of a connect agrees", against=against, facts=facts)
    if asked.walk.wrong or answered.walk.wrong:
        return None
    count = len(asked.telegrams) + len(answered.telegrams)
    if asked.telegrams and answered.telegrams:
        because = f"{count} telegrams fill both directions"
        return confirmed(NAME, because, against=against, facts=facts)
    if count:
        because = f"{count} telegrams fill one direction"
        return plausible(NAME, because, against=against, facts=facts)
    return None


def _stray(stream: Stream) -> bool:
    """Tell whether a direction has octets but begins with no telegram."""
    return bool(stream.walk.wrong) and not stream.telegrams


def _facts(asked: Stream, answered: Stream) -> dict[str, object]:
    facts: dict[str, object] = {}
    connect = asked.first(CONNECT)
    if connect:
        told = parameters(connect)
        for name, code in (("calling tsap", CALLING), ("called tsap", CALLED)):
            if told.get(code):
                facts[name] = access_point(told[code])
    carried = _carried(asked, answered)
    if carried:
        facts["carries"] = carried
    return facts


def _carried(asked: Stream, answered: Stream) -> str | None:
    """Tell what the transport carries, where the bytes show it."""
    units = asked.units + answered.units + (asked.started, answered.started)
    if any(unit.startswith(SESSION) for unit in units):
        return "iso-session"
    return None


def _against(asked: Stream, answered: Stream, facts: dict[str, object]) -> tuple[str, ...]:
    against: tuple[str, ...] = ()
    if "carries" not in facts:
        against += ("what it carries is not told: S7comm, MMS, RDP?",)
    if asked.walk.wrong or answered.walk.wrong:
        against += ("what follows the connect is no telegram",)
    return against


PROTOCOL = Protocol(
    name=NAME,
    title="ISO transport on TCP (TPKT, COTP)",
    recognise=recognise,
    sources=(Source("RFC 1006: ISO Transport Service on top of the TCP", "1987-05", "section 6"),),
    signatures=(Signature(Transport.TCP, 0, b"\x03\x00"),),
    usual=(Usual(PortRange(102, 102), Transport.TCP, confidence="two sources"),),
    layouts=(TPKT,),
    rank=-1,
)
