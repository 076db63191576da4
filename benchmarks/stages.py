"""Postprocessing and drawing of 30 objects at 1080p, each on its own."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

import cv2
import numpy as np

from urban_segmentor import Segmenter
from urban_segmentor.structures.frame import Frame, Yuv420
from urban_segmentor.synthetic import Street
from urban_segmentor.visualization.overlay import Overlay

if TYPE_CHECKING:
    from collections.abc import Callable

OBJECTS, ROUNDS = 30, 60


def median_ms(work: Callable[[], object]) -> float:
    """Return the median duration of some work, milliseconds."""
    times: list[float] = []
    for _ in range(ROUNDS):
        started_s = time.perf_counter()
        work()
        times.append(time.perf_counter() - started_s)
    return 1000 * statistics.median(times)


def main() -> None:
    """Print milliseconds and what the work touches at the least."""
    cv2.setNumThreads(2)
    shot = next(Street(size=(1080, 1920), camera="dashcam").shots(seconds=1.0))
    planes = Yuv420.from_rgb(shot.frame.image)
    segmenter = Segmenter("urban-n", conf=0.1, max_det=OBJECTS)
    overlay = Overlay()
    frame = Frame(pixels=planes)
    found = segmenter(frame)
    post: list[float] = []

    def segment() -> None:
        post.append(segmenter(frame).milliseconds["postprocess"])

    def draw() -> None:
        overlay(frame, segmenter(frame))

    whole_ms, network_ms = median_ms(draw), median_ms(segment)
    masks = found.instances.masks
    _ = [crop.any() for crop in masks.crops]
    again_ms = median_ms(lambda: overlay(frame, found))
    covered = int(masks.areas().sum())
    print(f"\n{len(found)} objects, 1920x1080, {covered / 1e6:.1f} M mask pixels\n")
    print("| stage | ms, median |\n|---|---|")
    print(f"| postprocess (boxes, scores, NMS, lazy masks) | {statistics.median(post):.1f} |")
    print(f"| draw: masks decoded and blended, outlines, labels | {whole_ms - network_ms:.1f} |")
    print(f"| draw again, masks decoded before | {again_ms:.1f} |")
    source = np.concatenate([planes.y.ravel(), planes.u.ravel(), planes.v.ravel()])
    copy_ms = median_ms(source.copy)
    print(f"| floor: copy the planes of the frame, {source.nbytes / 1e6:.1f} MB | {copy_ms:.2f} |")


if __name__ == "__main__":
    main()
