"""Instance AP and panoptic quality against the official scripts, from the same files.

    python benchmarks/evaluate.py [--images 40] [--conf 0.001]

The embedded model's predictions on real frames are saved once in the formats that both sides
read; then both score them in this process, with one thread, figures are compared, and seconds
printed as ratios. The official scripts get the shims of `tests/evaluation/official.py`, which only
let them run on today's NumPy.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import shutil
import statistics
import sys
import time
from dataclasses import replace
from functools import partial as bound
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np
from material import ROOT, SHARED, WORK

from urban_segmentor import Segmenter
from urban_segmentor.datasets.cityscapes.layout import read_layout
from urban_segmentor.datasets.sample_images import read_sample_image
from urban_segmentor.datasets.samples import spread
from urban_segmentor.evaluation import instance_ap, panoptic_quality
from urban_segmentor.evaluation.predictions import open_predictions
from urban_segmentor.inference.panoptic_merge import merge_panoptic, segments_as_instances
from urban_segmentor.io.writers.cityscapes import CityscapesWriter
from urban_segmentor.io.writers.coco import CocoWriter
from urban_segmentor.io.writers.panoptic import PanopticWriter
from urban_segmentor.structures.frame import Frame

sys.path.insert(0, str(ROOT))
from tests.evaluation import official

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from urban_segmentor.datasets.cityscapes.frame import CityscapesFrame
    from urban_segmentor.evaluation.predictions import FramePrediction

ROUNDS = 3


class Known(NamedTuple):
    """Predictions and ground truth in memory."""

    class_names: tuple[str, ...]
    found: list[FramePrediction]
    truths: list[NDArray[np.int32]]


EQUAL = 1e-6


def main() -> None:
    """Save predictions, score them by both, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=40)
    parser.add_argument("--conf", type=float, default=0.001)
    args = parser.parse_args()
    data = SHARED / "data" / "cityscapes-768"
    if not data.is_dir():
        sys.exit(f"the comparison needs real frames in {data}")
    cv2.setNumThreads(1)
    folder = WORK / "evaluate"
    shutil.rmtree(folder, ignore_errors=True)
    samples = spread(read_layout(data).of_split("val"), args.images)
    masks = save_predictions(folder, samples, conf=args.conf)
    truths = [save_truth(folder / "truth", sample) for sample in samples]
    saved = list(read_layout(folder / "truth").of_split("val"))
    print(f"\n{len(saved)} pictures of 2048 x 1024, {masks} predicted masks, one thread\n")
    print(
        "| figure | from | official, s | ours, s | ratio | difference |\n|---|---|---|---|---|---|"
    )
    theirs, official_s = timed(lambda: official_ap(folder, truths))
    known = values(folder / "cityscapes", saved)
    ours, ours_s = timed(lambda: ap_of(known))
    row("instance AP", "values in memory", official_s, ours_s, abs(ours - theirs))
    for name, path in (("COCO JSON", "coco.json"), ("its PNG masks", "cityscapes")):
        ours, ours_s = timed(bound(our_ap, folder / path, saved))
        row("instance AP", name, official_s, ours_s, abs(ours - theirs))
    theirs, official_s = timed(lambda: official_pq(folder, truths))
    known = values(folder / "panoptic.json", saved)
    ours, ours_s = timed(lambda: pq_of(known))
    row("PQ", "values in memory", official_s, ours_s, abs(ours - theirs))
    ours, ours_s = timed(lambda: our_pq(folder / "panoptic.json", saved))
    row("PQ", "its PNG maps", official_s, ours_s, abs(ours - theirs))


def row(figure: str, source: str, official_s: float, ours_s: float, difference: float) -> None:
    """Print a line of the table; figures that differ end the run."""
    if difference > EQUAL:
        sys.exit(f"{figure} from {source} differs by {difference}")
    ratio = official_s / ours_s
    cells = f"{official_s:.1f} | {ours_s:.2f} | {ratio:.0f} x | {difference:.0e}"
    print(f"| {figure} | {source} | {cells} |")


def timed(work: Callable[[], float]) -> tuple[float, float]:
    """Return a figure, and the median seconds that it takes."""
    times: list[float] = []
    figure = 0.0
    for _ in range(ROUNDS):
        started_s = time.perf_counter()
        figure = work()
        times.append(time.perf_counter() - started_s)
    return figure, statistics.median(times)


