"""Data sets are judged before a training begins."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from urban_segmentor.errors import DatasetError
from urban_segmentor.training.conversion import ignored_outlines
from urban_segmentor.training.training_data import (
    TrainingData,
    TrainingImage,
    repeat_factor_sample,
)
from urban_segmentor.training.training_data import read_training_data as read

if TYPE_CHECKING:
    from collections.abc import Sequence


def read_training_data(root: Path, *, also: Sequence[Path] = ()) -> TrainingData:
    """Return the pictures of data sets that need no conversion."""
    return read(root, also=also, work=Path("nowhere"))


@pytest.fixture
def copy(prepared: Path, tmp_path: Path) -> Path:
    """Copy."""
    return Path(shutil.copytree(prepared, tmp_path / "yolo"))


def test_all_images_are_found(prepared: Path) -> None:
    """All pictures are found."""
    material = read_training_data(prepared)
    assert len(material.train) + len(material.val) == 8
    assert material.names[13] == "car"
    assert 0 < material.shares()["road"] <= 1
    assert all(image.path.is_absolute() and image.path.is_file() for image in material.train)


def test_the_yaml_may_be_named(prepared: Path) -> None:
    assert read_training_data(prepared / "cityscapes.yaml") == read_training_data(prepared)


def test_more_folders_add_to_train_alone(prepared: Path, copy: Path) -> None:
    alone, both = read_training_data(prepared), read_training_data(prepared, also=[copy])
    assert len(both.train) == 2 * len(alone.train)
    assert both.val == alone.val


def _raw(root: Path) -> None:
    shutil.rmtree(root)
    (root / "gtFine").mkdir(parents=True)


def _without_yaml(root: Path) -> None:
    (root / "cityscapes.yaml").unlink()


def _coco(root: Path) -> None:
    _without_yaml(root)
    (root / "annotations").mkdir()


def _without_val(root: Path) -> None:
    shutil.rmtree(root / "images" / "val")


def _without_labels(root: Path) -> None:
    for path in (root / "labels" / "train").iterdir():
        path.write_text("")


def _without_a_file(root: Path) -> None:
    next((root / "labels" / "train").iterdir()).unlink()


def _class_too_high(root: Path) -> None:
    path = next((root / "labels" / "train").iterdir())
    path.write_text("0 0 0 1 0 1 1\n19 0 0 1 0 1 1\n")


def _broken_image(root: Path) -> None:
    path = next((root / "images" / "train").iterdir())
    path.unlink()
    path.write_text("broken")


def _no_number(root: Path) -> None:
    next((root / "labels" / "val").iterdir()).write_text("car 0 0 1 0 1 1\n")


def _broken_yaml(root: Path) -> None:
    (root / "cityscapes.yaml").write_text("names: [")


def _names_missing(root: Path) -> None:
    (root / "cityscapes.yaml").write_text("train: images/train\n")


def _numbers_with_gaps(root: Path) -> None:
    (root / "cityscapes.yaml").write_text("names:\n  0: car\n  2: bus\n")


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (shutil.rmtree, "there is no folder"),
        (_raw, "must be prepared first"),
        (_without_yaml, "is no data set"),
        (_coco, "is no data set"),
        (_without_val, "no pictures for `val`"),
        (_without_labels, "has a label"),
        (_without_a_file, "has no label file"),
        (_class_too_high, "txt:2` has class 19, but `names` has only 0 to "),
        (_broken_image, "is damaged or no picture"),
        (_no_number, "txt:1` has class 'car', but"),
        (_broken_yaml, "is no YAML"),
        (_names_missing, "lists no class names"),
        (_numbers_with_gaps, "numbers its classes"),
    ],
)
def test_what_is_wrong_is_named(copy: Path, damage: object, told: str) -> None:
    damage(copy)  # type: ignore[operator]
    with pytest.raises(DatasetError, match=told) as caught:
        read_training_data(copy)
    assert caught.value.hint


def test_other_classes_do_not_mix(prepared: Path, copy: Path) -> None:
    text = (copy / "cityscapes.yaml").read_text()
    (copy / "cityscapes.yaml").write_text(text.replace("rider", "cyclist"))
    with pytest.raises(DatasetError, match=r"more: cyclist; missing: rider"):
        read_training_data(prepared, also=[copy])


def test_ignored_outlines_belong_to_their_image(copy: Path) -> None:
    """Ignored outlines belong to their picture."""
    image = next((copy / "images" / "train").iterdir())
    assert ignored_outlines(image) == [] or (copy / "ignored").is_dir()
    path = copy / "ignored" / "train" / f"{image.stem}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("13 0 0 0.5 0 0.5 0.5\n11 0 0 1 1\n")
    (ring,) = ignored_outlines(image)  # two points are no area
    assert ring.tolist() == [[0, 0], [0.5, 0], [0.5, 0.5]]
    assert ignored_outlines(Path("elsewhere/a.jpg")) == []


images = st.lists(st.frozensets(st.integers(0, 5), max_size=4), min_size=1, max_size=60)


@given(images, st.floats(0, 1), st.integers(0, 5), st.integers(0, 9))
def test_rare_images_come_more_often(
    shown: list[frozenset[int]], share: float, first: int, seed: int
) -> None:
    """Rare pictures come more often."""
    given_ = [TrainingImage(path=Path(str(i)), classes=classes) for i, classes in enumerate(shown)]
    times = Counter(repeat_factor_sample(given_, threshold=share, first_class_id=first, seed=seed))
    counts = Counter(number for classes in shown for number in classes)
    for image in given_:
        rarest = min((counts[c] for c in image.classes if c >= first), default=len(shown))
        factor = max(1.0, (share * len(shown) / rarest) ** 0.5)
        assert abs(times[image.path] - factor) < 1
        assert times[image.path] >= 1


def test_nothing_is_repeated_unless_asked() -> None:
    given_ = [TrainingImage(path=Path(str(i)), classes=frozenset({i})) for i in range(9)]
    assert repeat_factor_sample(given_, threshold=0) == [image.path for image in given_]
