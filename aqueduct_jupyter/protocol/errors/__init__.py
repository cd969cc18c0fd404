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

from .base import AqueductError
from .envelope import error_from_envelope
from .notebook import AnswerError, CellError, NotebookError, ReplayError
from .request import (
    AuthenticationError,
    BodyTooLargeError,
    ConflictError,
    ContextLengthError,
    DocumentError,
    FilesTooLargeError,
    FileTooLargeError,
    InvalidJSONError,
    InvalidRequestError,
    MediaTypeError,
    MethodNotAllowedError,
    ModelNotFoundError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    RequestError,
    RequestStoppedError,
    UnknownFileError,
    UnprocessableError,
)
from .server import (
    DisconnectedError,
    ServerError,
    UnavailableError,
    UpstreamAuthError,
    UpstreamError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
)

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
