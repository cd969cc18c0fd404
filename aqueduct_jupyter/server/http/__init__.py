"""The HTTP endpoints, as Tornado handlers."""
