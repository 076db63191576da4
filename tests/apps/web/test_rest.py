"""The plain HTTP interface: it answers what `Segmenter` finds, and says why when it does not."""

from __future__ import annotations

import asyncio
import io
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from fastapi import FastAPI
from PIL import Image as Pillow
from starlette.testclient import TestClient

from tests.cli.tiny import CAR, PERSON, save_tiny_model
from tests.io.image_makers import coded, png
from urban_segmentor import __version__
from urban_segmentor.apps.http.body_limits import BodyLimitMiddleware
from urban_segmentor.apps.web import rest
from urban_segmentor.apps.web.limits import UploadLimits
from urban_segmentor.apps.web.model_pool import ModelPool
from urban_segmentor.apps.web.rest import add_error_handlers, rest_router
from urban_segmentor.apps.web.server import body_limits
from urban_segmentor.inference.panoptic_segmenter import PanopticSegmenter
from urban_segmentor.inference.segmenter import Segmenter
from urban_segmentor.io.image_codec import read_image
from urban_segmentor.io.writers.instance_records import instance_records
from urban_segmentor.structures.rle import decode_rle

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from urban_segmentor.result import Result

BOUNDARY = {"content-type": "multipart/form-data; boundary=x"}
IMAGE = coded("png")


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a model that sees a car and a person everywhere."""
    return save_tiny_model(tmp_path_factory.mktemp("model") / "tiny.onnx")


@pytest.fixture(scope="module")
def real() -> TestClient:
    """Return a client of an app with the embedded model."""
    return client(ModelPool())


@pytest.fixture
def tiny(tiny_model: Path) -> TestClient:
    """Return a client of an app that has not read its small model yet."""
    return client(ModelPool(str(tiny_model)))


def client(
    engine: ModelPool,
    *,
    limits: UploadLimits | None = None,
    slots: threading.Semaphore | None = None,
) -> TestClient:
    """Return a client of an app with nothing but the plain interface."""
    app = FastAPI()
    add_error_handlers(app)
    slots = slots or threading.BoundedSemaphore(2)
    limits = limits or UploadLimits()
    app.include_router(rest_router(engine, limits=limits, slots=slots))
    limited = BodyLimitMiddleware(app, limits=body_limits(limits))
    return TestClient(limited, raise_server_exceptions=False)


def segment(one: TestClient, image: bytes = IMAGE, **fields: object) -> Any:  # noqa: ANN401
    """Return the answer to a picture, and that there is one."""
    answer = one.post("/v1/segment", files={"image": image}, data=fields)
    assert answer.status_code == 200, answer.text
    return answer.json()


def refusal(one: TestClient, status: int, image: bytes = IMAGE, **fields: object) -> str:
    """Return why there is no answer; there is a hint, and no path."""
    answer = one.post("/v1/segment", files={"image": ("secret.png", image)}, data=fields)
    return problem(answer, status)


def problem(answer: Any, status: int) -> str:  # noqa: ANN401
    """Return what an answer says is wrong."""
    assert answer.status_code == status, answer.text
    said = answer.json()
    assert set(said) == {"error", "hint"}
    assert all(said.values())
    assert not [word for word in ("/tmp", "secret", "Traceback", ".py") if word in answer.text]  # noqa: S108
    return said["error"]


def check_same(answer: Any, result: Result) -> None:  # noqa: ANN401
    """Check that an answer has the instances of a result, to the last pixel."""
    found = result.instances
    rows = instance_records(found)
    got = answer["instances"]
    keys = ("class", "class_id", "score", "box", "area_px")
    assert [tuple(one[key] for key in keys) for one in got] == [tuple(row) for row in rows]
    height, width = found.masks.image_size
    assert (answer["height"], answer["width"]) == (height, width)
    masks = decode_rle([one["rle"] for one in got], image_size=(height, width))
    np.testing.assert_array_equal(masks.dense(), found.masks.dense())


@pytest.fixture(scope="module")
def segmenter() -> Segmenter:
    """Return the embedded model."""
    return Segmenter()


def test_it_finds_what_the_segmenter_finds(
    real: TestClient, segmenter: Segmenter, street_image: Path
) -> None:
    """Exactly, and the same again when it is asked with other thresholds and classes."""
    image, data = read_image(street_image), street_image.read_bytes()
    usual = segmenter(image)
    assert len(usual) > 3
    answer = segment(real, data)
    check_same(answer, usual)
    assert answer["model"] == "urban-n"
    assert {"decode", "preprocess", "infer", "postprocess"} <= set(answer["ms"])
    other = segmenter.with_settings(conf=0.5, iou=0.4, classes=("car", "person"))(image)
    assert 0 < len(other) < len(usual)
    answer = segment(real, data, conf="0.5", iou="0.4", classes="car, person", model="urban-n")
    check_same(answer, other)
    check_same(segment(real, data), usual)


def test_turned_images_are_segmented_upright(
    real: TestClient, segmenter: Segmenter, street_image: Path, tmp_path: Path
) -> None:
    """Boxes and masks are those of the picture as a viewer shows it."""
    exif = Pillow.Exif()
    exif[0x0112] = 6
    path = tmp_path / "turned.jpg"
    with Pillow.open(street_image) as image:
        image.transpose(Pillow.Transpose.ROTATE_90).save(path, exif=exif, quality=95)
    answer = segment(real, path.read_bytes())
    assert (answer["width"], answer["height"]) == (1920, 1080)
    found = segmenter(read_image(path))
    assert len(found) > 3
    check_same(answer, found)


def test_panoptic_answers_do_not_overlap(
    real: TestClient, segmenter: Segmenter, street_image: Path
) -> None:
    """They are those of the panoptic segmenter."""
    found = PanopticSegmenter(segmenter.with_settings(iou=0.7))(read_image(street_image))
    answer = segment(real, street_image.read_bytes(), panoptic="true")
    check_same(answer, found)
    assert len(found) > 3
    assert found.instances.masks.dense().sum(axis=0).max() == 1


@pytest.mark.parametrize("size", [(1, 1), (3, 8000), (8000, 3)])
def test_odd_shapes_have_answers(real: TestClient, size: tuple[int, int]) -> None:
    """One pixel and a thread show nothing, and that is no error."""
    answer = segment(real, coded("png", Pillow.new("RGB", size)), classes="car")
    assert (answer["width"], answer["height"], answer["instances"]) == (*size, [])


def test_the_small_model_answers(tiny: TestClient) -> None:
    """A class that is not wanted is left out, and a score that is too high leaves nothing."""
    assert [one["class_id"] for one in segment(tiny)["instances"]] == [CAR, PERSON]
    assert [one["class"] for one in segment(tiny, classes="person")["instances"]] == ["person"]
    assert segment(tiny, conf=1)["instances"] == []
    assert len(segment(tiny, classes="", model="", panoptic="false")["instances"]) == 2
    assert segment(tiny)["model"] == "tiny"


def test_health_answers_before_the_model_is_read(tiny: TestClient) -> None:
    """And does not read it."""
    early = {"status": "ok", "ready": False, "version": __version__, "model": "tiny"}
    unknown: dict[str, object] = {"runtime": None, "device": None}
    for _ in range(2):
        assert tiny.get("/health").json() == early | unknown
    segment(tiny)
    late = tiny.get("/health").json()
    assert late["ready"] is True
    assert late["runtime"] in {"openvino", "onnx"}
    assert late["device"]


def test_what_is_no_image(tiny: TestClient) -> None:
    """400, whatever it is called."""
    assert refusal(tiny, 400, b"<html></html>").startswith("this is no picture")
    assert refusal(tiny, 400, b"") == "the file is empty"
    assert "damaged" in refusal(tiny, 400, IMAGE[:-20])


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"conf": "2"}, "`conf`"),
        ({"conf": "nan"}, "`conf`"),
        ({"iou": "much"}, "`iou`"),
        ({"panoptic": "perhaps"}, "`panoptic`"),
        ({"classes": "car,unicorn"}, "unicorn"),
        ({"classes": " , "}, "no class is chosen"),
        ({"model": "../../etc/passwd"}, "there is no model"),
    ],
)
def test_values_that_make_no_sense(tiny: TestClient, fields: dict[str, str], words: str) -> None:
    """422, and the name of the field."""
    assert words in refusal(tiny, 422, **fields)


def test_forms_that_are_none(tiny: TestClient) -> None:
    """Each kind has its own answer, of the same shape."""
    assert "`image`" in problem(tiny.post("/v1/segment", data={"conf": "0.5"}), 422)
    assert "`image`" in problem(tiny.post("/v1/segment", json={"image": "x"}), 422)
    assert "`image`" in problem(tiny.post("/v1/segment", data={"image": "words"}), 422)
    problem(tiny.post("/v1/segment", content=b"rubbish", headers=BOUNDARY), 400)
    for content in (b"--x\r\n", b""):
        problem(tiny.post("/v1/segment", content=content, headers=BOUNDARY), 422)
    many = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\na\r\n' * 1500
    problem(tiny.post("/v1/segment", content=many + b"--x--\r\n", headers=BOUNDARY), 400)
    problem(tiny.get("/v1/segment"), 405)
    problem(tiny.get("/v2"), 404)


def test_images_that_are_too_large(tiny_model: Path) -> None:
    """413 for pixels, for bytes that are announced, and for bytes that are not."""
    small = client(ModelPool(str(tiny_model)), limits=UploadLimits(image_bytes=100_000))
    assert "50000 x 50000" in refusal(small, 413, png(50_000, 50_000, data=b""))
    assert refusal(small, 413, IMAGE.ljust(150_000, b"\0")) == "the picture has 0 MB"
    answer = small.post("/v1/segment", files={"image": ("secret.png", bytes(300_000))})
    assert answer.status_code == 413
    assert answer.json() == {
        "error": "more than 0.2 MB were sent",
        "hint": "At most 0 MB, 36 million pixels, and 8192 pixels a side.",
    }
    assert segment(small)["instances"]


def test_a_body_without_an_end_is_not_read_to_it(tiny_model: Path) -> None:
    """It is counted as it comes in."""
    small = client(ModelPool(str(tiny_model)), limits=UploadLimits(image_bytes=100_000))

    def endless() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
        for _ in range(100):
            yield bytes(10_000)

    answer = small.post("/v1/segment", content=endless(), headers=BOUNDARY)
    assert "more than 0.2 MB" in problem(answer, 413)
    assert server_reads(small) <= 21
    assert server_reads(small, content_length="200001") == 0


def server_reads(one: TestClient, **headers: str) -> int:
    """Return how many parts of 10 kB the server asks for before it answers."""
    reads = 0
    sent: list[Any] = []

    async def receive() -> dict[str, object]:
        nonlocal reads
        reads += 1
        head = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
        return {
            "type": "http.request",
            "body": head if reads == 1 else bytes(10_000),
            "more_body": True,
        }

    async def send(message: Any) -> None:  # noqa: ANN401
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "path": "/v1/segment",
        "raw_path": b"/v1/segment",
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "headers": [
            (name.replace("_", "-").encode(), value.encode())
            for name, value in (BOUNDARY | headers).items()
        ],
    }
    asyncio.run(one.app(scope, receive, send))
    assert sent[0]["status"] == 413
    return reads


def test_a_damaged_model_is_nobody_s_business(tmp_path: Path) -> None:
    """The answer names no file of the server."""
    (tmp_path / "broken.onnx").write_bytes(b"no model")
    broken = client(ModelPool(str(tmp_path / "broken.onnx")))
    assert refusal(broken, 500) == "the server failed"
    assert broken.get("/health").json()["ready"] is False


def test_a_mistake_of_ours_is_told_without_its_stack(
    tiny: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As JSON, too."""

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("/tmp/secret")  # noqa: S108

    monkeypatch.setattr(rest, "decode_upload", fail)
    assert refusal(tiny, 500) == "the server failed"


