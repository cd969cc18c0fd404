"""Faults of the environment are errors with the cause and the way out, and never a traceback."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from aqueduct_jupyter.command.doctor import doctor
from aqueduct_jupyter.kernel.client import Client
from aqueduct_jupyter.protocol import errors

from ..gateway.upstreams.test_upstream import make_certificate
from ..standin import StandIn, completion
from .conftest import Shell

PROXIES = [
    {"ALL_PROXY": "socks5://127.0.0.1:7890", "NO_PROXY": "127.0.0.1"},
    {"NO_PROXY": "[::1]", "HTTP_PROXY": "http://127.0.0.1:9"},
    {"HTTP_PROXY": "not a proxy at all"},
    {"HTTPS_PROXY": "ftp://x", "http_proxy": "http://user:secret@127.0.0.1:9"},
    {"SSL_CERT_FILE": "/gone/cacert.pem"},
    {"SSL_CERT_FILE": "/etc/hostname"},
    {"SSL_CERT_DIR": "/gone"},
]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ALL", "HTTP", "HTTPS", "NO"):
        for given in (f"{name}_PROXY", f"{name.lower()}_proxy"):
            monkeypatch.delenv(given, raising=False)


@pytest.mark.parametrize("variables", PROXIES, ids=lambda variables: " ".join(variables))
def test_a_server_on_this_computer_needs_neither_proxy_nor_certificates(
    standin: StandIn, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    standin.reply(completion("Hi"))
    with Client(standin.url, "key") as client:
        assert client.chat("Hello").text == "Hi"


# httpx does not mind a folder that is not there, nor a proxy with a scheme that it does not know.
@pytest.mark.parametrize(
    "variables", [*PROXIES[:3], *PROXIES[4:6]], ids=lambda variables: " ".join(variables)
)
def test_elsewhere_they_are_named(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(errors.AqueductError) as caught:
        Client("https://gateway.invalid", "key").models()
    assert any(name in caught.value.message for name in variables), caught.value.message
    assert "secret" not in caught.value.message


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("localhost:8888", "does not begin with http"),
        ("'http://localhost:8888'", "is in quotes"),
        ('"http://localhost:8888', "is in quotes"),
        ("http://", "is not an address"),
        ("http://local host", "is not an address"),
        ("http://localhost:port", "is not an address"),
        ("http://[::1", "is not an address"),
        ("file:///etc/passwd", "does not begin with http"),
        ("http://localhost:8888/lab?token=secret", "is followed by a query"),
        ("http://user:secret@local host", "is not an address"),
    ],
)
def test_what_is_no_address_is_said(url: str, says: str) -> None:
    with pytest.raises(errors.UnavailableError, match=says) as caught:
        Client(url, "key")
    assert "http://localhost:8888" in caught.value.message


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("http://user:secret@127.0.0.1:1", ""),
        ("http://gateway.invalid", "user:secret@127.0.0.1:1"),
        ("http://user:secret@gateway.invalid", "http://user:secret@127.0.0.1:1"),
    ],
)
def test_no_password_is_said(monkeypatch: pytest.MonkeyPatch, url: str, proxy: str) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy)
    with pytest.raises(errors.UpstreamUnavailableError) as caught:
        Client(url, "key").models()
    assert "Nothing answers" in caught.value.message
    assert "secret" not in caught.value.message


def test_blanks_around_an_address_and_a_key_are_left_out(standin: StandIn) -> None:
    with Client(f" {standin.url}/\n", " sk-key\r\n") as client:
        assert client.chat("Hello").text == "Hello"
    assert standin.chats[0].headers["authorization"] == "Bearer sk-key"


@pytest.mark.parametrize("key", ["sk-\u00f6", "sk-\nsecond", "sk-\x00", "\u201csk\u201d"])
def test_a_key_that_no_header_can_have_is_said(
    standin: StandIn, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    with pytest.raises(errors.UnavailableError, match="contains a character") as caught:
        Client(standin.url, key)
    assert key not in caught.value.message
    monkeypatch.setenv("AQUEDUCT_BASE_URL", standin.url)
    with pytest.raises(errors.UnavailableError, match="from AQUEDUCT_API_KEY"):
        Client(api_key=key)


@pytest.fixture
def self_signed(tmp_path: Path) -> Iterator[str]:
    """The address of a server whose certificate nobody trusts."""
    key, certificate = make_certificate(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    with StandIn(tls=context) as secure:
        yield secure.url


def test_a_certificate_that_is_not_trusted_is_said(self_signed: str) -> None:
    with pytest.raises(errors.UpstreamUnavailableError, match="is not trusted") as caught:
        Client(self_signed, "key").models()
    assert "SSL_CERT_FILE" in caught.value.message
    assert "self-signed" in caught.value.message or "issuer" in caught.value.message


def test_a_proxy_in_between_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://user:secret@127.0.0.1:9")
    with pytest.raises(errors.UpstreamUnavailableError, match="or the proxy") as caught:
        Client("http://gateway.invalid", "key").models()
    assert "HTTP_PROXY=http://127.0.0.1:9" in caught.value.message


@pytest.mark.parametrize(
    "variables",
    [
        *PROXIES,
        {"AQUEDUCT_BASE_URL": "localhost:1", "AQUEDUCT_API_KEY": "k"},
        {"AQUEDUCT_BASE_URL": "https://localhost:1", "AQUEDUCT_API_KEY": "\u00f6"},
    ],
    ids=lambda variables: " ".join(variables),
)
def test_the_doctor_survives_what_it_looks_for(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    variables: dict[str, str],
) -> None:
    monkeypatch.setenv("AQUEDUCT_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AQUEDUCT_API_KEY", "key")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert doctor(None, None) == 1
    said = capsys.readouterr().out
    assert "to fix." in said
    assert "the check failed" not in said
    for subject in ("extension", "CA bundle", "data folder", "embedded model", "server"):
        assert f"{subject}: " in said


def test_a_check_that_fails_itself_is_a_finding_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from aqueduct_jupyter.command import doctor as module

    def broken() -> Path:
        raise PermissionError(13, "Permission denied", "/home/x")

    monkeypatch.setattr(module, "data_folder", broken)
    monkeypatch.setattr(module, "_authorities", lambda: 1 / 0)
    assert doctor("http://127.0.0.1:9", "key") == 1
    said = capsys.readouterr().out
    assert "FAIL  data folder: Permission denied (/home/x)" in said
    assert "FAIL  CA bundle: the check failed: ZeroDivisionError" in said
    assert "server: " in said


def test_a_fault_of_the_environment_is_a_failed_turn(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> Client:
        raise RuntimeError("odd")

    shell.magics.chats.session.asker.connect = broken
    with pytest.raises(RuntimeError):
        shell.ask("Hi")
    turn = shell.magics.chats.session.conversation("main").last
    assert turn
    assert (turn.state, turn.error) == ("failed", "RuntimeError: odd")


def test_text_that_is_no_unicode_is_sent(shell: Shell) -> None:
    shell.names["odd"] = b"caf\xe9".decode("utf-8", "surrogateescape")
    assert shell.ask("Read @{odd}") == "Hello"
    assert shell.sent[0]["messages"][0]["content"] == "Read caf?"
