"""The HTTP addresses, as Tornado handlers."""
