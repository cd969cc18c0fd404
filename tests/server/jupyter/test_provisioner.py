"""Real kernels of a real server: what they are given, what it opens, and what they never see."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from aqueduct_jupyter.command.throwaway import ThrowawayServer
from aqueduct_jupyter.gateway.requests.keys import SERVER_LIFE, KernelKeys
from aqueduct_jupyter.server.jupyter.provisioner import KernelEnvironment

from ...forked_servers import throwaway_server
from ...kernels import Kernel, run_in_kernel, running_kernel
from ...standin import HANG, StandIn, chunk

SHOW_KEYS = (
    "import json, os\n"
    "names = ('OPENAI_BASE_URL', 'OPENAI_API_KEY', 'AQUEDUCT_BASE_URL', 'AQUEDUCT_API_KEY')\n"
    "print(json.dumps({name: os.environ.get(name) for name in names}))"
)
SHOW_ALL = "import os, json; print(json.dumps(dict(os.environ)))"


@contextmanager
def serving(
    folder: Path,
    standin: StandIn,
    base_url: str = "/",
    more: Sequence[str] = (),
    **environment: str,
) -> Iterator[ThrowawayServer]:
    upstreams = {"campus": {"base_url": standin.url, "api_key_env": "CAMPUS_KEY"}}
    arguments = [f"--ServerApp.base_url={base_url}", f"--AqueductApp.upstreams={upstreams}", *more]
    secrets = {
        "CAMPUS_KEY": "sk-campus-secret",
        "AQUEDUCT_BASE_URL": standin.url,
        "AQUEDUCT_TOKEN": "sk-aqueduct-secret",
    }
    with throwaway_server(folder, arguments, {**secrets, **environment}) as server:
        yield server


@pytest.fixture(scope="module", params=["/", "/user/a%40b/"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ThrowawayServer]:
    with (
        StandIn() as standin,
        serving(tmp_path_factory.mktemp("server"), standin, request.param) as server,
    ):
        yield server


@pytest.fixture(scope="module")
def kernel(server: ThrowawayServer) -> Iterator[Kernel]:
    """A kernel for whoever only asks it something."""
    with running_kernel(server.url, server.token) as kernel:
        yield kernel


def run(server: ThrowawayServer, *cells: str, **more: Any) -> str:
    return run_in_kernel(server.url, server.token, *cells, **more)


def test_openai_works_without_arguments(kernel: Kernel) -> None:
    said = kernel.run(
        "from openai import OpenAI\n"
        "client = OpenAI()\n"
        "print([model.id for model in client.models.list()])\n"
        "stream = client.chat.completions.create(\n"
        "    model='campus/real-name', stream=True,\n"
        "    messages=[{'role': 'user', 'content': 'Hi'}])\n"
        "print(''.join(c.choices[0].delta.content or '' for c in stream if c.choices))",
    )
    assert "campus/real-name" in said
    assert said.endswith("Hello\n")


def test_each_kernel_has_its_own_key_and_the_servers_address(
    server: ThrowawayServer, kernel: Kernel
) -> None:
    first, second = json.loads(kernel.run(SHOW_KEYS)), json.loads(run(server, SHOW_KEYS))
    assert first["AQUEDUCT_BASE_URL"] == second["AQUEDUCT_BASE_URL"]
    # The server says localhost of itself in its runtime file, and 127.0.0.1 to its kernels.
    path = httpx.URL(server.url).raw_path.rstrip(b"/")
    assert httpx.URL(first["AQUEDUCT_BASE_URL"]).raw_path.rstrip(b"/") == path
    assert first["OPENAI_BASE_URL"] == f"{first['AQUEDUCT_BASE_URL']}/v1"
    assert first["OPENAI_API_KEY"] == first["AQUEDUCT_API_KEY"]
    assert first["AQUEDUCT_API_KEY"] != second["AQUEDUCT_API_KEY"]
    assert server.token not in str(first)


def test_a_new_kernel_knows_the_magics_where_the_operator_wants_it(tmp_path: Path) -> None:
    asked = "%%chat -m campus/real-name -f text\nHi"
    folders = [tmp_path / name for name in ("without", "with")]
    for folder in folders:
        folder.mkdir()
    with StandIn() as standin:
        with serving(folders[0], standin) as server:
            assert "`%%chat` not found" in run(server, asked)
        with serving(folders[1], standin, more=["--AqueductApp.load_magics=True"]) as server:
            assert "not found" not in run(server, asked)
        assert standin.chats[-1].json["messages"][-1]["content"] == "Hi"


def test_a_key_dies_with_its_kernel_and_opens_nothing_else(server: ThrowawayServer) -> None:
    said = run(
        server,
        "import json, os, urllib.error, urllib.request\n"
        "def status(path):\n"
        "    headers = {'Authorization': 'Bearer ' + os.environ['AQUEDUCT_API_KEY']}\n"
        "    url = os.environ['AQUEDUCT_BASE_URL'] + path\n"
        "    try:\n"
        "        request = urllib.request.Request(url, headers=headers)\n"
        "        return urllib.request.urlopen(request).status\n"
        "    except urllib.error.HTTPError as error:\n"
        "        return error.code\n"
        "key = os.environ['AQUEDUCT_API_KEY']\n"
        "print(json.dumps([key, status('/v1/models'), status('/api/contents')]))",
    )
    key, models, contents = json.loads(said)
    assert (models, contents) == (200, 403)
    headers = {"Authorization": f"Bearer {key}"}
    after = httpx.get(f"{server.url}/v1/models", headers=headers, trust_env=False)
    assert after.status_code == 401


# It asks, and lives on without its kernel.
ASK_BESIDE = """
import subprocess, sys
code = '''
import json, os, urllib.request
url = os.environ["OPENAI_BASE_URL"] + "/chat/completions"
key = os.environ["OPENAI_API_KEY"]
headers = {"Authorization": "Bearer " + key, "Content-Type": "application/json"}
messages = [{"role": "user", "content": "Hi"}]
body = {"model": "campus/real-name", "stream": True, "messages": messages}
request = urllib.request.Request(url, json.dumps(body).encode(), headers)
open("came", "w").write(urllib.request.urlopen(request).read().decode())
'''
subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
"""


def test_what_a_kernel_asked_for_ends_when_it_begins_anew(tmp_path: Path) -> None:
    with StandIn() as standin, serving(tmp_path, standin) as server:
        standin.stream(chunk("half"), HANG)
        with running_kernel(server.url, server.token) as kernel:
            kernel.run(ASK_BESIDE)
            assert standin.has_chat.wait(20)
            kernel.http.post(f"{kernel.address}/restart").raise_for_status()
            assert standin.chats[0].client_left.wait(10)
            assert kernel.http.get("/aqueduct/requests").json()["data"] == []
            assert kernel.run("print(1 + 1)") == "2\n"


def test_no_key_of_an_upstream_and_no_token_is_in_a_kernel(
    server: ThrowawayServer, kernel: Kernel
) -> None:
    said = kernel.run(SHOW_ALL)
    assert "AQUEDUCT_API_KEY" in said
    for secret in ("sk-campus-secret", "sk-aqueduct-secret", "CAMPUS_KEY", "AQUEDUCT_TOKEN"):
        assert secret not in said
        assert secret not in server.log.read_text()


def test_a_terminal_or_another_provisioner_has_the_key_of_the_servers_life(
    server: ThrowawayServer,
) -> None:
    spec = {
        "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "other",
        "language": "python",
        "metadata": {"kernel_provisioner": {"provisioner_name": "local-provisioner"}},
    }
    folder = server.log.parent / "data" / "kernels" / "other"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "kernel.json").write_text(json.dumps(spec))
    said = json.loads(run(server, SHOW_KEYS, kernel="other"))
    assert said["AQUEDUCT_API_KEY"].startswith(f"aqk.{SERVER_LIFE}.")
    headers = {"Authorization": f"Bearer {said['AQUEDUCT_API_KEY']}"}
    url = f"{said['OPENAI_BASE_URL']}/models"
    assert httpx.get(url, headers=headers, trust_env=False).status_code == 200


def test_what_the_user_set_is_left_alone(tmp_path: Path) -> None:
    own = {"OPENAI_API_KEY": "sk-users-own", "OPENAI_BASE_URL": "https://own.invalid/v1"}
    with StandIn() as standin, serving(tmp_path, standin, **own) as server:
        said = json.loads(run(server, SHOW_KEYS))
    assert own.items() <= said.items()
    assert said["AQUEDUCT_API_KEY"].startswith("aqk.")


@pytest.mark.parametrize(
    "present", [{"OPENAI_API_KEY": "sk-own"}, {"OPENAI_BASE_URL": "https://own.invalid"}]
)
def test_half_of_the_pair_keeps_the_other_half_away(present: dict[str, str]) -> None:
    environment = KernelEnvironment("http://127.0.0.1:8888/base", KernelKeys(), print)
    variables = environment.variables("k1", present)
    assert set(variables) == {"AQUEDUCT_BASE_URL", "AQUEDUCT_API_KEY"}


def test_the_fallback_goes_as_it_came() -> None:
    environment = KernelEnvironment("http://127.0.0.1:8888", KernelKeys(), print)
    variables = {"PATH": "/bin"}
    environment.put_fallback(variables)
    assert len(variables) == 5
    replaced = environment.variables("k1", variables)
    assert replaced["OPENAI_API_KEY"] == replaced["AQUEDUCT_API_KEY"] != variables["OPENAI_API_KEY"]
    environment.remove_fallback(variables)
    assert variables == {"PATH": "/bin"}


def test_a_server_on_a_unix_socket_says_what_it_cannot_do(tmp_path: Path) -> None:
    own = {f"JUPYTER_{word}_DIR": str(tmp_path / word) for word in ("DATA", "CONFIG", "RUNTIME")}
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root"),
            *(f"--sock={tmp_path}/s", f"--ServerApp.root_dir={tmp_path}"),
        ],
        env={**os.environ, **own},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr
        assert any("kernels get no OPENAI_BASE_URL" in line for line in process.stderr)
    finally:
        process.kill()  # while it starts, there are moments at which it loses a signal
        process.communicate(timeout=60)
