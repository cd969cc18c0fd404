"""The operator's own rules in Python, which allow, change or refuse a chat request.

Fixed limits are in :mod:`aqueduct_jupyter.gateway.requests.limits`.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, cast

from ..protocol.errors import AqueductError, PermissionDeniedError, ServerError
from ..protocol.requests import APIRequest
from .encoding import decode_json, encode_json
from .entry import Caller
from .offload import off_the_loop

__all__ = ["Asked", "Policy", "PolicyRequest", "apply_policy", "read_policy", "refusal"]

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class PolicyRequest:
    """What a policy sees of a request.

    Args:
        owner: the server's owner: the hub's user, or "".
        kernel: the id of the kernel whose key was used, or ``agent:`` and the id of an agent's key;
            None for a token.
        body: the request's JSON object; changes to it go upstream.
    """

    owner: str
    kernel: str | None
    body: dict[str, Any]


Asked = PolicyRequest
"""The name of PolicyRequest in release 0.1."""

Policy = Callable[[PolicyRequest], Awaitable[None] | None]
"""Returns to allow a request, may change its ``body``, and raises :func:`refusal` to refuse it."""


def refusal(message: str) -> AqueductError:
    """Create the error that a policy raises to refuse a request.

    Args:
        message: text for the user: what is not allowed, and what to do instead.
    """
    return PermissionDeniedError(message, code="policy")


def read_policy(configured: object, section: str = "AqueductApp") -> Policy | None:
    """Read ``c.AqueductApp.policy``.

    Args:
        configured: what the operator wrote.
        section: the name of the configuration's section, for messages.

    Raises:
        ValueError: it is not callable.
    """
    if configured is not None and not callable(configured):
        raise ValueError(f"{section}.policy: it must be a function that takes a PolicyRequest.")
    return cast(Policy | None, configured)


async def apply_policy(
    policy: Policy | None,
    read: Callable[[dict[str, Any]], APIRequest],
    request: APIRequest,
    caller: Caller,
    size: int,
) -> APIRequest:
    """Apply the policy to a request, and return the result.

    Args:
        policy: the operator's policy, or None.
        read: reads and validates the request after the policy has changed it.
        request: the request from the client.
        caller: who sent it.
        size: the size of its body, in bytes.

    Raises:
        AqueductError: the policy refuses the request, or has made it invalid.
        ServerError: the policy itself failed, so the request is not passed on.
    """
    if policy is None:
        return request
    asked = PolicyRequest(
        caller.owner, caller.kernel, await off_the_loop(size, deepcopy, request.body)
    )
    try:
        done = policy(asked)
        if inspect.isawaitable(done):
            await done
    except AqueductError:
        raise
    except Exception as error:
        _log.exception("The policy failed")
        raise ServerError(
            "This server's policy failed, so the request was not passed on. The operator can find "
            "the reason in the server's log.",
            code="policy_failed",
        ) from error
    if asked.body == request.body:
        return request
    return await off_the_loop(size, lambda: read(decode_json(encode_json(asked.body))))
