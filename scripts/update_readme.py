"""Put what `portbook demo` prints today into the README; tests/faces/test_readme.py compares."""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"
SHOWN = re.compile(r"(<!-- demo: begin.*?-->\n```text\n).*?(```\n<!-- demo: end -->)", re.DOTALL)
TAKEN = re.compile(r" in [\d.]+ (s|min[ \d s]*)$", re.MULTILINE)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "portbook", "demo"]
        told = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    text = TAKEN.sub(" in 0.02 s", told.stdout)
    README.write_text(SHOWN.sub(lambda found: found[1] + text + found[2], README.read_text()))


if __name__ == "__main__":
    main()
