"""A backend of one's own behind the same pipeline: here, everything that moves."""

import sys
import threading

import cv2
import numpy as np
from _street import OUTPUT, street_video

import urban_segmentor as us
from urban_segmentor.models.spec import ModelSpec

path = sys.argv[1] if len(sys.argv) > 1 else street_video()


class MotionSegmenter:
    """Finds what differs from the background; one frame after the other, so one stream."""

    streams = 1
    spec = ModelSpec(
        task="segment",
        classes=us.ClassList.from_names(["moving"]),
        imgsz=(0, 0),
        stride=1,
        ends_in_nms=True,
        description="background subtraction",
        license="",
        training_data="",
        accuracy="",
    )

    def __init__(self) -> None:
        self._background = cv2.createBackgroundSubtractorMOG2(detectShadows=False)
        self._lock = threading.Lock()

    def __call__(self, image: us.Frame, /) -> us.Result:
        """Return the parts that move."""
        with self._lock:
            moving = self._background.apply(image.image)
        kernel = np.ones((5, 5), dtype=np.uint8)
        count, parts = cv2.connectedComponents(cv2.morphologyEx(moving, cv2.MORPH_OPEN, kernel))
        dense = np.stack([parts == i for i in range(min(count, 50))])[1:]
        masks = us.Masks.from_dense(dense)
        instances = us.Instances(
            boxes=masks.rectangles(),
            masks=masks,
            scores=np.ones(len(masks), dtype=np.float32),
            class_ids=np.zeros(len(masks), dtype=np.int32),
            classes=self.spec.classes,
        )
        return us.Result(frame=image, instances=instances)


video = us.VideoReader(path)
report = us.Pipeline(
    video,
    MotionSegmenter(),
    renderers=[us.Overlay(style=us.OverlayStyle(scores=False))],
    sinks=[us.VideoWriter(OUTPUT / "moving.mp4", rate=video.info.rate, overwrite=True)],
).run()
print(f"{report.instances} moving parts in {report.frames} frames: {OUTPUT / 'moving.mp4'}")
