"""The error tree, and the JSON envelope that carries an error between processes.

The gateway raises these errors, the server turns them into the OpenAI envelope
``{"error": {"message", "type", "param", "code"}}``, and the client raises the same class again.
The modules that raise an error decide when to raise it.

::

    AqueductError                     status  type                     code
    ├── RequestError                  the request is at fault; sending it again will not help
    │   ├── InvalidRequestError       400     invalid_request_error    (what is wrong)
    │   │   ├── InvalidJSONError      400                              invalid_json
    │   │   ├── ContextLengthError    400                              context_length_exceeded
    │   │   ├── FileTooLargeError     400                              file_too_large
    │   │   ├── FilesTooLargeError    400                              files_too_large
    │   │   └── DocumentError         400                              unreadable_document
    │   ├── AuthenticationError       401     invalid_request_error    invalid_api_key
    │   ├── PermissionDeniedError     403     permission_denied_error  permission_denied
    │   ├── NotFoundError             404     not_found_error          not_found
    │   │   ├── ModelNotFoundError    404     invalid_request_error    model_not_found
    │   │   └── UnknownFileError      404                              file_not_found
    │   ├── MethodNotAllowedError     405     invalid_request_error    method_not_allowed
    │   ├── ConflictError             409     invalid_request_error    conflict
    │   ├── BodyTooLargeError         413     invalid_request_error    body_too_large
    │   ├── MediaTypeError            415     invalid_request_error    unsupported_media_type
    │   ├── UnprocessableError        422     invalid_request_error    unprocessable
    │   ├── RateLimitError            429     rate_limit_error         rate_limit_exceeded
    │   └── RequestStoppedError       499     invalid_request_error    request_stopped
    ├── ServerError                   500     server_error             internal_error
    │   ├── UnavailableError          503     server_error             unavailable
    │   └── UpstreamError             502     server_error             upstream_error
    │       ├── UpstreamAuthError     502                              upstream_auth
    │       ├── DisconnectedError     502                              upstream_disconnected
    │       ├── UpstreamUnavailableError  503                          upstream_unavailable
    │       └── UpstreamTimeoutError  504     timeout_error            upstream_timeout
    └── NotebookError                 raised in a kernel and never sent, so it has no status
        ├── CellError                 the cell asks for something that does not exist
        ├── AnswerError               the answer is not what was asked for; holds the answer
        └── ReplayError               no recorded answer matches

Source of the envelope and its fields: the error objects of the OpenAI API.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from .plain_text import LONGEST_SENTENCE, LONGEST_WORD, plain_text

__all__ = [
    "AnswerError",
    "AqueductError",
    "AuthenticationError",
    "BodyTooLargeError",
    "CellError",
    "ConflictError",
    "ContextLengthError",
    "DisconnectedError",
    "DocumentError",
    "FileTooLargeError",
    "FilesTooLargeError",
    "InvalidJSONError",
    "InvalidRequestError",
    "MediaTypeError",
    "MethodNotAllowedError",
    "ModelNotFoundError",
    "NotFoundError",
    "NotebookError",
    "PermissionDeniedError",
    "RateLimitError",
    "ReplayError",
    "RequestError",
    "RequestStoppedError",
    "ServerError",
    "UnavailableError",
    "UnknownFileError",
    "UnprocessableError",
    "UpstreamAuthError",
    "UpstreamError",
    "UpstreamTimeoutError",
    "UpstreamUnavailableError",
    "error_from_envelope",
]


class AqueductError(Exception):
    """The base of all errors raised on purpose; each class sets the defaults for its kind.

    Args:
        message: what is wrong, where, and what to do next; one or two sentences for a person.
        param: the field at fault, such as ``messages[0].role``, or None.
        code: a short, stable identifier for programs; the class has a default.
        type: the envelope's type; the class has a default.
        status: the HTTP status; the class has a default.
        retry_after: seconds to wait before trying again, or None.
        is_retryable: False tells clients not to retry automatically (``x-should-retry``); None
            leaves the choice to them.
    """

    default_status: ClassVar[int] = 500
    default_type: ClassVar[str] = "server_error"
    default_code: ClassVar[str | None] = None

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        type: str | None = None,
        status: int | None = None,
        retry_after: float | None = None,
        is_retryable: bool | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code or self.default_code
        self.type = type or self.default_type
        self.status = status or self.default_status
        self.retry_after = retry_after
        self.is_retryable = is_retryable
        self.more_headers: dict[str, str] = {}
        """Headers to send with this error, such as the rest of a budget."""
        self.request_id: str | None = None
        """The server's id of the request, if known, for finding it in the server's log."""

    def envelope(self) -> dict[str, dict[str, str | None]]:
        """Return this error as a JSON object for a client, with OpenAI's four keys."""
        return {
            "error": {
                "message": self.message,
                "type": self.type,
                "param": self.param,
                "code": self.code,
            }
        }

    def headers(self) -> dict[str, str]:
        """Return the HTTP headers that belong to this error."""
        headers = dict(self.more_headers)
        if self.retry_after is not None:
            # RFC 9110 requires whole seconds; rounded up, so that no client comes back too early.
            headers["Retry-After"] = str(math.ceil(self.retry_after))
        if self.is_retryable is not None:
            headers["x-should-retry"] = "true" if self.is_retryable else "false"
        return headers


class RequestError(AqueductError):
    """The request is at fault."""

    default_status = 400
    default_type = "invalid_request_error"


class InvalidRequestError(RequestError):
    """A field of the request is missing, of the wrong type or out of its range."""


class InvalidJSONError(InvalidRequestError):
    """The body is not JSON, or not a JSON object."""

    default_code = "invalid_json"


class ContextLengthError(InvalidRequestError):
    """The prompt does not fit into the model's context."""

    default_code = "context_length_exceeded"


