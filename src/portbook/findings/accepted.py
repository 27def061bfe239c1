"""Findings that somebody accepted until a date, with a reason.

An accepted finding is still shown, marked, and does not count for `--fail-on`. It returns when
its date has passed, or when it changes: another level, another peer, another program.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import msgspec

from portbook.records import LOCAL_SITE, Finding

# Parameters that differ from look to look although nothing has changed.
VOLATILE = frozenset({"place_count", "port_count"})


class Acceptance(msgspec.Struct, frozen=True, tag="acceptance", tag_field="kind"):
    """Somebody accepts one finding.

    until_ns: Unix time from which it counts again
    fingerprint: of the finding as it was when accepted; None: not met yet, the first one met
    vlan: None where the finding has none
    """

    code: str
    subject: str
    until_ns: int
    reason: str
    fingerprint: str | None = None
    site: str = LOCAL_SITE
    vlan: int | None = None
    accepted_ns: int = 0

    @property
    def mark(self) -> str:
        """Return until when and why, for a finding's `accepted`."""
        day = datetime.fromtimestamp(self.until_ns // 1_000_000_000, UTC).date().isoformat()
        return f"until {day}: {self.reason}"


def fingerprint(finding: Finding) -> str:
    """Return what stays the same while a finding does: a short text for comparing."""
    import hashlib

    lasting = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in finding.parameters.items()
        if name not in VOLATILE
    }
    told = msgspec.json.encode((finding.code, finding.level, lasting), order="deterministic")
    return hashlib.sha256(told).hexdigest()[:16]


def applies(acceptance: Acceptance, finding: Finding, now_ns: int) -> bool:
    """Tell whether an acceptance holds for a finding as it is now."""
    return (
        (acceptance.code, acceptance.subject) == (finding.code, finding.subject)
        and (acceptance.site, acceptance.vlan) == (finding.site, finding.vlan)
        and now_ns < acceptance.until_ns
        and acceptance.fingerprint in (None, fingerprint(finding))
    )


def mark(
    findings: Iterable[Finding], acceptances: Iterable[Acceptance], now_ns: int
) -> Iterator[Finding]:
    """Give all findings, the accepted ones marked with until when and why."""
    known: dict[tuple[str, str, str, int | None], list[Acceptance]] = {}
    for one in acceptances:
        known.setdefault((one.code, one.subject, one.site, one.vlan), []).append(one)
    for finding in findings:
        key = (finding.code, finding.subject, finding.site, finding.vlan)
        for one in known.get(key, ()):
            if applies(one, finding, now_ns):
                yield msgspec.structs.replace(finding, accepted=one.mark)
                break
        else:
            yield finding
