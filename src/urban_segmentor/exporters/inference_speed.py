"""Inference time of several exports of a model, measured in turns."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

import numpy as np

from urban_segmentor.inference.runtimes.selection import open_model_file, select_runtime

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
        name: open_model_file(
            path,
            select_runtime(device="cpu", runtime="openvino", suffix=path.suffix),
            precision=precision,
        ).compile(input_size)
        for name, (path, precision) in forms.items()
    }
    noise = np.random.default_rng(0).integers(0, 256, (1, *input_size, 3), dtype=np.uint8)
    taken_s: dict[str, list[float]] = {name: [] for name in backends}
    for number in range(rounds + _WARM_UP):
        for name, backend in backends.items():
            since_s = time.perf_counter()
            backend.infer(noise)
            if number >= _WARM_UP:
                taken_s[name].append(time.perf_counter() - since_s)
    return {name: 1000 * statistics.median(times) for name, times in taken_s.items()}
