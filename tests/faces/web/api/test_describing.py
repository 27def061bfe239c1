"""The OpenAPI description: valid, complete, and true of the program that serves it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from support.asking import Api

from portbook.faces.web import api as package
from portbook.faces.web.api.describing import document
from portbook.faces.web.api.events import EVENTS
from portbook.faces.web.app import _found

OPERATIONS = [one.opt["operation"] for one in _found(package)]
DESCRIPTION = document(OPERATIONS)
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def every(path: str = "") -> Iterator[tuple[str, Any]]:
    """Give all operations with their names."""
    for at, methods in DESCRIPTION["paths"].items():
        for method, operation in methods.items():
            if path in at:
                yield f"{method} {at}", operation


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"]
        for one in value.values():
            yield from references(one)
    elif isinstance(value, list):
        for one in value:
            yield from references(one)


def schema(told: Any) -> Any:
    return jsonschema_rs.validator_for({**told, "components": DESCRIPTION["components"]})


def test_the_served_description_is_this_one(api: Api) -> None:
    assert json.loads(json.dumps(DESCRIPTION)) == api.description
    assert api.description["openapi"].startswith("3.1.")


def test_every_reference_is_kept_and_nothing_is_described_for_nobody() -> None:
    used = set(references(DESCRIPTION))
    parts = {
        f"#/components/{group}/{name}"
        for group in ("schemas", "responses")
        for name in DESCRIPTION["components"][group]
    }

    assert used <= parts
    events = {f"#/components/schemas/{name}" for name in ("Changed", "Lost")}
    assert parts - used == events  # a media type cannot refer to them


def test_every_schema_is_json_schema() -> None:
    for told in DESCRIPTION["components"]["schemas"].values():
        assert jsonschema_rs.meta.is_valid({"$schema": DIALECT, **told})


@pytest.mark.parametrize(("name", "operation"), list(every()), ids=[name for name, _ in every()])
def test_an_operation_is_described_whole(name: str, operation: Any) -> None:
    placed = set(re.findall(r"\{(\w+)\}", name))
    problems = {status for status in operation["responses"] if status[0] in "45"}

    assert operation["summary"]
    assert operation["tags"][0] in {one["name"] for one in DESCRIPTION["tags"]}
    assert placed == {one["name"] for one in operation.get("parameters", ()) if one["in"] == "path"}
    assert all(one["description"] and one["schema"] for one in operation.get("parameters", ()))
    assert {"400", "401", "403", "429", "500", "503"} <= problems
    assert "default" in operation["responses"]
    assert any(status[0] == "2" for status in operation["responses"])


def test_operation_ids_are_one_each_and_tags_are_all_used() -> None:
    ids = [operation["operationId"] for _, operation in every()]
    tags = {tag for _, operation in every() for tag in operation["tags"]}

    assert len(ids) == len(set(ids))
    assert {one["name"] for one in DESCRIPTION["tags"]} == tags


def test_examples_are_examples() -> None:
    found = 0
    for _, operation in every():
        for one in operation.get("parameters", ()):
            if "example" in one:
                schema(one["schema"]).validate(one["example"])
                found += 1
        for answer in operation["responses"].values():
            for content in answer.get("content", {}).values():
                if "example" in content:
                    schema(content["schema"]).validate(content["example"])
                    found += 1
    for answer in DESCRIPTION["components"]["responses"].values():
        for content in answer.get("content", {}).values():
            if "example" in content:
                schema(content["schema"]).validate(content["example"])
                found += 1
    assert found > 40


def test_the_stream_is_described_with_its_events() -> None:
    ((_, operation),) = every("/events")
    told = operation["description"]

    assert {"text/event-stream"} == set(operation["responses"]["200"]["content"])
    assert all(f"`{name}`" in told for name in EVENTS)
    assert ["Last-Event-ID"] == [one["name"] for one in operation.get("parameters", ())]


def test_a_token_may_be_needed() -> None:
    assert [{}, {"token": []}] == DESCRIPTION["security"]
    assert "bearer" == DESCRIPTION["components"]["securitySchemes"]["token"]["scheme"]
