"""Validation of untrusted uploads by their content, before anything is decoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from urban_segmentor.apps.web.decoding_effort import check_structure, check_unpacked
from urban_segmentor.errors import SourceError, TooLargeError, UploadError
from urban_segmentor.io.image_codec import decode_image
from urban_segmentor.io.image_header import image_format, read_header
from urban_segmentor.io.video_reader import probe_video

if TYPE_CHECKING:
    from pathlib import Path

    from urban_segmentor.apps.web.limits import UploadLimits
    from urban_segmentor.structures.frame import Image

_IMAGE_FORMATS = "JPEG, PNG, WebP, TIFF or BMP"
# None of these formats can refer to other files, as playlists do.
_CONTAINERS = ("mov", "matroska", "webm", "avi", "mpegts", "mpeg", "flv", "ogg", "asf", "gif")
_VIDEO_FORMATS = "MP4, MOV, MKV, WebM, AVI, MPEG, FLV, OGG, WMV or GIF"


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoMetadata:
    """Metadata that a video states, which need not be true.

    Attributes:
        width: Width, pixels.
        height: Height, pixels.
        duration_s: Length, seconds, or None.
        frames: Number of frames, or None.
        rate: Frames per second.
    """

    width: int
    height: int
    duration_s: float | None
    frames: int | None
    rate: float


def read_upload(path: Path, *, limits: UploadLimits) -> Image:
    """Return an uploaded image as uint8 (H, W, 3), RGB, upright.

    Args:
        path: Path of the upload.
        limits: Limits of uploads.

    Raises:
        UploadError: It is no image, damaged, or too large.
    """
    try:
        size = path.stat().st_size
        _check_bytes(size, limits)
        data = path.read_bytes()
    except OSError:
        raise UploadError("the picture is gone", hint="upload it again") from None
    return decode_upload(data, limits=limits)


def decode_upload(data: bytes, *, limits: UploadLimits) -> Image:
    """Return an uploaded image as uint8 (H, W, 3), RGB, upright.

    Args:
        data: Bytes of the file.
        limits: Limits of uploads.

    Raises:
        UploadError: It is no image, damaged, or too large.
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
    # Decoders may read the header differently.
    if image.shape[0] * image.shape[1] > limits.image_pixels:
        raise _too_large("the picture is larger than it says", limits)
    return image


def check_video(path: Path, *, limits: UploadLimits) -> VideoMetadata:
    """Return the metadata of an uploaded video.

    Args:
        path: Path of the upload.
        limits: Limits of uploads; the reader enforces them again.

    Raises:
        UploadError: It is no video, or too long or too large.
    """
    try:
        size = path.stat().st_size
    except OSError:
        raise UploadError("the video is gone", hint="upload it again") from None
    if size > limits.video_bytes:
        raise UploadError(f"the video has {size / 1e6:.0f} MB", hint=limits.video_text)
    try:
        info, (height, width) = probe_video(path, formats=_CONTAINERS)
    except SourceError:
        raise UploadError(
            f"this is no video that can be read here: {_VIDEO_FORMATS}, with moving pictures in it",
            hint="open it in a player to see whether it is one",
        ) from None
    metadata = VideoMetadata(
        width=width,
        height=height,
        duration_s=info.duration_s,
        frames=info.frames,
        rate=float(info.rate),
    )
    _check_video(metadata, limits)
    return metadata


def _check_video(metadata: VideoMetadata, limits: UploadLimits) -> None:
    problem = None
    if (
        max(metadata.width, metadata.height) > limits.video_side
        or not metadata.width * metadata.height
    ):
        problem = f"the video has {metadata.width} x {metadata.height} pixels"
    elif metadata.duration_s is not None and metadata.duration_s > limits.video_s + 1 / 2:
        problem = f"the video is {_minutes(metadata.duration_s)} long"
    elif metadata.frames is not None and metadata.frames > limits.video_frames:
        problem = f"the video has {metadata.frames} frames"
    if problem is not None:
        raise UploadError(problem, hint=f"{limits.video_text} Cut it before you upload it.")


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} seconds" if seconds < 120 else f"{seconds / 60:.0f} minutes"


def _check_bytes(size: int, limits: UploadLimits) -> None:
    if not size:
        raise UploadError("the file is empty", hint="choose another one")
    if size > limits.image_bytes:
        raise _too_large(f"the picture has {size / 1e6:.0f} MB", limits)


def _check_header(data: bytes, limits: UploadLimits) -> None:
    """Raise by what an image file says, whatever its name: unknown, too large, or too busy."""
    if image_format(data) is None:
        raise UploadError(
            f"this is no picture that can be read here: {_IMAGE_FORMATS}",
            hint="save it as JPEG or PNG with a picture viewer",
        )
    check_structure(data)
    header = read_header(data, name="the picture")
    height, width = header.size
    if max(width, height) > limits.image_side or width * height > limits.image_pixels:
        raise _too_large(f"the picture has {width} x {height} pixels", limits)
    if header.tile_px > limits.image_pixels:
        raise UploadError(
            f"the {header.format} is of a kind that is not read here",
            hint="save it as PNG with a picture viewer",
        )
    check_unpacked(data, size=header.size)


def _too_large(message: str, limits: UploadLimits) -> TooLargeError:
    return TooLargeError(message, hint=f"{limits.image_text} Make it smaller first.")
