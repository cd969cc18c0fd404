"""An upstream's list of models, in the forms that servers send."""

from __future__ import annotations

from ...protocol.errors import UpstreamError
from ...protocol.fields import LONGEST_NAME
from ...protocol.models import Model
from ..encoding import read_json

__all__ = ["read_model_list"]


def read_model_list(name: str, body: bytes) -> list[Model]:
    """Read a list of models.

    Args:
        name: the upstream's name.
        body: its answer.

    Raises:
        UpstreamError: it is not a list of models.
    """
    answer = read_json(body)
    entries = answer.get("data") if isinstance(answer, dict) else answer
    if not isinstance(entries, list):
        raise UpstreamError(f"The upstream '{name}' did not return a valid list of models.")
    named = [entry for entry in entries if isinstance(entry, dict) and _is_name(entry.get("id"))]
    return [
        Model(
            id=entry["id"],
            created=entry["created"] if isinstance(entry.get("created"), int) else 0,
            owned_by=entry["owned_by"] if _is_name(entry.get("owned_by")) else name,
        )
        for entry in named
    ]


def _is_name(value: object) -> bool:
    # Names that cannot be shown or requested are left out; the other models are listed.
    return isinstance(value, str) and 0 < len(value) <= LONGEST_NAME and value.isprintable()
