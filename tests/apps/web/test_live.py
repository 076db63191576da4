"""Frames of a visitor's camera: drawn on as everywhere else, or refused with a reason."""

from __future__ import annotations

import asyncio
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
from fastapi import FastAPI
from PIL import Image as Pillow
from starlette.testclient import TestClient

from tests.cli.tiny import save_tiny_model
from tests.io.image_makers import coded
from urban_segmentor.apps.web import live
from urban_segmentor.apps.web.limits import UploadLimits
from urban_segmentor.apps.web.live import MAX_FRAME_BYTES, live_router
from urban_segmentor.apps.web.model_pool import ModelPool
from urban_segmentor.apps.web.rest import add_error_handlers
from urban_segmentor.apps.web.segment_options import SegmentOptions
from urban_segmentor.synthetic import Street

if TYPE_CHECKING:
    from starlette.types import Message

    from urban_segmentor.structures.frame import Image

JPEG = {"content-type": "image/jpeg"}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> ModelPool:
    """Return an engine whose model sees a car and a person everywhere."""
    return ModelPool(str(save_tiny_model(tmp_path_factory.mktemp("model") / "tiny.onnx")))


@pytest.fixture(scope="module")
def frame() -> bytes:
    """Return a frame as a browser sends it, 640 x 480 pixels."""
    shot = next(iter(Street(size=(480, 640), seed=3).shots(seconds=1.0)))
    return coded("jpg", Pillow.fromarray(shot.frame.image), quality=80)


def build(engine: ModelPool, *, slots: threading.Semaphore | None = None) -> FastAPI:
    """Return an app with nothing but the route."""
    app = FastAPI()
    add_error_handlers(app)
    slots = slots or threading.BoundedSemaphore(2)
    app.include_router(live_router(engine, limits=UploadLimits(), slots=slots))
    return app


def client(engine: ModelPool, *, slots: threading.Semaphore | None = None) -> TestClient:
    """Return a client of it."""
    return TestClient(build(engine, slots=slots), raise_server_exceptions=False)


def refusal(engine: ModelPool, status: int, body: bytes, query: str = "") -> str:
    """Return why a frame was refused; there is a hint, and the next frame is taken."""
    one = client(engine)
    answer = one.post(f"/live{query}", content=body, headers=JPEG)
    assert answer.status_code == status, answer.text
    said = answer.json()
    assert set(said) == {"error", "hint"}
    assert all(said.values())
    assert one.post("/live", content=coded("jpg")).status_code == 200
    return said["error"]


def decoded(data: bytes) -> Image:
    """Return a JPEG as uint8 (H, W, 3), RGB."""
    return cv2.cvtColor(cv2.imdecode(np.frombuffer(data, np.uint8), 1), cv2.COLOR_BGR2RGB)


def drawn_by(engine: ModelPool, data: bytes, **choices: Any) -> tuple[Image, list[str]]:  # noqa: ANN401
    """Return what the library draws, uint8 (H, W, 3), RGB, and the classes found."""
    chosen, image = SegmentOptions(**choices), decoded(data)
    found = engine.segmenter_for(chosen)(image)
    drawn = engine.overlay(chosen).draw(found)
    return drawn, [instance.class_name for instance in found]


def coded_and_back(image: Image) -> Image:
    """Return what a JPEG of the usual quality leaves of a picture, uint8 (H, W, 3), RGB."""
    return decoded(coded("jpg", Pillow.fromarray(image), quality=80))


def far(first: Image, second: Image) -> float:
    """Return how far two pictures are apart, mean of levels."""
    assert first.shape == second.shape
    return float(np.abs(first.astype(int) - second).mean())


@pytest.mark.parametrize(
    ("query", "choices"),
    [
        ("", {}),
        ("?classes=car,person&opacity=0.9", {"classes": ("car", "person"), "opacity": 0.9}),
        ("?panoptic=1&palette=safe", {"panoptic": True, "palette": "safe"}),
        ("?masks_only=1&conf=0.6", {"masks_only": True, "conf": 0.6}),
    ],
)
def test_a_frame_comes_back_as_the_library_draws_it(
    frame: bytes, query: str, choices: dict[str, Any]
) -> None:
    """With the choices in the query; the headers count what was found, commonest first."""
    engine = ModelPool()
    answer = client(engine).post(f"/live{query}", content=frame, headers=JPEG)
    assert answer.status_code == 200, answer.text
    wanted, names = drawn_by(engine, frame, **choices)
    got = decoded(answer.content)
    assert far(got, coded_and_back(wanted)) < 0.1
    assert far(got, coded_and_back(decoded(frame))) > 1
    assert names
    assert answer.headers["x-instances"] == str(len(names))
    seen = [part.split(" ", 1) for part in answer.headers["x-seen"].split(", ")]
    assert {name: int(count) for count, name in seen}.items() <= {
        name: names.count(name) for name in names
    }.items()
    assert [int(count) for count, _ in seen] == sorted(map(names.count, set(names)))[::-1][:3]


