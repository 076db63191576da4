"""The files of results and of converted data sets stay as they are, byte for byte."""

import hashlib
from pathlib import Path

import pytest

from tests.datasets.test_prepare import convert
from tests.evaluation.validation.scene import write_street
from tests.io.findings import CLASSES, example, nothing, pixels_of, source_image, video_frame
from urban_segmentor.datasets.cityscapes.file_names import GROUND_TRUTH
from urban_segmentor.io.writers import WRITERS
from urban_segmentor.result import Result


def digest(folder: Path) -> str:
    """Return a sum over names and contents of the files below a folder, of PNGs their pixels.

    Compression differs between versions of OpenCV.
    """
    sums = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_dir() or path.name.startswith("report"):  # says how long it took
            continue
        sums.update(path.relative_to(folder).as_posix().encode())
        if path.suffix == ".png":
            mode, values = pixels_of(path)
            sums.update(f"{mode} {values.shape}".encode() + values.astype("<i8").tobytes())
        else:
            sums.update(path.read_bytes())
    return sums.hexdigest()[:16]


@pytest.mark.parametrize(
    ("kind", "expected"),
    {
        "coco": "b62fc0c5c428e467",
        "yolo": "6559207da1a8f58e",
        "jsonl": "8922cddfdf7bb251",
        "csv": "e8c09a6386ab649f",
        "masks": "6819a5fbb6b07a1d",
        "color": "b1ab4f2cfd032f4d",
        "cutouts": "dd9a9b59d6d63b42",
        "cityscapes": "01b9c513ed56e83e",
        "panoptic": "980cec18fbe5dbce",
        "labelids": "4c3af28f64f2ece6",
    }.items(),
)
def test_results_stay_as_they_are(tmp_path: Path, kind: str, expected: str) -> None:
    """An image, one without instances, and a frame of a video, whose own format is lossy."""
    found, none = example(), nothing()
    results = [
        Result(frame=source_image(found, name="a/photo"), instances=found),
        Result(frame=source_image(none, name="zurich_000003_000019_leftImg8bit"), instances=none),
        Result(frame=video_frame(found, index=6), instances=found),
    ]
    with WRITERS[kind](tmp_path, classes=CLASSES) as writer:
        for result in results:
            writer.write(result)
    assert digest(tmp_path) == expected


@pytest.mark.parametrize(
    ("form", "expected"),
    {
        "yolo": "14173054c9e94c9a",
        "coco": "c199c4e30874f6a5",
        "panoptic": "089ddd6b82fb5aeb",
    }.items(),
)
def test_converted_data_sets_stay_as_they_are(tmp_path: Path, form: str, expected: str) -> None:
    """Labels and pictures of all kinds, at a size of their own."""
    options = {"format": form, "imgsz": 200, "ground_truth": GROUND_TRUTH}
    convert(write_street(tmp_path / "data"), tmp_path / "out", **options)
    assert digest(tmp_path / "out") == expected
