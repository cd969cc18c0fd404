"""A page of another origin: what it may send, and that it can read every answer, errors too."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from ...standin import StandIn
from ..conftest import Ask

PAGE = "http://localhost:18980"
OPENAI_SENDS = (
    "accept,authorization,content-type,idempotency-key,openai-organization,x-stainless-arch,"
    "x-stainless-lang,x-stainless-os,x-stainless-package-version,x-stainless-retry-count,"
    "x-stainless-runtime,x-stainless-runtime-version,x-stainless-timeout"
)


class TestWithAnOrigin:
    @pytest.fixture(params=["allow_origin", "allow_origin_pat"])
    def jp_server_config(
        self, request: pytest.FixtureRequest, jp_server_config: dict[str, Any]
    ) -> dict[str, Any]:
        jp_server_config["ServerApp"][request.param] = PAGE
        return jp_server_config

    async def test_every_answer_can_be_read(self, connect: Ask, standin: StandIn) -> None:
        standin.reply(
            {"error": {"message": "Slow down."}}, status=429, headers={"Retry-After": "9"}
        )
        body = {"model": "real-name", "messages": [{"role": "user", "content": "Hi"}]}
        asked: list[tuple[int, str | None, str, Any]] = [
            (429, "", "v1/chat/completions", body),
            (200, "", "v1/chat/completions", body),
            (200, "", "v1/chat/completions", {**body, "stream": True}),
            (400, "", "v1/chat/completions", {}),
            (404, "", "v1/chat/completions", {**body, "model": "x"}),
            (404, "", "v1/nothing", {}),
            (405, "", "v1/models", {}),
            (401, None, "v1/chat/completions", body),
        ]
        for status, token, path, words in asked:
            http = connect(token) if token is None else connect()
            response = await http.post(path, json=words, headers={"Origin": PAGE})
            await http.aclose()
            assert response.status_code == status, path
            assert response.headers["access-control-allow-origin"] == PAGE, (status, path)
            exposed = response.headers["access-control-expose-headers"].split(", ")
            assert {"x-request-id", "retry-after", "x-ratelimit-remaining-tokens"} <= set(exposed)
            sent = {name for name in response.headers if name.startswith(("x-", "retry-"))}
            hidden = {"x-content-type-options", "x-accel-buffering"}
            assert sent - hidden <= set(exposed)

    async def test_an_unexpected_error_can_be_read(
        self, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def fail(_: Any) -> None:
            raise RuntimeError("out of the blue")

        monkeypatch.setattr("aqueduct_jupyter.server.http.models.ModelsHandler.get", fail)
        response = await http.get("v1/models", headers={"Origin": PAGE})
        assert response.status_code == 500
        assert response.headers["access-control-allow-origin"] == PAGE

    async def test_what_openais_client_sends_is_allowed_without_a_token(self, connect: Ask) -> None:
        async with connect(None) as http:
            response = await http.options(
                "v1/chat/completions",
                headers={
                    "Origin": PAGE,
                    "Access-Control-Request-Method": "POST",
                    "Access-Control-Request-Headers": OPENAI_SENDS,
                },
            )
        assert response.status_code == 200
        assert response.headers["access-control-allow-origin"] == PAGE
        allowed = set(response.headers["access-control-allow-headers"].split(", "))
        assert set(OPENAI_SENDS.split(",")) <= allowed
        assert "POST" in response.headers["access-control-allow-methods"]

    @pytest.mark.parametrize("asked", ["a b", "x: y", "x" * 81, "\u00e9", "<b>", ",,,"])
    async def test_what_is_no_name_of_a_header_is_not_repeated(
        self, connect: Ask, asked: str
    ) -> None:
        headers = {"Origin": PAGE, "Access-Control-Request-Headers": asked.encode()}
        async with connect(None) as http:
            response = await http.options("v1/models", headers=headers)
        said = response.headers["access-control-allow-headers"]
        assert said == "accept, content-type, authorization, x-xsrftoken"


async def test_without_an_origin_in_the_settings_no_page_may_ask(connect: Ask) -> None:
    headers = {"Origin": PAGE, "Access-Control-Request-Headers": OPENAI_SENDS}
    async with connect(None) as http:
        response = await http.options("v1/chat/completions", headers=headers)
        assert "access-control-allow-origin" not in response.headers
        refused = await http.get("v1/models", headers={"Origin": PAGE})
        assert refused.status_code == 401
        assert not refused.headers.get("access-control-allow-origin")
