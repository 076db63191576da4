"""What several commands do with their options."""

from __future__ import annotations


def silence_decoders() -> None:
    """Keep OpenCV from writing to stderr by itself what is told as an error anyway."""
    import cv2

    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
