"""A request as the guard looks at it: its head, taken apart once."""

from __future__ import annotations

from typing import Any

from portbook.faces.web.guard.asgi import Scope

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})  # RFC 9110, 9.2.1


class Request:
    """One request's head. A header that comes more than once is in `repeated`; the first counts."""

    __slots__ = ("headers", "method", "path", "repeated", "scope", "secure")

    def __init__(self, scope: Scope) -> None:
        self.scope: Any = scope
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.secure: bool = scope.get("scheme") == "https"
        self.headers: dict[bytes, bytes] = {}
        self.repeated: set[bytes] = set()
        for name, value in scope["headers"]:
            if name in self.headers:
                self.repeated.add(name)
            else:
                self.headers[name] = value

    @property
    def address(self) -> str:
        """Return who asks, "" when nobody knows."""
        client = self.scope.get("client")
        return str(client[0]) if client else ""

    @property
    def safe(self) -> bool:
        """Tell whether the method only reads."""
        return self.method in SAFE

    def text(self, name: bytes) -> str | None:
        """Return a header as text, None when there is none."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1").strip()
