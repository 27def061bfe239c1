"""The tests' judge of an API finds answers that its description does not tell of."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.contract import keeps_its_word, operations
from support.pages import Answer, serving

NUMBER = {"name": "number", "in": "query", "schema": {"type": "integer", "maximum": 65535}}


def described(*parameters: dict[str, Any]) -> str:
    body = {"type": "object", "required": ["port"], "properties": {"port": {"type": "integer"}}}
    told = {"description": "a port", "content": {"application/json": {"schema": body}}}
    paths = {"/port.json": {"get": {"parameters": parameters, "responses": {"200": told}}}}
    info = {"title": "An API", "version": "1"}
    return json.dumps({"openapi": "3.1.0", "info": info, "paths": paths})


def judge(description: str, answer: Answer | str) -> None:
    with serving({"/openapi.json": description, "/port.json": answer}) as home:
        for operation in operations(f"{home}/openapi.json"):
            keeps_its_word(operation, examples=6)


def test_an_answer_as_described_passes() -> None:
    judge(described(), '{"port": 1743}')


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ('{"port": "1743"}', "Response violates schema"),
        ("not JSON", "JSON"),
        (Answer('{"port": 1743}', 500), "Server error"),
        (Answer('{"port": 1743}', 201), "Undocumented status code"),
    ],
)
def test_an_answer_that_is_not_described_fails(answer: Answer | str, told: str) -> None:
    with pytest.raises(AssertionError, match=told):
        judge(described(), answer)


def test_a_request_that_is_forbidden_must_not_be_answered() -> None:
    with pytest.raises(AssertionError, match="should have been rejected"):
        judge(described(NUMBER), '{"port": 1743}')
