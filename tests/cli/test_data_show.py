"""`data show` as a user types it."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.cli.runner import Shell, files_below
from urban_segmentor.structures.cityscapes_labels import BY_NAME
from urban_segmentor.synthetic import save_cityscapes


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a Cityscapes folder of five drawn frames; read it only."""
    folder = tmp_path_factory.mktemp("show") / "data"
    save_cityscapes(folder, frames=5, size=(128, 256), workers=1)
    return folder


def first_stem(data: Path) -> str:
    """Return the name of a frame."""
    name = min(path.name for path in (data / "gtFine").rglob("*_polygons.json"))
    return name.removesuffix("_gtFine_polygons.json")


def test_one_frame_is_one_image(shell: Shell, data: Path) -> None:
    """Under its name in the usual folder; nothing on stdout."""
    stem = first_stem(data)
    done = shell("data", "show", data, stem)
    assert (done.code, done.out) == (0, "")
    assert files_below(Path("urban-out")) == [f"show/{stem}.png"]
    assert f"result: urban-out/show/{stem}.png" in done.err
    again = shell("data", "show", data, stem)
    assert again.code == 1
    assert "exists already" in again.err
    replaced = shell("data", "show", data, f"{stem}_leftImg8bit.png", "--overwrite", "--json")
    assert replaced.json == {
        "labels": "cityscapes",
        "written": [f"urban-out/show/{stem}.png"],
    }


def test_classes_and_size_are_as_wanted(shell: Shell, data: Path) -> None:
    """Only the named classes are colored."""
    stem = first_stem(data)
    for classes in ("road", "sky"):
        done = shell(
            "data", "show", data, stem, "-o", classes, "--classes", classes, "--size", "labels"
        )
        assert done.code == 0
        image = cv2.imread(str(Path(classes) / f"{stem}.png"), cv2.IMREAD_COLOR_RGB)
        for name in ("road", "sky"):
            shown = (np.asarray(image) == BY_NAME[name].color).all(axis=2).any()
            assert shown == (name == classes)


def test_a_folder_becomes_sheets_plots_and_figures(shell: Shell, data: Path) -> None:
    """JSON on stdout says the same as the file, and which files there are."""
    pytest.importorskip("matplotlib")
    done = shell("data", "show", data, "-o", "out", "--classes", "road,car", "--workers", "1",
                 "--json", "--seed", "3", "--limit", "4")  # fmt: skip
    assert done.code == 0
    assert sorted(done.json["written"]) == [f"out/{name}" for name in files_below(Path("out"))]
    assert (done.json["frames"], done.json["problems"]) == (4, [])
    assert set(done.json["splits"]["train"]["classes"]) == {"road", "car"}
    assert "out/class_road.jpg" in done.json["written"]
    assert "out/overview.html" in done.json["written"]
    again = shell("data", "show", data, "-o", "out", "--classes", "road", "--workers", "1")
    assert again.code == 1
    assert "add --overwrite" in again.err


def test_a_missing_extra_is_told_before_the_work(
    shell: Shell, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is needed at the end is looked for at the beginning; one frame goes without."""
    monkeypatch.setattr("urban_segmentor.errors.find_spec", lambda _: None)
    done = shell("data", "show", data)
    assert done.code == 1
    assert "pip install 'urban-segmentor[data]'" in done.err
    assert not Path("urban-out").exists()
    assert shell("data", "show", data, first_stem(data)).code == 0


def test_broken_frames_are_named_and_fail(shell: Shell, data: Path) -> None:
    """Exit 1, but what could be read is shown."""
    pytest.importorskip("matplotlib")
    shutil.copytree(data, "broken")
    labels = sorted(Path("broken/gtFine").rglob("*_polygons.json"))
    labels[0].write_text("{", encoding="ascii")
    next(Path("broken/leftImg8bit").rglob(f"{labels[1].name[:-21]}*.png")).unlink()
    done = shell("data", "show", "broken", "--classes", "road", "--workers", "1", "--json")
    assert done.code == 1
    assert len(done.json["problems"]) == 2
    assert "has no picture" in done.json["problems"][0]
    assert labels[0].name in done.err
    assert done.json["frames"] == 3
    assert Path("urban-out/show/overview.html").is_file()


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["nowhere"], 1, "no folder"),
        (["."], 1, "no data set: looked for"),
        (["DATA", "wrong"], 2, "there is no frame `wrong`"),
        (["DATA", "--split", "test"], 2, "no split `test`"),
        (["DATA", "--classes", "dog"], 2, "`dog` is no class"),
        (["DATA", "--limit", "0"], 2, "`limit` is 0"),
        (["DATA", "--workers", "0"], 2, "`workers` is 0"),
        (["DATA", "x", "--size", "huge"], 2, "`size` is `huge`"),
        (["DATA", "x", "--limit", "3"], 2, "--limit and --workers are for looking at all"),
    ],
)
def test_wrong_words_are_told_with_a_hint(
    shell: Shell, data: Path, words: list[str], code: int, says: str
) -> None:
    """Nothing is written."""
    done = shell("data", "show", *(data if word == "DATA" else word for word in words))
    assert done.code == code
    assert says in done.err
    assert "hint: " in done.err
    assert not Path("urban-out").exists() or not files_below(Path("urban-out"))


def test_prepared_labels_have_their_own_classes(shell: Shell, data: Path) -> None:
    """A class that was left out cannot be shown."""
    from urban_segmentor.datasets.cityscapes.layout import read_layout
    from urban_segmentor.datasets.convert.options import ConversionOptions
    from urban_segmentor.datasets.convert.prepare import prepare
    from urban_segmentor.datasets.dataset_classes import parse_dataset_classes

    how = ConversionOptions(
        out=Path("made"), format="yolo", classes=parse_dataset_classes("road,car")
    )
    prepare(read_layout(data), how, splits=["train"], workers=1)
    stem = first_stem(data)
    assert shell("data", "show", "made", stem, "--json").json["labels"] == "yolo"
    wrong = shell("data", "show", "made", stem, "--classes", "sky", "--overwrite")
    assert wrong.code == 2
    assert "choose from road, car" in wrong.err
