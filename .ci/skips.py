"""List the tests that pytest skipped, and fail on any whose reason is not allowed here.

Usage: skips.py LOG ALLOWED. ALLOWED holds one regular expression a line; `#` starts a comment.
"""

import re
import sys
from pathlib import Path

LINE = re.compile(r"SKIPPED \[(\d+)\] (?P<where>.*?:\d+): (?P<reason>.*)")


def main(log: str, allowed: str) -> int:
    """Print every skip with its verdict; return 1 when one is not allowed."""
    patterns = [
        re.compile(line)
        for raw in Path(allowed).read_text().splitlines()
        if (line := raw.split("#", 1)[0].strip())
    ]
    worst = 0
    for match in map(LINE.match, Path(log).read_text().splitlines()):
        if match:
            fine = any(pattern.search(match["reason"]) for pattern in patterns)
            print(f"{'allowed' if fine else 'NOT ALLOWED'}: {match[0]}")
            worst |= not fine
    print("skips: some are not allowed here" if worst else "skips: all allowed")
    return worst


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
