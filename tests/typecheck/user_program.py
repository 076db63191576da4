"""A user's program: type checkers see exact types everywhere; it is never run."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

import urban_segmentor as us


class Brightest:
    """A stage, a renderer, a sink and a viewer are recognized by their methods."""

    wants_quit = False

    def __call__(self, result: us.Result, /) -> us.Result:
        """Return the result with its best instance."""
        return result.with_instances(result.instances[:1])

    def reset(self) -> None:
        """Do nothing."""

    def write(self, result: us.Result, /) -> None:
        """Do nothing."""

    def show(self, result: us.Result, /) -> None:
        """Do nothing."""

    def poll(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


def use() -> None:
    """Do what users do."""
    segmenter = us.Segmenter("urban-n", conf=0.25, classes=["car"], imgsz=(384, 640))
    result = segmenter("photo.jpg", conf=0.5)
    assert_type(result, us.Result)
    assert_type(segmenter(["a.jpg", "b.jpg"]), list[us.Result])
    assert_type(segmenter.stream("clip.mp4", stride=2), Generator[us.Result, None, None])
    assert_type(segmenter.classes, us.ClassList)
    assert_type(segmenter.names, tuple[str, ...])
    assert_type(result[0], us.Instance)
    assert_type(result[:2], us.Result)
    assert_type(iter(result), Iterator[us.Instance])
    assert_type(len(result), int)
    assert_type(result.plot(), NDArray[np.uint8])
    assert_type(result.to_coco(), dict[str, Any])
    assert_type(result.to_json(), str)

    instances = result.instances
    assert_type(instances, us.Instances)
    assert_type(instances.boxes, NDArray[np.float32])
    assert_type(instances.is_class("car"), NDArray[np.bool_])
    assert_type(instances[instances.is_class("car")], us.Instances)
    assert_type(instances[instances.scores > 0.5], us.Instances)
    assert_type(instances[[0, 2]], us.Instances)
    assert_type(instances[-1].mask.area_px, int)
    assert_type(instances.masks[0].dense(), NDArray[np.bool_])
    for instance in instances:
        assert_type(instance, us.Instance)
        assert_type(instance.class_name, str)

    panoptic = us.PanopticSegmenter(segmenter)("photo.jpg").panoptic
    if panoptic is not None:
        assert_type(panoptic.segment_ids, NDArray[np.int32])

    own = Brightest()
    video = us.VideoReader("clip.mp4", start_s=10, stride=2)
    pipeline = us.Pipeline(
        video,
        segmenter,
        stages=[own],
        renderers=[us.Overlay()],
        sinks=[us.VideoWriter("out.mp4"), us.writers["coco"]("out"), own],
        viewers=[own],
    )
    assert_type(pipeline.run().frames, int)
