"""The loop of the original demo: `model.predict`, `plot`, `cv2.VideoWriter`."""

from __future__ import annotations

import sys

import cv2
from ultralytics import YOLO


def main() -> None:
    """Segment a video: checkpoint, input and output are the arguments."""
    checkpoint, source, target = sys.argv[1:]
    model = YOLO(checkpoint)
    capture = cv2.VideoCapture(source)
    size = (
        int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)),
        int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)),
    )
    rate = capture.get(cv2.CAP_PROP_FPS)
    writer = cv2.VideoWriter(target, cv2.VideoWriter.fourcc(*"mp4v"), rate, size)
    while True:
        good, frame = capture.read()
        if not good:
            break
        results = model.predict(frame, verbose=False)
        writer.write(results[0].plot())
    writer.release()


if __name__ == "__main__":
    main()
