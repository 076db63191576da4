"""How head and map of classes are best joined: weights, thresholds, and what scores are worth.

    python benchmarks/merge.py --data CITYSCAPES --model MODEL [--split val] [--images N]

For a model with a map of classes, over the frames of a split, each city in a process of its own:
AP by the weight of the map in masks and scores; panoptic quality step by step and by thresholds;
how often masks of a score have an IoU above 0.5, and the constants of `inference/calibration.py`
fitted to that, of each city too. What helps one city only is chance.
"""

from __future__ import annotations

import argparse
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np
from material import SHARED

from urban_segmentor.datasets.cityscapes.layout import read_layout
from urban_segmentor.datasets.sample_images import read_sample_image
from urban_segmentor.datasets.samples import spread
from urban_segmentor.evaluation.metrics.ground_truth import joint_counts
from urban_segmentor.evaluation.metrics.instance_ap import InstanceApMeter
from urban_segmentor.evaluation.metrics.mean_iou import SemanticMeter, label_ids
from urban_segmentor.evaluation.metrics.panoptic_quality import PanopticMeter
from urban_segmentor.inference.calibration import SURFACES, THINGS, Calibration
from urban_segmentor.inference.class_vote import (
    MASK_WEIGHT,
    thing_maps,
    voted_masks,
    voted_scores,
)
from urban_segmentor.inference.config import SegmenterConfig
from urban_segmentor.inference.decode_yolo import decode_detections
from urban_segmentor.inference.panoptic_config import PanopticConfig
from urban_segmentor.inference.panoptic_merge import merge_panoptic
from urban_segmentor.inference.preprocess import network_input
from urban_segmentor.inference.prototypes import masks_from_prototypes
from urban_segmentor.inference.runtimes.selection import open_model_file, select_runtime
from urban_segmentor.inference.surfaces import add_surfaces
from urban_segmentor.models.registry import resolve_model
from urban_segmentor.models.spec import ModelSpec
from urban_segmentor.structures.boxes import Letterbox
from urban_segmentor.structures.cityscapes_labels import BY_NAME, CITYSCAPES
from urban_segmentor.structures.instances import Instances
from urban_segmentor.structures.panoptic import SemanticMap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from urban_segmentor.datasets.cityscapes.frame import CityscapesFrame
    from urban_segmentor.inference.runtimes.selection import ModelFile
    from urban_segmentor.structures.panoptic import PanopticMap

LOWEST, FITTED = 0.01, 0.03  # evidence
WEIGHTS = (0.0, 0.15, MASK_WEIGHT, 0.4)
THING_STEPS = (0.2, 0.3, 0.4, 0.5, 0.6)
STUFF_STEPS = (0.0, 0.1, 0.2, 0.3, 0.5)
STANDARD = PanopticConfig(stuff_score=0.0, stuff_area_px=2048, thin_area_px=2048)
EVERYTHING = PanopticConfig(stuff_probability=0)
RAW = Calibration(offset=0.0, slope=1.0)


