"""The gateway on plain Tornado: chat, files and models, in a process that never imports Jupyter."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from ...standin import StandIn

SCRIPT = '''
import asyncio, json, sys
from pathlib import Path

import httpx
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application

from aqueduct_jupyter.gateway.entry import Caller
from aqueduct_jupyter.gateway.gateway import Gateway
from aqueduct_jupyter.gateway.settings import GatewaySettings
from aqueduct_jupyter.protocol.errors import AuthenticationError
from aqueduct_jupyter.server.http.routes import application_routes
from aqueduct_jupyter.server.http.serving import Serving


class Names:
    """Whoever gives a name of the list is that owner."""

    async def authenticate(self, handler):
        name = handler.request.headers.get("Authorization", "").removeprefix("Bearer ")
        if name not in ("ada", "ben"):
            raise AuthenticationError("Say who you are.")
        handler.current_user = name
        return Caller(name)


async def main(folder, address):
    upstreams = {"campus": {"base_url": address, "api_key": "sk-secret"}}
    settings = GatewaySettings(data_folder=Path(folder), upstreams=upstreams)
    gateway = Gateway(settings, {})
    gateway.start()
    serving = Serving(gateway, Names(), base_url="/services/aqueduct/")
    (socket,) = bind_sockets(0, "127.0.0.1")
    server = HTTPServer(Application(application_routes(serving)))
    server.add_socket(socket)
    url = f"http://127.0.0.1:{socket.getsockname()[1]}/services/aqueduct/v1/"
    found = {}
    headers = {"Authorization": "Bearer ada"}
    async with httpx.AsyncClient(base_url=url, headers=headers, trust_env=False) as ada:
        other = {"headers": {"x-api-key": "ben"}}
        async with httpx.AsyncClient(base_url=url, trust_env=False) as stranger:
            refused = await stranger.get("models")
            found["stranger"] = [refused.status_code, refused.json()["error"]["message"]]
            found["models"] = [m["id"] for m in (await ada.get("models")).json()["data"]]
            body = {"model": found["models"][0], "messages": [{"role": "user", "content": "Hi"}]}
            whole = await ada.post("chat/completions", json=body)
            found["whole"] = whole.json()["choices"][0]["message"]["content"]
            streamed = await ada.post("chat/completions", json={**body, "stream": True})
            found["streamed"] = streamed.text
            files = {"file": ("a.txt", b"hello")}
            made = await ada.post("files", files=files, data={"purpose": "user_data"})
            path = f"files/{made.json()['id']}"
            content = await ada.get(f"{path}/content", headers={"Range": "bytes=1-3"})
            found["content"] = [content.status_code, content.text]
            found["content type"] = content.headers["content-type"]
            found["of another"] = (await stranger.get(path, **other)).status_code
            listed = (await stranger.get("files", **other)).json()["data"]
            found["listed by another"] = listed
            usage = await ada.get(url.replace("v1/", "aqueduct/usage"))
            found["usage"] = usage.json()["total"]["requests"]
            found["none"] = (await ada.patch("files", content=b"x")).status_code
            found["unknown"] = (await ada.get("responses")).json()["error"]["message"]
            found["deleted"] = (await ada.delete(path)).json()["deleted"]
    server.stop()
    await gateway.close()
    found["jupyter"] = sorted(name for name in sys.modules if name.startswith("jupyter"))
    print(json.dumps(found))


asyncio.run(main(*sys.argv[1:]))
'''


def test_chat_files_and_models_are_served_without_jupyter(standin: StandIn, tmp_path: Path) -> None:
    command = [sys.executable, "-c", SCRIPT, str(tmp_path), standin.url]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["stranger"] == [401, "Say who you are."]
    assert found["models"]
    assert found["whole"] == "Hello"
    assert found["streamed"].endswith("data: [DONE]\n\n")
    assert found["content"] == [206, "ell"]
    assert found["content type"] == "text/plain"
    assert found["of another"] == 404
    assert found["listed by another"] == []
    assert found["usage"] == 2
    assert found["none"] == 405
    assert "/services/aqueduct/v1" in found["unknown"]
    assert found["deleted"] is True
    assert found["jupyter"] == []
    assert [chat.headers["authorization"] for chat in standin.chats] == ["Bearer sk-secret"] * 2
