"""Setting models up in the chat, as JSON: the embedded model's download, and services."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, SecretStr, StringConstraints

__all__ = ["EmbeddedModel", "ModelSetupState", "Service", "ServiceName", "ServiceWords"]

ServiceName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]{0,59}$")]
"""The name of a service that is connected in the chat; its key is in a file of that name."""

_Address = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]


class EmbeddedModel(BaseModel):
    """The embedded model: whether it is there, and how far its download is, in bytes."""

    model: str
    state: Literal["missing", "downloading", "ready", "failed"]
    bytes: int = 0
    total_bytes: int
    error: str | None = None


class Service(BaseModel):
    """A service that was connected in the chat, without its key."""

    name: str
    base_url: str
    models: list[str] = Field(default_factory=list)


class ModelSetupState(BaseModel):
    """What is set up; ``is_allowed`` is whether the chat may change it."""

    is_allowed: bool
    embedded: EmbeddedModel
    services: list[Service] = Field(default_factory=list)


class ServiceWords(BaseModel):
    """A service to connect: its name here, its address, and its key if it needs one."""

    name: ServiceName
    base_url: _Address
    api_key: SecretStr = SecretStr("")
