"""This file is what all handlers share: who is asking, and errors as envelopes.

Bodies are left to :mod:`.body`, what each address does to the handlers.

* Everybody is checked in ``prepare``, before any body is read. A kernel's key is let in by naming
  its user before Jupyter looks for one; no cookie is set, and no other handler knows such a key.
* Whatever goes wrong is answered as ``{"error": {...}}``; Jupyter's own pages are never shown.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from jupyter_server.auth import User
from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import ensure_async
from pydantic import BaseModel
from tornado import web

from ..gateway.keys import SERVER_LIFE, KernelKeys
from ..gateway.usage import Caller
from ..protocol.errors import (
    AqueductError,
    AuthenticationError,
    InvalidRequestError,
    MethodNotAllowedError,
    NotFoundError,
    PermissionDeniedError,
    ServerError,
)

__all__ = [
    "AqueductHandler",
    "Door",
    "UnknownAddressHandler",
]

AUTH_RESOURCE = "aqueduct"
"""The name under which a Jupyter server's authorizer may allow or forbid our addresses."""


@dataclass(frozen=True, slots=True)
class Door:
    """Who may come in.

    Args:
        keys: the keys of this server's kernels.
        is_alive: whether a kernel of this id runs here.
        owner: whose server this is; "" where Jupyter does not tell.
    """

    keys: KernelKeys
    is_alive: Callable[[str], bool]
    owner: str = ""

    def kernel_of(self, key: str) -> str | None:
        """Give the id of the living kernel that a key belongs to, or None."""
        kernel = self.keys.kernel_of(key)
        if kernel is None or kernel == SERVER_LIFE:
            return kernel
        return kernel if self.is_alive(kernel) else None