def test_the_headers_say_where_the_time_went(tiny: ModelPool) -> None:
    """In stages that a browser's own tools show; nothing is kept on the way."""
    answer = client(tiny).post("/live", content=coded("jpg"), headers=JPEG)
    stages = dict(re.findall(r"(\w+);dur=([\d.]+)", answer.headers["server-timing"]))
    assert list(stages) == ["decode", "infer", "draw", "encode"]
    assert float(stages["infer"]) > 0
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("suffix", ["png", "webp", "bmp"])
def test_only_jpeg_is_taken(tiny: ModelPool, suffix: str) -> None:
    """Whatever the request calls it."""
    assert "no JPEG" in refusal(tiny, 400, coded(suffix))


def test_an_empty_body_is_refused(tiny: ModelPool) -> None:
    """It is no JPEG either."""
    assert "no JPEG" in refusal(tiny, 400, b"")


def test_a_damaged_frame_is_refused(tiny: ModelPool, frame: bytes) -> None:
    """One whose end is missing, and one that only begins like a JPEG."""
    assert "damaged" in refusal(tiny, 400, frame[: len(frame) // 2])
    assert refusal(tiny, 400, b"\xff\xd8\xff" + bytes(1000))


def test_too_many_bytes_are_refused(tiny: ModelPool) -> None:
    """A film behind a picture is read by nobody."""
    body = coded("jpg")
    body += bytes(MAX_FRAME_BYTES - len(body))
    assert client(tiny).post("/live", content=body).status_code == 200
    assert "2 MB" in refusal(tiny, 413, body + b"\0")


def test_too_large_a_side_is_refused(tiny: ModelPool) -> None:
    """1920 pixels are taken, one more is not."""
    largest = coded("jpg", Pillow.new("RGB", (1920, 8)))
    assert client(tiny).post("/live", content=largest).status_code == 200
    assert "8 x 1921" in refusal(tiny, 413, coded("jpg", Pillow.new("RGB", (8, 1921))))


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("?classes=unicorn", "unicorn"),
        ("?classes=", "no class"),
        ("?conf=2", "conf"),
        ("?conf=much", "much"),
        ("?model=../../secret", "no model"),
        ("?palette=grey", "palette"),
    ],
)
def test_a_wrong_choice_is_said(tiny: ModelPool, query: str, word: str) -> None:
    """By its name."""
    assert word in refusal(tiny, 422, coded("jpg"), query)


def test_a_busy_server_says_so_and_recovers(
    tiny: ModelPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While all slots are taken; a slot is given back after every answer, good or bad."""
    monkeypatch.setattr(live, "_SLOT_TIMEOUT_S", 0.05)
    slots = threading.BoundedSemaphore(1)
    one = client(tiny, slots=slots)
    with slots:
        answer = one.post("/live", content=coded("jpg"))
    assert answer.status_code == 503
    assert "busy" in answer.json()["error"]
    assert int(answer.headers["retry-after"]) > 0
    assert one.post("/live", content=coded("jpg")[:-30]).status_code == 400
    assert one.post("/live", content=coded("jpg")).status_code == 200


def test_more_frames_than_may_wait_are_turned_away_at_once(
    tiny: ModelPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others wait, and are answered."""
    monkeypatch.setattr(live, "_SLOT_TIMEOUT_S", 20.0)
    monkeypatch.setattr(live, "_MAX_WAITING", 3)
    slots = threading.BoundedSemaphore(1)
    with client(tiny, slots=slots) as one, ThreadPoolExecutor(8) as visitors:
        slots.acquire()
        asked = [visitors.submit(one.post, "/live", content=coded("jpg")) for _ in range(8)]
        while sum(sending.done() for sending in asked) < 5:
            pass
        slots.release()
        answers = sorted(sending.result().status_code for sending in asked)
    assert answers == [200] * 3 + [503] * 5


def test_whoever_leaves_while_sending_harms_nobody(tiny: ModelPool) -> None:
    """It is no error of the server, and fills no log."""
    sent: list[Message] = []

    async def leave() -> None:
        messages: list[Message] = [
            {"type": "http.request", "body": b"\xff\xd8\xff", "more_body": True},
            {"type": "http.disconnect"},
        ]

        async def receive() -> Message:
            return messages.pop(0)

        async def send(message: Message) -> None:
            sent.append(message)

        scope = {
            "type": "http", "http_version": "1.1", "method": "POST", "scheme": "http",
            "path": "/live", "raw_path": b"/live", "query_string": b"", "root_path": "",
            "headers": [], "client": None, "server": None,
        }  # fmt: skip
        await build(tiny)(scope, receive, send)

    asyncio.run(leave())
    assert sent[0]["status"] == 499


def test_turned_frames_keep_their_size(tiny: ModelPool) -> None:
    """A phone that is held upright gets a picture that stands upright."""
    body = coded("jpg", Pillow.new("RGB", (48, 64)))
    answer = client(tiny).post("/live", content=body, headers=JPEG)
    assert decoded(answer.content).shape == (64, 48, 3)
