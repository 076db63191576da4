"""`predict --panoptic` from the words that are typed to the files that lie there."""

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.cli.runner import Shell, files_below, save_image
from tests.cli.test_predict import error_of
from tests.cli.tiny import save_tiny_model
from tests.io.clips import read_times, write_clip
from urban_segmentor.structures.cityscapes_labels import TRAIN_NAMES

LABELS = ["color", "instanceIds", "labelIds"]


def results_of(name: str) -> list[str]:
    """Return the files of a frame, without the overlay."""
    return [f"panoptic/{name}.png", *(f"labelids/{kind}/{name}_{kind}.png" for kind in LABELS)]


def test_a_image(shell: Shell) -> None:
    """Drawn, and saved in both formats, without being asked for more."""
    save_image(Path("photo.jpg"))
    result = shell.predict("photo.jpg", "--panoptic")
    assert (result.code, result.out) == (0, "")
    assert "found: 1 car, 1 person" in result.err
    assert "merge" in result.err
    for path in ("photo.jpg", "panoptic.json", "labelids"):
        assert f"result: urban-out/{path}" in result.err
    files = ["panoptic.json", "photo.jpg", *results_of("photo")]
    assert files_below(Path("urban-out")) == sorted(files)
    content = json.loads(Path("urban-out/panoptic.json").read_text())
    (entry,) = content["annotations"]
    ids = cv2.imread("urban-out/panoptic/photo.png")[..., 2]  # type: ignore[index]
    assert [(one["id"], one["category_id"]) for one in entry["segments_info"]] == [(1, 26), (2, 24)]
    assert [one["area"] for one in entry["segments_info"]] == [(ids == k).sum() for k in (1, 2)]
    labels = cv2.imread("urban-out/labelids/labelIds/photo_labelIds.png", cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(labels, np.array([0, 26, 24])[ids])
    drawn = cv2.imread("urban-out/photo.jpg")
    assert drawn is not None
    assert abs(drawn[0, 0].astype(int) - 90).max() < 5  # void is left as it is


def test_images_and_a_video(shell: Shell) -> None:
    """A frame of a video is a picture in the formats, and the overlay is a video."""
    save_image(Path("in/a.png"))
    write_clip(Path("in/clip.mp4"), images=4)
    data = shell.predict("in", "-o", "out", "--panoptic", "--json").json
    assert (data["frames"], data["instances"], data["panoptic"]) == (5, 10, True)
    assert "merge" in data["stages"]
    names = ["a", *(f"clip_{i:06d}" for i in range(4))]
    files = ["a.png", "clip.mp4", "panoptic.json"]
    files += [file for name in names for file in results_of(name)]
    assert files_below(Path("out")) == sorted(files)
    assert len(read_times(Path("out/clip.mp4"))) == 4
    content = json.loads(Path("out/panoptic.json").read_text())
    assert [image["id"] for image in content["images"]] == names


def test_other_kinds_hold_segments(shell: Shell) -> None:
    """Objects over one another share no pixel, and boxes hug what is left."""
    save_overlapping_model(Path("over.onnx"))
    save_image(Path("a.png"))
    areas: list[list[int]] = []
    for words in ((), ("--panoptic",)):
        result = shell(
            *("predict", "a.png", "--model", "over.onnx", "--overwrite", "--save", "csv"), *words
        )
        assert result.code == 0
        rows = list(csv.DictReader(Path("urban-out/results.csv").read_text().splitlines()))
        assert [row["class"] for row in rows] == ["car", "person"]
        areas.append([int(row["area_px"]) for row in rows])
    assert areas[0][0] == areas[1][0]
    assert 0 < areas[1][1] < areas[0][1]
    assert files_below(Path("urban-out")) == ["results.csv"]


def save_overlapping_model(path: Path) -> None:
    """Write a model whose person is partly behind the car."""
    import onnx
    from onnx import numpy_helper

    model = onnx.load(str(save_tiny_model(path)))
    (head,) = (one for one in model.graph.initializer if one.name == "head")
    values = numpy_helper.to_array(head).copy()
    values[0, 0, 1] = 64 * 0.48
    head.CopyFrom(numpy_helper.from_array(values, "head"))
    onnx.save(model, str(path))


@pytest.mark.parametrize("kind", ["panoptic", "labelids"])
def test_the_formats_imply_it(shell: Shell, kind: str) -> None:
    """Whoever wants a panoptic file need not say it twice."""
    save_image(Path("a.png"))
    data = shell.predict("a.png", "--save", kind, "--json").json
    assert data["panoptic"] is True
    assert "merge" in data["stages"]
    assert all(kind in path for path in files_below(Path("urban-out")))


def test_without_it_nothing_is_merged(shell: Shell) -> None:
    """The usual run has no such stage."""
    save_image(Path("a.png"))
    data = shell.predict("a.png", "--json").json
    assert data["panoptic"] is False
    assert "merge" not in data["stages"]


def save_scored_model(path: Path, *, car: float, road: float) -> None:
    """Write a model that sees a car and a road of given scores."""
    import onnx
    from onnx import numpy_helper

    from tests.cli.tiny import CAR, PERSON

    model = onnx.load(str(save_tiny_model(path)))
    (head,) = (one for one in model.graph.initializer if one.name == "head")
    values = numpy_helper.to_array(head).copy()
    values[0, 4 + CAR, 0] = car
    values[0, 4 + PERSON, 1] = 0
    values[0, 4 + TRAIN_NAMES.index("road"), 1] = road
    head.CopyFrom(numpy_helper.from_array(values, "head"))
    onnx.save(model, str(path))


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ((), {"car": 1}),
        (("--panoptic",), {"road": 1}),
        (("--panoptic", "--conf", "0.3"), {"car": 1}),
        (("--panoptic", "--conf", "0.05"), {"car": 1, "road": 1}),
        (("--panoptic", "--conf", "0.6"), {}),
    ],
)
def test_which_scores_count(shell: Shell, words: tuple[str, ...], found: dict[str, int]) -> None:
    """The usual ones of the merge, or the one that was given, for all."""
    save_scored_model(Path("weak.onnx"), car=0.4, road=0.15)
    save_image(Path("a.png"))
    result = shell("predict", "a.png", "--model", "weak.onnx", "--json", *words)
    assert result.code == 0
    assert result.json["by_class"] == found