class Tally:
    """What was counted over frames; those of several cities add up."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names
        self.ap: dict[tuple[float, str], InstanceApMeter] = {}
        self.pq: dict[str, tuple[PanopticMeter, SemanticMeter]] = {}
        self.evidence: dict[str, list[tuple[float, bool]]] = {"things": [], "surfaces": []}

    def add_ap(self, weight: float, kind: str, found: Instances, truth: NDArray[np.int32]) -> None:
        """Add the instances of a frame."""
        meter = self.ap.setdefault((weight, kind), InstanceApMeter(self.names))
        meter.add(found, truth)

    def add_pq(self, row: str, panoptic: PanopticMap, truth: NDArray[np.int32]) -> None:
        """Add the map of a frame."""
        fresh = (PanopticMeter(self.names), SemanticMeter())
        meters = self.pq.setdefault(row, fresh)
        meters[0].add(panoptic, truth)
        meters[1].add(label_ids(panoptic, class_names=self.names), truth)

    def merge(self, other: Tally) -> None:
        """Add the frames of another tally."""
        for key, meter in other.ap.items():
            self.ap.setdefault(key, InstanceApMeter(self.names)).merge(meter)
        for row, meters in other.pq.items():
            own = self.pq.setdefault(row, (PanopticMeter(self.names), SemanticMeter()))
            own[0].merge(meters[0])
            own[1].merge(meters[1])
        for kind, pairs in other.evidence.items():
            self.evidence[kind] += pairs


class Joined(NamedTuple):
    """The objects of a frame: by the head alone, and after the vote, scores as evidence."""

    head: Instances
    voted: Instances


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=SHARED / "data" / "cityscapes-768")
    parser.add_argument("--split", default="val")
    parser.add_argument("--model", default="urban-n")
    parser.add_argument("--images", type=int, default=None)
    args = parser.parse_args()
    if not open_model(args.model)[1].has_semantic:
        print(f"{args.model} has no map of classes; `train --task panoptic` makes one that has")
        return
    samples = spread(read_layout(args.data).of_split(args.split), args.images)
    cities = {city: list(group) for city, group in groupby(samples, lambda one: one.group)}
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        counted = pool.map(partial(measure, model=args.model), cities.values())
        tallies = dict(zip(cities, counted, strict=True))
    total = Tally(next(iter(tallies.values())).names)
    for tally in tallies.values():
        total.merge(tally)
    everything = {"all": total, **tallies}
    print(f"\n{len(samples)} frames of {', '.join(cities)}\n")
    print_ap(everything)
    print_pq(everything)
    for kind, usual in (("things", THINGS), ("surfaces", SURFACES)):
        print_reliability(kind, everything, usual)


def open_model(model: str) -> tuple[ModelFile, ModelSpec]:
    """Return a model for one frame at a time, and what it says about itself."""
    path = resolve_model(model)
    selection = select_runtime(device="auto", runtime="auto", suffix=path.suffix)
    file = open_model_file(path, selection, precision="auto", streams=1)
    return file, ModelSpec.from_metadata(file.metadata, path=str(path))


def measure(samples: Sequence[CityscapesFrame], *, model: str) -> Tally:
    """Return what is counted over some frames."""
    cv2.setNumThreads(1)
    file, spec = open_model(model)
    runtime = file.compile(spec.imgsz)
    tally = Tally(spec.class_names)
    for sample in samples:
        assert sample.image_path is not None
        image, truth = read_sample_image(sample.image_path), sample.instance_ids()
        height, width = image.shape[:2]
        outputs = runtime.infer(network_input(image, Letterbox.fit((height, width), spec.imgsz)))
        letterbox = Letterbox.fit((truth.shape[0], truth.shape[1]), spec.imgsz)
        semantic = SemanticMap(logits=np.ascontiguousarray(outputs[2][0]), letterbox=letterbox)
        by_weight = {w: join(outputs, spec, semantic, weight=w) for w in WEIGHTS}
        for weight, joined in by_weight.items():
            tally.add_ap(weight, "head", joined.head, truth)
            tally.add_ap(weight, "voted", joined.voted, truth)
        for row, panoptic in merged(by_weight, semantic):
            tally.add_pq(row, panoptic, truth)
        voted = by_weight[MASK_WEIGHT].voted
        tally.evidence["things"] += object_pairs(voted, truth)
        tally.evidence["surfaces"] += surface_pairs(voted, semantic, truth)
    return tally


def join(
    outputs: Sequence[NDArray[np.float32]], spec: ModelSpec, semantic: SemanticMap, *, weight: float
) -> Joined:
    """Return what the head has found, with the weight of the map in its masks."""
    found = decode_detections(
        outputs, spec=spec, config=SegmenterConfig(conf=LOWEST), keep_classes=None, path="model"
    )
    maps = thing_maps(semantic.probabilities, spec.classes)
    coefficients, prototypes = voted_masks(
        found.coefficients, outputs[1][0], found.class_ids, maps, weight=weight
    )
    logits = np.matmul(coefficients, prototypes.transpose(1, 0, 2)).transpose(1, 0, 2)
    scale = np.float32(prototypes.shape[2] / semantic.letterbox.input_size[1])
    boxes = semantic.letterbox.to_image(found.boxes)
    head = Instances(
        boxes=boxes,
        masks=masks_from_prototypes(logits, boxes, semantic.letterbox),
        scores=np.minimum(found.scores, np.float32(1)),
        class_ids=found.class_ids,
        classes=spec.classes,
    )
    evidence = voted_scores(head.scores, logits, found.boxes * scale, maps, calibration=RAW)
    return Joined(head, replace(head, scores=evidence))


def merged(by_weight: dict[float, Joined], semantic: SemanticMap) -> list[tuple[str, PanopticMap]]:
    """Return maps: step by step from the standard merge, then by thresholds."""
    plain, joined = by_weight[0.0], by_weight[MASK_WEIGHT]
    voted = calibrated(joined.voted, THINGS)
    usual = PanopticConfig()
    by_rules = {
        "standard merge": (plain.head, STANDARD),
        "things of the head from 0.3": (plain.head, replace(STANDARD, score=0.3)),
        "masks voted": (joined.head, replace(STANDARD, score=0.3)),
        "scores voted": (voted, replace(STANDARD, score=usual.thing_probability)),
    }
    rows = [
        (
            row,
            merge_panoptic(
                add_surfaces(strong(things, config.score), semantic, config=EVERYTHING),
                config=config,
            ),
        )
        for row, (things, config) in by_rules.items()
    ]
    rows.append(("surfaces by probability", merge_panoptic(voted, semantic=semantic)))
    for thing, stuff in zip(THING_STEPS, STUFF_STEPS, strict=True):
        config = PanopticConfig(thing_probability=thing, stuff_probability=stuff)
        row = f"things from {thing}, surfaces from {stuff}"
        rows.append((row, merge_panoptic(voted, semantic=semantic, config=config)))
    return rows


def strong(things: Instances, score: float) -> Instances:
    """Return the things that are merged, so that surfaces are cut out of no others."""
    return things.select(things.scores >= score)


def calibrated(found: Instances, calibration: Calibration) -> Instances:
    """Return instances whose evidence has become probabilities."""
    return replace(found, scores=calibration.probability(found.scores))


def object_pairs(found: Instances, truth: NDArray[np.int32]) -> list[tuple[float, bool]]:
    """Return the evidence of each object, and whether it is right."""
    areas = np.bincount(truth.ravel())
    pairs: list[tuple[float, bool]] = []
    for one in found:
        (x, y), (height, width) = one.mask.origin, one.mask.crop.shape
        inside = truth[y : y + height, x : x + width][one.mask.crop]
        counts = np.bincount(inside, minlength=len(areas))
        first = 1000 * BY_NAME[one.class_name].label_id
        own = slice(first, first + 1000)
        unions = areas[own] + len(inside) - counts[own]
        iou = (counts[own] / np.maximum(unions, 1)).max(initial=0)
        pairs.append((float(one.score), bool(iou > 0.5)))
    return pairs


def surface_pairs(
    voted: Instances, semantic: SemanticMap, truth: NDArray[np.int32]
) -> list[tuple[float, bool]]:
    """Return the evidence of each surface, and whether it is right; none that lie on void."""
    config = PanopticConfig(stuff_probability=0)
    panoptic = merge_panoptic(calibrated(voted, THINGS), semantic=semantic, config=config)
    joint = joint_counts(truth, panoptic.segment_ids)
    labels = np.where(joint.first < 1000, joint.first, joint.first // 1000)
    void = [label.label_id for label in CITYSCAPES if label.train_id is None]
    is_void = np.isin(labels, void)
    pairs: list[tuple[float, bool]] = []
    for segment in panoptic.segments:
        if segment.is_thing:
            continue
        is_own = joint.second == segment.segment_id
        is_true = labels == BY_NAME[voted.classes[segment.class_id].name].label_id
        common = joint.pixels[is_own & is_true].sum()
        area = segment.area_px - joint.pixels[is_own & is_void].sum()
        union = area + joint.pixels[is_true].sum() - common
        if 2 * area >= segment.area_px:
            pairs.append((SURFACES.evidence(segment.score), bool(2 * common > union)))
    return pairs


def print_ap(tallies: dict[str, Tally]) -> None:
    """Print AP by the weight of the map, with scores of the head and after the vote."""
    print(f"| weight in masks | scores | {' | '.join(f'AP {name}' for name in tallies)} |")
    print("|---" * (2 + len(tallies)) + "|")
    for key in tallies["all"].ap:
        figures = [100 * tally.ap[key].result().ap for tally in tallies.values()]
        print(f"| {key[0]} | {key[1]} | {' | '.join(f'{figure:.2f}' for figure in figures)} |")


def print_pq(tallies: dict[str, Tally]) -> None:
    """Print panoptic quality and mean IoU, then panoptic quality by class."""
    cities = [name for name in tallies if name != "all"]
    heads = ["PQ", "things", "stuff", "mIoU", *(f"PQ {name}" for name in cities)]
    print(f"\n| merge | {' | '.join(heads)} |\n" + "|---" * (1 + len(heads)) + "|")
    for row, (panoptic, semantic) in tallies["all"].pq.items():
        quality = panoptic.result()
        figures = [quality.pq, quality.things.pq, quality.stuff.pq, semantic.result().miou]
        figures += [tallies[name].pq[row][0].result().pq for name in cities]
        print(f"| {row} | {' | '.join(f'{100 * figure:.2f}' for figure in figures)} |")
    print("\n| PQ by class | before | after |\n|---|---|---|")
    before, after = (
        tallies["all"].pq[row][0].result().classes
        for row in ("standard merge", "surfaces by probability")
    )
    for name, quality in before.items():
        print(f"| {name} | {100 * quality.pq:.1f} | {100 * after[name].pq:.1f} |")


def print_reliability(kind: str, tallies: dict[str, Tally], usual: Calibration) -> None:
    """Print how often masks are right by their score, and the constants fitted to that."""
    evidence, right = pairs_of(tallies["all"], kind)
    scores = usual.probability(evidence)
    print(f"\n| score of {kind} | number | mean score | right |\n|---|---|---|---|")
    tenths = np.minimum((10 * scores).astype(np.intp), 9)
    for tenth in np.unique(tenths):
        inside = tenths == tenth
        means = f"{scores[inside].mean():.2f} | {right[inside].mean():.2f}"
        print(f"| {tenth / 10:.1f} to {(tenth + 1) / 10:.1f} | {inside.sum()} | {means} |")
    for name, tally in tallies.items():
        fitted = fit(*pairs_of(tally, kind))
        print(f"{kind}, fitted to {name}: offset {fitted.offset:.2f}, slope {fitted.slope:.2f}")


def pairs_of(tally: Tally, kind: str) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Return evidence above nearly nothing, and whether it was right."""
    table = np.array(tally.evidence[kind], dtype=np.float64).reshape(-1, 2)
    table = table[table[:, 0] > FITTED]
    return table[:, 0].astype(np.float32), table[:, 1]


def fit(evidence: NDArray[np.float32], right: NDArray[np.float64]) -> Calibration:
    """Return the curve under which what was seen is most probable."""
    share = np.clip(evidence.astype(np.float64), 1e-6, 1 - 1e-6)
    inputs = np.stack([np.ones(len(share)), np.log(share / (1 - share))], axis=1)
    constants = np.zeros(2)
    for _ in range(30):  # Newton's method
        guess = 1 / (1 + np.exp(-inputs @ constants))
        curvature = inputs.T @ (inputs * (guess * (1 - guess))[:, None])
        constants += np.linalg.solve(curvature, inputs.T @ (right - guess))
    return Calibration(offset=float(constants[0]), slope=float(constants[1]))


if __name__ == "__main__":
    main()
