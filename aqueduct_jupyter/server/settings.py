"""The settings that the Jupyter extension and the hub's service share, and what is built from them.

Each application adds its own: :mod:`.jupyter.app` and :mod:`.hub.app`.
"""

from __future__ import annotations

import logging
from ast import literal_eval
from pathlib import Path
from typing import Any

from traitlets import Any as AnyTrait
from traitlets import Bool, Dict, HasTraits, Integer, Unicode

from ..gateway.policy import read_policy
from ..gateway.prices.price import read_prices
from ..gateway.prompts import read_prompts
from ..gateway.requests.limits import read_limits
from ..gateway.settings import GatewaySettings

__all__ = ["CheckedLater", "GatewayTraits"]


class CheckedLater(AnyTrait):
    """A setting of any type; on a command line it is written as a Python literal.

    Jupyter ignores a setting of the wrong type, but an invalid limit must not turn into no limit.
    So the type is checked when the gateway is built.
    """

    def from_string(self, s: str) -> Any:
        """Read a value from the command line."""
        try:
            return literal_eval(s)
        except (SyntaxError, ValueError):
            return s


class GatewayTraits(HasTraits):
    """The settings of a gateway, for an application to inherit."""

    log: logging.Logger | logging.LoggerAdapter[Any]

    upstreams = Dict(
        help="""The OpenAI-compatible services, by name. Each needs base_url and may have
        api_key_file (or api_key_env), models, timeout, idle_timeout, connect_timeout,
        max_connections, http_client ("built-in" or "httpx"), documents ("text", "inline" or
        "native"), apis, key_header and ca_bundle."""
    ).tag(config=True)
    aliases = Dict(help="Aliases for models: {'main': 'campus/llama'}.").tag(config=True)
    deployments = Dict(
        help="""Models that several upstreams serve, by the names that clients ask for: {"gpt":
        [{"model": "vllm-a/llama", "weight": 3}, {"model": "cloud/llama", "weight": 0}]}. With
        weight 0, a deployment is asked only if all others fail."""
    ).tag(config=True)
    default_model = Unicode(help="The model for requests that do not name one.").tag(config=True)
    local_model_path = Unicode(
        help="A GGUF file to run as the embedded model, which is then listed beside upstreams."
    ).tag(config=True)
    demo_models = Bool(False, help="List the scripted demo models.").tag(config=True)
    limits = CheckedLater(
        {},
        help="""Usage limits: {"user": budget, "kernel": budget, "agent": budget, "models":
        [...], "max_tokens": 1024}. A budget may have requests_per_minute, tokens_per_minute,
        tokens_per_day, usd_per_day and requests_in_flight.""",
    ).tag(config=True)
    prices = CheckedLater(
        {},
        help="""Prices of models in US dollars per million tokens: {"campus/llama": {"input": 0.1,
        "output": 0.4}}. A price may have cached_input. Other models have their published prices, if
        those are known.""",
    ).tag(config=True)
    prompts = CheckedLater(
        {},
        help="""Prompts that the chat offers to everybody after a slash: {"Review": "Review this
        code:"}, with up to 80 characters in a name and 20,000 in a text.""",
    ).tag(config=True)
    policy = CheckedLater(
        None,
        help="""A function that is called with each chat request: it returns to allow the request,
        changes its body, or raises refusal("why"). See aqueduct_jupyter.gateway.policy.""",
    ).tag(config=True)
    data_folder = Unicode(
        help="""The folder for files, the ledger and the weights; <Jupyter's data>/aqueduct by
        default."""
    ).tag(config=True)
    max_body_bytes = Integer(
        64 * 2**20,
        help="Maximum body of a chat request, in bytes: room for 32 MB of files in base64.",
    ).tag(config=True)
    max_file_bytes = Integer(64 * 2**20, help="Maximum size of an uploaded file, in bytes.").tag(
        config=True
    )
    max_total_file_bytes = Integer(
        2**30, help="Maximum total size of a user's files, in bytes."
    ).tag(config=True)
    file_expiry_seconds = Integer(
        7 * 86_400,
        help="""Default lifetime, in seconds, of files uploaded without expires_after. 0 keeps them
        forever.""",
    ).tag(config=True)
    response_expiry_seconds = Integer(
        30 * 86_400,
        help="""Lifetime, in seconds, of the answers and conversations that the Responses API
        keeps; of a conversation, after its last change. 0 keeps them forever.""",
    ).tag(config=True)

    direct_writes = Bool(
        True,
        help="""Write the chunks of a stream to the client's socket, past Tornado's buffers, which
        halves their cost. Turn it off to rule this out when streams arrive damaged.""",
    ).tag(config=True)

    def flatten_flags(self) -> tuple[Any, Any]:
        """Give what a command line may set.

        Our ``aliases`` are names of models. traitlets would take them for options.
        """
        names_of_models, self.aliases = self.aliases, {}
        try:
            options: tuple[Any, Any] = super().flatten_flags()  # type: ignore[misc]  # the application's
        finally:
            self.aliases = names_of_models
        return options

    def gateway_settings(self, *, set_up_in_chat: bool = False) -> GatewaySettings:
        """Return the settings of the gateway.

        Args:
            set_up_in_chat: whether the chat may download the embedded model and connect services.

        Raises:
            ValueError: limits, prices, prompts or policy are invalid; the message names them.
        """
        section = type(self).__name__
        try:
            limits, prices = self.read_limits(section), read_prices(self.prices, section)
            policy, prompts = read_policy(self.policy, section), read_prompts(self.prompts, section)
        except ValueError as error:
            self.log.critical("%s The gateway serves nothing until this is fixed.", error)
            raise
        return GatewaySettings(
            section=section,
            data_folder=Path(self.data_folder),
            upstreams=self.upstreams,
            aliases=self.aliases,
            deployments=self.deployments,
            default_model=self.default_model or None,
            local_model_path=self.local_model_path,
            demo_models=self.demo_models,
            set_up_in_chat=set_up_in_chat,
            prices=prices,
            prompts=prompts,
            policy=policy,
            max_body_bytes=self.max_body_bytes,
            max_file_bytes=self.max_file_bytes,
            max_total_file_bytes=self.max_total_file_bytes,
            file_expiry_seconds=self.file_expiry_seconds,
            response_expiry_seconds=self.response_expiry_seconds,
            **limits,
        )

    def read_limits(self, section: str) -> dict[str, Any]:
        """Return the limits, as the arguments of the gateway's settings.

        Args:
            section: the name of the configuration's section, for messages.

        Raises:
            ValueError: they are invalid; the message names the option.
        """
        return {"limits": read_limits(self.limits, section)}