def test_a_score_out_of_its_range(shell: Shell) -> None:
    """The words are those of the option."""
    save_image(Path("a.png"))
    result = shell.predict("a.png", "--panoptic", "--conf", "2")
    assert (result.code, result.out) == (2, "")
    assert error_of(result.err)[0].startswith("`conf` is 2.0")
    assert files_below(Path()) == ["a.png"]


def test_a_model_without_cityscapes_classes(shell: Shell) -> None:
    """Label ids are left out with a word, or refused when they were asked for."""
    names = str({i: f"thing {i}" for i in range(len(TRAIN_NAMES))})
    save_tiny_model(Path("other.onnx"), names=names)
    save_image(Path("a.png"))
    result = shell("predict", "a.png", "--model", "other.onnx", "--panoptic")
    assert result.code == 0
    assert "no labelids: none of the model's classes is Cityscapes'" in result.err
    files = ["a.png", "panoptic.json", "panoptic/a.png"]
    assert files_below(Path("urban-out")) == files
    words = ("--panoptic", "--save", "labelids", "-o", "b")
    result = shell("predict", "a.png", "--model", "other.onnx", *words)
    assert result.code == 1
    assert "so `labelids` would be black" in result.err


def test_boxes_can_be_had(shell: Shell) -> None:
    """There are none unless they are asked for; other switches work as ever."""
    save_image(Path("a.png"), (300, 400))
    drawn: list[bytes] = []
    choices = ((), ("--boxes",), ("--no-boxes",), ("--no-labels",))
    for number, words in enumerate(choices):
        words = ("--panoptic", "--save", "overlay", "--no-outlines", *words)  # noqa: PLW2901
        assert shell.predict("a.png", "-o", str(number), *words).code == 0
        drawn.append(Path(f"{number}/a.png").read_bytes())
    assert drawn[0] == drawn[2]
    assert len(set(drawn)) == 3


def test_things_are_told_apart(shell: Shell) -> None:
    """Their shades are not those of a plain overlay."""
    save_image(Path("a.png"))
    drawn: list[bytes] = []
    for number, words in enumerate([(), ("--panoptic", "--save", "overlay")]):
        assert shell.predict("a.png", "-o", str(number), "--masks-only", *words).code == 0
        drawn.append(Path(f"{number}/a.png").read_bytes())
    assert drawn[0] != drawn[1]


def test_nothing_is_overwritten_unasked(shell: Shell) -> None:
    """The second run is refused before any work, and touches nothing."""
    save_image(Path("a.png"))
    assert shell.predict("a.png", "--panoptic").code == 0
    before = {name: Path("urban-out", name).stat().st_mtime_ns for name in results_of("a")}
    for kind in ("panoptic", "labelids"):
        result = shell.predict("a.png", "--save", kind)
        assert result.code == 1
        assert "exists already" in result.err
    assert {name: Path("urban-out", name).stat().st_mtime_ns for name in before} == before
    assert shell.predict("a.png", "--panoptic", "--overwrite").code == 0
