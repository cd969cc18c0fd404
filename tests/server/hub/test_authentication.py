"""Whose a token is: what the hub is asked, how long it is believed, and what else it may say."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine
from tornado.web import Application, RequestHandler

from aqueduct_jupyter.gateway.entry import Caller
from aqueduct_jupyter.gateway.requests.shared_agent_keys import SharedAgentKeys
from aqueduct_jupyter.gateway.stores.agent_keys import AgentKeyStore
from aqueduct_jupyter.gateway.stores.sqlite import SQLiteDatabase
from aqueduct_jupyter.protocol.agent_keys import KeyRequest
from aqueduct_jupyter.protocol.errors import (
    AuthenticationError,
    PermissionDeniedError,
    UnavailableError,
)
from aqueduct_jupyter.server.hub.authentication import ADMIN_SCOPE, HubAuthenticator

from .standin_hub import ACCESS, Hub


async def caller(authenticator: HubAuthenticator, token: str, **headers: str) -> Caller:
    line = RequestStartLine("GET", "/v1/models", "HTTP/1.1")
    request = HTTPServerRequest(start_line=line, headers=HTTPHeaders({"Host": "here"}))
    request.headers.update({"Authorization": f"Bearer {token}"} if token else {})
    request.headers.update({name.replace("_", "-"): value for name, value in headers.items()})

    class Connection:
        def set_close_callback(self, callback: object) -> None: ...

    request.connection = Connection()  # type: ignore[assignment]
    handler = RequestHandler(Application(cookie_secret="s"), request)
    found = await authenticator.authenticate(handler)
    assert handler.current_user == found.owner
    return found


async def test_a_user_has_a_name_groups_and_maybe_more_rights(hub: Hub) -> None:
    hub.add("t-ada", "ada", groups=["students", "tutors"])
    hub.add("t-carol", "carol", ADMIN_SCOPE)
    hub.add("t-monitor", "monitor", kind="service")
    asking = hub.authenticator()
    assert await caller(asking, "t-ada") == Caller("ada", groups=frozenset({"students", "tutors"}))
    assert (await caller(asking, "t-carol")).is_admin
    # No user can be taken for a service of the same name.
    assert (await caller(asking, "t-monitor")).owner == "service:monitor"


async def test_a_server_says_for_which_kernel_it_asks_and_gets_no_more_rights(hub: Hub) -> None:
    hub.add("t", "carol", ADMIN_SCOPE)
    asking = hub.authenticator()
    kernel = await caller(asking, "t", X_Aqueduct_Kernel="3f-1")
    assert (kernel.kernel, kernel.key, kernel.is_admin) == ("3f-1", "3f-1", False)
    for odd in ("server", "agent:x", "a" * 65, "k/../x"):
        found = await caller(asking, "t", X_Aqueduct_Kernel=odd)
        assert (found.kernel, found.key, found.is_admin) == (None, "server", False)


async def test_an_answer_is_believed_for_some_seconds(hub: Hub) -> None:
    hub.add("t", "ada")
    asking = hub.authenticator()
    await caller(asking, "t")
    hub.now = 59
    await caller(asking, "t")
    assert hub.asked == ["t"]
    hub.now = 61
    del hub.users["t"]
    with pytest.raises(AuthenticationError, match="does not know this token"):
        await caller(asking, "t")
    assert hub.asked == ["t", "t"]


async def test_many_requests_at_once_ask_once(hub: Hub) -> None:
    hub.add("t", "ada")
    hub.gate.clear()
    asking = hub.authenticator()
    callers = [asyncio.create_task(caller(asking, "t")) for _ in range(50)]
    await hub.is_asked.wait()
    callers.pop().cancel()  # who leaves takes nobody along
    hub.gate.set()
    assert {found.owner for found in await asyncio.gather(*callers)} == {"ada"}
    assert hub.asked == ["t"]


async def test_an_unknown_token_is_not_asked_about_again_and_again(hub: Hub) -> None:
    asking = hub.authenticator()
    for _ in range(3):
        with pytest.raises(AuthenticationError):
            await caller(asking, "t")
    assert hub.asked == ["t"]
    hub.add("t", "ada")
    hub.now = 6
    assert (await caller(asking, "t")).owner == "ada"
    with pytest.raises(AuthenticationError, match="has no token"):
        await caller(asking, "")


async def test_an_agents_key_is_worth_as_much_as_the_token_that_made_it(
    hub: Hub, tmp_path: Path
) -> None:
    database = SQLiteDatabase(tmp_path / "aqueduct.sqlite")
    hub.agent_keys = SharedAgentKeys(AgentKeyStore(database))
    hub.add("t-ada", "ada", ADMIN_SCOPE, groups=["students"])
    asking = hub.authenticator()
    ada = await caller(asking, "t-ada")
    key = (await hub.agent_keys.make("ada", KeyRequest(name="codex"), ada.token)).key
    found = await caller(asking, key)
    assert (found.owner, found.is_agent, found.is_admin) == ("ada", True, False)
    assert (found.groups, found.token) == ({"students"}, "")
    # Who passes it on must be the server of the same user.
    assert (await caller(asking, key, X_Aqueduct_Owner="ada")).owner == "ada"
    with pytest.raises(AuthenticationError, match="belongs to another user's server"):
        await caller(asking, key, X_Aqueduct_Owner="ben")
    with pytest.raises(AuthenticationError, match="has expired or was revoked"):
        await caller(asking, f"{key}x")
    assert hub.asked == ["t-ada"]
    hub.add("t-ada", "ada", groups=["tutors"])
    hub.now += 61
    assert (await caller(asking, key)).groups == {"tutors"}
    del hub.users["t-ada"]  # the server was stopped, or its user deleted
    hub.now += 61
    with pytest.raises(AuthenticationError, match="ended with the token that it was made with"):
        await caller(asking, key)
    hub.add("t-ada", "ada", scopes=["self"])
    hub.now += 61
    with pytest.raises(PermissionDeniedError, match="it needs the scope"):
        await caller(asking, key)
    await database.close()


async def test_a_token_needs_the_services_scope(hub: Hub) -> None:
    hub.add("t", "ada", scopes=["access:services!service=other", "self"])
    with pytest.raises(PermissionDeniedError, match=f"it needs the scope {ACCESS}"):
        await caller(hub.authenticator(), "t")


async def test_a_hub_that_is_away_stops_only_who_is_not_known(hub: Hub) -> None:
    hub.add("known", "ada")
    hub.add("new", "ben")
    asking = hub.authenticator()
    await caller(asking, "known")
    hub.status = 502
    assert (await caller(asking, "known")).owner == "ada"
    with pytest.raises(UnavailableError) as caught:
        await caller(asking, "new")
    assert (caught.value.code, caught.value.retry_after) == ("hub_unavailable", 5)
    hub.status = 200
    assert (await caller(asking, "new")).owner == "ben"
    hub.server.stop()
    await hub.server.close_all_connections()
    hub.add("late", "cem")
    with pytest.raises(UnavailableError):
        await caller(asking, "late")
