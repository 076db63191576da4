"""The parts of this package have what its protocols ask for."""

from __future__ import annotations

import pytest

import urban_segmentor
from urban_segmentor import protocols
from urban_segmentor.inference.panoptic_segmenter import PanopticSegmenter
from urban_segmentor.inference.runtimes.openvino import OpenVinoRuntime
from urban_segmentor.inference.segmenter import Segmenter
from urban_segmentor.io.image_files import ImageReader
from urban_segmentor.io.streams.live_source import LiveSource
from urban_segmentor.io.video_reader import VideoReader
from urban_segmentor.io.writers import WRITERS
from urban_segmentor.visualization.overlay import Overlay

PARTS: dict[type, list[type]] = {
    protocols.Source: [ImageReader, VideoReader, LiveSource],
    protocols.Runtime: [OpenVinoRuntime],
    protocols.InstanceSegmenter: [Segmenter, PanopticSegmenter],
    protocols.Renderer: [Overlay],
    protocols.Sink: [*WRITERS.values(), urban_segmentor.VideoWriter],
    protocols.Viewer: [urban_segmentor.Window, urban_segmentor.BrowserPage],
}


def members_of(protocol: type) -> set[str]:
    """Return what a protocol asks for."""
    special = {"__call__", "__iter__"}
    return {name for name in vars(protocol) if name in special or not name.startswith("_")}


@pytest.mark.parametrize(
    ("protocol", "part"),
    [(protocol, part) for protocol, parts in PARTS.items() for part in parts],
    ids=lambda one: one.__name__,
)
def test_parts_have_what_the_protocol_asks_for(protocol: type, part: type) -> None:
    """Methods and properties alike; types are the business of pyright."""
    assert members_of(protocol)
    assert {name for name in members_of(protocol) if not hasattr(part, name)} == set()
