"""The description of the addresses that only a hub's service has."""

from __future__ import annotations

from typing import Any

from tornado import web

from ...gateway.requests.administration import USAGE_BY
from ...gateway.requests.shared_limits import SharedBudget
from ..http.openapi import OpenAPIHandler, openapi_document
from ..http.openapi_parts import (
    OBJECT,
    REFERENCE,
    TEXT,
    Schema,
    json_content,
    operation_object,
    parameter,
    schema_of,
)

__all__ = ["ServiceOpenAPIHandler", "service_paths"]


class ServiceOpenAPIHandler(OpenAPIHandler):
    """Serves the OpenAPI document of a hub's service."""

    @web.authenticated
    async def get(self) -> None:
        """Answer with the document."""
        document = openapi_document()
        components = document["components"]
        budget = SharedBudget.model_json_schema(ref_template=REFERENCE)
        schemas = {**components["schemas"], SharedBudget.__name__: budget}
        self.answer(
            {
                **document,
                "servers": [{"url": self.serving.base_url}],
                "paths": {**document["paths"], **service_paths()},
                "components": {**components, "schemas": schemas},
            }
        )


def service_paths() -> dict[str, Any]:
    """Return the addresses that only a hub's service has."""
    by = {"enum": [name.removesuffix("s") for name in USAGE_BY]}
    days: Schema = {"type": "integer", "minimum": 1, "maximum": 3660}
    usage = [
        parameter("by", "query", by),
        parameter("days", "query", days),
        parameter("format", "query", {"enum": ["json", "csv"]}),
    ]
    holder = [parameter("holder", "path", TEXT)]
    listed = json_content(OBJECT)
    return {
        "/aqueduct/budget": {"get": operation_object("The budgets that you use.", listed)},
        "/aqueduct/admin/usage": {
            "get": operation_object("The usage of all users.", {**listed, "text/csv": {}}, usage)
        },
        "/aqueduct/admin/requests": {
            "get": operation_object("The running requests of all users.", listed)
        },
        "/aqueduct/admin/requests/{id}": {
            "delete": operation_object("Stop any request.", listed, [parameter("id", "path", TEXT)])
        },
        "/aqueduct/admin/budgets": {
            "get": operation_object("All budgets, and what is used of them.", listed)
        },
        "/aqueduct/admin/budgets/{holder}": {
            "put": operation_object(
                "Set a budget.", listed, holder, json_content(schema_of(SharedBudget))
            ),
            "delete": operation_object("Go back to the configured budget.", listed, holder),
        },
        "/aqueduct/admin/upstreams": {
            "get": operation_object("Whether each upstream answers.", listed)
        },
        "/aqueduct/admin/audit": {"get": operation_object("What administrators changed.", listed)},
    }
