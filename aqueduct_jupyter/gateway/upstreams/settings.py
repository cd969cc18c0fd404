"""One upstream's settings: its address, key, models and timeouts.

They come from the server (traits or the environment) and are used in :mod:`.upstream` and
:mod:`.catalog`.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any, Literal

import httpx
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from ...protocol.files import DocumentMode
from .apis import API, APIMode

__all__ = ["HTTPClient", "UpstreamSettings", "read_settings", "settings_from_environment"]

HTTPClient = Literal["built-in", "httpx"]
"""What carries the requests: our transport, or httpx's own, which needs more CPU per chunk."""

ENVIRONMENT_UPSTREAM = "aqueduct"
"""The name of the upstream that comes from AQUEDUCT_BASE_URL and AQUEDUCT_TOKEN."""


class UpstreamSettings(BaseModel):
    """One upstream as configured; all times in seconds.

    ``timeout`` limits the wait for the first byte of an answer, ``idle_timeout`` (by default the
    same) each pause after it, and ``connect_timeout`` the connection setup. ``retry_pause`` is the
    pause before the first retry; it doubles for the second. ``models`` is an allow-list; without
    it, the models are those that the upstream lists. ``apis`` says which APIs it has; see
    :mod:`.apis`. ``key_header`` is the header for the key: Anthropic's is ``x-api-key``, Azure's
    ``api-key``. A request waits ``connect_timeout`` for one of
    the ``max_connections``.
    """

    model_config = ConfigDict(extra="forbid")

    base_url: str
    api_key: SecretStr | None = None
    models: list[str] | None = None
    timeout: float = Field(default=600, gt=0)
    idle_timeout: float | None = Field(default=None, gt=0)
    connect_timeout: float = Field(default=10, gt=0)
    max_connections: int = Field(default=1000, ge=1)
    http_client: HTTPClient = "built-in"
    retry_pause: float = Field(default=0.5, ge=0)
    documents: DocumentMode = "text"
    apis: dict[API, APIMode] = Field(default_factory=dict)
    key_header: Literal["authorization", "x-api-key", "api-key"] = "authorization"
    ca_bundle: Path | None = None

    @field_validator("base_url")
    @classmethod
    def _is_http(cls, value: str) -> str:
        try:
            url = httpx.URL(value)
        except (httpx.InvalidURL, UnicodeError):
            url = httpx.URL()
        if url.scheme not in ("http", "https") or not url.host:
            raise ValueError("must be an http or https address, such as https://host/v1")
        if url.query or url.fragment or url.userinfo:
            raise ValueError("must not contain a query, a fragment or credentials")
        return value.rstrip("/")

    @field_validator("api_key")
    @classmethod
    def _is_header(cls, value: SecretStr | None) -> SecretStr | None:
        key = value.get_secret_value() if value else ""
        if not key.isascii() or not key.isprintable() or " " in key:
            raise ValueError("must be printable ASCII without spaces")
        return value if key else None


def read_settings(
    name: str, configured: Mapping[str, Any], environment: MutableMapping[str, str]
) -> UpstreamSettings:
    """Read one entry of ``c.AqueductApp.upstreams``.

    Args:
        name: the upstream's name, for messages.
        configured: the entry, with the key as ``api_key_file``, ``api_key_env`` or ``api_key``.
        environment: where ``api_key_env`` is looked up. The variable stays there; the caller
            removes it after reading all upstreams.

    Raises:
        ValueError: a setting is missing, unknown or out of range, or the key cannot be read. The
            message names the upstream and the setting, and never contains a key.
    """
    settings = dict(configured)
    sources = [name for name in ("api_key_file", "api_key_env", "api_key") if settings.get(name)]
    if len(sources) > 1:
        raise ValueError(f"Upstream '{name}': give only one of {' and '.join(sources)}.")
    key_file, variable = settings.pop("api_key_file", None), settings.pop("api_key_env", None)
    if key_file:
        settings["api_key"] = _key_in_file(name, Path(key_file).expanduser())
    if variable:
        if variable not in environment:
            raise ValueError(f"Upstream '{name}': the environment variable {variable} is not set.")
        settings["api_key"] = environment[variable].strip()
    try:
        return UpstreamSettings.model_validate(settings)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        raise ValueError(f"Upstream '{name}': {where}: {first['msg']}.") from None


def settings_from_environment(
    environment: MutableMapping[str, str],
) -> dict[str, UpstreamSettings]:
    """Read the upstream in ``AQUEDUCT_BASE_URL`` and ``AQUEDUCT_TOKEN``, if they are set.

    Both variables are removed from the environment, so that no kernel inherits them.

    Raises:
        ValueError: the address or the token is invalid.
    """
    base_url = environment.pop("AQUEDUCT_BASE_URL", "").strip()
    token = environment.pop("AQUEDUCT_TOKEN", "").strip()
    if not base_url:
        return {}
    configured = {"base_url": base_url, "api_key": token or None}
    return {ENVIRONMENT_UPSTREAM: read_settings(ENVIRONMENT_UPSTREAM, configured, environment)}


def _key_in_file(name: str, path: Path) -> str:
    try:
        key = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        message = f"Upstream '{name}': the key file {path} cannot be read: {reason}."
        raise ValueError(message) from None
    if not key:
        raise ValueError(f"Upstream '{name}': the key file {path} is empty.")
    return key
