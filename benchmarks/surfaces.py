"""Whether surfaces are whole: no road in the sky of clips, no straight cuts along boxes.

Two faults that anybody sees at once, each counted over real material:

- **Sky.** Frames of the clips whose upper quarter is more than 5 % road or sidewalk, at several
  input sizes. On a street seen from a car there is none.
- **Cuts.** Pictures in which a border of a surface runs along an edge of a box, perfectly
  straight, for more than 5 % of the picture's width; borders of the picture do not count. What
  the network draws is never so straight, only what is cut off at a box is.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from material import SHARED

from urban_segmentor.datasets.open_dataset import open_dataset
from urban_segmentor.datasets.samples import spread
from urban_segmentor.inference.segmenter import Segmenter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from urban_segmentor.result import Result

MAX_SKY, MIN_CUT = 0.05, 0.05  # of the upper quarter's pixels; of the width
SKYLESS = ("road", "sidewalk")
BORDER_PX = 2


def main() -> None:
    """Print a row for each clip and size, and one for the pictures; the exit code counts faults."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="urban-n")
    parser.add_argument("--clips", type=Path, default=SHARED / "media")
    parser.add_argument("--data", type=Path, default=SHARED / "data" / "cityscapes-768")
    parser.add_argument(
        "--pattern", default="highway-*.mp4", help="clips with sky above the street"
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[768, 1024])
    parser.add_argument("--pictures", type=int, default=40)
    args = parser.parse_args()
    faults = 0
    print("| clip | input | frames with road in the sky | of |\n|---|---|---|---|")
    for clip, size in itertools.product(sorted(args.clips.glob(args.pattern)), args.sizes):
        segmenter = Segmenter(args.model, imgsz=size)
        shares = [sky_share(result) for result in segmenter.stream(clip)]
        bad = sum(share > MAX_SKY for share in shares)
        faults += bad
        print(
            f"| {clip.name} | {size} | {bad} (at most {100 * max(shares):.1f} %) | {len(shares)} |"
        )
    samples = spread(open_dataset(args.data).of_split("val"), args.pictures)
    print(
        "\n| pictures | input | with a straight cut | longest, % of the width |\n|---|---|---|---|"
    )
    for size in args.sizes:
        segmenter = Segmenter(args.model, imgsz=size)
        cuts = [longest_cut(segmenter(sample.image())) for sample in samples]
        bad = sum(cut > MIN_CUT for cut in cuts)
        faults += bad
        print(f"| {len(cuts)} | {size} | {bad} | {100 * max(cuts):.1f} |")
    raise SystemExit(min(faults, 1))


def sky_share(result: Result) -> float:
    """Return the share of the upper quarter of a picture that is road or sidewalk."""
    ids = [i for i, name in enumerate(result.names) if name in SKYLESS]
    height = result.frame.size[0] // 4
    wrong = np.zeros((height, result.frame.size[1]), dtype=np.bool_)
    instances = result.instances
    for mask in instances.select(np.flatnonzero(np.isin(instances.class_ids, ids))).masks:
        wrong |= mask.dense()[:height]
    return float(wrong.mean())


def longest_cut(result: Result) -> float:
    """Return the longest straight border of a surface along a box, as a share of the width."""
    instances = result.instances
    is_surface = ~result.classes.is_thing[instances.class_ids]
    order = np.argsort(~is_surface, kind="stable")  # things lie over surfaces
    shown = instances.masks.to_index_map(order=order.astype(np.intp))
    surface = np.concatenate([[False], is_surface])[shown]
    # Where surfaces come from a map, their boxes are drawn round them, and cut nothing off.
    boxes = instances.boxes if result.semantic is None else instances.boxes[~is_surface]
    longest = 0
    for axis in (0, 1):
        image, mask = (shown, surface) if axis == 0 else (shown.T, surface.T)
        edges = {round(float(side)) for side in boxes[:, [axis ^ 1, 3 - axis]].ravel()}
        lines = {edge + step for edge in edges for step in (-1, 0, 1)}
        for line in lines:
            if BORDER_PX <= line < len(image) - BORDER_PX:
                differs = image[line] != image[line - 1]
                border = differs & (mask[line] | mask[line - 1])
                longest = max(longest, longest_run(border))
    return longest / result.frame.size[1]


def longest_run(values: NDArray[np.bool_]) -> int:
    """Return the length of the longest run of true values."""
    ends = np.flatnonzero(np.diff(np.concatenate([[0], values.view(np.int8), [0]])))
    return int((ends[1::2] - ends[::2]).max(initial=0))


if __name__ == "__main__":
    main()
