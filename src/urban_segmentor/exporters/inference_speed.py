"""Inference time of several exports of a model, measured in turns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from urban_segmentor.inference.runtimes.selection import open_model_file
from urban_segmentor.profiling import StageTimes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from urban_segmentor.inference.runtimes.selection import Precision

_WARM_UP = 3


def inference_ms(
    forms: Mapping[str, tuple[Path, Precision]], *, input_size: tuple[int, int], rounds: int = 30
) -> dict[str, float]:
    """Return the median inference time of each export, milliseconds, by name.

    All take turns, so that whatever else the machine does hits them alike.

    Args:
        forms: File and precision by name.
        input_size: Height and width of the input, pixels.
        rounds: Inferences of each.
    """
    backends = {
        name: open_model_file(path, precision=precision).compile(input_size)
        for name, (path, precision) in forms.items()
    }
    noise = np.random.default_rng(0).integers(0, 256, (1, *input_size, 3), dtype=np.uint8)
    times = StageTimes()
    for _ in range(_WARM_UP + rounds):
        for name, backend in backends.items():
            with times.measure(name):
                backend.infer(noise)
    return times.latest(rounds)
