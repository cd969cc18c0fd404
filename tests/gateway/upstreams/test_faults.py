"""What another deployment may answer, and what no client can hold against one."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from aqueduct_jupyter.gateway.upstreams.failures import (
    failure_from_event,
    failure_from_exception,
    failure_from_response,
)
from aqueduct_jupyter.gateway.upstreams.faults import Fault, fault_of
from aqueduct_jupyter.gateway.upstreams.secrets import Secrets
from aqueduct_jupyter.protocol.errors import (
    DisconnectedError,
    DocumentError,
    RateLimitError,
    UnavailableError,
    UpstreamTimeoutError,
)


def refusal(status: int, message: str = "", **more: Any) -> Fault:
    headers = {"content-type": "application/json"}
    body = json.dumps({"error": {"message": message, **more}}).encode() if message else b""
    return fault_of(failure_from_response("campus", status, headers, body, Secrets()))


@pytest.mark.parametrize("status", [500, 502, 503, 504, 529, 429, 402, 408, 425, 401, 301])
def test_what_goes_by_or_is_the_operators_matter_is_the_deployments(status: int) -> None:
    assert refusal(status, "No.") == "deployment"


@pytest.mark.parametrize("status", [400, 409, 413, 415, 422])
def test_what_is_wrong_itself_is_wrong_everywhere(status: int) -> None:
    assert refusal(status, "The model cannot read this.") == "request"


@pytest.mark.parametrize(
    ("status", "message", "code", "fault"),
    [
        (404, "The model `llama` does not exist.", None, "deployment"),
        (404, "No such thing.", "model_not_found", "deployment"),
        (404, "The API deployment for this resource does not exist.", None, "deployment"),
        (400, "Unknown name.", "model_not_found", "deployment"),
        (404, "", None, "deployment"),
        (404, "Not Found", None, "deployment"),
        (404, "No file 'file-1'.", None, "request"),
        (404, "Response 'resp_1' was not found.", None, "request"),
        (404, "Only chat.", "unsupported_operation", "unsuited"),
        (405, "Method Not Allowed", None, "unsuited"),
        (403, "Incorrect API key provided.", None, "deployment"),
        (403, "Project `p` does not have access to model `llama`.", None, "deployment"),
        (403, "", None, "unsuited"),
        (403, "Forbidden", None, "unsuited"),
        (403, "The input was flagged.", None, "request"),
        (403, "Blocked by the model's safety policy.", None, "request"),
        (404, "File file-1 not found for this model.", None, "request"),
        (400, "Model Not Exist", None, "deployment"),
        (400, "Invalid model name passed in model=m.", None, "deployment"),
        (400, "The model cannot read this.", None, "request"),
    ],
)
def test_a_404_and_a_403_mean_many_things(
    status: int, message: str, code: str | None, fault: Fault
) -> None:
    assert refusal(status, message, code=code) == fault


def test_what_breaks_is_the_deployments() -> None:
    assert fault_of(DisconnectedError("It broke.")) == "deployment"
    assert fault_of(UpstreamTimeoutError("Too long.")) == "deployment"
    for code in (429, 500, "overloaded", None):
        event = {"error": {"message": "No.", "code": code}}
        assert fault_of(failure_from_event("campus", event, Secrets())) == "deployment"
    event = {"error": {"message": "No.", "code": 400}}
    assert fault_of(failure_from_event("campus", event, Secrets())) == "request"


def test_connections_that_are_all_in_use_are_no_fault_of_the_deployment() -> None:
    full = failure_from_exception("campus", httpx.PoolTimeout("all connections are in use"))
    assert (full.status, fault_of(full)) == (503, "unsuited")


def test_what_this_server_refuses_is_nobodys() -> None:
    for error in (DocumentError("No text."), RateLimitError("Yours."), UnavailableError("Full.")):
        assert fault_of(error) == "here"
