"""What is known before anything is looked at: claims, a policy, the own surroundings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from portbook.claims.everything import Claims
from portbook.claims.policies import Policy
from portbook.claims.profiles import profiles
from portbook.findings import Case
from portbook.ports import PortRange
from portbook.records import NOTHING, Announcement, Conversation, Device, Listener, Service


class Knowledge(msgspec.Struct, frozen=True):
    """What judging needs beside the evidence.

    networks: prefixes that count as the own link; ephemeral, reserved: of this system, when the
    evidence is of this system
    """

    claims: Claims
    policy: Policy | None = None
    networks: tuple[str, ...] = ()
    ephemeral: PortRange | None = None
    reserved: tuple[PortRange, ...] = ()

    def case(
        self,
        now_ns: int,
        *,
        listeners: Sequence[Listener] = (),
        conversations: Sequence[Conversation] = (),
        services: Sequence[Service] = (),
        devices: Sequence[Device] = (),
        announcements: Sequence[Announcement] = (),
        ends: Mapping[str, int] = NOTHING,
    ) -> Case:
        """Return the case that the rules judge: this knowledge with that evidence.

        ends: until when each source was listened to
        """
        return Case(
            claims=self.claims.of,
            protocols=profiles(),
            now_ns=now_ns,
            listeners=listeners,
            conversations=conversations,
            services=services,
            devices=devices,
            announcements=announcements,
            ends=ends,
            networks=self.networks,
            ephemeral=self.ephemeral,
            reserved=self.reserved,
            policy=self.policy.judge if self.policy else None,
        )
