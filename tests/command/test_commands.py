"""``jupyter aqueduct`` as a person types it: the words on the screen and the exit status."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from aqueduct_jupyter import Client, __version__
from aqueduct_jupyter.command import throwaway
from aqueduct_jupyter.command.doctor import _documents
from aqueduct_jupyter.command.throwaway import ThrowawayServer
from aqueduct_jupyter.gateway.embedded.weights import weights_path
from aqueduct_jupyter.gateway.upstreams.circuits import FAILURES

from ..forked_servers import throwaway_server
from ..standin import StandIn

ROOT = Path(__file__).parents[2]
PDF = ROOT / "notebooks" / "aqueduct-of-segovia.pdf"


DEAD = {"base_url": "http://127.0.0.1:9/v1", "connect_timeout": 1, "retry_pause": 0.01}


class Terminal:
    """A terminal of a user with folders of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        words = ("DATA", "CONFIG", "RUNTIME")
        self.own = {f"JUPYTER_{word}_DIR": str(folder / word.lower()) for word in words}

    @property
    def data(self) -> Path:
        return self.folder / "data" / "aqueduct"

    def type(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(Path(sys.executable).with_name("jupyter")), "aqueduct", *words],
            env={**os.environ, **self.own, **environment},
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def put_weights(self, weights: Path) -> None:
        target = weights_path(self.data)
        target.parent.mkdir(parents=True)
        self.data.chmod(0o700)
        target.symlink_to(weights)


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ThrowawayServer]:
    folder = tmp_path_factory.mktemp("server")
    with StandIn() as standin:
        upstreams = {"campus": {"base_url": standin.url, "api_key_env": "CAMPUS_KEY"}, "dead": DEAD}
        arguments = [f"--AqueductApp.upstreams={upstreams}", "--ServerApp.base_url=/user/a%40b/"]
        with throwaway_server(folder, arguments, {"CAMPUS_KEY": "sk-secret"}) as server:
            yield server


class TestStatus:
    def test_it_says_what_runs(self, terminal: Terminal, server: ThrowawayServer) -> None:
        done = terminal.type("status", "--url", server.url, "--token", server.token)
        assert done.returncode == 1, "one upstream is dead"
        assert f"aqueduct-jupyter {__version__} at {server.url}" in done.stdout
        assert "upstream campus: answers" in done.stdout
        assert "upstream dead: The upstream 'dead'" in done.stdout
        assert "models: real-name" in done.stdout
        assert "document readers are confined by: " in done.stdout
        assert "sk-secret" not in done.stdout + done.stderr

    def test_it_finds_the_server_that_runs_in_this_folder(
        self, terminal: Terminal, tmp_path: Path
    ) -> None:
        with throwaway_server(tmp_path) as server:
            done = terminal.type("status")
        # This server has no model, and says so.
        assert server.url in done.stdout
        assert "note: No language model is configured" in done.stdout
        assert done.returncode == 1

    def test_a_kernels_terminal_needs_no_arguments(
        self, terminal: Terminal, server: ThrowawayServer
    ) -> None:
        done = terminal.type("status", AQUEDUCT_BASE_URL=server.url, AQUEDUCT_API_KEY=server.token)
        assert "upstream campus: answers" in done.stdout

    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            ((), "No Jupyter server is running. Start one with 'jupyter lab'"),
            (("--url", "http://127.0.0.1:9"), "jupyter aqueduct: "),
        ],
    )
    def test_without_a_server_it_says_what_to_do(
        self, terminal: Terminal, arguments: tuple[str, ...], says: str
    ) -> None:
        done = terminal.type("status", *arguments)
        assert done.returncode == 1
        assert says in done.stderr
        assert "Traceback" not in done.stderr

    def test_a_wrong_token_is_said(self, terminal: Terminal, server: ThrowawayServer) -> None:
        done = terminal.type("status", "--url", server.url, "--token", "wrong")
        assert done.returncode == 1
        assert "not valid for this server" in done.stderr


