"""This file is the operator's own rules in Python, which allow, change or refuse a chat request.

Fixed limits are left to :mod:`.limits`; what becomes of the request to :mod:`.chat`.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, cast

from ..protocol.chat import ChatRequest
from ..protocol.errors import AqueductError, PermissionDeniedError, ServerError
from .encoding import decode_json, encode_json
from .entry import Caller
from .offload import off_the_loop

__all__ = ["Asked", "Policy", "PolicyRequest", "apply_policy", "read_policy", "refusal"]

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class PolicyRequest:
    """What a policy gets to see.

    Args:
        owner: whose server it is: the hub's user, or "".
        kernel: the id of the kernel that asks, or None where a token did.
        body: the request's own JSON object; what is changed in it goes upstream.
    """

    owner: str
    kernel: str | None
    body: dict[str, Any]


Asked = PolicyRequest
"""The name that it had in release 0.1."""

Policy = Callable[[PolicyRequest], Awaitable[None] | None]
"""Returns to allow, changes ``body`` to change, raises :func:`refusal` to refuse."""


def refusal(message: str) -> AqueductError:
    """Give the error by which a policy refuses a request.

    Args:
        message: a sentence for the user: what is not allowed, and what to do instead.
    """
    return PermissionDeniedError(message, code="policy")


def read_policy(configured: object) -> Policy | None:
    """Read ``c.AqueductApp.policy``.

    Raises:
        ValueError: it is something that cannot be called.
    """
    if configured is not None and not callable(configured):
        raise ValueError("AqueductApp.policy: it must be a function that takes what was asked.")
    return cast(Policy | None, configured)


async def apply_policy(
    policy: Policy | None,
    read: Callable[[dict[str, Any]], ChatRequest],
    request: ChatRequest,
    caller: Caller,
    size: int,
) -> ChatRequest:
    """Give a request as the policy wants it.

    Args:
        policy: the operator's, or None.
        read: reads what the policy has made of the request.
        request: as it was sent.
        caller: who asks.
        size: the bytes of the body that it came in.

    Raises:
        AqueductError: the policy refuses it, or has made it one that makes no sense.
        ServerError: the policy itself failed; what it should have looked at is not passed on.
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
            "This server's own rules could not be applied, so the request was not passed on. The "
            "operator of the server finds the reason in its log.",
            code="policy_failed",
        ) from error
    if asked.body == request.body:
        return request
    return await off_the_loop(size, lambda: read(decode_json(encode_json(asked.body))))
