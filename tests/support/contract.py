"""Does the API do what its own description says? Schemathesis asks, within bounds.

Every operation of an OpenAPI description is called with what the description allows and with what
it forbids; each answer is held to the description. The same examples are made in each run.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable

if TYPE_CHECKING:
    from schemathesis import Case
    from schemathesis.generation import GenerationMode
    from schemathesis.schemas import APIOperation

EXAMPLES = 12
PATIENCE_S = 20


def operations(address: str) -> list[APIOperation]:
    """Return all operations of the description at an address; fails on one that is not valid."""
    import schemathesis

    schema = schemathesis.openapi.from_url(address, wait_for_schema=PATIENCE_S)
    return [one.ok() for one in schema.get_all_operations()]


def keeps_its_word(
    operation: APIOperation, examples: int = EXAMPLES, headers: dict[str, str] | None = None
) -> None:
    """Fail when an answer is none that the description tells of, or is a server's error.

    operation: of `operations`; examples: how many calls at most that are allowed, and how many that
    are forbidden; headers: of every call
    """
    from schemathesis.generation import GenerationMode

    _called(operation, GenerationMode.POSITIVE, examples, headers)
    with suppress(Unsatisfiable):  # an operation without parameters forbids nothing
        _called(operation, GenerationMode.NEGATIVE, examples, headers)


def _called(
    operation: APIOperation, mode: GenerationMode, examples: int, headers: dict[str, str] | None
) -> None:
    from schemathesis.core.failures import FailureGroup

    @settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],  # the first failure will do: each call costs time
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def call(case: Case) -> None:
        try:
            case.call_and_validate(timeout=PATIENCE_S, headers=headers)
        except FailureGroup as group:
            told = [f"{one.title}: {one.message}".strip() for one in group.exceptions]
            raise AssertionError("\n".join((f"{case.as_curl_command()}", *told))) from None

    call()
