"""Access to the app: other sites, closed routes and passwords, before an app that only echoes."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING

import pytest
from starlette.responses import JSONResponse
from starlette.testclient import TestClient

from urban_segmentor.apps.http.access import OriginMiddleware
from urban_segmentor.apps.web.gradio_workarounds import GradioRoutesMiddleware
from urban_segmentor.apps.web.server import with_password

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

WORD = "a long word: yes"


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Tell the path as it came in."""
    await JSONResponse({"path": scope["path"]})(scope, receive, send)


def client(*, password: str | None = None, is_local: bool = True) -> TestClient:
    """Return a client of the app behind doors."""
    app = echo if password is None else with_password(echo, password)
    hosts, cross_site = ([], "reads") if is_local else (None, "all")
    app = OriginMiddleware(app, hosts=hosts, cross_site=cross_site)
    return TestClient(GradioRoutesMiddleware(app), base_url="http://localhost")


def basic(word: str, user: str = "me") -> dict[str, str]:
    """Return the header that carries a password."""
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{word}".encode()).decode()}


def test_the_api_has_two_names() -> None:
    """`/api/...` is where Gradio has its own."""
    assert client().get("/api/info").json()["path"] == "/gradio_api/info"
    assert client().get("/apis").json()["path"] == "/apis"


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/proxy=http://127.0.0.1:22/",
        "/api/proxy=http://127.0.0.1:22/",
        "/gradio_api/runs",
        "/gradio_api/run-history/buckets",
        "/gradio_api/process_recording",
        "/gradio_api/vibe-edit",
        "/gradio_api/token",
        "/monitoring/summary",
        "/gradio_api/custom_component/x/server/y/z.js",
    ],
)
def test_ways_that_nobody_needs_are_shut(path: str) -> None:
    """Neither proxies nor development tools answer."""
    assert client().get(path).status_code == 404
    assert client().post(path).status_code == 404


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_other_pages_may_not_post(site: str) -> None:
    """A page elsewhere cannot use a visitor's own server."""
    headers = {"Sec-Fetch-Site": site}
    assert client().post("/v1/segment", headers=headers).status_code == 403
    assert client().get("/", headers=headers).status_code == 200
    assert client(is_local=False).post("/v1/segment", headers=headers).status_code == 200
    assert client().post("/v1/segment", headers={"Sec-Fetch-Site": "same-origin"}).is_success


@pytest.mark.parametrize(
    ("host", "status"),
    [("127.0.0.1:7860", 200), ("[::1]", 200), ("evil.example", 403), ("a b", 400)],
)
def test_names_of_other_machines(host: str, status: int) -> None:
    """A name that was bent to this machine opens nothing."""
    assert client().get("/", headers={"Host": host}).status_code == status
    assert client(is_local=False).get("/", headers={"Host": "evil.example"}).status_code == 200


def test_a_proxy_may_have_another_name() -> None:
    """Where browsers do not tell the site, the origin has to be the name that was asked for."""
    headers = {"Origin": "http://street.example"}
    assert client().post("/v1/segment", headers=headers).status_code == 403
    forwarded = headers | {"X-Forwarded-Host": "street.example"}
    assert client().post("/v1/segment", headers=forwarded).status_code == 200


def test_guessing_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """After five wrong passwords even the right one is not looked at for a while."""
    monkeypatch.setattr("urban_segmentor.apps.http.access._FAILURE_DELAY_S", 0.0)
    behind = client(password=WORD)
    for _ in range(5):
        assert behind.get("/", headers=basic("wrong")).status_code == 401
    late = behind.get("/", headers=basic(WORD))
    assert (late.status_code, "wrong passwords" in late.json()["error"]) == (429, True)
    assert behind.get("/health").status_code == 200
    monkeypatch.setattr("urban_segmentor.apps.http.access._LOCKOUT_S", 0.0)
    assert behind.get("/", headers=basic(WORD)).status_code == 200


def test_a_password_keeps_others_out() -> None:
    """Any name goes with the right word; everything but the health is behind it."""
    behind = client(password=WORD)
    assert behind.get("/").status_code == 401
    assert behind.get("/").headers["www-authenticate"].startswith("Basic")
    assert behind.get("/", headers=basic("wrong")).status_code == 401
    assert behind.get("/", headers={"Authorization": "Basic ???"}).status_code == 401
    assert behind.get("/", headers={"Authorization": f"Bearer {WORD}"}).status_code == 401
    assert behind.post("/live").status_code == 401
    assert behind.get("/results/x/y").status_code == 401
    assert behind.get("/health").status_code == 200
    for user in ("me", "", "somebody else"):
        assert behind.get("/", headers=basic(WORD, user)).status_code == 200


def test_sockets_are_closed() -> None:
    """There are none, so that nobody can come in by one."""
    sent: list[Message] = []

    async def ask() -> None:
        async def receive() -> Message:
            return {"type": "websocket.connect"}

        async def send(message: Message) -> None:
            sent.append(message)

        scope = {"type": "websocket", "path": "/", "headers": []}
        await OriginMiddleware(echo, hosts=None, cross_site="all")(scope, receive, send)

    asyncio.run(ask())
    assert [message["type"] for message in sent] == ["websocket.close"]
