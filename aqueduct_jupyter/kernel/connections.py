"""The client's HTTP connections, and what the environment may do to them.

Proxies, certificates, keys and addresses come from variables that somebody else may have set. What
is wrong with them becomes an error that names the cause and the way out. A server on this computer
is reached over plain HTTP without a proxy and without certificates.
"""

from __future__ import annotations

import ipaddress
import os
import ssl
from collections.abc import Iterator
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies

import httpx

from ..protocol.errors import (
    AqueductError,
    DisconnectedError,
    UnavailableError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
)
from ..protocol.plain_text import plain_text
from .connect import Address

__all__ = ["Connections", "checked_address", "checked_key"]

CONNECT_TIMEOUT = 10.0
"""Seconds within which the server must accept the connection."""

ANSWER_TIMEOUT = 660.0
"""Seconds of silence before the client gives up; longer than the server waits for upstreams."""

_PROXIES = ("ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY")
_KEYS = {
    "AQUEDUCT_BASE_URL": "AQUEDUCT_API_KEY",
    "OPENAI_BASE_URL": "OPENAI_API_KEY",
    "JUPYTERHUB_SERVICE_URL": "JUPYTERHUB_API_TOKEN",
}
"""Where the key is that belongs to an address."""

_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")


def checked_address(address: Address) -> str:
    """Return the address without what does not belong to it.

    Raises:
        UnavailableError: it is not the address of a server.
    """
    url = address.base_url.strip().rstrip("/")
    fault = _fault_of(url)
    if fault:
        shown = plain_text(repr(_without_password(url.partition("?")[0])), 200)
        raise UnavailableError(
            f"The address {shown} (from {address.source}) {fault}. Write it "
            "like http://localhost:8888."
        )
    return url


def checked_key(address: Address) -> str | None:
    """Return the key without the blanks and line breaks around it.

    Raises:
        UnavailableError: it cannot be sent in a header.
    """
    key = (address.api_key or "").strip()
    if not (key.isascii() and key.isprintable()):
        source = _KEYS.get(address.source, address.source)
        raise UnavailableError(
            f"The key (from {source}) contains a character that a key cannot have: a line break, "
            "or one that is not ASCII. Copy it again."
        )
    return key or None


def _fault_of(url: str) -> str:
    if url[:1] in "\"'" or url[-1:] in "\"'":
        return "is in quotes, which are part of it"
    try:
        parts = urlsplit(url)
        port = parts.port  # raises for what is no number
    except ValueError:
        return "is not an address"
    if parts.scheme not in ("http", "https"):
        return "does not begin with http:// or https://"
    if not parts.hostname or any(letter.isspace() for letter in url):
        return "is not an address"
    if parts.query:
        return "is followed by a query, which is not part of it"
    return "has the port 0" if port == 0 else ""


class Connections:
    """Opens the connections to one server.

    Args:
        base_url: its address.
        key: its key, if it wants one.
        transport: carries the requests; the network by default.
    """

    def __init__(
        self, base_url: str, key: str | None, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._shown = _without_password(base_url)
        self._key = key
        self._transport = transport
        self._is_direct = _is_direct(urlsplit(base_url))
        # Reading the certificates is most of the cost of a connection, so it is done once.
        self._certificates: ssl.SSLContext | bool = False
        # Plain HTTP needs none, except perhaps on the way to a proxy.
        if base_url.startswith("https:") or (not self._is_direct and getproxies()):
            self._certificates = _certificates()

    def open(self) -> httpx.Client:
        """Open a client.

        Raises:
            UnavailableError: a proxy in the environment cannot be used.
        """
        try:
            return httpx.Client(
                headers={"Authorization": f"Bearer {self._key}"} if self._key else {},
                timeout=httpx.Timeout(ANSWER_TIMEOUT, connect=CONNECT_TIMEOUT),
                transport=self._transport,
                verify=self._certificates,
                trust_env=not self._is_direct,
            )
        except (ImportError, ValueError, httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            what = plain_text(str(error)).rstrip(".")
            raise UnavailableError(
                f"The proxy for {self._shown} cannot be used: {what}. Correct or unset "
                f"{_listed(_PROXIES) or 'the proxy'}."
            ) from None

    def failure(self, error: Exception) -> AqueductError:
        """Return the error for a request that could not be sent, or whose answer did not come."""
        cause = plain_text(str(error))
        if _is_about_certificates(error):
            return UpstreamUnavailableError(
                f"The certificate of {self._shown} is not trusted ({cause}). Set SSL_CERT_FILE "
                "to a file with the authority that signed it."
            )
        if isinstance(error, httpx.ProxyError):
            return UpstreamUnavailableError(self._through_proxy(cause))
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
            if not self._is_direct and (proxies := _listed(_PROXIES[:3])):
                return UpstreamUnavailableError(
                    f"Nothing answers at {self._shown}, or the proxy in between does not "
                    f"({cause}). {proxies} is set; NO_PROXY lists what needs no proxy."
                )
            return UpstreamUnavailableError(
                f"Nothing answers at {self._shown}. Is the Jupyter server running there?"
            )
        if isinstance(error, httpx.TimeoutException):
            return UpstreamTimeoutError(f"{self._shown} did not answer in time.")
        if isinstance(error, httpx.LocalProtocolError | httpx.UnsupportedProtocol):
            return UnavailableError(f"The request to {self._shown} cannot be sent: {cause}.")
        return DisconnectedError(f"{self._shown} closed the connection before the answer ended.")

    def _through_proxy(self, cause: str) -> str:
        return (
            f"The proxy for {self._shown} refused the request ({cause}). Correct or unset "
            f"{_listed(_PROXIES[:3]) or 'the proxy'}, or add the host to NO_PROXY."
        )


def _is_direct(parts: SplitResult) -> bool:
    """Return whether a server is on this computer and speaks plain HTTP."""
    host = parts.hostname or ""
    if parts.scheme != "http":
        return False
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _certificates() -> ssl.SSLContext:
    try:
        return httpx.create_ssl_context()
    except (OSError, ValueError) as error:
        what = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise UnavailableError(
            f"The certificates of {_listed(_CERTIFICATES) or 'this computer'} cannot be read "
            f"({what}). Correct or unset it."
        ) from None


def _is_about_certificates(error: Exception) -> bool:
    return any(
        isinstance(cause, ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY_FAILED" in str(cause)
        for cause in _causes(error)
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _listed(names: tuple[str, ...]) -> str:
    """Return the variables that are set, with their values."""
    found = list[str]()
    for name in names:
        for given in (name, name.lower()):
            if value := os.environ.get(given):
                found.append(f"{given}={plain_text(_without_password(value), 100)}")
                break
    return " and ".join(found)


def _without_password(value: str) -> str:
    scheme, separator, rest = value.rpartition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"
