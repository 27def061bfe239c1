"""What tests of the daemons share: a voice that remembers, and arrivals."""

from __future__ import annotations

from portbook.seismic.spool import Arrival, Mode


class Heard:
    """A voice: keeps what was said, and which alarms stand."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str]] = []
        self.standing: dict[str, tuple[str, str]] = {}
        self.history: list[str] = []  # "+key" for each that was set, "-key" for each cleared

    def say(self, level: str, text: str) -> None:
        self.said.append((level, text))

    def alarm(
        self, key: str, what: str, message: str, *, level: str = "warning", unit: str | None = None
    ) -> None:
        if key not in self.standing:
            self.standing[key] = (what, message)
            self.history.append(f"+{key}")

    def clear(self, key: str) -> None:
        if self.standing.pop(key, None):
            self.history.append(f"-{key}")

    def texts(self, level: str) -> list[str]:
        return [text for kind, text in self.said if kind == level]


def arrival(
    octets: bytes,
    received_ns: int,
    address: str = "127.0.0.1",
    mode: Mode = Mode.RAW,
    **more: int,
) -> Arrival:
    return Arrival(octets, received_ns, mode, address, 40000, **more)
