"""``health/live`` and ``health/ready``, for whoever starts the service and sends it requests.

Neither needs a token, and neither says more than a status. A replica is ready although its
database, its hub or an upstream is away: then all replicas are in the same state, and each answers
with an error that says what is missing, which a balancer without replicas could not.
"""

from __future__ import annotations

from tornado.web import RequestHandler

from ..http.serving import Serving
from .host import HubHost

__all__ = ["LiveHandler", "ReadyHandler"]


class LiveHandler(RequestHandler):
    """Says that the process answers."""

    def initialize(self, serving: Serving) -> None:
        """Store the argument from the route table."""
        self.serving = serving

    async def get(self) -> None:
        """Answer with 200."""
        self.finish({"status": "live"})


class ReadyHandler(LiveHandler):
    """Says whether the process takes requests."""

    async def get(self) -> None:
        """Answer with 200, or with 503 once the process is about to end."""
        host = self.serving.host
        is_draining = isinstance(host, HubHost) and host.is_draining
        self.set_status(503 if is_draining else 200)
        self.finish({"status": "shutting down" if is_draining else "ready"})
