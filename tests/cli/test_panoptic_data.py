"""Folders of panoptic pictures that `data prepare` made: checked, shown, scored, and damaged."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import pytest

from tests.cli.runner import Result, Shell, files_below
from tests.evaluation.validation.scene import write_street
from urban_segmentor.datasets.cityscapes.layout import read_layout
from urban_segmentor.datasets.convert.options import ConversionOptions
from urban_segmentor.datasets.convert.output_folder import finish_conversion
from urban_segmentor.datasets.convert.prepare import prepare
from urban_segmentor.datasets.dataset_classes import parse_dataset_classes

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

FIRST = "town_000000_000019"
PICTURES = Path("data/cityscapes_panoptic_val")
FILE = Path("data/cityscapes_panoptic_val.json")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return what `data prepare --format panoptic` makes of three frames; read it only."""
    root = tmp_path_factory.mktemp("made")
    layout = read_layout(write_street(root / "cityscapes"))
    how = ConversionOptions(
        out=root / "out",
        format="panoptic",
        classes=parse_dataset_classes("19"),
        placement="copy",
    )
    finish_conversion(how, prepare(layout, how, splits=["val"], workers=1))
    return root / "out"


@pytest.fixture
def data(shell: Shell, made: Path) -> Path:
    """Return a copy of it in the folder where commands run."""
    del shell  # it has changed the working folder
    return shutil.copytree(made, "data")


def check(shell: Shell, *, code: int = 1) -> Result:
    """Return what `data check` has to say."""
    result = shell("data", "check", "data", "--workers", "1", "--json")
    assert result.code == code, result.err
    assert "this should not happen" not in result.err
    return result


def edit(change: Callable[[dict[str, Any]], object]) -> None:
    """Change the file that says what the panoptic pictures show."""
    content = json.loads(FILE.read_text())
    change(content)
    FILE.write_text(json.dumps(content))


@pytest.mark.usefixtures("data")
def test_checked_shown_and_scored(shell: Shell) -> None:
    """Its figures are those of the folder that it was made from."""
    assert check(shell, code=0).json["problems"] == []
    shown = shell("data", "show", "data", "--workers", "1", "--classes", "car,sky", "-o", "show")
    assert shown.code == 0, shown.err
    assert {"class_car.jpg", "class_sky.jpg", "overview.html"} <= set(files_below(Path("show")))
    official = write_street(Path("official"))
    figures: list[dict[str, Any]] = []
    for path in ("data", official):
        words = ("--model", shell.model, "--save", "coco", "--overwrite", "--json")
        scored = shell("val", "--data", path, *words)
        assert scored.code == 0, scored.err
        figures.append(scored.json)
    for name in ("ap", "ap50", "miou", "pq", "images", "classes"):
        assert figures[0][name] == figures[1][name]
    assert "panoptic pictures" in figures[0]["truth"]


def paint(change: Callable[[np.ndarray], np.ndarray]) -> None:
    """Change the panoptic picture of the first frame, uint8 (H, W, 3), BGR."""
    path = PICTURES / f"{FIRST}_gtFine_panoptic.png"
    image = cv2.imread(str(path))
    assert image is not None
    assert cv2.imwrite(str(path), change(image))


def with_unknown_id(image: np.ndarray) -> np.ndarray:
    """Return a picture with a segment of id 99, which no label of Cityscapes has."""
    image[:4, :4] = (0, 0, 99)
    return image


def first_file(folder: Path) -> Path:
    """Return the file of the first frame in a folder."""
    (path,) = folder.glob(f"{FIRST}*")
    return path


def cut_off(path: Path) -> None:
    """Leave the end of a file out."""
    path.write_bytes(path.read_bytes()[:-20])


@pytest.mark.usefixtures("data")
@pytest.mark.parametrize(
    ("harm", "kind", "said"),
    [
        (lambda: first_file(Path("data/images/val")).unlink(), "missing", "has no picture"),
        (lambda: cut_off(first_file(Path("data/images/val"))), "unreadable", "is cut off"),
        (lambda: first_file(PICTURES).unlink(), "missing", "has no panoptic picture"),
        (lambda: cut_off(first_file(PICTURES)), "unreadable", "is cut off"),
        (lambda: first_file(PICTURES).write_text("x"), "unreadable", "damaged or no picture"),
        (lambda: paint(with_unknown_id), "unreadable", "has the unknown id 99"),
        (lambda: paint(lambda image: image[:64]), "unreadable", "256 x 64 pixels"),
    ],
    ids=["no-image", "cut-image", "no-labels", "cut-labels", "text", "unknown-id", "size"],
)
def test_a_damaged_frame_is_named(
    shell: Shell, harm: Callable[[], object], kind: str, said: str
) -> None:
    """Checking names it, showing refuses it, scoring goes on without it and says so."""
    harm()
    checked = check(shell)
    (problem,) = checked.json["problems"]
    assert (problem["kind"], problem["where"]) == (kind, f"val/{FIRST}")
    assert said in problem["text"]
    shown = shell("data", "show", "data", FIRST, "-o", "one.jpg")
    assert shown.code == 1
    assert said in " ".join(shown.err.split())
    scored = shell("val", "--data", "data", "--model", shell.model, "--json")
    assert scored.code == 1
    assert scored.json["images"] == 2
    (told,) = scored.json["problems"]
    assert FIRST in told
    assert "1 of 3 pictures are not scored" in scored.err


@pytest.mark.usefixtures("data")
@pytest.mark.parametrize(
    ("entries", "values", "shown"),
    [
        ("images", {"file_name": "../../secret.png"}, "'../../secret.png'"),
        ("images", {"file_name": None}, "missing"),
        ("annotations", {"file_name": "/etc/secret.png"}, "'/etc/secret.png'"),
        ("annotations", {"image_id": ["nobody"]}, "missing"),
        ("annotations", {"image_id": "nobody"}, "missing"),
    ],
)
def test_names_do_not_lead_out_of_the_folder(
    shell: Shell, entries: str, values: dict[str, object], shown: str
) -> None:
    """What is named elsewhere is told, not read; the other frames count."""
    edit(lambda content: content[entries][0].update(values))
    (problem,) = check(shell).json["problems"]
    assert (problem["kind"], problem["where"]) == ("path", f"{FILE}: annotations[0]")
    assert problem["text"].endswith(f"leads out of the folder: {shown}")
    scored = shell("val", "--data", "data", "--model", shell.model, "--json")
    assert scored.code == 1
    assert scored.json["images"] == 2
    assert shown in scored.json["problems"][0]


@pytest.mark.usefixtures("data")
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda content: content.update(annotations=[]), "has no panoptic pictures"),
        (lambda content: content.pop("annotations"), "its `annotations` is missing"),
        (lambda content: content.update(categories=[{"name": "barn"}]), "other classes than City"),
        (lambda content: content.update(categories=[{"id": 1}]), "a class 0 without a name"),
    ],
)
def test_a_damaged_file_is_named(
    shell: Shell, change: Callable[[dict[str, Any]], object], said: str
) -> None:
    """With what was expected, and how the folder is made anew."""
    edit(change)
    refused = shell("data", "check", "data")
    assert refused.code == 1
    told = " ".join(refused.err.split())
    assert said in told
    assert "hint: " in told
