"""What a segmenter takes: one image or many, settings of a call, and streams."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.cli.tiny import CAR, PERSON, save_tiny_model
from tests.io.clips import write_clip
from tests.parts import Numbers
from urban_segmentor import Segmenter
from urban_segmentor.errors import SettingError, ShapeError, SourceError
from urban_segmentor.inference.panoptic_segmenter import PanopticSegmenter
from urban_segmentor.io.image_files import write_image

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Segmenter:
    """Return a segmenter that sees one car and one person in every picture."""
    return Segmenter(save_tiny_model(tmp_path_factory.mktemp("tiny") / "tiny.onnx"))


def grey(height: int, width: int = 64) -> np.ndarray:
    """Return a picture of one value."""
    return np.full((height, width, 3), 90, dtype=np.uint8)


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("save", "result.save('out.jpg')"),
        ("show", "result.plot()"),
        ("stream", "segmenter.stream(source)"),
        ("source", "segmenter('photo.jpg')"),
        ("verbose", "leave `verbose` out"),
        ("device", "Segmenter(model, device='cpu')"),
        ("half", "precision="),
        ("vid_stride", "stride=2"),
        ("retina_masks", "leave `retina_masks` out"),
        ("confidence", "it is called `conf`"),
        ("conf_thres", "it is called `conf`"),
        ("iou_thres", "it is called `iou`"),
        ("size", "called `imgsz`"),
        ("nonsense", "there are conf, iou, max_det, classes and imgsz"),
    ],
)
def test_words_of_others_get_the_right_one(tiny: Segmenter, word: str, hint: str) -> None:
    """Nothing is silently left out, with the plain segmenter and the one that merges."""
    for segmenter in (tiny, PanopticSegmenter(tiny)):
        keywords: dict[str, Any] = {word: True}
        with pytest.raises(SettingError, match=f"there is no setting `{word}`") as caught:
            segmenter(grey(64), **keywords)
        assert hint in str(caught.value.hint)


def test_lists_come_in_order(tiny: Segmenter, tmp_path: Path) -> None:
    """Whatever is in them, as many results as images; an empty one has none."""
    write_image(tmp_path / "photo.png", grey(30, 50), overwrite=False)
    images = [grey(64 + i) for i in range(9)] + [tmp_path / "photo.png", grey(10)[..., 0]]
    for given_ in (images, tuple(images)):
        results = tiny(given_)
        assert [result.frame.size for result in results] == [
            *((64 + i, 64) for i in range(9)),
            (30, 50),
            (10, 64),
        ]
    assert results[9].frame.name == "photo"
    assert tiny([]) == []
    (alone,) = tiny([grey(70)])
    assert alone.frame.size == (70, 64)
    np.testing.assert_array_equal(results[6].instances.boxes, alone.instances.boxes)
    assert [one.name for one in threading.enumerate() if one.name == "reader"] == []


def test_a_list_with_something_else_is_refused(tiny: Segmenter) -> None:
    """As the thing alone would be."""
    with pytest.raises(SourceError, match=r"none\.png"):
        tiny([grey(64), "none.png", grey(64)])
    with pytest.raises(ShapeError, match="a NoneType is no image"):
        tiny([grey(64), None])


def test_settings_of_a_call_are_for_that_call(tiny: Segmenter) -> None:
    """One image or many; the segmenter keeps its own."""
    image = grey(64)
    assert {one.class_id for one in tiny(image)} == {CAR, PERSON}
    assert [one.class_id for one in tiny(image, classes=["car"])] == [CAR]
    assert [one.class_id for one in tiny(image, classes="person")] == [PERSON]
    assert [len(result) for result in tiny([image, image], classes=[CAR])] == [1, 1]
    assert len(tiny(image, max_det=1)) == 1
    assert len(tiny(image, conf=1.0)) == 0
    assert len(tiny(image)) == 2
    assert tiny.config.classes is None
    with pytest.raises(SettingError, match="`conf` is 2"):
        tiny(image, conf=2)
    with pytest.raises(SettingError, match="no class `caar`"):
        tiny(image, classes=["caar"])


def test_settings_share_the_network(tiny: Segmenter) -> None:
    """Nothing is compiled again for a threshold."""
    tiny(grey(64))
    before = dict(tiny._network._runtimes)
    other = tiny.with_settings(conf=0.1, iou=0.2)
    other(grey(64))
    assert (other.config.conf, other.config.iou, tiny.config.conf) == (0.1, 0.2, 0.25)
    assert tiny._network._runtimes == before
    tiny(grey(64), classes=["car"])
    assert tiny._network._runtimes == before


def test_a_config_may_be_replaced_at_work(tiny: Segmenter) -> None:
    """A wrong one changes nothing."""
    segmenter = tiny.with_config()
    segmenter.config = segmenter.with_config(classes=("car",)).config
    assert [one.class_id for one in segmenter(grey(64))] == [CAR]
    with pytest.raises(SettingError, match="only takes 64 x 64"):
        segmenter.config = type(segmenter.config)(imgsz=640)
    assert [one.class_id for one in segmenter(grey(64))] == [CAR]
    assert len(tiny(grey(64))) == 2


def test_a_result_knows_its_frame_and_classes(tiny: Segmenter) -> None:
    """So that it can be drawn and written without the segmenter."""
    image = grey(64)
    result = tiny(image)
    np.testing.assert_array_equal(result.frame.image, image)
    assert result.classes is tiny.classes
    assert result.names == tiny.names == tiny.spec.classes.names
    assert set(result.milliseconds) == {"preprocess", "infer", "postprocess"}
    assert (result.panoptic, result.semantic, result.drawn, result.events) == (None, None, None, ())


def test_a_video_is_streamed(tiny: Segmenter, tmp_path: Path) -> None:
    """All of it, or the part that was asked for; leaving the loop ends its threads."""
    path = write_clip(tmp_path / "clip.mp4", images=50)
    assert [result.frame.index for result in tiny.stream(path)] == list(range(50))
    part = tiny.stream(str(path), start_s=1.0, duration_s=0.4, stride=5)
    assert [result.frame.index for result in part] == [25, 30]
    slow = tiny.stream(path, max_fps=5)
    assert [result.frame.index for result in slow] == list(range(0, 50, 5))
    for result in tiny.stream(path):
        if result.frame.index == 3:
            break
    del result
    assert len(list(PanopticSegmenter(tiny).stream(path, stride=25))) == 2
    assert [one.name for one in threading.enumerate() if one.name == "reader"] == []


def test_folders_and_patterns_are_streamed(tiny: Segmenter, tmp_path: Path) -> None:
    """In the order of their names."""
    for name in ("b", "a", "c"):
        write_image(tmp_path / f"{name}.png", grey(32), overwrite=False)
    for source in (tmp_path, f"{tmp_path}/*.png"):
        assert [result.frame.name for result in tiny.stream(source)] == ["a", "b", "c"]


def test_a_source_of_ones_own_is_streamed(tiny: Segmenter) -> None:
    """It is closed at the end, also when the loop is left; it chooses its frames itself."""
    source = Numbers(5)
    assert [result.frame.index for result in tiny.stream(source)] == list(range(5))
    assert source.closed == 1
    source = Numbers(100)
    results = tiny.stream(source)
    next(results)
    results.close()
    assert source.closed == 1
    assert source.given < 20
    with pytest.raises(SettingError, match="chooses its frames itself"):
        next(tiny.stream(Numbers(5), stride=2))


@pytest.mark.parametrize(
    ("wish", "message"),
    [({"stride": 0}, "vid_stride"), ({"start_s": -1}, "start"), ({"max_fps": 0}, "fps")],
)
def test_streams_refuse_nonsense(tiny: Segmenter, wish: dict[str, Any], message: str) -> None:
    """Before a frame is read."""
    with pytest.raises(SettingError, match=f"`{message}` is"):
        next(tiny.stream("clip.mp4", **wish))
    with pytest.raises(SourceError, match=r"none\.mp4"):
        next(tiny.stream("none.mp4"))
