"""Ground truth of synthetic frames as files."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np

from urban_segmentor.errors import OutputError
from urban_segmentor.io.image_codec import encode_image

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from urban_segmentor.synthetic.street import RenderedFrame


def save_truth(shot: RenderedFrame, folder: Path) -> None:
    """Write the ground truth of a frame: two PNG maps, and a line in `truth.jsonl`.

    `{name}_instances.png` holds track ids as uint16, `{name}_classes.png` train ids as uint8.
    The first frame of a clip begins `truth.jsonl` anew.

    Args:
        shot: A frame with its ground truth.
        folder: Made where it is missing.

    Raises:
        OutputError: The folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        name = shot.frame.name
        _write_png(folder / f"{name}_instances.png", shot.instance_map.astype(np.uint16))
        _write_png(folder / f"{name}_classes.png", shot.class_map)
        mode = "a" if shot.frame.index else "w"
        with (folder / "truth.jsonl").open(mode, encoding="utf-8") as lines:
            lines.write(json.dumps(_record(shot)) + "\n")
    except OSError as error:
        raise OutputError(
            f"the truth cannot be written into `{folder}`: {error.strerror or error}",
            hint="choose another folder with --truth",
        ) from error


def _record(shot: RenderedFrame) -> dict[str, object]:
    camera = shot.camera
    return {
        "frame": shot.frame.name,
        "index": shot.frame.index,
        "time_s": shot.frame.time_s,
        "camera": {
            "intrinsics": camera.intrinsics.tolist(),
            "rotation": camera.rotation.tolist(),
            "position_m": camera.position_m.tolist(),
        },
        "objects": [asdict(actor) for actor in shot.objects],
    }


def _write_png(path: Path, image: NDArray[np.uint8] | NDArray[np.uint16]) -> None:
    path.write_bytes(encode_image(image, suffix=".png"))
