"""Port policies: a vendor's or a site's own word on which ports a program may use.

Pure: works on text that it is given (`claims.loading` reads the shipped files). A policy is rows
on levels; the highest level that covers a port decides. Level 1 covers all ports without overlap.
The format is that of data/opto22.txt; a site writes its own the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import msgspec

from portbook.claims.policy_text import Local, PolicyRow, PolicyText, read_policy
from portbook.claims.spans import Spans
from portbook.errors import UsageError
from portbook.ports import HIGHEST, PortRange, Transport

__all__ = ["LINUX_EPHEMERAL", "Policy", "Role", "Verdict", "Warned", "parse_policy", "parse_role"]

# Kernel documentation, ip-sysctl, ip_local_port_range.
LINUX_EPHEMERAL = PortRange(32768, 60999)


class Role(StrEnum):
    """What a program does with a port; a policy rules over ports of one's own protocol.

    LISTEN: binds it. CONNECT_OWN: connects to it, speaking a protocol of its own.
    CONNECT_KNOWN: connects to a published service, whose number is given.
    CONNECT: connects; a known service if there is one, else a protocol of its own.
    """

    LISTEN = "listen"
    CONNECT_OWN = "connect-own-protocol"
    CONNECT_KNOWN = "connect-known-service"
    CONNECT = "connect"


class Warned(msgspec.Struct, frozen=True):
    """A thing to know although the verdict stands."""

    code: str  # "EPHEMERAL_OVERLAP", "LOCAL_SERVICE", "PORT_ZERO"
    message: str


class Verdict(msgspec.Struct, frozen=True):
    """Whether a port may be used, by which row, and what to mind."""

    number: int  # of a range: its first offender, or its first port with a warning
    allowed: bool
    code: str
    reason: str
    policy: str  # the policy's name
    row: PolicyRow | None = None  # the deciding row; None: another role than the policy's
    general: PolicyRow | None = None  # the row of level 1 beneath it
    preferred: bool = False
    warnings: tuple[Warned, ...] = ()


class Policy:
    """A policy that answers for any port."""

    def __init__(self, text: PolicyText) -> None:
        self.text = text
        self.name, self.title, self.source = text.name, text.title, text.source
        self.rows = text.rows
        self.vendor, self.notes = text.vendor, text.notes
        self._spans = Spans((row.ports.first, row.ports.last, row) for row in text.rows)

    def judge(
        self,
        number: int,
        transport: Transport | None = None,
        role: str = Role.LISTEN,
        *,
        ephemeral: PortRange | None = LINUX_EPHEMERAL,
        services: Sequence[str] = (),
    ) -> Verdict:
        """Say whether a port may be used.

        transport: None asks for any; role: a Role or its text
        ephemeral: what the system hands out to clients; None: not known, no warning
        services: names of published services on that port, for the connecting roles
        Raises UsageError for a number outside 0 to 65535 or an unknown role.
        """
        if not 0 <= number <= HIGHEST:
            raise UsageError(f"port must be 0 to {HIGHEST}, got {number}")
        asked = parse_role(role)
        rows = self.covering(number, transport)
        if transport is None and any(row.transport for row in rows):
            both = [
                self.judge(number, one, role, ephemeral=ephemeral, services=services)
                for one in (Transport.TCP, Transport.UDP)
            ]
            return min(both, key=lambda verdict: verdict.allowed)
        # A row without a role ("reserved for future use") names no service to connect to.
        known = (*(row.what for row in rows if row.level > 1 and row.role), *services)
        if asked is Role.CONNECT_KNOWN or (asked is Role.CONNECT and known):
            return self._connecting(number, known)
        row, general = rows[-1], rows[0]
        warnings = self._warnings(number, transport, asked, ephemeral) if row.allowed else ()
        if number == 0:
            warnings = (Warned("PORT_ZERO", "0 asks the system for any port; none is fixed"),)
        return Verdict(
            number=number,
            allowed=row.allowed,
            code=row.code,
            reason=row.reason,
            policy=self.name,
            row=row,
            general=general,
            preferred=row.allowed and any(number in part for part in self.text.prefer),
            warnings=warnings,
        )

    def judge_range(
        self,
        ports: PortRange,
        transport: Transport | None = None,
        role: str = Role.LISTEN,
        *,
        ephemeral: PortRange | None = LINUX_EPHEMERAL,
    ) -> Verdict:
        """Judge a range by its worst member; the verdict names the first offending port."""
        verdicts = [
            self.judge(number, transport, role, ephemeral=ephemeral)
            for number in self._edges(ports, ephemeral)
        ]
        worst = [verdict for verdict in verdicts if not verdict.allowed]
        minded = [verdict for verdict in verdicts if verdict.warnings]
        return (worst or minded or verdicts)[0]

    def covering(self, number: int, transport: Transport | None = None) -> tuple[PolicyRow, ...]:
        """Return the rows that hold for a port, lowest level first."""
        return tuple(
            row
            for row in self._spans.at(number)
            if transport is None or row.transport in (None, transport)
        )

    def _connecting(self, number: int, known: Sequence[str]) -> Verdict:
        if known:
            reason = f"{', '.join(known)}: whoever connects there must use that number"
            return Verdict(number, True, "OK_KNOWN_SERVICE", reason, self.name)
        reason = "no published service is known there; ask with the role connect-own-protocol"
        return Verdict(number, False, "NO_KNOWN_SERVICE", reason, self.name)

    def _warnings(
        self, number: int, transport: Transport | None, role: Role, ephemeral: PortRange | None
    ) -> tuple[Warned, ...]:
        if role is not Role.LISTEN:
            return ()
        found = []
        if ephemeral and number in ephemeral:
            text = f"the system hands out {ephemeral} to clients; a listener may find it taken"
            found.append(Warned("EPHEMERAL_OVERLAP", text))
        found += (
            Warned("LOCAL_SERVICE", _local(local))
            for local in self.text.locals
            if number in local.ports and transport in (None, local.transport)
        )
        return tuple(found)

    def _edges(self, ports: PortRange, ephemeral: PortRange | None) -> list[int]:
        """Return the ports of a range at which a verdict can change."""
        parts = [row.ports for row in self.rows] + [local.ports for local in self.text.locals]
        parts += [*self.text.prefer, *([ephemeral] if ephemeral else []), PortRange(0, 0)]
        edges = {ports.first}
        for part in parts:
            edges.update((part.first, part.last + 1))
        return sorted(edge for edge in edges if edge in ports)


def parse_policy(text: str, where: str = "policy") -> Policy:
    """Read a policy; raises UsageError with file and line where it contradicts itself."""
    return Policy(read_policy(text, where))


def parse_role(text: str) -> Role:
    """Read a role; raises UsageError for another word."""
    try:
        return Role(text)
    except ValueError:
        known = ", ".join(Role)
        raise UsageError(f"not a role of a port: {text!r}; known: {known}") from None


def _local(local: Local) -> str:
    return f"{local.service} is often there ({local.note})" if local.note else local.service