class TestDeployments:
    @pytest.fixture
    def server(self, tmp_path: Path) -> Iterator[ThrowawayServer]:
        """One with a circuit of its own to open."""
        gpt = [{"model": "dead/gone"}, {"model": "campus/real-name", "weight": 0}]
        with StandIn() as standin:
            upstreams = {"campus": {"base_url": standin.url}, "dead": DEAD}
            settings = {"upstreams": upstreams, "deployments": {"gpt": gpt}}
            arguments = [f"--AqueductApp.{name}={value}" for name, value in settings.items()]
            with throwaway_server(tmp_path, arguments) as server:
                yield server

    def test_their_state_is_told(self, terminal: Terminal, server: ThrowawayServer) -> None:
        where = ("--url", server.url, "--token", server.token)
        done = terminal.type("status", *where)
        assert "deployments of gpt:\n    dead/gone, weight 1: in use\n" in done.stdout
        with Client(server.url, server.token) as client:
            for _ in range(FAILURES):
                assert client.chat("Hi", model="gpt").text == "Hello"
        done = terminal.type("status", *where)
        passed_over = r"dead/gone, weight 1: passed over for \d+ s \(upstream_unavailable\)\n"
        assert re.search(passed_over, done.stdout)
        assert "campus/real-name, weight 0: in use" in done.stdout
        done = terminal.type("doctor", *where)
        assert "FAIL  deployment dead/gone of gpt: passed over, because it failed" in done.stdout
        assert "fix: Its last error was upstream_unavailable; the server's log" in done.stdout
        assert " ok   deployment campus/real-name of gpt: in use" in done.stdout


class TestDoctor:
    def test_it_names_each_fault_and_its_mend(
        self, terminal: Terminal, server: ThrowawayServer
    ) -> None:
        done = terminal.type("doctor", "--url", server.url, "--token", server.token)
        assert done.returncode == 1
        assert " ok   extension: enabled" in done.stdout
        assert " ok   upstream campus: answers" in done.stdout
        assert "FAIL  upstream dead: does not answer" in done.stdout
        assert "fix: The upstream 'dead'" in done.stdout
        assert " ok   routes: unknown addresses below base_url get a JSON error" in done.stdout
        assert " ok   authentication: a request without a token is refused" in done.stdout
        assert " ok   streaming: chunks arrive one by one" in done.stdout
        assert done.stdout.endswith("1 to fix.\n")
        assert "sk-secret" not in done.stdout

    @pytest.mark.parametrize(
        ("missing", "says"),
        [
            ((), "their readers are confined by Landlock, seccomp and a memory limit"),
            (("landlock",), "run without Landlock. Upload only documents that you trust"),
            (("landlock", "seccomp"), "run without Landlock and seccomp."),
            (("seccomp",), "seccomp needs Linux 4.14 or newer on x86_64 or aarch64. A container"),
            (
                ("landlock", "seccomp", "memory_limit"),
                "run without Landlock, seccomp and a memory limit.",
            ),
        ],
    )
    def test_it_says_what_keeps_the_readers_of_documents_in(
        self, missing: tuple[str, ...], says: str
    ) -> None:
        words = ("landlock", "seccomp", "memory_limit")
        finding = _documents({word: word not in missing for word in words})
        assert says in finding.found
        assert not finding.fix, "they work without it"

    def test_all_is_well_where_all_is_well(
        self, terminal: Terminal, tmp_path: Path, weights: Path
    ) -> None:
        terminal.put_weights(weights)
        with throwaway_server(tmp_path):
            done = terminal.type("doctor")
        assert done.stdout.endswith("All is well.\n"), done.stdout
        assert " ok   embedded model: installed" in done.stdout
        assert " ok   documents: their readers " in done.stdout
        assert done.returncode == 0

    def test_a_data_folder_open_to_others_and_a_missing_bundle_are_said(
        self, terminal: Terminal
    ) -> None:
        terminal.data.mkdir(parents=True)
        terminal.data.chmod(0o755)
        done = terminal.type("doctor", SSL_CERT_FILE="/no/such/bundle.pem")
        assert f"fix: chmod 700 {terminal.data}" in done.stdout
        assert "FAIL  CA bundle: SSL_CERT_FILE=/no/such/bundle.pem does not exist" in done.stdout
        assert "FAIL  server: not found" in done.stdout

    def test_streaming_is_not_tried_where_its_model_is_not_allowed(
        self, terminal: Terminal, tmp_path: Path, standin: StandIn
    ) -> None:
        upstreams = {"campus": {"base_url": standin.url}}
        only = ["--AqueductApp.limits={'models': ['real-name']}"]
        with throwaway_server(tmp_path, [f"--AqueductApp.upstreams={upstreams}", *only]) as server:
            done = terminal.type("doctor", "--url", server.url, "--token", server.token)
        assert " ok   streaming: not tried, because demo/slow may not be used" in done.stdout
        assert done.stdout.endswith("All is well.\n"), done.stdout

    def test_a_wrong_token_is_said(self, terminal: Terminal, server: ThrowawayServer) -> None:
        done = terminal.type("doctor", "--url", server.url, "--token", "wrong")
        assert "FAIL  token: The token is not valid for this server" in done.stdout

    def test_a_server_without_us_is_said(self, terminal: Terminal, tmp_path: Path) -> None:
        off = "--ServerApp.jpserver_extensions={'aqueduct_jupyter': False}"
        with throwaway_server(tmp_path, [off]) as server:
            done = terminal.type("doctor", "--url", server.url, "--token", server.token)
        assert "FAIL  server: this extension does not answer at" in done.stdout
        assert "Traceback" not in done.stderr

    def test_a_server_open_to_anybody_is_said(self, terminal: Terminal, tmp_path: Path) -> None:
        with throwaway_server(tmp_path, ["--IdentityProvider.token="]) as server:
            done = terminal.type("doctor", "--url", server.url)
        assert "FAIL  authentication: the server accepts anybody" in done.stdout


