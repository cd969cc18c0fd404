"""What the requests of all APIs share: reading JSON, checking fields, and naming the fault.

The fields of an API are in its own module, such as :mod:`.chat_fields`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isinf
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, from_json

from .errors import InvalidJSONError, InvalidRequestError
from .fields import LONGEST_NAME
from .plain_text import plain_text

__all__ = ["APIRequest", "check_fields", "read_json_object", "read_model"]


@dataclass(frozen=True, slots=True)
class APIRequest:
    """A checked request; ``body`` is the client's own JSON object."""

    body: dict[str, Any]

    @property
    def model(self) -> str | None:
        """The model's name as the client wrote it; None means the default."""
        return self.body.get("model") or None

    @property
    def is_stream(self) -> bool:
        """Whether the client asked for a stream of events."""
        return bool(self.body.get("stream"))


def read_json_object(body: bytes) -> dict[str, Any]:
    """Decode a body that must be a single JSON object.

    Raises:
        InvalidJSONError: it is empty, not valid JSON (this includes NaN and lone surrogates) or not
            an object, or a number in it is too large to forward.
    """
    try:
        value = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        where = str(error).split("\n", 1)[0] if body else "the body is empty"
        raise InvalidJSONError(
            f"The body is not valid JSON ({where}). Send a JSON object."
        ) from None
    if not isinstance(value, dict):
        raise InvalidJSONError('The body must be a JSON object, such as {"messages": [...]}.')
    if _has_infinity(value):
        raise InvalidJSONError("A number in the body is too large to forward.")
    return value


_Model = TypeVar("_Model", bound=BaseModel)


def read_model(model: type[_Model], body: bytes) -> _Model:
    """Read a body into a class of this server's own; an empty body is an empty object.

    Raises:
        InvalidJSONError: the body is not valid JSON.
        InvalidRequestError: a field is invalid; the message names it.
    """
    try:
        return model.model_validate_json(body or b"{}")
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        if fault["type"] == "json_invalid":
            raise InvalidJSONError("The body is not valid JSON.") from None
        raise _complaint(fault) from None


def _has_infinity(value: Any) -> bool:
    # "1e400" is valid JSON, but Python reads it as infinity, which is not.
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, float) and isinf(value):
            return True
        if isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
    return False


def check_fields(words: type[BaseModel], body: dict[str, Any]) -> None:
    """Check a request's known fields.

    Args:
        words: the fields, their types and their ranges.
        body: the JSON object; it is not changed.

    Raises:
        InvalidRequestError: a field is missing, of the wrong type or out of range; ``param`` names
            it, for example ``messages[0].role``.
    """
    try:
        words.model_validate(body)
    except ValidationError as error:
        raise _complaint(error.errors(include_url=False, include_input=False)[0]) from None


def _complaint(error: ErrorDetails) -> InvalidRequestError:
    param = ""
    for step in error["loc"]:
        if isinstance(step, int):
            param += f"[{step}]"
        elif not step.startswith("<"):
            param += f".{step}" if param else step
    if error["type"] == "role":  # a union chosen by this field cannot name it
        param += ".role"
    param = plain_text(param, LONGEST_NAME) or "body"
    return InvalidRequestError(f"{param} {_what_is_wrong(error)}.", param=param)


_FAULTS = {
    "missing": "is required",
    "model_type": "must be a JSON object",
    "dict_type": "must be a JSON object",
    "list_type": "must be a list",
    "string_type": "must be a string",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "string_too_long": "must have at most {max_length} characters",
    "too_short": "must not be empty",
    "string_too_short": "must not be empty",
    "string_pattern_mismatch": "does not have the form {pattern}",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
}


def _what_is_wrong(error: ErrorDetails) -> str:
    if error["type"] == "too_long":
        kind = "fields" if error["ctx"]["field_type"] == "Dictionary" else "items"
        return f"must have at most {error['ctx']['max_length']} {kind}"
    if fault := _FAULTS.get(error["type"]):
        return fault.format_map(error.get("ctx", {}))
    return error["msg"].replace("Input should", "must", 1)
