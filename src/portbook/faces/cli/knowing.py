"""Loads what is known before anything is looked at: claims, the chosen policy, own networks."""

from __future__ import annotations

from portbook import config
from portbook.claims import loading
from portbook.claims.everything import Claims
from portbook.survey.knowledge import Knowledge
from portbook.survey.wants import wanted_host


def knowledge(policy: str | None = None, networks: tuple[str, ...] = ()) -> Knowledge:
    """Return what judging needs.

    policy: name of a shipped one, or a path; networks: prefixes that count as the own link
    """
    return Knowledge(
        claims=claims(),
        policy=loading.policy(policy) if policy else None,
        networks=tuple(map(wanted_host, networks)),
    )


def claims() -> Claims:
    """Return all claims: the updated registry table if there is one, and the site's own file."""
    updated, own = config.registry_path(), config.load().claims
    return Claims.load(
        updated if updated.exists() else None,
        own if own.exists() else None,
        [loading.policy(name) for name in loading.CLAIMING],
    )