class TestDemo:
    def test_it_shows_a_streamed_answer_and_one_about_a_pdf_and_leaves_nothing(
        self, terminal: Terminal, weights: Path, temporary_folder: Path
    ) -> None:
        terminal.put_weights(weights)
        done = terminal.type("demo", str(PDF))
        assert done.returncode == 0, done.stderr
        assert "/v1/chat/completions" in done.stdout
        assert done.stdout.count("data: {") == 3
        assert "The whole answer of smollm2-135m-instruct:" in done.stdout
        assert "with aqueduct-of-segovia.pdf in the message" in done.stdout
        assert done.stdout.endswith("The server has stopped and left nothing behind.\n")
        assert list(temporary_folder.iterdir()) == []

    def test_without_weights_it_says_how_to_get_them(self, terminal: Terminal) -> None:
        done = terminal.type("demo")
        assert done.returncode == 1
        assert "run 'jupyter aqueduct pull'" in done.stderr


class TestPull:
    def test_it_brings_the_weights_where_the_server_looks(
        self, terminal: Terminal, weights: Path
    ) -> None:
        done = terminal.type("pull")
        assert done.returncode == 0, done.stderr
        pulled = weights_path(terminal.data)
        assert f"The weights are in {pulled}." in done.stdout
        assert pulled.stat().st_size == weights.stat().st_size

    def test_a_folder_that_cannot_be_written_is_said(self, terminal: Terminal) -> None:
        (terminal.folder / "file").write_text("in the way")
        done = terminal.type("pull", "--folder", str(terminal.folder / "file" / "data"))
        assert done.returncode == 1
        assert done.stderr.startswith("jupyter aqueduct: ")
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("words", [(), ("fly",), ("status", "--fast")])
def test_unknown_words_are_refused_with_the_usage(
    terminal: Terminal, words: tuple[str, ...]
) -> None:
    done = terminal.type(*words)
    assert done.returncode == 2
    assert "usage: jupyter aqueduct" in done.stderr


def test_it_runs_as_a_module_too() -> None:
    command = [sys.executable, "-P", "-m", "aqueduct_jupyter.command", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "usage: jupyter aqueduct" in done.stdout


def test_a_server_that_does_not_start_shows_the_end_of_its_log(tmp_path: Path) -> None:
    from aqueduct_jupyter.protocol.errors import UnavailableError

    wrong = "--ServerApp.root_dir=/no/such/folder"
    with (
        pytest.raises(UnavailableError, match="no/such/folder"),
        throwaway.throwaway_server(tmp_path, [wrong]),
    ):
        pass
