"""The official scripts of cityscapesScripts, run in this process on files in a folder.

Two shims let version 2.3.0 run on today's NumPy: `np.in1d` is gone, and what `np.count_nonzero`
returns cannot be written as JSON.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from urban_segmentor.structures.cityscapes_labels import BY_NAME, TRAIN_LABELS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import ModuleType

    from numpy.typing import NDArray

    from urban_segmentor.structures.instances import Instances
    from urban_segmentor.structures.panoptic import PanopticMap


class _Numpy:
    """NumPy as the official scripts know it."""

    def __getattr__(self, name: str) -> object:
        if name == "in1d":
            return lambda values, wanted: np.isin(values, wanted).ravel()
        if name == "count_nonzero":
            return lambda values: int(np.count_nonzero(values))
        return getattr(np, name)


@contextlib.contextmanager
def _script(name: str, folder: Path) -> Iterator[ModuleType]:
    """Import a script, with shims, silent, and with a working folder of its own."""
    module = importlib.import_module(f"cityscapesscripts.evaluation.{name}")
    module.np = _Numpy()  # type: ignore[attr-defined]
    before = Path.cwd()
    os.chdir(folder)  # it writes `matches.json` there
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield module
    finally:
        os.chdir(before)
        module.np = np  # type: ignore[attr-defined]


def write_truth(folder: Path, truths: Sequence[NDArray[np.int32]]) -> list[str]:
    """Write `instanceIds` and `labelIds`; return the paths of the former."""
    paths: list[str] = []
    for i, ids in enumerate(truths):
        path = folder / f"city_{i:06d}_000000_gtFine_instanceIds.png"
        cv2.imwrite(str(path), ids.astype(np.uint16))
        labels = np.where(ids < 1000, ids, ids // 1000).astype(np.uint8)
        cv2.imwrite(str(path).replace("instanceIds", "labelIds"), labels)
        paths.append(str(path))
    return paths


def write_instances(
    folder: Path, predictions: Sequence[Instances], names: Sequence[str]
) -> list[str]:
    """Write predictions in the official layout; return the paths of the text files."""
    paths: list[str] = []
    for i, found in enumerate(predictions):
        lines: list[str] = []
        for k, (mask, class_id, score) in enumerate(
            zip(found.masks.dense(), found.class_ids.tolist(), found.scores.tolist(), strict=True)
        ):
            cv2.imwrite(str(folder / f"{i}_{k}.png"), mask.view(np.uint8) * 255)
            lines.append(f"{i}_{k}.png {BY_NAME[names[class_id]].label_id} {score:.9g}\n")
        path = folder / f"city_{i:06d}_000000.txt"
        path.write_text("".join(lines))
        paths.append(str(path))
    return paths


def instance_ap(folder: Path, texts: list[str], truths: list[str]) -> dict[str, Any]:
    """Return the official instance AP: `allAp`, `allAp50%`, `classes`.

    Class by class and threshold by threshold: the script fails where all predictions of a class
    are ignored, which makes its precision and recall 0.
    """
    with _script("evalInstanceLevelSemanticLabeling", folder) as script:
        script.args.predictionPath = str(folder)
        script.args.gtInstancesFile = str(folder / "gtInstances.json")
        script.args.JSONOutput, script.args.quiet = False, True
        script.setInstanceLabels(script.args)
        names = script.args.instLabels
        matches = script.matchGtWithPreds(
            texts, truths, script.getGtInstances(truths, script.args), script.args
        )
        thresholds = script.args.overlaps
        aps = np.zeros((1, len(names), len(thresholds)))
        for place in np.ndindex(aps.shape[1:]):
            script.args.instLabels = [names[place[0]]]
            script.args.overlaps = thresholds[place[1] : place[1] + 1]
            with contextlib.suppress(IndexError):
                aps[0][place] = script.evaluateMatches(matches, script.args)[0, 0, 0]
        script.args.instLabels, script.args.overlaps = names, thresholds
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # no class occurs
            return script.computeAverages(aps, script.args)


def write_panoptic(
    folder: Path, predictions: Sequence[PanopticMap], truths: Sequence[NDArray[np.int32]]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], dict[int, dict[str, Any]]]:
    """Write ground truth and predictions; return their annotations and the categories."""
    from cityscapesscripts.preparation.createPanopticImgs import convert2panoptic

    root = folder / "gtFine" / "val" / "city"
    root.mkdir(parents=True)
    write_truth(root, truths)
    with contextlib.redirect_stdout(io.StringIO()):
        convert2panoptic(
            cityscapesPath=str(folder / "gtFine"), outputFolder=str(folder), setNames=["val"]
        )
    content = json.loads((folder / "cityscapes_panoptic_val.json").read_text())
    (folder / "pred").mkdir()
    found: list[dict[str, Any]] = []
    for i, prediction in enumerate(predictions):
        ids = prediction.segment_ids
        image = np.stack([ids >> 16, ids >> 8 & 255, ids & 255], axis=-1).astype(np.uint8)
        cv2.imwrite(str(folder / "pred" / f"{i}.png"), image)
        segments = [
            {"id": one.segment_id, "category_id": TRAIN_LABELS[one.class_id].label_id}
            for one in prediction.segments
        ]
        image_id = f"city_{i:06d}_000000"
        found.append({"image_id": image_id, "file_name": f"{i}.png", "segments_info": segments})
    return content["annotations"], found, {one["id"]: one for one in content["categories"]}


def panoptic_quality(
    folder: Path,
    truths: list[dict[str, Any]],
    predictions: list[dict[str, Any]],
    categories: dict[int, dict[str, Any]],
    *,
    predicted: Path | None = None,
) -> dict[str, Any]:
    """Return the official panoptic quality: `All`, `Things`, `Stuff`, `per_class`.

    The pictures of predictions are in `predicted`, or else in `pred` in the folder.
    """
    with _script("evalPanopticSemanticLabeling", folder) as script:
        statistics = script.pq_compute_single_core(
            0,
            list(zip(truths, predictions, strict=True)),
            str(folder / "cityscapes_panoptic_val"),
            str(predicted or folder / "pred"),
            categories,
        )
        return script.average_pq(statistics, categories)


def mean_iou(folder: Path, predictions: list[str], truths: list[str]) -> dict[str, Any]:
    """Return the official IoU of classes: `averageScoreClasses`, `classScores`."""
    with _script("evalPixelLevelSemanticLabeling", folder) as script:
        script.args.JSONOutput, script.args.quiet = False, True
        script.args.evalInstLevelScore = False
        script.CSUPPORT = False
        return script.evaluateImgLists(predictions, truths, script.args)
