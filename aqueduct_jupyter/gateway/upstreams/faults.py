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

_ABOUT_THE_MODEL = re.compile(r"\b(model|deployment|engine)s?\b", re.IGNORECASE)

_NOTHING = ("", "not found", "method not allowed", "not implemented", "forbidden")


def fault_of(error: AqueductError) -> Fault:
    """Return whose fault an error is.

    A client must not be able to open a circuit with requests that are wrong themselves, so a 404
    counts only if it is about the model: others are about a file or a response.
    """
    if isinstance(error, UpstreamError):
        return "deployment"
    if error.upstream is None:
        return "here"
    if error.code in _MODEL_CODES or error.status in _DEPLOYMENTS_STATUSES:
        return "deployment"
    if error.code == "unsupported_operation" or error.status in (405, 501):
        return "unsuited"
    if error.status in (403, 404):
        if error.status == 404 and says_nothing(error):
            return "deployment"  # its address is wrong
        if says_nothing(error):
            return "unsuited"  # something in front of it does not like what is said
        about = f"{error.param} {error.code} {error.message}"
        return "deployment" if _ABOUT_THE_MODEL.search(about) else "request"
    return "request"


def says_nothing(error: AqueductError) -> bool:
    """Return whether an upstream said no more than its status."""
    said = error.message.lower().strip(" .").removeprefix(f"{error.status}: ")
    said = said.removeprefix(f"{error.status} ")
    return said in _NOTHING or said.endswith("without a reason")
