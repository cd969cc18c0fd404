"""What all handlers share: who is asking, errors as envelopes, and what other origins may do.

Bodies are left to :mod:`.body`, what each address does to the handlers.

* Everybody is checked in ``prepare``, before any body is read. A kernel's key is let in by naming
  its user before Jupyter looks for one; no cookie is set, and no other handler knows such a key.
* Keys come as ``Authorization: Bearer``, and as the headers in which Azure's and Anthropic's
  clients send theirs.
* Whatever goes wrong is answered as ``{"error": {...}}``; Jupyter's own pages are never shown.
* Where ``ServerApp.allow_origin`` lets other origins in, their pages can read errors, too.
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from jupyter_server.auth import User
from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import ensure_async
from pydantic import BaseModel
from tornado import web

from ...gateway.entry import Caller
from ...gateway.requests.keys import SERVER_LIFE, KernelKeys
from ...protocol.errors import (
    AqueductError,
    AuthenticationError,
    InvalidRequestError,
    MethodNotAllowedError,
    NotFoundError,
    PermissionDeniedError,
    ServerError,
)
from ...protocol.plain_text import plain_text

__all__ = [
    "AqueductHandler",
    "Door",
    "UnknownAddressHandler",
]

KEY_HEADERS = ("X-Api-Key", "Api-Key")
"""Headers with a key and nothing else: Anthropic's and Azure's."""

EXPOSED_HEADERS = ", ".join(
    (
        *("x-request-id", "retry-after", "x-should-retry", "openai-processing-ms"),
        *(
            f"x-ratelimit-{what}-{kind}"
            for kind in ("requests", "tokens")
            for what in ("limit", "remaining", "reset")
        ),
        *("content-disposition", "content-range"),
    )
)
"""What a page of another origin may read of a response."""

JUPYTER_HEADERS = ("accept", "content-type", "authorization", "x-xsrftoken")
"""What Jupyter lets such a page send."""

_HEADER_NAME = re.compile(r"[a-z0-9-]{1,80}")
MOST_HEADERS = 64

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
    is_for_kernels = True
    """Whether a kernel's key opens this address."""
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

    @property
    def uploader(self) -> str | None:
        """Whose key was used, the server's own among them; None for whoever owns the server."""
        return self._kernel

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
        self._read_key_header()
        self._admit_kernel()
        try:
            await super().prepare()
        except web.HTTPError as error:
            # Jupyter says 404 where it does not serve a page of another origin.
            is_refused = error.status_code in (403, 404)
            if is_refused and self.current_user is None and self.check_host():
                raise self._who_are_you() from None
            raise self._in_our_words(403 if is_refused else error.status_code) from None
        if self.current_user is None or self._has_wrong_token:
            raise self._who_are_you()
        await self._ask_authorizer()

    @allow_unauthenticated
    def options(self, *args: Any, **kwargs: Any) -> None:
        """Answer a browser that asks what a page of another origin may send."""
        super().options(*args, **kwargs)
        self.set_cors_headers()
        if "Access-Control-Allow-Headers" in self.settings.get("headers", {}):
            return
        asked = self.request.headers.get("Access-Control-Request-Headers", "").lower().split(",")
        # SDKs send a dozen of their own (x-stainless-...), and there are new ones in each version.
        names = [name.strip() for name in asked[:MOST_HEADERS]]
        more = [name for name in names if _HEADER_NAME.fullmatch(name)]
        allowed = dict.fromkeys([*JUPYTER_HEADERS, *more])
        self.set_header("Access-Control-Allow-Headers", ", ".join(allowed))

    def set_cors_headers(self) -> None:
        """Say what pages of other origins may read, as the server's settings have it."""
        # Without such a setting Jupyter looks whether a token let the user in, which must be known.
        if self.allow_origin or self.allow_origin_pat or hasattr(self, "_jupyter_current_user"):
            super().set_cors_headers()
        self.set_header("Access-Control-Expose-Headers", EXPOSED_HEADERS)

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
        self.set_error_headers(error)
        self.answer(error.envelope())

    def set_error_headers(self, error: AqueductError) -> None:
        """Set what belongs to an error, and what lets a page of another origin read it."""
        self.set_cors_headers()
        for name, value in error.headers().items():
            self.set_header(name, value)

    def log_exception(self, kind: Any, error: Any, traceback: Any) -> None:
        """Log what nobody expected with its traceback, and what we say ourselves in a line.

        Tornado would log the whole address, and with it the token that may be in the query.
        """
        if isinstance(error, AqueductError):
            self.log.info("%s: %s (%s)", self.request_id, error.code, error.status)
            return
        where = f"{self.request.method} {plain_text(self.request.path)}"
        if isinstance(error, web.HTTPError):
            self.log.warning("%s: %s: %s", self.request_id, where, error.status_code)
        else:
            exception = (kind, error, traceback)
            self.log.error("%s: %s failed", self.request_id, where, exc_info=exception)

    def _read_key_header(self) -> None:
        # Put where every identity provider looks, JupyterHub's among them.
        headers = self.request.headers
        key = next((headers[name] for name in KEY_HEADERS if name in headers), "")
        if key and "Authorization" not in headers:
            headers["Authorization"] = f"Bearer {key}"

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
        if self._kernel and not self.is_for_kernels:
            raise PermissionDeniedError(
                f"A kernel's key does not open {plain_text(self.request.path)}. Use the token of "
                "the Jupyter server.",
                code="not_for_kernels",
            )
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
            return MethodNotAllowedError(f"{method} is not possible on {plain_text(path)}.")
        if status == 404:
            return NotFoundError(f"There is nothing at {plain_text(path)}.")
        if status == 403:
            return PermissionDeniedError(
                "The server refused this request: the XSRF token is missing, or the page comes "
                "from a host or an origin that ServerApp.allow_origin does not allow."
            )
        if status < 500:
            return InvalidRequestError("The request could not be read.", status=status)
        return ServerError(
            f"Something went wrong in this server; its log says more under {self.request_id}."
        )


class UnknownAddressHandler(AqueductHandler):
    """Says in JSON that there is nothing here, for all that looks like an address of ours."""

    async def prepare(self) -> None:  # type: ignore[override]  # as in the base
        """Answer whoever may know with 404, whatever the verb."""
        await super().prepare()
        here = f"{self.request.protocol}://{self.request.host}{self.base_url}v1"
        raise NotFoundError(
            f"There is nothing at {plain_text(self.request.path)}. This server has "
            "chat/completions, files and models, bare and under v1/, and under aqueduct/ its own "
            f"status, usage, requests and conversations. As base URL use {plain_text(here)}."
        )
