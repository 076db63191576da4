"""What strangers upload, checked by what is in it, before anything is decoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from urban_segmentor.apps.web.image_header import read_header
from urban_segmentor.errors import SourceError, TooLargeError, UploadError
from urban_segmentor.io.images import decode_image
from urban_segmentor.io.video_reader import probe_video

if TYPE_CHECKING:
    from pathlib import Path

    from urban_segmentor.apps.web.limits import UploadLimits
    from urban_segmentor.structures.frame import Image

_KINDS = "JPEG, PNG, WebP, TIFF or BMP"
_MOST_BITS = 64  # of a pixel: four channels of 16
# Files that name other files, such as playlists, are none of these.
_CONTAINERS = ("mov", "matroska", "webm", "avi", "mpegts", "mpeg", "flv", "ogg", "asf", "gif")
_VIDEO_KINDS = "MP4, MOV, MKV, WebM, AVI, MPEG, FLV, OGG, WMV or GIF"


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoFacts:
    """What a video says of itself, which need not be true.

    Attributes:
        width: Pixels.
        height: Pixels.
        duration_s: Length, seconds, or None when it does not say.
        frames: How many, or None when it does not say.
        rate: Frames a second.
    """

    width: int
    height: int
    duration_s: float | None
    frames: int | None
    rate: float


def read_upload(path: Path, *, limits: UploadLimits) -> Image:
    """Return an uploaded picture as uint8 (H, W, 3), RGB, upright.

    Args:
        path: Its file.
        limits: The most that is taken.

    Raises:
        UploadError: It is no picture, damaged, or too large.
    """
    try:
        size = path.stat().st_size
        _check_bytes(size, limits)
        data = path.read_bytes()
    except OSError:
        raise UploadError("the picture is gone", hint="upload it again") from None
    return decode_upload(data, limits=limits)


def decode_upload(data: bytes, *, limits: UploadLimits) -> Image:
    """Return an uploaded picture as uint8 (H, W, 3), RGB, upright.

    Args:
        data: The bytes of its file.
        limits: The most that is taken.

    Raises:
        UploadError: It is no picture, damaged, or too large.
    """
    _check_bytes(len(data), limits)
    try:
        _check_header(data, limits)
        image = decode_image(data, name="the picture")
    except UploadError:
        raise
    except SourceError:
        raise UploadError(
            "the picture is damaged, or its end is missing",
            hint="open it in a picture viewer to see, and save it anew",
        ) from None
    # What decoders make of a header that two of them read differently.
    if image.shape[0] * image.shape[1] > limits.image_pixels:
        raise _too_large("the picture is larger than it says", limits)
    return image


def check_video(path: Path, *, limits: UploadLimits) -> VideoFacts:
    """Return what an uploaded video says of itself.

    Args:
        path: Its file.
        limits: The most that is taken; a video that lies is cut off by whoever reads it.

    Raises:
        UploadError: It is no video, or too long or too large.
    """
    try:
        size = path.stat().st_size
    except OSError:
        raise UploadError("the video is gone", hint="upload it again") from None
    if size > limits.video_bytes:
        raise UploadError(f"the video has {size / 1e6:.0f} MB", hint=limits.video_words)
    try:
        info, (height, width) = probe_video(path, formats=_CONTAINERS)
    except SourceError:
        raise UploadError(
            f"this is no video that can be read here: {_VIDEO_KINDS}, with moving pictures in it",
            hint="open it in a player to see whether it is one",
        ) from None
    facts = VideoFacts(
        width=width,
        height=height,
        duration_s=info.duration_s,
        frames=info.frames,
        rate=float(info.rate),
    )
    _check_video(facts, limits)
    return facts


def _check_video(facts: VideoFacts, limits: UploadLimits) -> None:
    """Refuse what is more than is taken."""
    wrong = None
    if max(facts.width, facts.height) > limits.video_side or not facts.width * facts.height:
        wrong = f"the video has {facts.width} x {facts.height} pixels"
    elif facts.duration_s is not None and facts.duration_s > limits.video_s + 1 / 2:
        wrong = f"the video is {_minutes(facts.duration_s)} long"
    elif facts.frames is not None and facts.frames > limits.video_frames:
        wrong = f"the video has {facts.frames} frames"
    if wrong is not None:
        raise UploadError(wrong, hint=f"{limits.video_words} Cut it before you upload it.")


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} seconds" if seconds < 120 else f"{seconds / 60:.0f} minutes"


def _check_bytes(size: int, limits: UploadLimits) -> None:
    if not size:
        raise UploadError("the file is empty", hint="choose another one")
    if size > limits.image_bytes:
        raise _too_large(f"the picture has {size / 1e6:.0f} MB", limits)


def _check_header(data: bytes, limits: UploadLimits) -> None:
    """Refuse by the first bytes, whatever the file is called, and by the size stated there."""
    stated = read_header(data)
    if stated is None:
        raise UploadError(
            f"this is no picture that can be read here: {_KINDS}",
            hint="save it as JPEG or PNG with a picture viewer",
        )
    width, height = stated.width, stated.height
    if max(width, height) > limits.image_side or width * height > limits.image_pixels:
        raise _too_large(f"the picture has {width} x {height} pixels", limits)
    if stated.bits > _MOST_BITS or stated.tile > limits.image_pixels:
        raise UploadError(
            f"the {stated.kind} is of a kind that is not read here",
            hint="save it as PNG with a picture viewer",
        )


def _too_large(found: str, limits: UploadLimits) -> TooLargeError:
    return TooLargeError(found, hint=f"{limits.image_words} Make it smaller first.")
