"""What a survey tells: all records of one look, in the order in which they are shown."""

from __future__ import annotations

from collections.abc import Iterator

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
    problems: tuple[Problem, ...] = ()

    def records(self) -> Iterator[msgspec.Struct]:
        """Give every record, evidence first, then findings, problems and the summary."""
        yield from self.listeners
        yield from self.conversations
        yield from self.services
        yield from self.devices
        yield from self.announcements
        yield from self.oddities
        yield from self.findings
        yield from self.problems
        yield self.summary

    def only(self, wants: Wants) -> Story:
        """Return what is wanted of it; findings stay when they are about something that stays."""
        if not wants:
            return self
        return msgspec.structs.replace(
            self,
            conversations=tuple(filter(wants.conversation, self.conversations)),
            services=tuple(filter(wants.service, self.services)),
            devices=tuple(filter(wants.device, self.devices)),
            announcements=tuple(filter(wants.announcement, self.announcements)),
            listeners=tuple(filter(wants.listener, self.listeners)),
            findings=tuple(filter(wants.finding, self.findings)),
        )

    def at_least(self, level: Level) -> tuple[Finding, ...]:
        """Return the findings of a level or above that nobody has accepted."""
        return tuple(
            one for one in self.findings if one.accepted is None and one.level.rank >= level.rank
        )
