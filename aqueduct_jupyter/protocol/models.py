"""This file is the words for language models: one model, and the list that ``/models`` answers.

Which models exist is left to the gateway's catalog.
Source: the Models objects of the OpenAI API.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Model", "ModelList"]


class Model(BaseModel):
    """One language model as clients see it. ``created`` is in seconds since 1970."""

    model_config = ConfigDict(extra="allow")

    id: str
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: str = ""


class ModelList(BaseModel):
    """All language models that a client may name."""

    object: Literal["list"] = "list"
    data: list[Model] = Field(default_factory=list)
