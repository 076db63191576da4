"""The page's functions as programs call them, through Gradio's own client and by plain HTTP."""

from __future__ import annotations

import csv
import json
import re
import urllib.parse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import pytest

from urban_segmentor.inference.segmenter import Segmenter
from urban_segmentor.io.image_codec import read_image
from urban_segmentor.io.video_reader import VideoReader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradio_client import Client

    from tests.apps.web.running import RunningApp


@pytest.fixture(scope="module")
def client(app: RunningApp, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Return Gradio's client."""
    import gradio_client

    downloads = tmp_path_factory.mktemp("downloads")
    client = gradio_client.Client(app.url, verbose=False, download_files=str(downloads))
    yield client
    client.close()


def test_a_image(client: Client, street_image: Path) -> None:
    """The overlay has the picture's size, and the instances are those of the library."""
    from gradio_client import handle_file

    overlay, coco, facts = client.predict(handle_file(str(street_image)), api_name="/segment")
    image = read_image(street_image)
    found = Segmenter("urban-n")(image)
    assert len(facts["instances"]) == len(found) > 5
    assert facts["size"] == [1920, 1080]
    assert sum(row["count"] for row in facts["classes"]) == len(found)
    assert cv2.imread(overlay).shape == image.shape
    told = json.loads(Path(coco).read_text("utf-8"))
    assert len(told["annotations"]) == len(found)
    assert told["images"][0]["file_name"] == street_image.name


def test_arguments_are_taken_by_name(client: Client, street_image: Path) -> None:
    """Classes, score and model; the most of them together."""
    from gradio_client import handle_file

    answer = client.predict(
        image=handle_file(str(street_image)),
        conf=0.5,
        classes=["car"],
        panoptic=True,
        masks_only=True,
        opacity=1.0,
        palette="safe",
        model="urban-n-int8",
        api_name="/segment",
    )
    assert {row["name"] for row in answer[2]["classes"]} == {"car"}
    assert all(one["score"] >= 0.5 for one in answer[2]["instances"])


def test_a_video(client: Client, street_clip: Path) -> None:
    """A film, a line and some rows a frame, and what was counted."""
    from gradio_client import handle_file

    video, lines, table, facts = client.predict(
        video=handle_file(str(street_clip)), api_name="/segment_video"
    )
    source = VideoReader(Path(video), name="frame")
    frames = sum(1 for _ in source)
    source.close()
    rows = [json.loads(line) for line in Path(lines).read_text("utf-8").splitlines()]
    assert frames == facts["frames"] == 50 == sum("instances" in row for row in rows)
    with Path(table).open(newline="") as file:
        objects = list(csv.DictReader(file))
    assert len(objects) == sum(len(row.get("instances", ())) for row in rows) > 0
    assert facts["totals"]


def test_the_models(client: Client) -> None:
    """With their classes."""
    models = client.predict(api_name="/models")
    assert set(models) >= {"urban-n", "urban-n-int8"}
    assert "car" in models["urban-n"]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"conf": 1.5}, "0 to 1"),
        ({"classes": ["unicorn"]}, "unicorn"),
        ({"classes": []}, "no class"),
        ({"model": "../../etc/passwd"}, "there is no model"),
        ({"palette": "pretty"}, "palette"),
    ],
)
def test_wrong_values_are_told(
    client: Client, street_image: Path, wrong: dict[str, Any], words: str
) -> None:
    """In a sentence, without a path of the server."""
    from gradio_client import handle_file
    from gradio_client.exceptions import AppError

    with pytest.raises(AppError) as refusal:
        client.predict(image=handle_file(str(street_image)), **wrong, api_name="/segment")
    assert words in str(refusal.value)
    assert "visitors-" not in str(refusal.value)


def test_what_is_no_image_is_told(client: Client, tmp_path: Path) -> None:
    """By what is in it."""
    from gradio_client import handle_file
    from gradio_client.exceptions import AppError

    page = tmp_path / "page.png"
    page.write_text("<!doctype html><script>alert(1)</script>")
    for name in ("/segment", "/segment_video"):
        with pytest.raises(AppError, match="this is no"):
            client.predict(handle_file(str(page)), api_name=name)


def called(app: RunningApp, data: dict[str, Any]) -> str:
    """Return the stream of events that follows a call by plain HTTP."""
    begun = app.ask(
        "/api/call/v2/segment",
        method="POST",
        body=json.dumps(data).encode(),
        Content_Type="application/json",
    )
    assert begun.status == 200, begun.body
    return app.ask(f"/api/call/segment/{begun.value['event_id']}").body.decode()


def test_by_plain_http(app: RunningApp, street_image: Path) -> None:
    """Upload, call, wait for the answer, fetch the file in it."""
    body = (
        b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
        + street_image.read_bytes()
        + b"\r\n--x--\r\n"
    )
    (path,) = app.ask(
        "/api/upload", method="POST", body=body, Content_Type="multipart/form-data; boundary=x"
    ).value
    assert str(app.visitors) not in path
    told = called(app, {"image": {"path": path}, "conf": 0.4})
    assert "event: complete" in told
    overlay = re.search(r'"path": "([^"]+after\.jpg)"', told)[1]
    fetched = app.ask("/api/file=" + urllib.parse.quote(overlay))
    assert fetched.status == 200
    assert fetched.body.startswith(b"\xff\xd8\xff")


@pytest.mark.parametrize(
    "path",
    ["/etc/passwd", "", "../../etc/passwd", "http://127.0.0.1:1/a.png", "/proc/self/environ"],
)
def test_files_of_the_server_are_no_uploads(app: RunningApp, path: str) -> None:
    """Whoever names one gets nothing of it."""
    told = called(app, {"image": {"path": path}})
    assert "event: error" in told
    assert "root:" not in told
    assert "visitors-" not in told
