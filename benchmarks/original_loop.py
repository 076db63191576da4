"""The loop of the original demo: `model.predict`, `plot`, `cv2.VideoWriter`."""

from __future__ import annotations

import sys
import time

import cv2
from ultralytics import YOLO

WARM = 5  # frames before the clock starts


def main() -> None:
    """Segment a video: checkpoint, input, and output or nothing; print warm frames a second."""
    checkpoint, source, *target = sys.argv[1:]
    model = YOLO(checkpoint)
    capture = cv2.VideoCapture(source)
    size = (
        int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)),
        int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)),
    )
    rate = capture.get(cv2.CAP_PROP_FPS)
    fourcc = cv2.VideoWriter.fourcc(*"mp4v")
    writer = cv2.VideoWriter(target[0], fourcc, rate, size) if target else None
    frames, since_s = 0, time.perf_counter()
    while True:
        good, frame = capture.read()
        if not good:
            break
        results = model.predict(frame, verbose=False)
        drawn = results[0].plot()
        if writer is not None:
            writer.write(drawn)
        frames += 1
        if frames == WARM:
            since_s = time.perf_counter()
    if writer is not None:
        writer.release()
    print((frames - WARM) / (time.perf_counter() - since_s))


if __name__ == "__main__":
    main()