def save_predictions(folder: Path, samples: Sequence[CityscapesFrame], *, conf: float) -> int:
    """Save what the embedded model sees in three formats; return how many masks of things."""
    segmenter = Segmenter("urban-n", conf=conf)
    classes = segmenter.classes
    kinds = (CityscapesWriter, CocoWriter)
    sinks = [kind(folder, classes=classes, overwrite=True) for kind in kinds]
    panoptic = PanopticWriter(folder, classes=classes, overwrite=True)
    for i, sample in enumerate(samples):
        assert sample.image_path is not None
        frame = Frame(
            pixels=read_sample_image(sample.image_path),
            index=i,
            name=f"{sample.stem}_leftImg8bit",
            source=f"{sample.stem}_leftImg8bit.png",
        )
        size = annotation_size(sample)
        found = segmenter.segment(frame, mask_size=size)
        pixels = np.broadcast_to(np.uint8(0), (*size, 3))  # writers take their size alone
        result = replace(found, frame=replace(frame, pixels=pixels))
        for sink in sinks:
            sink.write(result)
        segments = segments_as_instances(merge_panoptic(result.instances), classes=classes)
        panoptic.write(result.with_instances(segments))
    for sink in (*sinks, panoptic):
        sink.close()
    return len(list((folder / "cityscapes" / "masks").glob("*.png")))


def annotation_size(sample: CityscapesFrame) -> tuple[int, int]:
    """Return the height and width of the labels of a frame, pixels."""
    height, width = sample.instance_ids().shape
    return height, width


def save_truth(root: Path, sample: CityscapesFrame) -> Path:
    """Save the official pictures of a frame's labels; return that of instance ids."""
    ids = sample.instance_ids()
    folder = root / "gtFine" / "val" / sample.group
    folder.mkdir(parents=True, exist_ok=True)
    assert sample.polygons is not None
    shutil.copy(sample.polygons, folder)
    path = folder / f"{sample.stem}_gtFine_instanceIds.png"
    cv2.imwrite(str(path), ids.astype(np.uint16))
    labels = np.where(ids < 1000, ids, ids // 1000).astype(np.uint8)
    cv2.imwrite(str(path).replace("instanceIds", "labelIds"), labels)
    return path


def official_ap(folder: Path, truths: Sequence[Path]) -> float:
    """Return AP as the official script computes it, ground truth read anew."""
    (folder / "gtInstances.json").unlink(missing_ok=True)
    texts = [
        folder / "cityscapes" / path.name.replace("gtFine_instanceIds.png", "leftImg8bit.txt")
        for path in truths
    ]
    result = official.instance_ap(folder, [str(path) for path in texts], [str(t) for t in truths])
    return float(result["allAp"])


def values(path: Path, samples: Sequence[CityscapesFrame]) -> Known:
    """Return saved predictions and ground truth as the project's own values."""
    saved = open_predictions(path)
    truths = [sample.instance_ids() for sample in samples]
    found = [
        saved.of(sample.stem, size=(truth.shape[0], truth.shape[1]))
        for sample, truth in zip(samples, truths, strict=True)
    ]
    return Known(saved.class_names, found, truths)


def ap_of(known: Known) -> float:
    """Return our AP of values in memory, in one thread."""
    found = [one.instances for one in known.found if one.instances is not None]
    return instance_ap(found, known.truths, class_names=known.class_names).ap


def pq_of(known: Known) -> float:
    """Return our PQ of values in memory, in one thread."""
    found = [one.panoptic for one in known.found if one.panoptic is not None]
    return panoptic_quality(found, known.truths, class_names=known.class_names).pq


def our_ap(path: Path, samples: Sequence[CityscapesFrame]) -> float:
    """Return our AP from files, read anew, in one thread."""
    return ap_of(values(path, samples))


def official_pq(folder: Path, truths: Sequence[Path]) -> float:
    """Return PQ as the official script computes it, in one process."""
    content = json.loads((folder / "panoptic.json").read_text())
    by_id = {entry["image_id"]: entry for entry in content["annotations"]}
    true = official_truth(folder)
    pairs = [(entry, by_id[entry["image_id"]]) for entry in true["annotations"]]
    assert len(pairs) == len(truths)
    return official.panoptic_quality(
        folder,
        [one for one, _ in pairs],
        [other for _, other in pairs],
        {entry["id"]: entry for entry in true["categories"]},
        predicted=folder / "panoptic",
    )["All"]["pq"]


def official_truth(folder: Path) -> dict[str, Any]:
    """Return the panoptic ground truth of the official script, made once and not timed again."""
    from cityscapesscripts.preparation.createPanopticImgs import convert2panoptic

    path = folder / "cityscapes_panoptic_val.json"
    if not path.is_file():
        with contextlib.redirect_stdout(io.StringIO()):
            convert2panoptic(
                cityscapesPath=str(folder / "truth" / "gtFine"),
                outputFolder=str(folder),
                setNames=["val"],
            )
    return json.loads(path.read_text())


def our_pq(path: Path, samples: Sequence[CityscapesFrame]) -> float:
    """Return our PQ from files, read anew, in one thread."""
    return pq_of(values(path, samples))


if __name__ == "__main__":
    main()
