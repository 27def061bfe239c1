"""The rules for nftables: one table of our own, replaced as a whole each time it is loaded."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from portbook.planning.firewalls.guarded import Guard
from portbook.planning.firewalls.places import Places
from portbook.planning.firewalls.steps import DROP, HOOKS, RETURN, Chain, Step, chains
from portbook.planning.firewalls.wording import heading

LONGEST_COMMENT = 120  # nft takes 128 octets
# Before the rules of others, which sit at 0: what is dropped here never gets there.
PRIORITY = -10
_IP = {4: "ip", 6: "ip6"}


def nftables(guards: Sequence[Guard], where: Places) -> str:
    """Return a script for `nft -f`; loading it again gives the same rules, once."""
    lines = [*heading(guards, where, LOADING)]
    lines += ["table inet portbook", "delete table inet portbook", "table inet portbook {"]
    by_version = {version: chains(guards, where, version) for version in (4, 6)}
    for version, told in by_version.items():
        for chain in told:
            if chain.name not in HOOKS:
                lines += _chain(f"{chain.name}{version}", chain.steps, version)
    for hook in HOOKS:
        for version in (4, 6):
            lines += _chain(f"{hook}{version}", _named(by_version[version], hook).steps, version)
        lines += [
            f"  chain {hook} {{",
            f"    type filter hook {hook} priority {PRIORITY}; policy accept;",
            f"    meta nfproto ipv4 jump {hook}4",
            f"    meta nfproto ipv6 jump {hook}6",
            "  }",
        ]
    return "\n".join([*lines, "}", ""])


LOADING = (
    "Load:   nft -f FILE        (again and again: the table is replaced as a whole)",
    "Remove: nft delete table inet portbook",
    "Watch:  nft list table inet portbook   (counts what each rule dropped)",
)


def _named(told: Sequence[Chain], name: str) -> Chain:
    return next(one for one in told if one.name == name)


def _chain(name: str, steps: Sequence[Step], version: int) -> Iterator[str]:
    yield f"  chain {name} {{"
    for step in steps:
        yield f"    {_rule(step, version)}"
    yield "  }"


def _rule(step: Step, version: int) -> str:
    words = []
    if step.incoming:
        words.append(f'iifname "{step.incoming}"')
    if step.outgoing:
        words.append(f'oifname "{step.outgoing}"')
    if step.reply:
        words.append("ct direction reply")
    if step.sources:
        words.append(f"{_IP[version]} saddr {{ {', '.join(step.sources)} }}")
    if step.destinations:
        words.append(f"{_IP[version]} daddr {{ {', '.join(step.destinations)} }}")
    if step.transport:
        ports = ", ".join(map(str, step.ports))
        words.append(f"{step.transport.value} dport {{ {ports} }}")
    if step.verdict == DROP:
        words.append("counter drop")
    else:
        words.append("return" if step.verdict == RETURN else f"jump {step.verdict}{version}")
    return f'{" ".join(words)} comment "{_comment(step.why)}"'


def _comment(text: str) -> str:
    plain = re.sub(r"[^ -~]|[\"\\]", "", text)
    return plain if len(plain) <= LONGEST_COMMENT else plain[: LONGEST_COMMENT - 3] + "..."
