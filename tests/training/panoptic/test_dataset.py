"""Samples of the panoptic training as tensors; what cannot be read is left out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from urban_segmentor.datasets.dataset_classes import DatasetClasses
from urban_segmentor.datasets.open_dataset import open_dataset
from urban_segmentor.errors import DatasetError
from urban_segmentor.training.panoptic import training_frames
from urban_segmentor.training.panoptic.batch_plan import BatchItem
from urban_segmentor.training.panoptic.label_maps import VOID
from urban_segmentor.training.panoptic.settings import PanopticSettings
from urban_segmentor.training.panoptic.training_frames import (
    prepare_frames,
    read_frames,
    read_panoptic_data,
)

if TYPE_CHECKING:
    from pathlib import Path

THINGS = tuple(range(11, 19))


@pytest.fixture
def run(cityscapes: Path, tmp_path: Path) -> Path:
    """Return a folder with the label maps of a small data set."""
    count: list[int] = []
    prepare_frames(
        read_panoptic_data(cityscapes), tmp_path, long_side=160, on_frame=lambda: count.append(1)
    )
    assert len(count) == 6
    return tmp_path


def dataset(run: Path, **settings: Any) -> Any:
    """Return the data set of a run."""
    from urban_segmentor.training.panoptic.dataset import PanopticDataset

    found = read_frames(run)
    return PanopticDataset(
        found.frames,
        names=found.names,
        instance_class_ids=THINGS,
        settings=PanopticSettings(imgsz=160, **settings),
    )


def item(position: int = 0, seed: int = 0) -> BatchItem:
    """Return an item of 64 x 128 pixels."""
    return BatchItem(position, (seed,), (64, 128))


@pytest.mark.parametrize(("is_thing", "lacking"), [(False, "things"), (True, "surfaces")])
def test_data_of_one_kind(
    cityscapes: Path,
    monkeypatch: pytest.MonkeyPatch,
    is_thing: bool,  # noqa: FBT001 - a case
    lacking: str,
) -> None:
    whole = open_dataset(cityscapes)
    some = tuple(label for label in whole.counted.labels if label.is_thing == is_thing)
    part = replace(whole, counted=DatasetClasses(labels=some))
    monkeypatch.setattr(training_frames, "open_dataset", lambda _: part)
    with pytest.raises(DatasetError, match=f"has no labels of {lacking}") as caught:
        read_panoptic_data(cityscapes)
    assert caught.value.hint == "train instances alone: --task instance"


def test_frames_of_a_run(run: Path) -> None:
    found = read_frames(run)
    assert len(found.frames) == 6
    assert found.names[0] == "road"
    assert sum(found.is_thing) == 8
    assert len(found.pixels) == 19
    assert found.pixels[0] > 0
    # images of 256 x 128 are kept at 160 x 80 as well, beside their maps
    assert all(frame.image.parent == frame.maps.parent for frame in found.frames)
    sample = found.frames[0].read()
    assert sample.image.shape == (80, 160, 3)
    assert sample.maps.semantic.shape == (80, 160)
    assert {int(i) for i in np.unique(sample.maps.semantic)} - {VOID} == found.frames[0].class_ids


def test_tensors(run: Path) -> None:
    from urban_segmentor.training.panoptic.dataset import collated

    data = dataset(run)
    batch = collated([data[item(i, i)] for i in range(6)])
    assert batch["img"].shape == (6, 3, 64, 128)
    assert batch["semantic"].shape == (6, 64, 128)
    assert batch["points"].shape == (6, 6144)
    assert batch["points"].max() < 64 * 128
    assert batch["masks"].shape == batch["ignored"].shape == (6, 16, 32)
    count = len(batch["cls"])
    assert count > 0
    assert batch["bboxes"].shape == (count, 4)
    assert batch["batch_idx"].shape == (count,)
    assert batch["cls"].max() < 8
    assert 0 <= batch["bboxes"].min() <= batch["bboxes"].max() <= 1
    assert batch["problems"] == []
    for image in range(6):
        objects = int((batch["batch_idx"] == image).sum())
        assert batch["masks"][image].max() <= objects


def test_samples_are_a_function_of_the_seed(run: Path) -> None:
    import torch

    data = dataset(run, paste=1.0, rare=1.0)
    one, two, three = data[item(seed=1)], data[item(seed=1)], data[item(seed=2)]
    assert all(torch.equal(one[key], two[key]) for key in one if key != "problems")
    assert not torch.equal(one["img"], three["img"])


def test_an_image_that_cannot_be_read_any_more(run: Path) -> None:
    data = dataset(run)
    frames = read_frames(run).frames
    frames[2].image.write_bytes(b"no image")
    sample = data[item(2)]
    assert len(sample["problems"]) == 1
    assert frames[2].image.name in sample["problems"][0]
    frames[3].maps.write_bytes(b"no maps")
    assert len(data[item(2)]["problems"]) == 2
    for frame in frames:
        frame.image.unlink(missing_ok=True)
    with pytest.raises(DatasetError, match="no image of the training can be read"):
        data[item(0)]


def test_frames_that_are_gone(run: Path) -> None:
    read_frames(run).frames[0].maps.unlink()
    with pytest.raises(DatasetError, match="which is gone"):
        read_frames(run)
    (run / "frames.json").write_text('{"names": []')
    with pytest.raises(DatasetError, match="gone or damaged"):
        read_frames(run)


def test_a_run_that_was_moved(run: Path) -> None:
    moved = run.parent / "moved"
    run.rename(moved)
    assert all(frame.image.is_file() for frame in read_frames(moved).frames)
