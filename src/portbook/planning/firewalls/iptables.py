"""The rules for iptables or ip6tables: chains of our own, for iptables-restore --noflush."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence

from portbook.planning.firewalls.guarded import Guard
from portbook.planning.firewalls.places import Places
from portbook.planning.firewalls.steps import DROP, RETURN, Chain, Step, chains
from portbook.planning.firewalls.wording import heading

LONGEST_COMMENT = 120  # the comment match takes 255
_PROGRAM = {4: "iptables", 6: "ip6tables"}


def iptables(guards: Sequence[Guard], where: Places, version: int = 4) -> str:
    """Return text for iptables-restore --noflush (version 6: for ip6tables-restore).

    Loading it again fills the same chains anew. The three jumps to them are made once, by the
    line that stands above the rules: a restore cannot ask whether a jump is there already.
    """
    told = chains(guards, where, version)
    lines = [*heading(guards, where, _loading(_PROGRAM[version])), "*filter"]
    lines += [f":{_name(chain.name)} - [0:0]" for chain in told]
    for chain in told:
        lines += _rules(chain)
    return "\n".join([*lines, "COMMIT", ""])


def _loading(program: str) -> tuple[str, ...]:
    jump = f"$C -j PORTBOOK-$C 2>/dev/null || {program} -I $C -j PORTBOOK-$C"
    return (
        f"Load:   {program}-restore --noflush FILE   (again and again: the chains are filled anew)",
        f"Once:   for C in INPUT FORWARD OUTPUT; do {program} -C {jump}; done",
        f"Check:  {program}-restore --test --noflush FILE",
    )


def _name(chain: str) -> str:
    return f"PORTBOOK-{chain.upper()}"


def _rules(chain: Chain) -> Iterator[str]:
    for step in chain.steps:
        for source, destination, ports in itertools.product(
            step.sources or (None,), step.destinations or (None,), step.ports or (None,)
        ):
            words = [f"-A {_name(chain.name)}"]
            if source:
                words.append(f"-s {source}")
            if destination:
                words.append(f"-d {destination}")
            if step.incoming:
                words.append(f"-i {step.incoming}")
            if step.outgoing:
                words.append(f"-o {step.outgoing}")
            if step.transport:
                words.append(f"-p {step.transport.value} -m {step.transport.value}")
            if ports:
                words.append(f"--dport {str(ports).replace('-', ':')}")
            if step.reply:
                words.append("-m conntrack --ctdir REPLY")
            words.append(f'-m comment --comment "{_comment(step.why)}"')
            words.append(f"-j {_verdict(step)}")
            yield " ".join(words)


def _verdict(step: Step) -> str:
    return {DROP: "DROP", RETURN: "RETURN"}.get(step.verdict) or _name(step.verdict)


def _comment(text: str) -> str:
    plain = re.sub(r"[^ -~]|[\"\\]", "", text)
    return plain if len(plain) <= LONGEST_COMMENT else plain[: LONGEST_COMMENT - 3] + "..."
