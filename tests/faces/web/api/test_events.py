"""The stream of events under the API's address."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from urllib.parse import urlsplit

from support.asking import PATIENCE_S, Api


@contextmanager
def listening(api: Api, **headers: str) -> Iterator[http.client.HTTPResponse]:
    where = urlsplit(api.served.home)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, PATIENCE_S)
    with closing(connection):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("GET", "/api/v1/events", headers=named)
        yield connection.getresponse()


def event(stream: http.client.HTTPResponse) -> dict[str, str]:
    """Return the next event, by its fields; comments are passed over."""
    found: dict[str, str] = {}
    while line := stream.readline():
        name, _, value = line.decode().rstrip("\n").partition(": ")
        if name:
            found[name] = value
        elif found.keys() - {"retry"}:
            return found
        else:
            found.clear()
    raise AssertionError("the stream ended")


def test_what_is_written_in_the_book_is_told(api: Api) -> None:
    with listening(api) as stream:
        assert (200, "text/event-stream; charset=utf-8") == (
            stream.status,
            stream.getheader("content-type"),
        )
        assert b"retry: 3000\n" == stream.readline()
        api.told("/feedback", "POST", {"page": "/1743", "face": "good"})
        while (told := event(stream))["event"] != "changed":
            continue
        data = json.loads(told["data"])
        assert {"kinds", "version"} == set(data)
        assert api.until("/status", lambda one: one["readers"] >= 1)


def test_whoever_comes_back_gets_what_was_missed(api: Api) -> None:
    with listening(api) as stream:
        api.told("/feedback", "POST", {"page": "/1743", "face": "good"})
        first = event(stream)
    with listening(api, last_event_id=str(int(first["id"]) - 1)) as stream:
        assert first == event(stream)


def test_whoever_was_away_too_long_is_told_so(api: Api) -> None:
    with listening(api, last_event_id="999999999999") as stream:  # of another run
        assert {"event": "lost", "data": "{}"}.items() <= event(stream).items()
