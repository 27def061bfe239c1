"""All that is said of a port, the registry first; no winner is picked.

Claims come from the registry, documented uses, the protocols' usual ports, policies, and the
site's own file. A use that two of them tell is told once.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from functools import cached_property

import msgspec

from portbook.claims.policies import Policy
from portbook.claims.profiles import profiles
from portbook.claims.registry import Registry
from portbook.claims.spans import Spans
from portbook.claims.usual import is_the_same
from portbook.ports import HIGHEST, Transport
from portbook.records import Claim, ClaimKind

# A range as wide as Linux's client ports is no name for one conversation.
_WIDEST_LABEL = 1024
_BLOCK = 1024  # so many ports are labelled together, but for those that the registry speaks of
_LABELS = frozenset(
    {
        ClaimKind.ASSIGNED,
        ClaimKind.SITE,
        ClaimKind.VENDOR_RESERVED,
        ClaimKind.UNOFFICIAL,
        ClaimKind.DYNAMIC_USE,
        ClaimKind.IANA_NOTED,
    }
)
_ORDER = (
    ClaimKind.SITE,
    ClaimKind.ASSIGNED,
    ClaimKind.VENDOR_RESERVED,
    ClaimKind.UNOFFICIAL,
    ClaimKind.DYNAMIC_USE,
    ClaimKind.IANA_NOTED,
    ClaimKind.OS_EXCLUDED,
    ClaimKind.MALWARE,
)


class Claims:
    """Everything that is said, ready to be asked many times."""

    def __init__(
        self,
        registry: Registry,
        documented: Sequence[Claim] = (),
        usual: Sequence[Claim] = (),
        policies: Sequence[Policy] = (),
        site: Sequence[Claim] = (),
    ) -> None:
        """Take what each source says.

        registry: the IANA table; documented: claims.documented; usual: claims.usual;
        policies: their own rows become claims; site: claims.site
        """
        self.registry = registry
        said = [*site, *documented, *policy_claims(policies, documented)]
        said.sort(key=lambda claim: (_ORDER.index(claim.claim), claim.ports.size))
        self._said = tuple(said)
        self._usual = tuple(usual)
        self._of: dict[tuple[int, Transport | None], tuple[Claim, ...]] = {}
        self._mixed: dict[tuple[int, int, int], tuple[Claim, ...]] = {}
        self._spans: dict[Transport | None, tuple[Spans[Claim], Spans[Claim]]] = {}
        self._labels: dict[Transport, dict[int, list[tuple[str, ...] | None]]] = {
            transport: {} for transport in Transport
        }

    @classmethod
    def load(
        cls,
        registry: str | os.PathLike[str] | None = None,
        site: str | os.PathLike[str] | None = None,
        policies: Sequence[Policy] = (),
    ) -> Claims:
        """Read everything: the shipped tables, or another registry table, and a site's file.

        Raises SourceError or UsageError when a file cannot be read or says what cannot be.
        """
        from portbook.claims.documented import documented
        from portbook.claims.usual import usual_claims

        own: Sequence[Claim] = ()
        if site is not None:
            from portbook.claims.site import load_site

            own = load_site(site)
        return cls(Registry.load(registry), documented(), usual_claims(), policies, own)

    def of(self, number: int, transport: Transport | None = None) -> tuple[Claim, ...]:
        """Return all claims on a port, the registry's first; None asks for all transports."""
        asked = (number, transport)
        found = self._of.get(asked)
        if found is None:
            found = self._of[asked] = self._merged(number, transport)
        return found

    def labels(self, number: int, transport: Transport) -> tuple[str, ...]:
        """Return the short names of who has a port, for the `claims` field of records.

        Historic aliases, silence, malware and very wide ranges give none.
        """
        if not 0 <= number <= HIGHEST:
            return ()
        block, place = number // _BLOCK, number % _BLOCK
        labels = self._labels[transport].get(block)
        if labels is None:
            labels = self._labels[transport][block] = self._plain_labels(block, transport)
        found = labels[place]
        if found is None:
            found = labels[place] = _labels(self.of(number, transport))
        return found

    def search(self, text: str) -> tuple[Claim, ...]:
        """Return claims whose name or description holds the text, without case, registry first.

        A protocol of ours is also found by its short name.
        """
        wanted = " ".join(text.split()).casefold()
        if not wanted:
            return ()
        others = [
            claim
            for claim in (*self._said, *self._lone_usual)
            if wanted in claim.claimant.casefold()
            or wanted in (claim.title or "").casefold()
            or wanted == claim.protocol
        ]
        return (*self.registry.search(text), *others)

    @property
    def told(self) -> tuple[Claim, ...]:
        """Return what others than the registry say: documented uses, policies, the site."""
        return self._said

    @cached_property
    def _titles(self) -> dict[str, str]:
        return {name: profile.title for name, profile in profiles().items()}

    @cached_property
    def _lone_usual(self) -> tuple[Claim, ...]:
        """Return the usual claims that no other row tells already."""
        return tuple(
            claim for claim in self._usual if claim in self.of(claim.ports.first, claim.transport)
        )

    def _plain_labels(self, block: int, transport: Transport) -> list[tuple[str, ...] | None]:
        """Label a block of ports, span by span, but for those that the registry speaks of."""
        numbers = range(block * _BLOCK, (block + 1) * _BLOCK)
        said, usual = self._speaking_of(transport)
        labels: list[tuple[str, ...] | None] = []
        for outer in said.parts(numbers):
            for part in usual.parts(outer):
                here = _labels(self._told_once(said.at(part.start), usual.at(part.start)))
                labels += [here] * len(part)
        for number in self.registry.spoken_of(numbers):
            labels[number - numbers.start] = None
        return labels

    def _speaking_of(self, transport: Transport | None) -> tuple[Spans[Claim], Spans[Claim]]:
        """Return what is said and what is usual on a transport, ready to be asked."""
        spans = self._spans.get(transport)
        if spans is None:
            wanted = (None, transport) if transport else (None, *Transport)
            said, usual = (
                Spans(
                    (claim.ports.first, claim.ports.last, claim)
                    for claim in claims
                    if claim.transport in wanted
                )
                for claims in (self._said, self._usual)
            )
            spans = self._spans[transport] = said, usual
        return spans

    def _merged(self, number: int, transport: Transport | None) -> tuple[Claim, ...]:
        official = self.registry.claims(number, transport)
        if not 0 <= number <= HIGHEST:
            return official
        said, usual = (spans.at(number) for spans in self._speaking_of(transport))
        if not said and not usual:
            return official
        # Neighbours under the same rows have the same claims. The registry and the spans keep
        # these tuples as long as we live, so that their identities can stand for them.
        key = (id(official), id(said), id(usual))
        found = self._mixed.get(key)
        if found is None:
            found = self._mixed[key] = self._told_once((*official, *said), usual)
        return found

    def _told_once(self, said: Sequence[Claim], usual: Iterable[Claim]) -> tuple[Claim, ...]:
        claims, more = list(said), []
        for one in usual:
            same = [
                place
                for place, claim in enumerate(claims)
                if None in (claim.transport, one.transport) or claim.transport is one.transport
                if is_the_same(claim, one, self._titles)
            ]
            if not same:
                more.append(one)
            for place in same:
                # What the row lacks, the protocol's file tells: which protocol, at which end.
                claims[place] = msgspec.structs.replace(
                    claims[place],
                    protocol=one.protocol,
                    role=claims[place].role or one.role,
                )
        return (*claims, *more)


def policy_claims(policies: Sequence[Policy], documented: Sequence[Claim]) -> list[Claim]:
    """Return what policies keep for their own vendor, unless a documented row says so already."""
    told = [claim for claim in documented if claim.claim is ClaimKind.VENDOR_RESERVED]
    return [
        Claim(
            ports=row.ports,
            transport=row.transport,
            claimant=row.owner,
            claim=ClaimKind.VENDOR_RESERVED,
            source=policy.source,
            confidence="one source",
            title=row.what,
            note=row.reason,
        )
        for policy in policies
        for row in policy.rows
        if row.owner == policy.vendor
        and not any(
            claim.claimant == row.owner
            and claim.ports.first <= row.ports.last
            and row.ports.first <= claim.ports.last
            for claim in told
        )
    ]


def _labels(claims: Sequence[Claim]) -> tuple[str, ...]:
    names = {
        claim.claimant.casefold(): claim.claimant
        for claim in reversed(claims)
        if claim.claim in _LABELS
        and claim.claimant != "IANA"
        and claim.alias_of is None
        and claim.ports.size <= _WIDEST_LABEL
    }
    return tuple(reversed(names.values()))
