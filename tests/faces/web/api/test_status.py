"""How the server and its book do."""

from __future__ import annotations

import json
from typing import Any

from support.asking import Api
from support.program import portbook

from portbook import __version__


def test_the_status_tells_version_book_machine_and_readers(api: Api) -> None:
    found = api.told("/status")
    arguments = ("book", "show", "--book", str(api.served.book), "--json")
    (book,) = json.loads(portbook(api.served.book.parent, *arguments).out)["book"]

    assert (__version__, "local", False) == (found["version"], found["site"], found["readonly"])
    assert book["first"] == found["book"]["first"]
    assert book["sightings"]["device"] == found["book"]["sightings"]["device"] > 600
    assert found["machine"]["looked"]
    assert found["machine"]["listeners"] > 0
    assert (None, False) == (found["problem"], found["receiver"])


def test_what_is_kept_is_counted(api: Api) -> None:
    before = api.told("/status")["kept"]
    api.told("/rules")
    api.told("/rules")

    def grown(found: Any) -> bool:
        told = found["kept"]
        return bool(told["answered"] + told["made"] >= before["answered"] + before["made"] + 2)

    assert 0 < api.until("/status", grown)["kept"]["pages"]
