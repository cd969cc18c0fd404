"""Keys of kernels: each is scoped to one kernel, and none is stored.

A key names its kernel and proves by a MAC that this server made it, so it can be checked without a
table. The caller checks whether the kernel still runs; the server decides what a key gives access
to.
"""

from __future__ import annotations

import hmac
import secrets
from base64 import urlsafe_b64encode

__all__ = ["SERVER_LIFE", "KernelKeys"]

SERVER_LIFE = "server"
"""The name in the key that is valid as long as the server, for kernels without one of their own."""

_PREFIX = "aqk"
_SECRET_BYTES = 32


class KernelKeys:
    """Makes and checks keys with a secret that exists only in this process.

    Args:
        secret: at least 32 random bytes; by default, new ones.
    """

    def __init__(self, secret: bytes | None = None) -> None:
        self._secret = secret or secrets.token_bytes(_SECRET_BYTES)

    def key_for(self, kernel_id: str) -> str:
        """Return a kernel's key; it stays the same after a restart."""
        return f"{_PREFIX}.{kernel_id}.{self._mac(kernel_id)}"

    def kernel_of(self, key: str) -> str | None:
        """Return the id of a key's kernel, or None if the key was not made here."""
        prefix, _, rest = key.partition(".")
        kernel_id, _, mac = rest.rpartition(".")
        if prefix != _PREFIX or not kernel_id or not key.isascii():
            return None
        return kernel_id if hmac.compare_digest(mac, self._mac(kernel_id)) else None

    def _mac(self, kernel_id: str) -> str:
        digest = hmac.digest(self._secret, kernel_id.encode(), "sha256")
        return urlsafe_b64encode(digest).rstrip(b"=").decode()
