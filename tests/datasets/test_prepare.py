"""Conversions that meet trouble: what is kept, what is refused, and that a kill costs nothing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.evaluation.validation.scene import SIZE, box, street, write_frame, write_street
from urban_segmentor.datasets.cityscapes.file_names import GROUND_TRUTH
from urban_segmentor.datasets.cityscapes.layout import read_layout
from urban_segmentor.datasets.convert.options import WORK, ConversionOptions
from urban_segmentor.datasets.convert.output_folder import finish_conversion
from urban_segmentor.datasets.convert.prepare import default_splits, prepare
from urban_segmentor.datasets.dataset_classes import parse_dataset_classes
from urban_segmentor.errors import DatasetError, OutputError, SettingError
from urban_segmentor.io import atomic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

STEM = "town_000000_000019"


def convert(root: Path, out: Path, *, overwrite: bool = False, **options: object) -> dict[str, Any]:
    """Convert all of a folder in this process, with its end, and return the report."""
    rest: dict[str, Any] = {"format": "yolo", "classes": parse_dataset_classes("19")} | options
    how = ConversionOptions(out=out, **rest)
    layout = read_layout(root)
    report = prepare(layout, how, splits=layout.splits, overwrite=overwrite, workers=1)
    finish_conversion(how, report)
    return report


def contents(folder: Path) -> dict[str, bytes]:
    """Return all files but the report, which says how long it took."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(p.relative_to(folder)): p.read_bytes() for p in files if p.name != "report.json"}


class Killed(BaseException):
    """The process ended here."""


SYSTEM_CALLS = ("unlink", "replace", "mkdir", "rmdir", "open", "symlink", "remove")


