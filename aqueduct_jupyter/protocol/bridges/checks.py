"""Checks of the fields that a request's own check leaves to the upstream, and their refusals."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from ..errors import InvalidJSONError, InvalidRequestError
from ..fields import LONGEST_NAME
from ..plain_text import in_quotes, plain_text
from ..requests import read_json_object

__all__ = [
    "check_types",
    "no_counterpart",
    "not_fetched",
    "read_arguments",
    "refuse_others",
    "required",
    "unknown_type",
    "write_arguments",
]

_Kind = TypeVar("_Kind", str, list[Any], dict[str, Any])
_KINDS = {str: "a string", list: "a list", dict: "a JSON object"}


def no_counterpart(param: str, api: str) -> InvalidRequestError:
    """Return the refusal of a field that the upstream's API cannot express."""
    return InvalidRequestError(
        f"{param} is not supported for this model: its upstream speaks {api}, which has no "
        "counterpart. Leave it out.",
        param=param,
    )


def unknown_type(param: str, value: Mapping[str, Any], api: str) -> InvalidRequestError:
    """Return the refusal of an item, a part or a tool by its type."""
    kind = in_quotes(value.get("type"))
    return InvalidRequestError(
        f"{param}.type '{kind}' is not supported for this model: its upstream speaks {api}, which "
        "has no counterpart.",
        param=f"{param}.type",
    )


def not_fetched(param: str) -> InvalidRequestError:
    """Return the refusal of a document by its address."""
    return InvalidRequestError(
        f"{param} is not supported: this server never fetches an address that a client names. "
        "Upload the file, or send it as base64.",
        param=param,
    )


def refuse_others(body: Mapping[str, Any], known: Iterable[str], api: str) -> None:
    """Refuse the first parameter that is neither translated nor safe to leave out.

    Raises:
        InvalidRequestError: there is one; null counts as absent.
    """
    known = frozenset(known)
    for name, value in body.items():
        if value is not None and name not in known:
            raise no_counterpart(plain_text(name, LONGEST_NAME), api)


def required(value: Any, kind: type[_Kind], param: str) -> _Kind:
    """Return a field of the expected type.

    Raises:
        InvalidRequestError: it is missing or of another type.
    """
    if value is None:
        raise InvalidRequestError(f"{param} is required.", param=param)
    if not isinstance(value, kind):
        raise InvalidRequestError(f"{param} must be {_KINDS[kind]}.", param=param)
    return value


def check_types(fields: Mapping[str, Any], kinds: Mapping[str, type], param: str) -> None:
    """Check the types of optional fields; null counts as absent.

    Raises:
        InvalidRequestError: one is of another type.
    """
    for name, kind in kinds.items():
        if fields.get(name) is not None:
            required(fields[name], kind, f"{param}.{name}")


def read_arguments(arguments: str, param: str) -> dict[str, Any]:
    """Decode the arguments of a tool call; nothing at all means no arguments.

    Raises:
        InvalidRequestError: they are not a JSON object.
    """
    if not arguments.strip():
        return {}
    try:
        return read_json_object(arguments.encode(errors="surrogatepass"))
    except InvalidJSONError:
        raise InvalidRequestError(f"{param} must be a JSON object, as text.", param=param) from None


def write_arguments(arguments: Mapping[str, Any], param: str) -> str:
    """Encode the arguments of a tool call.

    Raises:
        InvalidRequestError: they are nested too deeply, or contain a number that is not JSON.
    """
    try:
        return json.dumps(arguments, ensure_ascii=False, allow_nan=False)
    except (RecursionError, ValueError):
        raise InvalidRequestError(f"{param} cannot be written as JSON.", param=param) from None