class FileTooLargeError(InvalidRequestError):
    """A file in a chat request exceeds the limit for one file."""

    default_code = "file_too_large"


class FilesTooLargeError(InvalidRequestError):
    """The files of a chat request together exceed the limit for one request."""

    default_code = "files_too_large"


class DocumentError(InvalidRequestError):
    """A document has no text, is broken or encrypted, or could not be read within the limits."""

    default_code = "unreadable_document"


class AuthenticationError(RequestError):
    """The token is missing or wrong."""

    default_status = 401
    default_code = "invalid_api_key"


class PermissionDeniedError(RequestError):
    """The caller is known, but is not allowed to do this."""

    default_status = 403
    default_type = "permission_denied_error"
    default_code = "permission_denied"


class NotFoundError(RequestError):
    """There is nothing at this address."""

    default_status = 404
    default_type = "not_found_error"
    default_code = "not_found"


class ModelNotFoundError(NotFoundError):
    """No upstream has a model with this name."""

    default_type = "invalid_request_error"
    default_code = "model_not_found"


class UnknownFileError(NotFoundError):
    """No file has this id: it was never uploaded, was deleted, expired, or is another user's."""

    default_code = "file_not_found"


class MethodNotAllowedError(RequestError):
    """The address exists, but does not support this method."""

    default_status = 405
    default_code = "method_not_allowed"


class ConflictError(RequestError):
    """The request conflicts with the current state."""

    default_status = 409
    default_code = "conflict"


class BodyTooLargeError(RequestError):
    """The body or an uploaded file is larger than this server accepts."""

    default_status = 413
    default_code = "body_too_large"


class MediaTypeError(RequestError):
    """This address does not accept the body's content type."""

    default_status = 415
    default_code = "unsupported_media_type"


class UnprocessableError(RequestError):
    """The upstream understood the request but could not carry it out."""

    default_status = 422
    default_code = "unprocessable"


class RateLimitError(RequestError):
    """Too many requests, or the budget is used up."""

    default_status = 429
    default_type = "rate_limit_error"
    default_code = "rate_limit_exceeded"


class RequestStoppedError(RequestError):
    """Somebody stopped the request while it ran; the answer ends with what had arrived."""

    default_status = 499  # nginx's convention for a request that is no longer wanted
    default_code = "request_stopped"


class ServerError(AqueductError):
    """This server or an upstream is at fault."""

    default_code = "internal_error"


class UnavailableError(ServerError):
    """This server cannot do this now, but may be able to later."""

    default_status = 503
    default_code = "unavailable"


class UpstreamError(ServerError):
    """The upstream's response is not an answer."""

    default_status = 502
    default_code = "upstream_error"


class UpstreamAuthError(UpstreamError):
    """The upstream refused this server's key; only the operator can fix this."""

    default_code = "upstream_auth"


class DisconnectedError(UpstreamError):
    """The upstream disconnected in the middle of an answer."""

    default_code = "upstream_disconnected"


class UpstreamUnavailableError(UpstreamError):
    """The upstream cannot be reached or is not ready."""

    default_status = 503
    default_code = "upstream_unavailable"


class UpstreamTimeoutError(UpstreamError):
    """The upstream did not answer in time."""

    default_status = 504
    default_type = "timeout_error"
    default_code = "upstream_timeout"


class NotebookError(AqueductError):
    """Something in the notebook is at fault."""

    default_status = 0
    default_type = "notebook_error"


class CellError(NotebookError):
    """The cell asks for something that does not exist, or ``%%chat`` cannot understand it."""


class AnswerError(NotebookError):
    """The answer is not what was asked for.

    Args:
        message: what is wrong with it.
        answer: the answer's text, as received.
    """

    def __init__(self, message: str, answer: str) -> None:
        super().__init__(message)
        self.answer = answer


class ReplayError(NotebookError):
    """Only recorded answers are allowed, and none matches."""


def _tree(root: type[AqueductError]) -> Iterator[type[AqueductError]]:
    yield root
    for child in root.__subclasses__():
        yield from _tree(child)


def _class_for(status: int, code: str | None) -> type[AqueductError]:
    classes = list(_tree(AqueductError))
    for candidate in classes:
        if code and candidate.default_code == code and candidate.default_status == status:
            return candidate
    if status == 400:
        return InvalidRequestError
    for candidate in classes:
        if candidate.default_status == status and candidate not in (AqueductError, RequestError):
            return candidate
    return RequestError if 400 <= status < 500 else ServerError


def error_from_envelope(
    status: int, envelope: Any, *, retry_after: float | None = None
) -> AqueductError:
    """Build the error in an envelope; its status and code choose the class.

    Args:
        status: the HTTP status of the response; 0 for an error inside a stream.
        envelope: the decoded JSON body; anything other than an envelope gives a general message.
        retry_after: seconds from the ``Retry-After`` header, or None.

    Returns:
        The error, not raised. Message, type, param and code come from the envelope if they are
        strings, and are made safe to display.
    """
    inner = envelope.get("error") if isinstance(envelope, Mapping) else None
    given: Mapping[str, Any] = inner if isinstance(inner, Mapping) else {}
    fields = {
        key: plain_text(given.get(key), LONGEST_SENTENCE if key == "message" else LONGEST_WORD)
        for key in ("message", "type", "param", "code")
    }
    code = fields["code"] or None
    if not status:
        status = next(
            (c.default_status for c in _tree(AqueductError) if c.default_code == code), 500
        )
    message = fields["message"] or f"The server answered with status {status} and no message."
    return _class_for(status, code)(
        message,
        param=fields["param"] or None,
        code=code,
        type=fields["type"] or None,
        status=status,
        retry_after=retry_after,
    )
