"""What a reader counts besides conversations: frames without ports, fragments, oddities."""

from __future__ import annotations


class Tally:
    """Counts that the rare ways through a frame share with the reader that took them."""

    def __init__(self) -> None:
        self.no_ports = 0
        self.fragments = 0
        self.oddities: dict[str, tuple[int, int]] = {}

    def odd(self, name: str, where: int, times: int = 1) -> None:
        """Count an oddity; `where`: the octet of the source, kept of the first one."""
        count, first = self.oddities.get(name, (0, where))
        self.oddities[name] = (count + times, first)
