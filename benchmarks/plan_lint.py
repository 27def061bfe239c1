"""How long `portbook plan lint` takes for a plan of many rows, and whether that grows straight.

Usage: python benchmarks/plan_lint.py [ROWS]. Prints a line a shape of plan: rows, objections,
seconds for half of the rows and for all of them.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from portbook.claims.everything import Claims
from portbook.claims.loading import SHIPPED, policy, systems
from portbook.planning.judging import Known, judge
from portbook.planning.projects import read_plan

HEAD = "host,port,transport,use\n"
USES = ("chart", "Modbus", "historian", "web pages", "CODESYS gateway")
SHAPES: dict[str, Callable[[int], str]] = {
    "a row a host": lambda n: f"plc-{n},{n * 7 % 65000 + 1},tcp,{USES[n % 5]}",
    "one host": lambda n: f"10.0.0.1,{n * 7 % 65000 + 1},,chart",
    "ranges of 64": lambda n: f"plc-{n},{n % 65000 + 1}-{n % 65000 + 64},,use {n}",
    "wide ranges on every host": lambda n: f"*,{n % 65000 + 1}-65535,,use {n}",
}  # fmt: skip


def main(rows: int) -> None:
    policies = [policy(name) for name in SHIPPED]
    known = Known(Claims.load(policies=policies[:1]).of, policies, frozenset(), systems())
    for title, row in SHAPES.items():
        seconds, objections = [], 0
        for count in (rows // 2, rows):
            text = HEAD + "\n".join(map(row, range(count))) + "\n"
            began = time.perf_counter()
            objections = len(judge(read_plan(text, "plan.csv"), known, "plan.csv"))
            seconds.append(time.perf_counter() - began)
        half, whole = seconds
        print(f"{title:<26} {rows:>7} rows {objections:>7} objections {half:6.2f} s {whole:6.2f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
