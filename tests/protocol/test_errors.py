from __future__ import annotations

import pytest

from aqueduct_jupyter.protocol import errors
from aqueduct_jupyter.protocol.errors import AqueductError, error_from_envelope


def classes(root: type[AqueductError] = AqueductError) -> list[type[AqueductError]]:
    return [root, *(found for child in root.__subclasses__() for found in classes(child))]


def test_the_table_of_contents_is_complete_and_sorted() -> None:
    assert errors.__all__ == sorted(errors.__all__)
    assert {kind.__name__ for kind in classes()} | {"error_from_envelope"} == set(errors.__all__)


def test_the_drawing_in_the_docstring_names_every_class_status_and_code() -> None:
    drawing = errors.__doc__ or ""
    lines = {line.split()[-1]: line for line in drawing.splitlines() if line.strip()}
    for kind in classes():
        line = next(line for line in drawing.splitlines() if f" {kind.__name__} " in f" {line} ")
        if kind.default_code:
            assert str(kind.default_status) in line
            assert kind.default_code in line
    assert lines


@pytest.mark.parametrize("kind", [kind for kind in classes() if kind.default_code])
def test_an_error_survives_the_way_through_its_envelope(kind: type[AqueductError]) -> None:
    sent = kind("What is wrong.", param="messages[0]")
    received = error_from_envelope(sent.status, sent.envelope())
    assert type(received) is kind
    assert (received.message, received.param, received.code, received.type, received.status) == (
        "What is wrong.",
        "messages[0]",
        kind.default_code,
        kind.default_type,
        kind.default_status,
    )


def test_an_envelope_has_exactly_the_four_keys_of_openai() -> None:
    envelope = errors.ModelNotFoundError("No such model.").envelope()
    assert envelope == {
        "error": {
            "message": "No such model.",
            "type": "invalid_request_error",
            "param": None,
            "code": "model_not_found",
        }
    }


@pytest.mark.parametrize(
    ("status", "envelope", "kind"),
    [
        (400, {"error": {"message": "x", "code": "something_new"}}, errors.InvalidRequestError),
        (402, {"error": {"message": "pay"}}, errors.RequestError),
        (500, None, errors.ServerError),
        (507, "<html>", errors.ServerError),
        (429, {"error": "text"}, errors.RateLimitError),
        (0, {"error": {"code": "upstream_disconnected"}}, errors.DisconnectedError),
        (0, {"error": {}}, errors.ServerError),
    ],
)
def test_any_body_of_any_status_becomes_an_error(
    status: int, envelope: object, kind: type[AqueductError]
) -> None:
    error = error_from_envelope(status, envelope)
    assert type(error) is kind
    assert error.message


def test_headers_say_when_and_whether_to_try_again() -> None:
    error = errors.RateLimitError("Slow down.", retry_after=2.5, is_retryable=False)
    assert error.headers() == {"Retry-After": "3", "x-should-retry": "false"}
    assert errors.InvalidRequestError("No.").headers() == {}


@pytest.mark.parametrize(
    ("message", "upstream", "retry_after", "told"),
    [
        ("Slow down.", None, None, "Slow down."),
        ("Slow down.", None, 7, "Slow down. Try again in 7 s."),
        (
            "Slow down.",
            "campus",
            0.2,
            "The upstream 'campus' refused: Slow down. Try again in 1 s.",
        ),
        (
            "'campus' is full. Try again later.",
            "campus",
            600,
            "'campus' is full. Try again in 10 min.",
        ),
        ("Used up. Try again in 30 seconds.", None, 30, "Used up. Try again in 30 seconds."),
    ],
)
def test_a_person_is_told_who_refused_and_when_to_try_again(
    message: str, upstream: str | None, retry_after: float | None, told: str
) -> None:
    error = errors.RateLimitError(message, retry_after=retry_after)
    error.upstream = upstream
    assert error.told() == told
