"""What the codes of a plan's objections mean; a policy's own codes are told by the policy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from portbook.claims.policies import Policy

CODES: Mapping[str, tuple[str, str]] = {
    "UNREADABLE": (
        "A row that cannot be read.",
        "The row is left out and the rest of the file is judged. Correct the row.",
    ),
    "PORT_ZERO": (
        "Port 0 is planned.",
        "0 asks the system for any port, so that nobody can find it. Plan a fixed one.",
    ),
    "NO_POLICY": (
        "The row names a policy that is not known.",
        "Name a shipped policy, or give the file with --policy.",
    ),
    "CLASH": (
        "Two rows plan the same port of the same host.",
        "Only one of the two programs will get the port. Move one of them.",
    ),
    "DUPLICATE": (
        "A row stands twice.",
        "The same host, port and use are planned once already. Remove one row.",
    ),
    "RIGHTFUL": (
        "The port is kept for the service that the row names.",
        "A policy keeps the port for a service, and the use names that service: as it should be.",
    ),
    "CLAIMED": (
        "Somebody else claims the port.",
        "The registry, a document or the site's own claims give the port to another use. A claim "
        "is no proof; where both may meet on a host, take a free port.",
    ),
    "WIDE_RANGE": (
        "The range is too wide to tell each claim.",
        "Policies, clashes and ranges of operating systems are judged all the same.",
    ),
    "EPHEMERAL_OVERLAP": (
        "The port lies in what an operating system lends to clients.",
        "Any outgoing connection may hold the number when the program starts. Take a port outside, "
        "or reserve it: net.ipv4.ip_local_reserved_ports on Linux.",
    ),
    "EXCLUDED": (
        "This machine refuses to bind the port.",
        "See netsh int ipv4 show excludedportrange; take a port outside.",
    ),
    "TAKEN": (
        "Another program holds the port on this machine.",
        "See portbook here --port N for who holds it.",
    ),
    "SEEN": (
        "The book has seen something else answer there.",
        "Something answers on the planned port already. See portbook N for what was seen.",
    ),
    "UNPLANNED": (
        "A planned host answers on a port that no row plans.",
        "The plan may be incomplete, or the service should not be there.",
    ),
    "LOCAL_SERVICE": (
        "A known service of such hosts is often on the port.",
        "The policy leaves the port free, yet a service of the same kind of host uses it.",
    ),
    "NO_KNOWN_SERVICE": (
        "No published service is known on the port.",
        "Who connects to a published service has to use its number.",
    ),
}


def explained(policies: Iterable[Policy]) -> dict[str, tuple[str, str]]:
    """Return a short and a full sentence by code, those of the policies too."""
    found = dict(CODES)
    for policy in policies:
        for row in policy.rows:
            if not row.allowed:
                what = f"The policy {policy.name} says no."
                source = ", ".join(
                    part for part in (policy.source.title, policy.source.where) if part
                )
                found.setdefault(row.code, (what, f"{policy.title}: {row.reason}. {source}"))
    return found
