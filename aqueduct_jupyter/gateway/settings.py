"""The settings of a gateway.

The server reads them from traits or the environment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .policy import Policy
from .prices.price import Price
from .requests.limits import Limits
from .requests.shared_limits import SharedLimits

__all__ = ["GatewaySettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewaySettings:
    """One gateway's settings; sizes are in bytes, times in seconds.

    Args:
        section: the name of the section that they were read from, for messages.
        data_folder: the folder of files, the ledger, conversations and the weights.
        upstreams: the upstreams by name, in the form of ``c.AqueductApp.upstreams``.
        aliases: other names for models, by alias.
        deployments: the deployments of models that several upstreams serve, by the models' names.
        default_model: the model for requests that do not name one.
        local_model_path: a GGUF file to run as the embedded model; "" for the downloaded weights.
        demo_models: whether the scripted models are listed.
        set_up_in_chat: whether the chat may download the embedded model and connect services.
        prices: the operator's own prices by model.
        prompts: the texts that the chat offers, by name.
        limits: budgets, allowed models and token limits of one server.
        shared_limits: those of a hub's service, whose stores keep running requests.
        policy: the operator's own rules.
        max_body_bytes: size limit of a chat request's body.
        max_file_bytes: size limit of an uploaded file.
        max_total_file_bytes: limit of the total size of one owner's files.
        file_expiry_seconds: default lifetime of files uploaded without ``expires_after``; 0 keeps
            them forever.
        response_expiry_seconds: lifetime of stored responses; 0 keeps them forever.
    """

    section: str = "AqueductApp"
    data_folder: Path
    upstreams: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    deployments: Mapping[str, Any] = field(default_factory=dict)
    default_model: str | None = None
    local_model_path: str = ""
    demo_models: bool = False
    set_up_in_chat: bool = False
    prices: Mapping[str, Price] = field(default_factory=dict)
    prompts: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    shared_limits: SharedLimits = field(default_factory=SharedLimits)
    policy: Policy | None = None
    max_body_bytes: int = 64 * 2**20
    max_file_bytes: int = 64 * 2**20
    max_total_file_bytes: int = 2**30
    file_expiry_seconds: int = 7 * 86_400
    response_expiry_seconds: int = 30 * 86_400
