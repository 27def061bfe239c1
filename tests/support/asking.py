"""The API of a served book, asked as programs do; every answer is held to its description."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable
from functools import cached_property
from typing import Any
from urllib.parse import quote, urlencode

import jsonschema_rs

from support.served import Answer, Served

ROOT = "/api/v1"
PATIENCE_S = 60.0
PCAP = "application/octet-stream"
_NAMED = re.compile(r"\{\w+\}")


class Api:
    """Asks; `told` gives what came, once it is as described."""

    def __init__(self, served: Served) -> None:
        self.served = served

    @cached_property
    def description(self) -> Any:
        """Return the OpenAPI document."""
        return json.loads(self.served.ask(f"{ROOT}/openapi.json").body)

    def ask(self, path: str, method: str = "GET", body: Any = None, **words: Any) -> Answer:
        """Ask once. path: below /api/v1; body: octets of a capture, else JSON"""
        query = f"?{urlencode({name: _said(one) for name, one in words.items()})}" if words else ""
        headers = {}
        if isinstance(body, bytes):
            headers["content_type"] = PCAP
        elif body is not None:
            body, headers["content_type"] = json.dumps(body).encode(), "application/json"
        elif method != "GET":
            headers["content_type"] = "application/json"
        return self.served.ask(ROOT + path + query, method, body, **headers)

    def told(self, path: str, method: str = "GET", body: Any = None, **words: Any) -> Any:
        """Return what is answered; fails when that is no success, or not as described."""
        answer = self.ask(path, method, body, **words)
        assert answer.status < 300, answer.text
        return self.valid(path, method, answer)

    def problem(
        self, status: int, path: str, method: str = "GET", body: Any = None, **words: Any
    ) -> str:
        """Return the detail of a problem; fails when there is another answer."""
        answer = self.ask(path, method, body, **words)
        assert status == answer.status, answer.text
        return problem(answer)

    def valid(self, path: str, method: str, answer: Answer) -> Any:
        """Return an answer's document, held to the description of its operation."""
        operation = self.description["paths"][self._template(path)][method.lower()]
        content = operation["responses"][str(answer.status)].get("content")
        if content is None:
            assert answer.body == b""
            return None
        assert answer.headers["content-type"] in content
        found = json.loads(answer.body)
        schema = content[answer.headers["content-type"]]["schema"]
        whole = {**schema, "components": self.description["components"]}
        jsonschema_rs.validator_for(whole).validate(found)
        return found

    def until(self, path: str, fine: Callable[[Any], object], **words: Any) -> Any:
        """Ask again and again until an answer is fine, and return it."""
        end, pause = time.monotonic() + PATIENCE_S, threading.Event()
        while not fine(found := self.told(path, **words)):
            assert time.monotonic() < end, found
            pause.wait(0.05)
        return found

    def sent(self, octets: bytes, **words: Any) -> Any:
        """Send a capture, and return its story once it is read."""
        taken = self.told("/captures", "POST", octets, **words)
        return self.until(f"/captures/{taken['id']}", lambda one: one["ended"])

    def every(self, path: str, **words: Any) -> list[Any]:
        """Return the rows of all pages of a list."""
        page = self.told(path, **words)
        rows = list(page["rows"])
        while page["next"]:
            page = self.told(path, **{**words, "after": page["next"]})
            rows += page["rows"]
        return rows

    def _template(self, path: str) -> str:
        """Return the path of the description that an asked one is one of."""
        parts = (ROOT + path).split("/")
        fitting = [
            one
            for one in self.description["paths"]
            if len(one.split("/")) == len(parts)
            and all(
                known in (part, quote(part)) or _NAMED.fullmatch(known)
                for known, part in zip(one.split("/"), parts, strict=True)
            )
        ]
        return max(fitting, key=lambda one: one.count("/") - one.count("{"))


def problem(answer: Answer) -> str:
    """Return the detail of an answer that must be a problem document."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    found = json.loads(answer.body)
    assert set(found) == {"title", "status", "detail"}
    assert found["status"] == answer.status
    return str(found["detail"])


def _said(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
