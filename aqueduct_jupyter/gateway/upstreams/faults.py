"""Whose fault an error is, where several deployments could answer: what another would answer too.

An error's class and status are decided in :mod:`.failures`; which deployment is asked next, in
:mod:`aqueduct_jupyter.gateway.requests.attempts`.
"""

from __future__ import annotations

import re
from typing import Literal

from ...protocol.errors import AqueductError, UpstreamError

__all__ = ["Fault", "fault_of", "says_nothing"]

Fault = Literal["deployment", "unsuited", "request", "here"]
"""``deployment``: it fails now, and may for others; ``unsuited``: it works, but not for this
request; ``request``: every deployment would refuse it; ``here``: no deployment has said anything.
"""

_DEPLOYMENTS_STATUSES = frozenset({402, 408, 425, 429})
"""No money on the gateway's account, a slow body, too early, too much at present."""

_MODEL_CODES = frozenset({"model_not_found", "DeploymentNotFound"})

_NO_SUCH_MODEL = re.compile(
    r"\b(model|deployment|engine)s?\b[^.;]{0,80}"
    r"\b(not (exist|found|available|deployed|enabled)|no access)"
    r"|\b(no such|unknown|access to( the)?|invalid) (model|deployment|engine)\b",
    re.IGNORECASE,
)
"""Messages that the model, or the right to use it, is missing; a policy *of* a model is no such."""

_ANOTHER_THING = re.compile(r"\b(file|response|conversation|item)s?\b", re.IGNORECASE)


_NOTHING = ("", "not found", "method not allowed", "not implemented", "forbidden")


def fault_of(error: AqueductError) -> Fault:
    """Return whose fault an error is.

    A client must not be able to open a circuit with requests that are wrong themselves, so a 404
    counts only if it is about the model: others are about a file or a response.
    """
    if error.code == "connections_in_use":
        return "unsuited"  # it has not been asked
    if isinstance(error, UpstreamError):
        return "deployment"
    if error.upstream is None:
        return "here"
    if error.code in _MODEL_CODES or error.status in _DEPLOYMENTS_STATUSES:
        return "deployment"
    if error.code == "unsupported_operation" or error.status in (405, 501):
        return "unsuited"
    if error.status in (403, 404) and says_nothing(error):
        # Its address is wrong, or something in front of it does not like what is said.
        return "deployment" if error.status == 404 else "unsuited"
    if error.status in (400, 403, 404) and _NO_SUCH_MODEL.search(error.message):
        return "request" if _ANOTHER_THING.search(error.message) else "deployment"
    return "request"


def says_nothing(error: AqueductError) -> bool:
    """Return whether an upstream said no more than its status."""
    said = error.message.lower().strip(" .").removeprefix(f"{error.status}: ")
    said = said.removeprefix(f"{error.status} ")
    return said in _NOTHING or said.endswith("without a reason")
