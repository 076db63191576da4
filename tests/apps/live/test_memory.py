"""A long run stays as large as a short one."""

from __future__ import annotations

import gc
from statistics import median
from typing import TYPE_CHECKING

import numpy as np
import psutil
import pytest

from tests.apps.live.fakes import Noting
from tests.cli.tiny import save_tiny_model
from tests.io.clips import write_clip
from urban_segmentor.apps.live.session import LiveSession
from urban_segmentor.apps.live.view_controls import ViewControls
from urban_segmentor.inference.segmenter import Segmenter
from urban_segmentor.io.rolling_video import RollingVideoWriter
from urban_segmentor.io.streams.live_source import LiveSource
from urban_segmentor.io.streams.source_uri import parse_source_uri
from urban_segmentor.io.streams.stream_options import StreamOptions
from urban_segmentor.io.writers.jsonl import JsonlWriter
from urban_segmentor.visualization.style import OverlayStyle

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

FRAMES = 3000
SIZE = (144, 256)  # 55 kB a frame: 3,000 that stay would be 166 MB
MOST_MB = 25


def test_memory_does_not_grow_with_the_frames(tmp_path: Path) -> None:
    """Recorded in segments and saved, from the second sixth of the run to the last."""
    noise = np.random.default_rng(0).integers(0, 256, (5, *SIZE, 3), dtype=np.uint8)
    images = [noise[i % 5] for i in range(FRAMES)]
    clip = write_clip(tmp_path / "long.mp4", images=images, options={"preset": "ultrafast"})
    process, sizes_mb = psutil.Process(), []

    def measure(count: int) -> None:
        display.frames.clear()
        display.readings.clear()
        if count == 1:
            sizes_mb.append(process.memory_info().rss / 1e6)

    display = Noting(measure)
    segmenter = Segmenter(save_tiny_model(tmp_path / "tiny.onnx"), streams=2)
    gc.collect()
    outcome = LiveSession(
        LiveSource(parse_source_uri(str(clip)), options=StreamOptions(paced=False)),
        segmenter=segmenter,
        controls=ViewControls(segmenter.classes),
        display=display,
        style=OverlayStyle(),
        recorder=RollingVideoWriter(tmp_path / "seen.mp4", max_length_s=20),
        sinks=[JsonlWriter(tmp_path, classes=segmenter.classes, overwrite=False)],
        every=True,
    ).run()
    assert outcome.frames == FRAMES
    assert len(sizes_mb) == FRAMES
    sixth = FRAMES // 6
    assert median(sizes_mb[-sixth:]) - median(sizes_mb[sixth : 2 * sixth]) < MOST_MB
