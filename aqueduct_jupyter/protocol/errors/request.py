"""Errors of a request: sending it again will not help."""

from __future__ import annotations

from .base import AqueductError


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
