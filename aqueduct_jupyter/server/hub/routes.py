"""The addresses of a hub's service: the extension's, administration's, its page, its health."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from tornado.web import RedirectHandler, RequestHandler

from ..http.base import AqueductHandler
from ..http.routes import routes
from ..http.serving import Serving
from .administration import administration_routes
from .health import LiveHandler, ReadyHandler
from .host import for_hub
from .openapi import ServiceOpenAPIHandler
from .pages import page_routes

__all__ = ["service_routes"]

Route = tuple[str, type[RequestHandler], dict[str, Any]]


def service_routes(serving: Serving) -> Iterator[Route]:
    """Yield every address of the service, its handler, and the handler's arguments."""
    more: dict[str, Any] = {"serving": serving}
    made: dict[type[AqueductHandler], type[AqueductHandler]] = {}
    described = (r"aqueduct/openapi\.json", ServiceOpenAPIHandler)
    # The service's own come before the one that answers at every address like ours.
    table: Iterable[tuple[str, type[AqueductHandler]]] = chain(
        administration_routes(), (described,), routes()
    )
    for pattern, handler in table:
        made[handler] = made.get(handler) or for_hub(handler)
        yield serving.base_url + pattern, made[handler], more
    for pattern, page in page_routes():
        yield serving.base_url + pattern, page, more
    if without_slash := serving.base_url.rstrip("/"):
        yield without_slash, RedirectHandler, {"url": serving.base_url, "permanent": False}
    # What starts the service asks its port, and a monitor may ask through the hub's proxy.
    for prefix in {serving.base_url, "/"}:
        yield f"{prefix}health/live", LiveHandler, more
        yield f"{prefix}health/ready", ReadyHandler, more
