"""A small server of pages for tests of the tests' own eyes; the real pages come from `served`."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

POLICY = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'"
TYPES = {
    "css": "text/css",
    "js": "text/javascript",
    "json": "application/json",
    "svg": "image/svg+xml",
}


class Answer(NamedTuple):
    """What stands at an address."""

    body: str
    status: int = 200
    policy: str = POLICY


@contextmanager
def serving(answers: Mapping[str, Answer | str]) -> Iterator[str]:
    """Serve answers by their paths on loopback; give the address of the server."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            answer = answers.get(path, Answer("Nothing stands here.", 404))
            if isinstance(answer, str):
                answer = Answer(answer)
            self.send_response(answer.status)
            kind = TYPES.get(path.rpartition(".")[2], "text/html; charset=utf-8")
            self.send_header("content-type", kind)
            self.send_header("content-security-policy", answer.policy)
            self.end_headers()
            self.wfile.write(answer.body.encode())

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
