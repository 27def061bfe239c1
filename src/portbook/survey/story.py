"""What a survey tells: all records of one look, in the order in which they are shown."""

from __future__ import annotations

from collections.abc import Iterator, Set

import msgspec

from portbook.records import (
    Announcement,
    Conversation,
    Device,
    Finding,
    Level,
    Listener,
    Oddity,
    Problem,
    Service,
    Summary,
    Total,
)
from portbook.survey.wants import Wants


class Story(msgspec.Struct, frozen=True):
    """All records of one look at captures or at this machine."""

    summary: Summary
    conversations: tuple[Conversation, ...] = ()
    services: tuple[Service, ...] = ()
    devices: tuple[Device, ...] = ()
    announcements: tuple[Announcement, ...] = ()
    listeners: tuple[Listener, ...] = ()
    oddities: tuple[Oddity, ...] = ()
    findings: tuple[Finding, ...] = ()
    totals: tuple[Total, ...] = ()  # of a summary
    problems: tuple[Problem, ...] = ()
    machine: bool = False  # a look at this machine's sockets, of which there may be none

    def records(self) -> Iterator[msgspec.Struct]:
        """Give every record, evidence first, then findings, problems and the summary."""
        yield from self.listeners
        yield from self.totals
        yield from self.conversations
        yield from self.services
        yield from self.devices
        yield from self.announcements
        yield from self.oddities
        yield from self.findings
        yield from self.problems
        yield self.summary

    def in_short(self) -> Story:
        """Return it without what stands in its totals and findings already."""
        return msgspec.structs.replace(self, conversations=(), services=())

    def only(self, wants: Wants) -> Story:
        """Return what is wanted of it.

        Devices stay with their conversations, findings when they are about something that stays.
        """
        if not wants:
            return self
        told = tuple(filter(wants.conversation, self.conversations))
        ends = {(one.client, one.client_port) for one in told}
        ends |= {(one.server, one.server_port) for one in told}
        addresses = {address for address, _ in ends}
        return msgspec.structs.replace(
            self,
            conversations=told,
            services=tuple(filter(wants.service, self.services)),
            devices=tuple(
                one
                for one in self.devices
                if wants.device(one)
                and (not wants.talk or not addresses.isdisjoint((one.address, *one.addresses)))
            ),
            announcements=tuple(filter(wants.announcement, self.announcements)),
            listeners=tuple(filter(wants.listener, self.listeners)),
            findings=tuple(
                one
                for one in self.findings
                if wants.finding(one) and (self.machine or not wants.timed or _is_about(one, ends))
            ),
        )

    def at_least(self, level: Level) -> tuple[Finding, ...]:
        """Return the findings of a level or above that nobody has accepted."""
        return tuple(
            one for one in self.findings if one.accepted is None and one.level.rank >= level.rank
        )


def _is_about(finding: Finding, ends: Set[tuple[str, int]]) -> bool:
    """Tell whether a finding is about any of the ends; one that names none is about all."""
    address, port = finding.parameters.get("address"), finding.parameters.get("port")
    return any(address in (None, end[0]) and port in (None, end[1]) for end in ends)
