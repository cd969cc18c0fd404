"""The document that programs read, and a real server that keeps to it for thousands of requests."""

from __future__ import annotations

from collections.abc import Iterator
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.generation.hypothesis.builder import (
    HypothesisTestConfig,
    HypothesisTestMode,
    create_test,
)
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from aqueduct_jupyter.command.throwaway import ThrowawayServer
from aqueduct_jupyter.server.http.openapi import openapi_document

from ...examples import examples
from ...forked_servers import throwaway_server
from ...standin import StandIn
from .test_access import API, OWN

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
MANY, FEW = 80, 4
"""Random requests for each of about sixty operations.

They are besides thousands that stand for each rule of the document. Ten of those are made in the
time that it takes to think of a random one.
"""

VARIABLE = ("{", "file-", "conv-", "conv_", "msg_", "req_", "resp_", "codex-")
"""How the parts of an address begin that stand for any id."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ThrowawayServer]:
    folder: Path = tmp_path_factory.mktemp("openapi")
    with StandIn() as standin:
        upstreams = {"campus": {"base_url": standin.url}}
        arguments = [
            f"--AqueductApp.upstreams={upstreams}",
            # Random requests would download a model, and knock at random addresses.
            "--AqueductApp.set_up_in_chat=False",
        ]
        with throwaway_server(folder, arguments) as server:
            yield server


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    """A connection that stays open, without cookies."""
    with requests.Session() as session:
        session.trust_env = False
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        yield session


OPERATIONS = [
    f"{verb.upper()} {path}"
    for path, item in openapi_document()["paths"].items()
    for verb in item
    if verb in ("get", "head", "post", "put", "patch", "delete")
]


def schema_for(operation: str) -> BaseSchema:
    schema = schemathesis.openapi.from_dict(openapi_document())
    path = operation.partition(" ")[2]
    if operation != next(other for other in OPERATIONS if other.endswith(f" {path}")):
        # Verbs that an address does not have are tried there once, and not for each that it has.
        schema.config.phases.coverage.unexpected_methods = set()
    return schema


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_server_keeps_to_its_word(
    name: str, server: ThrowawayServer, session: requests.Session
) -> None:
    # Without v1 stand the same operations once more, and would get the same requests.
    verb, _, path = name.partition(" ")
    is_twin = f"{verb} /v1{path}" in OPERATIONS

    @settings(
        max_examples=1 if is_twin else examples(MANY, FEW),
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate],
        derandomize=True,
    )
    def test(case: Any) -> None:
        headers = {"Authorization": f"Bearer {server.token}"}
        case.call_and_validate(base_url=server.url, headers=headers, session=session, checks=CHECKS)

    schema = schema_for(name)
    # `schema.parametrize()` would have every worker make all requests while it collects its tests,
    # which takes ten seconds; here only the worker that sends them does.
    operation = schema.find_operation_by_label(name)
    assert operation
    modes = [HypothesisTestMode.FUZZING] if is_twin else list(HypothesisTestMode)
    config = HypothesisTestConfig(schema.config, modes)
    create_test(operation=operation, test_func=test, config=config)()


def test_the_document_is_served(server: ThrowawayServer) -> None:
    headers = {"Authorization": f"Bearer {server.token}"}
    document = httpx.get(f"{server.url}/aqueduct/openapi.json", headers=headers, trust_env=False)
    assert document.json() == {**openapi_document(), "servers": [{"url": "/"}]}


def test_every_address_is_in_the_document() -> None:
    def shape(path: str) -> str:
        steps = path.strip("/").split("/")
        return "/".join(
            "*"
            if step.startswith(("{", "file-", "conv-", "conv_", "msg_", "req_", "resp_", "codex-"))
            else step
            for step in steps
        )

    document = openapi_document()
    said = {
        (shape(path).removeprefix("v1/"), verb.upper())
        for path, item in document["paths"].items()
        for verb in item
    }
    there = {
        (shape(address.path), verb)
        for address in (*API, *OWN)
        for verb in address.allowed
        if "nothing" not in address.path and address.path != "v1"
    }
    there -= {("models/real-name", "GET"), ("models/campus/real-name", "GET")}
    assert there | {("models/*", "GET")} == said
