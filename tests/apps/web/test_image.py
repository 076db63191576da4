"""One picture as the page shows it: files, the map of objects, the table."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from tests.cli.tiny import save_tiny_model
from urban_segmentor.apps.web import image as image_module
from urban_segmentor.apps.web.image import IMAGE_PNG, make_png, segment_image
from urban_segmentor.apps.web.limits import UploadLimits
from urban_segmentor.apps.web.model_pool import ModelPool
from urban_segmentor.apps.web.segment_options import SegmentOptions
from urban_segmentor.apps.web.temp_files import TempFiles
from urban_segmentor.apps.web.uploads import read_upload
from urban_segmentor.errors import OutputError
from urban_segmentor.io.image_codec import read_image
from urban_segmentor.io.image_files import write_image

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from urban_segmentor.apps.web.image import ImageResult
    from urban_segmentor.apps.web.temp_files import SavedResult
    from urban_segmentor.structures.frame import Image

LIMITS = UploadLimits()


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> ModelPool:
    """Return an engine whose model sees a car on the left and a person on the right."""
    return ModelPool(str(save_tiny_model(tmp_path_factory.mktemp("model") / "tiny.onnx")))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TempFiles]:
    """Return a store that goes with the test."""
    store = TempFiles(parent=tmp_path)
    yield store
    store.close()


def segmented(
    path: Path, engine: ModelPool, store: TempFiles, **choices: object
) -> tuple[ImageResult, SavedResult]:
    """Return what the page shows of a picture, and where its files are."""
    answer = store.new_result("visitor")
    found = segment_image(
        path,
        title=path.name,
        engine=engine,
        choices=SegmentOptions(model=engine.model, **choices),
        limits=LIMITS,
        answer=answer,
    )
    return found, answer


def grey(path: Path, size: tuple[int, int], channels: int | None = 3) -> Path:
    """Write a grey picture."""
    shape = size if channels is None else (*size, channels)
    cv2.imwrite(str(path), np.full(shape, 120, dtype=np.uint8))
    return path


def ids_of(answer: SavedResult) -> NDArray[np.int_]:
    """Return the number of the instance at each place of the map, int (h, w)."""
    image = cv2.imread(str(answer.folder / "ids.png"))
    return image[..., 2].astype(int) + 256 * image[..., 1].astype(int)


@pytest.mark.parametrize("size", [(90, 160), (160, 90), (1, 1), (7, 900), (1200, 1600)])
def test_the_map_names_what_is_there(
    tiny: ModelPool, store: TempFiles, tmp_path: Path, size: tuple[int, int]
) -> None:
    """At any size: where the map has a number, the box of that instance is."""
    found, answer = segmented(grey(tmp_path / "a.png", size), tiny, store)
    assert found["size"] == [size[1], size[0]]
    ids = ids_of(answer)
    assert max(ids.shape) <= 1024
    assert ids.max() <= len(found["instances"])
    for number, one in enumerate(found["instances"], start=1):
        ys, xs = np.nonzero(ids == number)
        if not len(xs):
            continue
        left, top, right, bottom = one["box"]
        slack = 1.5 / np.array(ids.shape)
        assert left - slack[1] <= xs.min() / ids.shape[1]
        assert (xs.max() + 1) / ids.shape[1] <= right + slack[1]
        assert top - slack[0] <= ys.min() / ids.shape[0]
        assert (ys.max() + 1) / ids.shape[0] <= bottom + slack[0]
    if min(size) > 50:
        assert set(np.unique(ids)) == {0, 1, 2}


def test_the_table_and_the_files_agree(tiny: ModelPool, store: TempFiles, tmp_path: Path) -> None:
    """Counts, COCO, CSV, and nothing that tells where the server keeps it."""
    found, answer = segmented(grey(tmp_path / "my street.png", (90, 160)), tiny, store)
    assert {row["name"]: row["count"] for row in found["classes"]} == {"car": 1, "person": 1}
    coco = json.loads((answer.folder / "coco.json").read_text("utf-8"))
    rows = list(csv.DictReader(io.StringIO((answer.folder / "results.csv").read_text("utf-8"))))
    assert len(coco["annotations"]) == len(rows) == len(found["instances"]) == 2
    area = coco["annotations"][0]["area"]
    assert found["instances"][0]["share"] == pytest.approx(area / (90 * 160), abs=1e-4)
    everything = json.dumps(found) + json.dumps(coco) + str(rows)
    assert str(tmp_path) not in everything
    assert "my street.png" in everything


def test_the_png_is_without_loss_and_made_when_asked_for(
    tiny: ModelPool, store: TempFiles, tmp_path: Path
) -> None:
    """In the picture's own size, with the same choices."""
    path = grey(tmp_path / "a.png", (600, 2400))
    found, answer = segmented(path, tiny, store, opacity=1.0, masks_only=True)
    assert not (answer.folder / IMAGE_PNG).exists()
    made = make_png(answer.folder, engine=tiny, limits=LIMITS)
    drawn = read_image(made)
    assert drawn.shape == (600, 2400, 3)
    assert read_image(answer.folder / "after.jpg").shape == (480, 1920, 3)
    (car,) = [one for one in found["instances"] if one["name"] == "car"]
    left, top, right, bottom = car["box"]
    centre = drawn[int(600 * (top + bottom) / 2), int(2400 * (left + right) / 2)]
    assert tuple(centre) == (0, 0, 142)  # Cityscapes' color of cars
    path.unlink()  # the answer keeps what it was made of
    made.unlink()
    assert np.array_equal(read_image(make_png(answer.folder, engine=tiny, limits=LIMITS)), drawn)


@pytest.mark.parametrize("channels", [None, 4])
def test_grey_and_transparent_images(
    tiny: ModelPool, store: TempFiles, tmp_path: Path, channels: int | None
) -> None:
    """They are pictures, too."""
    found, _ = segmented(grey(tmp_path / "a.png", (90, 160), channels), tiny, store)
    assert len(found["instances"]) == 2


def test_panoptic_gives_no_place_to_two(store: TempFiles, street_image: Path) -> None:
    """Shares add up to the picture at most; without it they need not."""
    engine = ModelPool()
    merged, _ = segmented(street_image, engine, store, panoptic=True)
    assert sum(one["share"] for one in merged["instances"]) <= 1.0001
    plain, _ = segmented(street_image, engine, store)
    assert sum(one["share"] for one in plain["instances"]) > 1


def test_the_choices_say_what_is_found(tiny: ModelPool, store: TempFiles, tmp_path: Path) -> None:
    """Score and classes."""
    path = grey(tmp_path / "a.png", (90, 160))
    assert len(segmented(path, tiny, store, conf=0.7)[0]["instances"]) == 1
    assert len(segmented(path, tiny, store, conf=0.95)[0]["instances"]) == 0
    (person,) = segmented(path, tiny, store, classes=("person",))[0]["instances"]
    assert person["name"] == "person"
    write_image(tmp_path / "b.jpg", read_image(path), overwrite=True)
    assert len(segmented(tmp_path / "b.jpg", tiny, store)[0]["instances"]) == 2


def test_a_visitor_who_leaves_meanwhile_gets_an_error_that_is_told(
    tiny: ModelPool, store: TempFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The upload goes with the page, and may be gone before it is kept beside the result."""
    path = grey(tmp_path / "street.png", (90, 160))

    def read_and_delete(path: Path, *, limits: UploadLimits) -> Image:
        image = read_upload(path, limits=limits)
        path.unlink()
        return image

    monkeypatch.setattr(image_module, "read_upload", read_and_delete)
    with pytest.raises(OutputError):
        segmented(path, tiny, store)