def killed_after(calls: int, patch: pytest.MonkeyPatch) -> None:
    """Let the system change so many files or folders, and then none any more."""
    left = [calls]

    def watched(own: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:  # noqa: ANN401
            if left[0] <= 0:
                raise Killed
            left[0] -= 1
            return own(*args, **options)

        return call

    for name in SYSTEM_CALLS:
        patch.setattr(os, name, watched(getattr(os, name)))
    patch.setattr(atomic, "open_partial", watched(atomic.open_partial))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data set of three frames; read it only."""
    return write_street(tmp_path_factory.mktemp("small") / "data", frames=3)


@pytest.mark.parametrize("form", ["yolo", "coco", "panoptic"])
def test_killed_at_any_moment(small: Path, tmp_path: Path, form: str) -> None:
    """The same command again ends with the same files, whichever step was the last."""
    convert(small, tmp_path / "whole", format=form)
    whole = contents(tmp_path / "whole")
    for calls in range(1000):
        out = tmp_path / f"out{calls}"
        with pytest.MonkeyPatch.context() as patch:
            killed_after(calls, patch)
            try:
                convert(small, out, format=form)
            except Killed:
                pass
            else:
                break
        for path in contents(out):  # what has its name is complete
            if not path.startswith(WORK) and ".partial" not in path:
                assert contents(out)[path] == whole[path]
        try:
            report = convert(small, out, format=form)
        except OutputError as error:
            assert "complete already" in str(error)  # noqa: PT017 - or it does not raise
            report = json.loads((out / "report.json").read_bytes())
        assert report["images"] == {"val": 3}
        made = {name: data for name, data in contents(out).items() if not name.startswith(WORK)}
        assert made == whole
        shutil.rmtree(out)
    assert calls > 20


def test_killed_while_making_anew(small: Path, tmp_path: Path) -> None:
    """A folder that is half cleared is never called complete."""
    out = tmp_path / "out"
    convert(small, out, classes=parse_dataset_classes("car"))
    kept = tmp_path / "kept"
    shutil.copytree(out, kept, symlinks=True)
    convert(small, tmp_path / "whole")
    for calls in range(1000):
        shutil.rmtree(out)
        shutil.copytree(kept, out, symlinks=True)
        with pytest.MonkeyPatch.context() as patch:
            killed_after(calls, patch)
            try:
                convert(small, out, overwrite=True)
            except Killed:
                pass
            else:
                break
        try:
            convert(small, out)
        except OutputError as error:
            assert "complete already" in str(error)  # noqa: PT017 - or it does not raise
        made = {name: data for name, data in contents(out).items() if not name.startswith(WORK)}
        assert made in (contents(tmp_path / "whole"), contents(kept))
    assert calls > 30


def test_what_is_not_ours_stays(small: Path, tmp_path: Path) -> None:
    """Folders with other things in them are refused, with --overwrite too."""
    out = tmp_path / "out"
    out.mkdir()
    (out / "report.json").write_text('{"made_by": "somebody"}')
    (out / "images").mkdir()
    (out / "images" / "mine.png").touch()
    for overwrite in (False, True):
        with pytest.raises(OutputError, match="something else in it: images, report"):
            convert(small, out, overwrite=overwrite)
    assert (out / "images" / "mine.png").exists()
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="is a file"):
        convert(small, tmp_path / "file")
    convert(small, tmp_path / "mine")
    (tmp_path / "mine" / "best.pt").write_text("weights")
    convert(small, tmp_path / "mine", overwrite=True)
    assert (tmp_path / "mine" / "best.pt").read_text() == "weights"


@pytest.mark.parametrize("way", ["same", "inside", "around", "link"])
def test_the_source_is_never_the_target(tmp_path: Path, way: str) -> None:
    """Neither by itself, nor by a link, nor as a folder in the other."""
    data = write_street(tmp_path / "a" / "data", frames=1)
    before = contents(data)
    (tmp_path / "link").symlink_to(data)
    ways = {
        "same": data,
        "inside": data / "out",
        "around": tmp_path / "a",
        "link": tmp_path / "link",
    }
    with pytest.raises(SettingError, match="one lies in the other") as caught:
        convert(data, ways[way], overwrite=True)
    assert "data-prepared" in (caught.value.hint or "")
    assert contents(data) == before


def test_other_settings_do_not_go_on(small: Path, tmp_path: Path) -> None:
    """Half of one data set and half of another would be neither."""
    out = tmp_path / "out"
    how = ConversionOptions(out=out, format="yolo", classes=parse_dataset_classes("19"))
    layout = read_layout(small)
    seen: list[int] = []
    report = prepare(
        layout,
        how,
        splits=["val"],
        workers=1,
        stop=lambda: len(seen) > 0,
        on_frame=lambda: seen.append(1),
    )
    assert report["interrupted"]
    assert not report["complete"]
    assert report["images"] == {"val": 1}
    with pytest.raises(OutputError, match=r'other settings: `classes` was \["road", .*`stuff`'):
        convert(small, out, classes=parse_dataset_classes("8"), stuff="whole")
    done = convert(small, out)
    assert (done["resumed"], done["images"], done["complete"]) == (1, {"val": 3}, True)


def test_a_frame_that_was_mended_comes_in(tmp_path: Path) -> None:
    """After an incomplete run only what was left out is done; the report is there all the same."""
    data = write_street(tmp_path / "data", frames=3)
    broken = next((data / "gtFine").rglob("*000001*.json"))
    text = broken.read_text()
    broken.write_text(text[:50])
    out = tmp_path / "out"
    report = convert(data, out)
    assert (report["images"], report["left_out"], report["complete"]) == ({"val": 2}, 1, False)
    assert json.loads((out / "report.json").read_bytes())["problems"] == report["problems"]
    assert "town_000001_000019" in report["problems"][0]
    broken.write_text(text)
    report = convert(data, out)
    assert (report["images"], report["resumed"], report["complete"]) == ({"val": 3}, 2, True)
    assert not (out / WORK).exists()


def test_namesakes(tmp_path: Path) -> None:
    """In two splits they are two frames; in two cities of a split, one is left out by name."""
    for split, city in (("train", "a"), ("val", "a"), ("val", "b")):
        write_frame(tmp_path, STEM, street(), split=split)
        for kind in ("gtFine", "leftImg8bit"):
            folder = tmp_path / "data" / kind / split / city
            shutil.copytree(tmp_path / kind / split / "town", folder)
    report = convert(tmp_path / "data", tmp_path / "out")
    assert report["images"] == {"train": 1, "val": 1}
    (problem,) = report["problems"]
    assert problem.startswith(f"`val/b/{STEM}` is left out")
    assert f"`val/a/{STEM}`" in problem


def test_labels_as_images_only(tmp_path: Path) -> None:
    """It is said what is missing, and where to get it."""
    data = write_street(tmp_path / "data", frames=2)
    for path in list((data / "gtFine").rglob("*000001*.json")):
        name = path.name.replace("polygons.json", "instanceIds.png")
        path.rename(path.with_name(name))
    report = convert(data, tmp_path / "out")
    (problem,) = report["problems"]
    assert "only pictures of labels (instanceIds)" in problem
    assert "gtFine_trainvaltest.zip" in problem
    next((data / "gtFine").rglob("*.json")).unlink()
    with pytest.raises(DatasetError, match="no polygons"):
        default_splits(read_layout(data))
    with pytest.raises(DatasetError, match="none of 2 frames"):
        convert(data, tmp_path / "other")


def test_nothing_can_be_converted(tmp_path: Path) -> None:
    """Then there is no data set, and the first reason is told."""
    data = write_street(tmp_path / "data", frames=2)
    for path in (data / "gtFine").rglob("*.json"):
        path.write_text("{")
    with pytest.raises(DatasetError, match=r"none of 2 frames could be converted; .*as JSON"):
        convert(data, tmp_path / "out")


def test_frames_that_vanish(small: Path, tmp_path: Path) -> None:
    """Whatever else works in the folder: nothing is called complete that is not."""
    how = ConversionOptions(
        out=tmp_path / "out", format="yolo", classes=parse_dataset_classes("19")
    )

    def meddle() -> None:
        for path in (how.out / WORK / "val").glob("*000001*"):
            path.unlink()

    layout = read_layout(small)
    with pytest.raises(OutputError, match=r"1 frames .* are gone, first: `val/town/town_000001_"):
        prepare(layout, how, splits=["val"], workers=1, on_frame=meddle)
    assert convert(small, how.out)["images"] == {"val": 3}


def test_two_runs_at_once(small: Path, tmp_path: Path) -> None:
    """The second is refused, whatever it wants, and the first does not notice."""
    how = ConversionOptions(
        out=tmp_path / "out", format="yolo", classes=parse_dataset_classes("19")
    )
    layout = read_layout(small)
    refused: list[str] = []

    def again() -> None:
        for overwrite in (False, True):
            with pytest.raises(OutputError, match="another run is at work") as caught:
                prepare(layout, how, splits=["val"], workers=1, overwrite=overwrite)
            refused.append(caught.value.hint or "")

    report = prepare(layout, how, splits=["val"], workers=1, on_frame=again)
    assert len(refused) == 6
    assert "wait until it is done" in refused[0]
    assert report["complete"]


def test_splits(tmp_path: Path) -> None:
    """Those with labels, `train` first; `test` has dummies only."""
    for split in ("val", "test", "extra", "train"):
        write_frame(tmp_path / "data", STEM, street(), split=split)
    layout = read_layout(tmp_path / "data")
    assert default_splits(layout) == ("train", "val", "extra")
    how = ConversionOptions(out=tmp_path / "out", format="yolo", classes=parse_dataset_classes("8"))
    prepare(layout, how, splits=["val"], workers=1)
    text = (tmp_path / "out" / "cityscapes.yaml").read_text()
    assert text.startswith('train: images/val\nval: images/val\nnames:\n  0: "person"\n')


def test_images_of_another_shape(tmp_path: Path) -> None:
    """They are converted, as labels may be stretched on purpose, and named."""
    data = write_street(tmp_path / "data", frames=1)
    polygons = next((data / "gtFine").rglob("*.json"))
    content = json.loads(polygons.read_text())
    polygons.write_text(json.dumps(content | {"imgWidth": SIZE[1] // 2}))
    report = convert(data, tmp_path / "out")
    assert report["complete"]
    assert "256 x 128, of another shape than its polygons" in report["problems"][0]
    assert not convert(data, tmp_path / "b", imgsz=(64, 64))["problems"]


def test_frames_with_nothing_in_them(tmp_path: Path) -> None:
    """No objects, or none of the classes: a picture with an empty label file."""
    write_frame(tmp_path / "data", "town_000000_000019", [])
    write_frame(tmp_path / "data", "town_000001_000019", [box("sky", 0, 0, 9, 9)])
    for form in ("yolo", "coco", "panoptic"):
        report = convert(
            tmp_path / "data",
            tmp_path / form,
            format=form,
            classes=parse_dataset_classes("car"),
            ground_truth=GROUND_TRUTH,
        )
        assert (report["images"], report["classes"], report["problems"]) == ({"val": 2}, {}, [])
    assert {path.read_bytes() for path in (tmp_path / "yolo/labels/val").iterdir()} == {b""}
    coco = json.loads((tmp_path / "coco/annotations/instances_val.json").read_bytes())
    assert len(coco["images"]) == 2
    assert coco["annotations"] == []


def test_counts(tmp_path: Path) -> None:
    """Hidden, deleted, clipped, bridged, and pixels lost and added are counted as they are."""
    objects = [
        box("road", 0, 0, 255, 127),
        box("person", 20, 20, 30, 30),  # wholly hidden by the car
        box("car", 10, 10, 100, 60),
        box("pole", 50, 0, 54, 127),  # parts the car: a bridge of 5 pixels
        box("bus", 300, 0, 400, 50),  # wholly outside
        box("rider", 200, -50, 210, 20),
        {**box("train", 0, 0, 90, 90), "deleted": 1},
    ]
    write_frame(tmp_path / "data", STEM, objects)
    report = convert(tmp_path / "data", tmp_path / "out")
    figures = [report[key] for key in ("polygons", "clipped", "deleted", "hidden")]
    assert figures == [6, 2, 1, 2]
    car = report["classes"]["car"]
    pixels = 91 * 51 - 5 * 51
    assert car == {
        "segments": 1,
        "groups": 0,
        "bridged": 1,
        "pixels": pixels,
        "lost": 0,
        "added": 5,
    }
    assert report["classes"]["rider"]["pixels"] == 11 * 21
    assert "train" not in report["classes"]
    large = report["round_trip"]["large"]
    assert large["segments"] == 3  # both halves of the road, and the car
    assert large["lowest_iou"] == pytest.approx(pixels / (pixels + 5))
    assert large["below_0.995"] == 0


@pytest.mark.parametrize("form", ["yolo", "coco", "panoptic"])
def test_objects_that_nobody_sees(tmp_path: Path, form: str) -> None:
    """They are no segments, also when their ids are the highest."""
    objects = [box("bicycle", 2, 2, 9, 9), box("car", 0, 0, 20, 20), box("bus", 300, 0, 400, 9)]
    write_frame(tmp_path / "data", STEM, objects)
    report = convert(tmp_path / "data", tmp_path / "out", format=form)
    assert {name: count["segments"] for name, count in report["classes"].items()} == {"car": 1}
    assert report["hidden"] == 2


def test_many_objects(tmp_path: Path) -> None:
    """More than eight bits tell apart, each over its own pixels."""
    spots = [(x, y) for y in range(0, 120, 6) for x in range(0, 250, 6)]
    objects = [box("car", x, y, x + 3, y + 3) for x, y in spots]
    write_frame(tmp_path / "data", STEM, objects)
    report = convert(tmp_path / "data", tmp_path / "out")
    assert report["classes"]["car"] == {
        "segments": len(spots),
        "groups": 0,
        "bridged": 0,
        "pixels": 16 * len(spots),
        "lost": 0,
        "added": 0,
    }


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a disk that holds next to nothing."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may make a small disk here")
    try:
        yield disk
    finally:
        subprocess.run(["umount", str(disk)], check=True)  # noqa: S607


@pytest.mark.parametrize("workers", [1, 2])
def test_a_full_disk(tmp_path: Path, tiny_disk: Path, workers: int) -> None:
    """Nothing is half written under its own name, in several processes too."""
    data = write_street(tmp_path / "data", frames=30)
    rng = np.random.default_rng(0)
    for path in (data / "gtFine").rglob("*.json"):
        content = json.loads(path.read_text())
        noise = rng.integers(0, 128, (40, 2)).tolist()
        content["objects"].append({"label": "vegetation", "polygon": noise})
        path.write_text(json.dumps(content))
    convert(data, tmp_path / "whole")
    how = ConversionOptions(
        out=tiny_disk / "out", format="yolo", classes=parse_dataset_classes("19")
    )
    with pytest.raises(OutputError, match="No space left") as caught:
        prepare(read_layout(data), how, splits=["val"], workers=workers)
    assert "run the same command again" in (caught.value.hint or "")
    whole = contents(tmp_path / "whole")
    left = contents(how.out)
    labels = [name for name in left if name.startswith("labels")]
    assert labels
    for name in labels:
        assert left[name] == whole[name]
    assert not [name for name in left if name.endswith(".partial")]
