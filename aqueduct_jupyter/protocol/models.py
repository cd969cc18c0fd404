"""The Models API: one language model, and the list that ``/models`` returns.

Which models exist is decided by the gateway's catalog.
Source: the Models objects of the OpenAI API.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Model", "ModelList"]


class Model(BaseModel):
    """A language model as clients see it. ``created`` is in seconds since 1970."""

    model_config = ConfigDict(extra="allow")

    id: str
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: str = ""

    @property
    def context_tokens(self) -> int | None:
        """The most tokens of its context; None if its upstream does not tell."""
        return (self.model_extra or {}).get("context_length")


class ModelList(BaseModel):
    """The language models that a client may use."""

    object: Literal["list"] = "list"
    data: list[Model] = Field(default_factory=list)
