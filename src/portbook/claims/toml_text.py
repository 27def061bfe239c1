"""TOML that people write by hand, read within bounds, with the line where each table stands.

Pure. `tomllib` tells no lines of tables, recurses with the depth of arrays, and takes time that
grows with the square of a dotted key; so lines are measured before it sees them.
"""

from __future__ import annotations

import re
import tomllib
from typing import Any

from portbook.errors import UsageError

LONGEST_LINE = 16_384
LARGEST = 4 << 20  # letters of a whole file
_DEEP_KEY = re.compile(r"(?<![\w\"'-])(?:(?:[\w-]+|\"[^\"]*\"|'[^']*')[ \t]*\.[ \t]*){16}")
_LINE_OF_ERROR = re.compile(r"\(at line (\d+), column \d+\)")
# Strings and comments are passed over, so that only a table's own header is met.
_HEADER = re.compile(
    r'"""(?:\\.|[^\\])*?"""'
    r"|'''.*?'''"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'"
    r"|\#[^\n]*"
    r"|^[ \t]*\[\[[ \t]*(?P<name>[\w-]+)[ \t]*\]\]",
    re.DOTALL | re.MULTILINE,
)


def read_toml(text: str, where: str) -> dict[str, Any]:
    """Return the document; raises UsageError with file and line when it is none, or a bomb."""
    if len(text) > LARGEST:
        raise UsageError(f"{where}: larger than {LARGEST >> 20} MiB; cut it into several files")
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > LONGEST_LINE:
            raise UsageError(f"{where}, line {number}: longer than {LONGEST_LINE} letters")
        if _DEEP_KEY.search(line):
            raise UsageError(f"{where}, line {number}: a key of more than 16 parts")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        told = str(error)
        found = _LINE_OF_ERROR.search(told)
        # At the end of the document no line is told.
        place = f", line {found[1] if found else text.count(chr(10)) + 1}"
        raise UsageError(f"{where}{place}: {told}; it must be TOML") from error
    except RecursionError:
        raise UsageError(f"{where}: arrays or tables nested too deep; write them flat") from None
    except ValueError as error:  # a number of thousands of digits, an impossible date
        raise UsageError(f"{where}: {str(error)[:120]}; it must be TOML") from error


def table_lines(text: str) -> dict[str, list[int]]:
    """Return the lines, from 1, of each `[[name]]`, by name, in order."""
    found: dict[str, list[int]] = {}
    line, counted = 1, 0
    for match in _HEADER.finditer(text):
        if match["name"]:
            start = match.start("name")
            line += text.count("\n", counted, start)
            counted = start
            found.setdefault(match["name"], []).append(line)
    return found
