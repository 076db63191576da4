"""What users of other tools type by habit works, or is answered with the right word."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image as PilImage

import urban_segmentor as us
from tests.cli.tiny import save_tiny_model
from urban_segmentor.synthetic import Street

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the path of a small street."""
    rendered = next(iter(Street(size=(96, 160), seed=1).shots(seconds=1.0)))
    return rendered.result().save(tmp_path_factory.mktemp("photo") / "photo.png")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the path of a clip of six frames."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    writer = us.VideoWriter(path, rate=12.5)
    for rendered in Street(size=(96, 160), fps=12.5, seed=1).shots(seconds=0.48):
        writer.write(rendered.result())
    writer.close()
    return path


@pytest.fixture(scope="module")
def segmenter(tmp_path_factory: pytest.TempPathFactory) -> us.Segmenter:
    """Return a segmenter that always finds a car and a person."""
    return us.Segmenter(save_tiny_model(tmp_path_factory.mktemp("model") / "tiny.onnx"))


@pytest.fixture(scope="module")
def result(segmenter: us.Segmenter, photo: Path) -> us.Result:
    """Return what it finds."""
    return segmenter(str(photo))


def test_what_works(segmenter: us.Segmenter, photo: Path, clip: Path) -> None:
    """Images of all kinds, lists, indexing, names, drawing, streams."""
    image = np.asarray(PilImage.open(photo).convert("RGB"))
    result = segmenter(str(photo), conf=0.1)
    for other in (photo, image, PilImage.open(photo), us.Frame.from_bgr(image[..., ::-1].copy())):
        np.testing.assert_array_equal(
            segmenter(other, conf=0.1).instances.boxes, result.instances.boxes
        )
    assert len(segmenter([photo, image])) == 2
    assert result[0].class_name in result.names
    assert [one.class_id for one in result] == result.instances.class_ids.tolist()
    assert result.plot(boxes=False).shape == image.shape
    assert us.Overlay(opacity=0.3).draw(result).shape == image.shape
    assert len(list(segmenter.stream(str(clip), conf=0.1, stride=2))) == 3
    assert len(list(segmenter.stream([photo, image]))) == 2
    assert us.Pipeline([result.frame] * 3, segmenter).run().frames == 3
    assert us.Pipeline(clip, segmenter, stages=[lambda result: result]).run().frames == 6


ANSWERS: list[tuple[Callable[[us.Segmenter, us.Result, Path], object], str]] = [
    (lambda s, r, p: s(p, save=True), "result.save"),
    (lambda s, r, p: s(p, verbose=False), "leave `verbose` out"),
    (lambda s, r, p: s(p, confidence=0.5), "`conf`"),
    (lambda s, r, p: s.stream(p, vid_stride=2), "stride=2"),
    (lambda s, r, p: us.Segmenter(half=True), "precision='auto'"),
    (lambda s, r, p: s.predict(p), "call it"),
    (lambda s, r, p: s(np.zeros((4, 4, 3))), "astype(np.uint8)"),
    (lambda s, r, p: s(np.zeros((3, 40, 40), dtype=np.uint8)), "transpose(1, 2, 0)"),
    (lambda s, r, p: s(0), "segmenter.stream(0)"),
    (lambda s, r, p: s(p.parent), "segmenter.stream("),
    (lambda s, r, p: r.boxes, "result.instances.boxes"),
    (lambda s, r, p: r.orig_img, "result.frame.image"),
    (lambda s, r, p: r.instances.xyxy, "it is `boxes`"),
    (lambda s, r, p: r[0].xyxy, "it is `box`"),
    (lambda s, r, p: r.instances[r.instances.class_names == "car"], "is_class"),
    (lambda s, r, p: r.instances["car"], "is_class"),
    (lambda s, r, p: r.instances.is_class("cars"), "`car`"),
    (lambda s, r, p: r.plot(box=True), "boxes"),
    (lambda s, r, p: r.with_instances(r.instances.masks), "expected Instances"),
    (lambda s, r, p: us.writers["nope"], "coco, yolo"),
    (lambda s, r, p: us.VideoWriter(p.with_name("out.avi")), "out.mp4"),
    (lambda s, r, p: us.Pipeline([r.frame], "urban-n"), "us.Segmenter"),
    (lambda s, r, p: us.Pipeline([r.frame], s, stages=len), "stages=[...]"),
    (lambda s, r, p: us.Instances.from_coco(r.to_coco(), image_size=(9, 9)), '["annotations"]'),
    (lambda s, r, p: us.Instances.from_yolo(["0 5 5 9 5 9 9"], image_size=(9, 9)), "divide"),
    (lambda s, r, p: us.Frame.from_bgr(None), "OpenCV could not read it"),
]


@pytest.mark.parametrize("number", range(len(ANSWERS)))
def test_what_is_answered(
    segmenter: us.Segmenter, result: us.Result, photo: Path, number: int
) -> None:
    """With an error of ours, or an AttributeError, that names the right word."""
    call, word = ANSWERS[number]
    with pytest.raises((us.UrbanSegmentorError, AttributeError)) as caught:
        call(segmenter, result, photo)
    assert re.search(re.escape(word), f"{caught.value} {getattr(caught.value, 'hint', '')}")


def test_a_video_is_read_once(clip: Path) -> None:
    """The second time it says so."""
    video = us.VideoReader(clip)
    assert len(list(video)) == 6
    with pytest.raises(us.SourceError, match="read already"):
        list(video)
    video.close()


def test_a_start_after_the_end(segmenter: us.Segmenter, clip: Path) -> None:
    """No frame is no silent success."""
    with pytest.raises(us.SourceError, match="no frame from 100 s"):
        list(segmenter.stream(clip, start_s=100))


def test_classes_as_others_keep_them(result: us.Result) -> None:
    """Names, or a table from id to name."""
    annotations = result.instances.to_coco()
    size = result.frame.size
    for classes in (result.names, list(result.names), dict(enumerate(result.names))):
        back = us.Instances.from_coco(annotations, image_size=size, classes=classes)
        assert back.class_names == result.instances.class_names
    with pytest.raises(us.SettingError, match="expected 0 to 1"):
        us.Instances.from_coco(annotations, image_size=size, classes={1: "a", 2: "b"})
