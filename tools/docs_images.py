"""Makes the pictures of `docs/`, all of them from drawn streets.

    python tools/docs_images.py

Needs the extra `eval`. The same pictures come out until the street or the commands change.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from urban_segmentor.cli.main import command_line
from urban_segmentor.datasets.cityscapes.annotation import read_annotation
from urban_segmentor.datasets.cityscapes.layout import read_layout
from urban_segmentor.datasets.cityscapes.visible_objects import draw_objects
from urban_segmentor.io.image_codec import read_image
from urban_segmentor.synthetic import save_cityscapes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from urban_segmentor.datasets.cityscapes.annotation import PolygonObject

IMAGES = Path(__file__).parents[1] / "docs" / "images"
FRAME = "eschwick_000000_000068"
MOST_BYTES = 150_000
WIDTH = 1000
SQUARE, LARGE_PX = 320, 1500


def main() -> None:
    """Draw a data set, look at it, score the embedded model on it, and keep some pictures."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        data, out = Path(place) / "street-data", Path(place) / "out"
        save_cityscapes(data, frames=30)
        run("data", "show", data, FRAME, "-o", out / "frame")
        run("data", "show", data, "-o", out / "show")
        run("val", "--data", data, "-o", out / "val")
        save("frame", cv2.imread(str(out / "frame" / f"{FRAME}.png")))
        save("people", cv2.imread(str(out / "show" / "class_person.jpg"))[: 2 * 320 + 40])
        save("worst", cv2.imread(str(next((out / "val" / "worst").glob(f"*{FRAME}.jpg")))))
        save("order", order(data))
        plot = (out / "show" / "plot_things.png").read_bytes()
        (IMAGES / "sizes.png").write_bytes(plot)
        save("live", live_image(Path(place)))
    for path in sorted(IMAGES.iterdir()):
        print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


def live_image(folder: Path) -> NDArray[np.uint8]:
    """Return a frame of `live`, with the figures that this machine gave."""
    clip = folder / "street.mp4"
    run(
        "sample", clip, "--seconds", "4", "--seed", "3", "--camera", "dashcam", "--size", "1280x720"
    )
    run("live", clip, "--display", "none", "--record", folder / "live.mp4")
    capture = cv2.VideoCapture(str(folder / "live.mp4"))
    capture.set(cv2.CAP_PROP_POS_FRAMES, 60)
    return np.asarray(capture.read()[1], dtype=np.uint8)


def run(*words: str | Path) -> None:
    """Run a command as a shell would."""
    command_line(())([str(word) for word in words], standalone_mode=False)


def order(data: Path) -> NDArray[np.uint8]:
    """Return objects as their polygons alone, above what drawing all in order leaves, BGR."""
    found: list[tuple[float, NDArray[np.uint8]]] = []
    for sample in read_layout(data).frames:
        if sample.polygons is None or sample.image_path is None:
            raise SystemExit(f"{sample.stem} is not complete")
        annotation = read_annotation(sample.polygons)
        numbers, image = draw_objects(annotation).numbers, read_image(sample.image_path)
        for number, item in enumerate(annotation.objects, start=1):
            alone = draw_objects(replace(annotation, objects=(item,))).numbers > 0
            visible = numbers == number
            if item.is_single and np.count_nonzero(visible) > LARGE_PX:
                hidden = 1 - np.count_nonzero(visible) / np.count_nonzero(alone)
                centre = np.round(item.points.mean(axis=0)).astype(int)
                pair = [_cut(colored(image, mask, item), centre) for mask in (alone, visible)]
                found.append((hidden, np.vstack(pair)))
                found = sorted(found, key=itemgetter(0), reverse=True)[:5]
    return np.hstack([pair for _, pair in found])[..., ::-1]


def colored(
    image: NDArray[np.uint8], mask: NDArray[np.bool_], item: PolygonObject
) -> NDArray[np.uint8]:
    """Return a picture with a mask in the color of its class and a white outline, RGB."""
    result = image.copy()
    result[mask] = 0.45 * result[mask] + 0.55 * np.array(item.label.color)
    rings, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(result, rings, -1, (255, 255, 255), 1)
    return result


def _cut(image: NDArray[np.uint8], centre: NDArray[np.int_]) -> NDArray[np.uint8]:
    """Return a square around a place, with a white edge."""
    height, width = image.shape[:2]
    x, y = np.clip(centre - SQUARE // 2, 0, (width - SQUARE, height - SQUARE)).tolist()
    square = image[y : y + SQUARE, x : x + SQUARE].copy()
    square[-4:], square[:, -4:] = 255, 255
    return square


def save(name: str, image: NDArray[np.uint8]) -> None:
    """Write a JPEG that is small enough to be kept beside the code."""
    scale = min(WIDTH / image.shape[1], 1)
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    for quality in range(90, 30, -5):
        data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
        if len(data) < MOST_BYTES:
            break
    (IMAGES / f"{name}.jpg").write_bytes(data)


if __name__ == "__main__":
    main()
