"""Data sets of one's own from the words that are typed to the files that lie there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cli.runner import Shell, files_below
from tests.datasets.own_data import coco_content, write_coco, write_yolo
from tests.training.conftest import checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["checkpoint"]
FORMATS = pytest.mark.parametrize(
    ("write", "path"),
    [
        (write_yolo, "data"),
        (write_yolo, "data/data.yaml"),
        (write_coco, "data"),
        (write_coco, "data/annotations/instances_val2017.json"),
    ],
)


@FORMATS
def test_checked_shown_and_scored(shell: Shell, write: Callable[[Path], Path], path: str) -> None:
    """Each command takes each format, as a folder and as a file."""
    write(Path("data"))
    checked = shell("data", "check", path, "--workers", "1", "--json")
    assert checked.code == 0, checked.err
    assert checked.json["problems"] == []
    shown = shell("data", "show", path, "--workers", "1", "--classes", "car,dog", "-o", "show")
    assert shown.code == 0, shown.err
    assert {"class_car.jpg", "class_dog.jpg", "overview.html"} <= set(files_below(Path("show")))
    scored = shell("val", "--data", path, "--model", shell.model, "--json")
    assert scored.code == 0, scored.err
    summary = scored.json
    assert summary["ap"] is summary["pq"] is summary["miou"] is None
    assert summary["classes"]["dog"]["coco_mask_ap"] == 0
    assert summary["classes"]["car"]["coco_mask_ap"] is not None
    assert "all 19 classes of Cityscapes" in summary["notes"][0]
    assert "dog" in summary["notes"][1]
    table = Path("urban-out/val/val.md").read_text()
    assert "| COCO mask AP50 |" in table
    assert "instance AP |" not in table
    assert any(name.startswith("worst/") for name in files_below(Path("urban-out/val")))


def test_the_only_split_is_scored(shell: Shell) -> None:
    """It needs no `--split`; of several it is `val`, and another is chosen by its name."""
    write_yolo(Path("yolo"))
    yaml = Path("yolo/data.yaml")
    yaml.write_text(yaml.read_text().replace("val: images/val\n", ""))
    write_coco(Path("coco"))
    only = Path("coco/annotations/instances_val2017.json").rename("coco/val2017/holes.json")
    words = ("--model", shell.model, "--json", "--overwrite")
    for path, split, images in ((yaml, "train", 2), (only, "holes", 2)):
        result = shell("val", "--data", path, *words)
        assert result.code == 0, result.err
        assert (result.json["split"], result.json["images"]) == (split, images)
    write_yolo(Path("both"))
    for chosen, split in (((), "val"), (("--split", "train"), "train")):
        result = shell("val", "--data", "both", *chosen, *words)
        assert result.json["split"] == split


@pytest.mark.slow
@pytest.mark.parametrize("write", [write_yolo, write_coco])
def test_learnt_from(shell: Shell, checkpoint: Path, write: Callable[[Path], Path]) -> None:
    """COCO's masks become YOLO's polygons in the folder of the run, which may be moved."""
    write(Path("data"))
    words = ("--data", "data", "--model", checkpoint, "--epochs", "1", "--imgsz", "64")
    few = ("--batch", "2", "--device", "cpu", "--set", "workers=0")
    result = shell("train", *words, *few, "-o", "run")
    assert result.code == 0, result.err
    lines = Path("run/val.txt").read_text().splitlines()
    if write is write_coco:
        assert lines == ["./data/0/images/val/one.jpg", "./data/0/images/val/two.jpg"]
        labels = Path("run/data/0/labels/val/two.txt").read_text().splitlines()
        assert [line.split()[0] for line in labels] == ["1"]
        assert Path("run/data/0/ignored/val/two.txt").read_text().startswith("0 ")
    scored = shell("val", "--data", "data", "--model", "run/weights/best.onnx")
    assert scored.code == 0, scored.err


def test_broken_labels_are_named_everywhere(shell: Shell, checkpoint: Path) -> None:
    """Checking lists them, scoring goes on without their pictures, training refuses."""
    write_yolo(Path("data"))
    Path("data/labels/val/c.txt").write_text("0 1 2\n0 .5 .5 .1 .1\n")
    Path("data/images/val/d.jpg").write_bytes(Path("data/images/val/c.jpg").read_bytes())
    Path("data/labels/val/d.txt").write_text("1 0 0 1 0 1 1\n")
    checked = shell("data", "check", "data", "--workers", "1")
    assert checked.code == 1
    assert "labels/val/c.txt:1` has 2 values" in checked.err
    assert "labels/val/c.txt:2` is a box, not a mask" in checked.err
    assert "1 x values, 1 x box" in checked.err
    scored = shell("val", "--data", "data", "--model", shell.model, "--json")
    assert scored.code == 1
    assert scored.json["images"] == 1
    assert "c.txt:1" in scored.json["problems"][0]
    assert "1 of 2 pictures are not scored" in scored.err
    trained = shell("train", "--data", "data", "--model", checkpoint, "-o", "run")
    assert trained.code == 1
    assert "c.txt:1" in trained.err
    assert not Path("run").exists()


def test_unknown_ids_are_told_with_the_figures(shell: Shell) -> None:
    """What belongs to no picture is no picture's problem, and is not silent."""
    content = coco_content()
    content["annotations"].append({"id": 99, "image_id": 404, "category_id": 3})
    write_coco(Path("data"), content)
    scored = shell("val", "--data", "data", "--model", shell.model, "--json")
    assert scored.code == 1
    assert scored.json["images"] == 2
    assert any("404" in problem for problem in scored.json["problems"])


def test_no_class_in_common(shell: Shell) -> None:
    """An error with both lists, before anything is run."""
    content = coco_content()
    content["categories"] = [{"id": 90, "name": "cow"}, {"id": 3, "name": "barn"}]
    write_coco(Path("data"), content)
    result = shell("val", "--data", "data", "--model", shell.model)
    assert result.code == 1
    assert "no class in common" in result.err
    assert "cow, barn" in result.err
    assert not Path("urban-out").exists()


def test_names_of_classes_lead_nowhere(shell: Shell) -> None:
    """They become names of files, which stay in the folder."""
    content = coco_content()
    content["categories"] = [{"id": 90, "name": "../../up"}, {"id": 3, "name": "<b>/x"}]
    write_coco(Path("data"), content)
    result = shell("data", "show", "data", "--workers", "1", "-o", "out/show", "--json")
    assert result.code == 0, result.err
    assert all(Path(path).parent == Path("out/show") for path in result.json["written"])
    assert "<b>" not in Path("out/show/overview.html").read_text()
    json.loads(Path("out/show/statistics.json").read_text())


@pytest.mark.parametrize("command", [("data", "check"), ("data", "show"), ("val", "--data")])
def test_a_file_that_is_no_data_set(shell: Shell, command: tuple[str, ...]) -> None:
    """The endings of those that are, are named."""
    Path("notes.txt").write_text("x")
    refused = shell(*command, "notes.txt")
    assert refused.code == 1
    said = " ".join(refused.err.split())
    assert "`notes.txt` is neither the YAML file of a data set in YOLO's format nor" in said
    assert "ends in .json, .yaml or .yml" in said
