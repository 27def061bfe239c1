"""The picture in a terminal, over SSH too: `portbook top` and `portbook watch --full`.

A source (`live`, `machine`) makes pictures and rows in threads of its own; what is shown of a row
stands in `columns`, how rows are chosen and sorted in `arranging`; `app` and its widgets show it.
Only `app`, `listing`, `widgets` and `running` know textual, which is the extra `portbook[tui]`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from portbook.errors import UsageError

if TYPE_CHECKING:
    from types import ModuleType


def full_screen(instead: str) -> ModuleType:
    """Return the module that runs the full screen (`running`).

    instead: the command that writes lines. Raises UsageError where there is no terminal to draw
    on, or where textual is not installed.
    """
    from portbook.faces.tui import terminals

    terminals.check(instead)
    try:
        from portbook.faces.tui import running
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != "textual":
            raise
        raise UsageError(
            "the full screen needs textual, which is not installed; install portbook[tui]; "
            f"for lines of text write: {instead}"
        ) from error
    return running