def test_whoever_waits_too_long_is_told_to_come_back(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503, with the time after which to try again; a free place is used at once."""
    monkeypatch.setattr(rest, "_SLOT_TIMEOUT_S", 0.05)
    slots = threading.BoundedSemaphore(1)
    busy = client(ModelPool(str(tiny_model)), slots=slots)
    with slots:
        answer = busy.post("/v1/segment", files={"image": IMAGE})
    assert "too many pictures" in problem(answer, 503)
    assert int(answer.headers["retry-after"]) > 0
    for wrong in (IMAGE[:-20], b""):  # a place is given back after an error
        refusal(busy, 400, wrong)
    assert segment(busy)["instances"]


def test_a_crowd_is_turned_away_and_blocks_nobody(tiny_model: Path) -> None:
    """More than may wait get 503 at once, the health answers, and the others are served."""
    slots = threading.BoundedSemaphore(1)
    busy = client(ModelPool(str(tiny_model)), limits=UploadLimits(queue=3), slots=slots)
    with busy, ThreadPoolExecutor(8) as visitors:
        slots.acquire()
        asked = [
            visitors.submit(busy.post, "/v1/segment", files={"image": IMAGE}) for _ in range(8)
        ]
        while sum(one.done() for one in asked) < 5:
            assert busy.get("/health").status_code == 200
        slots.release()
        answers = sorted(one.result().status_code for one in asked)
    assert answers == [200] * 3 + [503] * 5


def test_only_so_many_images_are_at_work(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many are sent."""
    at_work, most, lock = 0, 0, threading.Lock()
    usual = rest.decode_upload

    def counted(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        nonlocal at_work, most
        with lock:
            at_work += 1
            most = max(most, at_work)
        threading.Event().wait(0.02)
        with lock:
            at_work -= 1
        return usual(*arguments, **options)

    monkeypatch.setattr(rest, "decode_upload", counted)
    crowded = client(ModelPool(str(tiny_model)), slots=threading.BoundedSemaphore(2))
    with crowded, ThreadPoolExecutor(8) as visitors:
        answers = list(visitors.map(lambda _: segment(crowded), range(8)))
    assert most == 2
    first = json.dumps(answers[0]["instances"])
    assert all(json.dumps(one["instances"]) == first for one in answers)


def test_the_description_is_complete(tiny: TestClient) -> None:
    """All fields and errors are described, and the example is a real one."""
    described = tiny.get("/openapi.json").json()
    assert set(described["paths"]) == {"/health", "/v1/segment"}
    answers = described["paths"]["/v1/segment"]["post"]["responses"]
    assert set(answers) == {"200", "400", "413", "422", "500", "503"}
    assert "Retry-After" in answers["503"]["headers"]
    assert all(one["content"]["application/json"]["schema"] for one in answers.values())
    schemas = described["components"]["schemas"]
    form = next(schema for name, schema in schemas.items() if name.startswith("Body"))
    assert set(form["properties"]) == {"image", "conf", "iou", "classes", "panoptic", "model"}
    assert all(one.get("description") for one in form["properties"].values())
    assert [form["properties"][name]["maximum"] for name in ("conf", "iou")] == [1, 1]
    (example,) = schemas["SegmentResponse"]["examples"]
    (car,) = example["instances"]
    (mask,) = decode_rle([car["rle"]], image_size=(48, 64)).dense()
    ys, xs = np.nonzero(mask)
    assert [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1] == car["box"]
    assert mask.sum() == car["area_px"]


def test_uploads_leave_nothing_open(tiny: TestClient) -> None:
    """Large pictures are spooled to files that have no name, and are closed again."""
    noise = np.random.default_rng(0).integers(0, 256, (900, 900, 3), dtype=np.uint8)
    out = io.BytesIO()
    Pillow.fromarray(noise).save(out, "PNG")
    assert len(out.getvalue()) > 2_000_000
    import psutil

    before = psutil.Process().num_fds()
    for _ in range(3):
        segment(tiny, out.getvalue())
    assert psutil.Process().num_fds() <= before + 1


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/v1/segment", 405), ("PUT", "/v1/segment", 405), ("POST", "/v1/segments", 404)],
)
def test_wrong_methods_and_paths(tiny: TestClient, method: str, path: str, status: int) -> None:
    """The answer shows a call that is right."""
    reply = tiny.request(method, path)
    assert reply.status_code == status
    assert reply.json()["hint"].startswith("curl -F image=")
