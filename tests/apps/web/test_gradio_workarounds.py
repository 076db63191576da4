"""What Gradio does that the app cannot have: it still does, and the app does not."""

from __future__ import annotations

import asyncio
import inspect
import json
import subprocess
import sys
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import JSONResponse, Response
from starlette.testclient import TestClient

from urban_segmentor.apps.web.gradio_workarounds import (
    PathMaskingMiddleware,
    ReplacingReceive,
    set_gradio_environment,
    undecoded_upload,
)

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

INSIDE = Path("/srv/visitors-0123456789abcdef-xyz")


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Tell path and body as they came in, and the folder of the server."""
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    if scope["path"].endswith("/file"):
        await Response(str(INSIDE).encode(), media_type="image/png")(scope, receive, send)
        return
    told = {"path": scope["path"], "body": body.decode("latin-1"), "folder": str(INSIDE)}
    await JSONResponse(told)(scope, receive, send)


UPLOAD = """
import gradio as gr
from fastapi import FastAPI
from starlette.testclient import TestClient

with gr.Blocks(analytics_enabled=False) as page:
    gr.Image()
app = gr.mount_gradio_app(FastAPI(), page, path="/")
print(*TestClient(app).post("/gradio_api/upload", files={"files": ("a.txt", b"text")}).json())
"""


def test_gradio_still_tells_where_uploads_lie() -> None:
    """Once it does not, paths need no masking."""
    # In a process of its own, as the loop that Gradio starts is never closed.
    done = subprocess.run(
        [sys.executable, "-c", UPLOAD], check=True, capture_output=True, text=True
    )
    told = Path(done.stdout.strip())
    assert told.is_absolute()
    assert told.read_bytes() == b"text"


def test_gradio_still_decodes_uploads(tmp_path: Path) -> None:
    """Once it hands out the path alone, components need no change."""
    import gradio as gr
    from gradio.data_classes import ImageData

    (tmp_path / "a.png").write_bytes(b"no image")
    upload = gr.Image(type="filepath")
    payload = ImageData(path=str(tmp_path / "a.png"), orig_name="a.png")
    with pytest.raises(Exception, match="cannot identify image"):
        upload.preprocess(payload)
    changed = undecoded_upload(upload)
    assert changed is upload
    assert changed.preprocess(payload) == payload.path
    assert changed.preprocess(None) is None


def test_gradio_still_writes_beside_subclasses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once it does not, a subclass can take uploads as they are."""
    source = tmp_path / "own_upload.py"
    source.write_text("import gradio as gr\n\n\nclass Upload(gr.Image):\n    pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    import_module("own_upload")
    monkeypatch.delitem(sys.modules, "own_upload")
    assert source.with_suffix(".pyi").exists()


def test_gradio_still_asks_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once `mount_gradio_app` takes both, the environment can stay as it is."""
    import gradio as gr
    from gradio import analytics, route_utils

    monkeypatch.setenv("GRADIO_TEMP_DIR", "")
    monkeypatch.setenv("GRADIO_ANALYTICS_ENABLED", "True")
    assert analytics.analytics_enabled()
    set_gradio_environment(tmp_path)
    assert not analytics.analytics_enabled()
    assert str(tmp_path) != route_utils.DEFAULT_TEMP_DIR  # which it read when it was imported
    taken = set(inspect.signature(gr.mount_gradio_app).parameters)
    assert not {name for name in taken if "analytics" in name or "temp" in name or "cache" in name}


@pytest.fixture
def aliased() -> TestClient:
    """Return a client of the app behind aliases."""
    return TestClient(PathMaskingMiddleware(echo, folder=INSIDE, prefix="/gradio_api"))


def test_the_server_s_folder_is_never_told(aliased: TestClient) -> None:
    """Answers have another name of the same length."""
    told = aliased.get("/gradio_api/info").json()
    assert str(INSIDE) not in json.dumps(told)
    assert len(told["folder"]) == len(str(INSIDE))


def test_the_other_name_leads_back(aliased: TestClient) -> None:
    """What a visitor sends back means the folder again, in paths and in JSON."""
    outside = aliased.get("/gradio_api/info").json()["folder"]
    inner = echoed_inside(aliased, f"/gradio_api/file={outside}/a.png")
    assert inner["path"] == f"/gradio_api/file={outside}/a.png"  # told back by its other name
    reply = aliased.post("/gradio_api/call", json={"path": f"{outside}/a.png"}).json()
    assert f"{outside}/a.png" in reply["body"]


def echoed_inside(aliased: TestClient, path: str) -> dict[str, str]:
    """Return what the app was told, through the same door."""
    return aliased.get(path).json()


def test_what_the_app_sees_is_the_folder() -> None:
    """Behind the alias the true path arrives."""
    seen: list[tuple[str, bytes]] = []

    async def note(scope: Scope, receive: Receive, send: Send) -> None:
        message = await receive()
        seen.append((scope["path"], message.get("body", b"")))
        await JSONResponse({})(scope, receive, send)

    inner = TestClient(PathMaskingMiddleware(note, folder=INSIDE, prefix="/gradio_api"))
    outside = TestClient(PathMaskingMiddleware(echo, folder=INSIDE, prefix="/gradio_api"))
    name = outside.get("/gradio_api/info").json()["folder"]
    inner.post(f"/gradio_api/file={name}/a.png", json={"path": f"{name}/b.png"})
    path, body = seen[0]
    assert path == f"/gradio_api/file={INSIDE}/a.png"
    assert json.loads(body)["path"] == f"{INSIDE}/b.png"


def test_files_go_through_as_they_are(aliased: TestClient) -> None:
    """Bytes of pictures are not touched, whatever they contain."""
    assert aliased.get("/gradio_api/file").content == str(INSIDE).encode()


@given(cuts=st.lists(st.integers(0, 60), max_size=6))
def test_a_name_across_parts_is_found(cuts: list[int]) -> None:
    """However a body is cut, it arrives whole and changed."""
    body = b'{"a": "/files--/x", "b": "/files--/files--"}'
    edges = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    parts = [body[a:b] for a, b in pairwise(edges)]

    async def collect() -> bytes:
        waiting = list(parts)

        async def receive() -> Message:
            part = waiting.pop(0)
            return {"type": "http.request", "body": part, "more_body": bool(waiting)}

        swapped = ReplacingReceive(receive, b"/files--", b"/inside/")
        found = b""
        while True:
            message = await swapped()
            found += message["body"]
            if not message.get("more_body"):
                return found

    assert asyncio.run(collect()) == body.replace(b"/files--", b"/inside/")
