"""The command line: `portbook`, one program.

Each command is one file of `commands/`, found by its name and loaded when it is asked for, so
that `portbook 1743` answers at once; the rest of the program stands in `program`.
"""

from __future__ import annotations

import gc
import sys
from typing import NoReturn


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the program and leave with its exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    gc.disable()  # what a start makes stays: looking through it again and again frees nothing
    from portbook.faces.cli.program import run

    code = run(words)
    gc.freeze()  # nor is it looked through at the end, which took a tenth of `portbook 1743`
    sys.exit(code)
