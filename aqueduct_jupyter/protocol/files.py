"""This file is the words for files: one file, the list, the deletion, and the purposes.

Where the bytes lie is left to the gateway's file store.
Source: the Files objects of the OpenAI API.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

__all__ = ["PURPOSES", "FileDeleted", "FileList", "FileObject", "Purpose"]

Purpose = Literal["assistants", "batch", "fine-tune", "vision", "user_data", "evals"]
PURPOSES: tuple[Purpose, ...] = (
    "assistants",
    "batch",
    "fine-tune",
    "vision",
    "user_data",
    "evals",
)


class FileObject(BaseModel):
    """One stored file. ``bytes`` is its size; the times are in seconds since 1970."""

    id: str
    object: Literal["file"] = "file"
    bytes: int
    created_at: int
    filename: str
    purpose: Purpose
    status: Literal["processed"] = "processed"
    expires_at: int | None = None


class FileList(BaseModel):
    """One page of a user's files; ``has_more`` says whether another page follows ``last_id``."""

    object: Literal["list"] = "list"
    data: list[FileObject] = Field(default_factory=list)
    has_more: bool = False
    first_id: str | None = None
    last_id: str | None = None


class FileDeleted(BaseModel):
    """What a deletion answers."""

    id: str
    object: Literal["file"] = "file"
    deleted: Literal[True] = True