class AqueductHandler(APIHandler):
    """The base of all our handlers."""

    auth_resource = AUTH_RESOURCE
    door: Door
    _kernel: str | None = None

    def initialize(self, **things: Any) -> None:
        """Take what the route table hands over, each thing under the name declared for it."""
        vars(self).update(things)

    @property
    def request_id(self) -> str:
        """This server's id of the request, as the client, the log and the ledger see it."""
        if not hasattr(self, "_request_id"):
            self._request_id = f"req_{secrets.token_hex(12)}"
        return self._request_id

    @property
    def caller(self) -> Caller:
        """Who asks: the server's owner, through one kernel or directly."""
        kernel = None if self._kernel == SERVER_LIFE else self._kernel
        return Caller(self.door.owner, kernel)

    def set_default_headers(self) -> None:
        """Name the request in every response, also in one that is an error."""
        super().set_default_headers()
        self.set_header("x-request-id", self.request_id)

    # Jupyter's own APIHandler narrows this signature in the same way.
    async def prepare(self) -> None:  # type: ignore[override]
        """Find out who asks.

        Raises:
            AuthenticationError: nobody we know.
            PermissionDeniedError: the server's authorizer says no.
        """
        if self.request.method == "OPTIONS":
            # A browser asks without a token what it may ask with one.
            return
        self._admit_kernel()
        try:
            await super().prepare()
        except web.HTTPError as error:
            if error.status_code == 403 and self.current_user is None and self.check_host():
                raise self._who_are_you() from None
            raise self._in_our_words(error.status_code) from None
        if self.current_user is None or self._has_wrong_token:
            raise self._who_are_you()
        await self._ask_authorizer()

    def check_xsrf_cookie(self) -> None:
        """Ask for the XSRF token only where a cookie let the user in; a stranger is told 401.

        A page of another site can make a browser send a cookie, and not a token in a header.
        """
        if getattr(self, "_jupyter_current_user", None) is not None and not self._sent_token:
            super().check_xsrf_cookie()

    def decode_argument(self, value: bytes, name: str | None = None) -> str:
        """Read a part of the address; one that is no UTF-8 names nothing, which the verb then says.

        Tornado would refuse it before it is known who asks, and close the connection.
        """
        if name is None:
            return value.decode(errors="replace")
        return super().decode_argument(value, name)

    def answer(self, words: BaseModel | dict[str, Any] | bytes) -> None:
        """Finish the response with JSON: words, an object, or bytes that are JSON already."""
        if isinstance(words, BaseModel):
            words = words.model_dump_json().encode()
        elif isinstance(words, dict):
            # Tornado would do it, and name a charset, which JSON does not have.
            words = json.dumps(words).encode()
        self.finish(words)

    def finish(self, *args: Any, **kwargs: Any) -> asyncio.Future[Any]:
        """Finish the response and say how long it took."""
        self.say_duration()
        return super().finish(*args, **kwargs)

    def say_duration(self) -> None:
        """Put the milliseconds since the request's headers into the response's."""
        milliseconds = round(self.request.request_time() * 1000)
        self.set_header("openai-processing-ms", str(milliseconds))

    def integer_argument(self, name: str, default: int) -> int:
        """Read a whole number from the query.

        Raises:
            InvalidRequestError: it is there and no whole number.
        """
        text = self.get_query_argument(name, None)
        if text is None:
            return default
        try:
            return int(text)
        except ValueError:
            raise InvalidRequestError(f"{name} must be a whole number.", param=name) from None

    def send_error(self, status_code: int = 500, **kwargs: Any) -> None:
        """Answer with an error; one of ours brings its own status."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        if isinstance(error, AqueductError):
            status_code = error.status
        super().send_error(status_code, **kwargs)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Write the envelope of whatever went wrong."""
        raised = kwargs.get("exc_info", (None, None, None))[1]
        error = raised if isinstance(raised, AqueductError) else self._in_our_words(status_code)
        for name, value in error.headers().items():
            self.set_header(name, value)
        self.answer(error.envelope())

    def log_exception(self, kind: Any, error: Any, traceback: Any) -> None:
        """Log what nobody expected with its traceback, and what we say ourselves in a line."""
        if isinstance(error, AqueductError):
            self.log.info("%s: %s (%s)", self.request_id, error.code, error.status)
        else:
            super().log_exception(kind, error, traceback)

    def _admit_kernel(self) -> None:
        self._kernel = self.door.kernel_of(self._sent_token)
        if self._kernel:
            # The three names under which Jupyter, its tests and JupyterHub keep who was found.
            user = User(username=f"kernel-{self._kernel}")
            self.current_user = self._jupyter_current_user = self._jupyterhub_user = user
            self._token_authenticated = True

    @property
    def _sent_token(self) -> str:
        scheme, _, token = self.request.headers.get("Authorization", "").partition(" ")
        return token.strip() if scheme.lower() in ("bearer", "token") else ""

    @property
    def _has_wrong_token(self) -> bool:
        # A cookie, which Jupyter gives to every client with a token, does not make this one right.
        is_checked = self.identity_provider.auth_enabled
        return is_checked and bool(self._sent_token) and not self.token_authenticated

    async def _ask_authorizer(self) -> None:
        if self._kernel:
            return
        action = "read" if self.request.method in ("GET", "HEAD") else "write"
        allowed = self.authorizer.is_authorized(self, self.current_user, action, self.auth_resource)
        if not await ensure_async(allowed):
            raise PermissionDeniedError(
                f"You may not {action} {self.auth_resource} on this server."
            )

    def _who_are_you(self) -> AuthenticationError:
        if "Authorization" in self.request.headers:
            message = "The token is not one that this server knows."
        else:
            message = "A token is missing."
        return AuthenticationError(
            f"{message} Send 'Authorization: Bearer TOKEN' with this Jupyter server's token, or "
            "from a notebook the key in AQUEDUCT_API_KEY."
        )

    def _in_our_words(self, status: int) -> AqueductError:
        method, path = self.request.method, self.request.path
        if status == 405:
            return MethodNotAllowedError(f"{method} is not possible on {path}.")
        if status == 404:
            return NotFoundError(f"There is nothing at {path}.")
        if status == 403:
            return PermissionDeniedError(
                "The server refused this request: a missing XSRF token, or a host or origin that "
                "it does not serve."
            )
        if status < 500:
            return InvalidRequestError("The request could not be read.", status=status)
        return ServerError(
            f"Something went wrong in this server; its log says more under {self.request_id}."
        )


class UnknownAddressHandler(AqueductHandler):
    """Says in JSON that there is nothing here, for everything below our prefixes."""

    async def prepare(self) -> None:  # type: ignore[override]  # as in the base
        """Answer whoever may know with 404, whatever the verb."""
        await super().prepare()
        raise NotFoundError(
            f"There is nothing at {self.request.path}. This server has chat/completions, files "
            "and models, each also under v1/, and under aqueduct/ its own status, usage, requests "
            "and conversations."
        )
