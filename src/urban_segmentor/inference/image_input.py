"""What a user gives as an image becomes a frame."""

from __future__ import annotations

import urllib.error
import urllib.request
from base64 import b64encode
from http.client import HTTPException
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import quote, unquote, urlsplit

import numpy as np

from urban_segmentor.errors import ShapeError, SourceError
from urban_segmentor.io.image_codec import decode_image, read_image
from urban_segmentor.io.inputs import VIDEO_SUFFIXES
from urban_segmentor.structures.frame import Frame, Yuv420

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image as PilImage

ImageInput: TypeAlias = "str | Path | Frame | Yuv420 | NDArray[np.uint8] | PilImage"
"""A path, an http(s) address, a frame, planes, an array (RGB, grey or RGBA), or a PIL image."""

_MAX_BYTES = 100_000_000
_TIMEOUT_S = 30.0
_URL_SAFE = "%/:=&?~#+!$,;'@()*[]"
_WIDE_MODES = frozenset({"I", "F"})  # their range is not known


def as_frame(image: ImageInput) -> Frame:
    """Return an image as a frame.

    Args:
        image: A path or an http(s) address of a JPEG, PNG, WebP, TIFF or BMP; a PIL image; planes
            of video; or an array: uint8 (H, W, 3) RGB, (H, W) or (H, W, 1) grey, (H, W, 4) RGBA,
            of which the opacity is left out.

    Raises:
        SourceError: The file or address cannot be read, or holds no image.
        ShapeError: The array has another shape or dtype.
    """
    if isinstance(image, Frame):
        return image
    if isinstance(image, Yuv420):
        return Frame(pixels=image)
    if isinstance(image, str | Path):
        return _frame_of_path(image)
    if isinstance(image, np.ndarray):
        return Frame(pixels=rgb_array(image))
    if hasattr(image, "convert") and hasattr(image, "getexif"):
        return _frame_of_pil(image)
    raise _unknown_kind(image)


def rgb_array(array: NDArray[Any]) -> NDArray[np.uint8]:
    """Return an array as uint8 (H, W, 3), RGB; grey is repeated, and opacity left out.

    Args:
        array: uint8 (H, W, 3) RGB, (H, W) or (H, W, 1) grey, or (H, W, 4) RGBA.

    Raises:
        ShapeError: It has another shape or dtype, or no pixel.
    """
    shape = " x ".join(str(side) for side in array.shape)
    if array.dtype != np.uint8:
        raise ShapeError(
            f"the image is {array.dtype.name} ({shape}), expected uint8 with values from 0 to 255",
            hint=_dtype_hint(array),
        )
    channels = 1 if array.ndim == 2 else array.shape[-1] if array.ndim == 3 else 0
    if channels not in {1, 3, 4}:
        first = array.ndim == 3 and array.shape[0] in {1, 3, 4}
        raise ShapeError(
            f"the image has the shape {shape}, expected height x width x 3 (RGB)",
            hint="channels come last here: image = image.transpose(1, 2, 0)"
            if first
            else "pass one image, or a list of them: segmenter([image, image])",
        )
    if 0 in array.shape:
        raise ShapeError(f"the image is empty: {shape}", hint="pass an image with pixels")
    if channels == 3:
        return array
    if channels == 4:
        return np.ascontiguousarray(array[..., :3])
    grey = array if array.ndim == 2 else array[..., 0]
    return np.repeat(grey[..., None], 3, axis=2)


def _dtype_hint(array: NDArray[Any]) -> str:
    if array.dtype.kind == "f":
        return "for values from 0 to 1: image = (image * 255).round().astype(np.uint8)"
    if array.dtype == np.uint16:
        return "for 16 bits: image = (image >> 8).astype(np.uint8)"
    if array.dtype == np.bool_:
        return "image = image.astype(np.uint8) * 255"
    return "image = image.astype(np.uint8)"


def _frame_of_path(path: str | Path) -> Frame:
    text = str(path)
    if text.lower().startswith(("http://", "https://")):
        return _frame_of_address(text)
    if "://" in text:
        raise SourceError(
            f"`{text.partition('://')[0]}://` is no address of an image",
            hint="for a stream: for result in segmenter.stream(address): ...",
        )
    path = Path(path).expanduser()
    if path.is_dir():
        raise SourceError(
            f"`{path}` is a folder, expected an image",
            hint=f"for result in segmenter.stream({str(path)!r}): ...",
        )
    if path.suffix.lower() in VIDEO_SUFFIXES and path.is_file():
        raise SourceError(
            f"`{path}` is a video, expected an image",
            hint=f"for result in segmenter.stream({str(path)!r}): ...",
        )
    return Frame(
        pixels=read_image(path), source=str(path), name=path.stem, file_name=path.as_posix()
    )


def _frame_of_address(text: str) -> Frame:
    try:
        address = urlsplit(text)
    except ValueError as error:
        raise SourceError(
            f"this is no address of an image: {error}", hint="as in `https://host/image.jpg`"
        ) from error
    name = PurePosixPath(unquote(address.path)).name or address.hostname or "image"
    plain = address._replace(netloc=address.netloc.rpartition("@")[2])  # without a password
    shown = plain._replace(query="", fragment="").geturl()
    account = None if address.username is None else (address.username, address.password or "")
    data = _download(plain.geturl(), shown=shown, account=account)
    pixels = decode_image(data, name=f"`{shown}`")
    return Frame(pixels=pixels, source=shown, name=PurePosixPath(name).stem or name, file_name=name)


def _download(address: str, *, shown: str, account: tuple[str, str] | None) -> bytes:
    """Return what lies at an address, of bounded size."""
    quoted = quote(address, safe=_URL_SAFE)  # people type blanks and umlauts, as in browsers
    request = urllib.request.Request(quoted, headers={"User-Agent": "urban-segmentor"})  # noqa: S310 - http(s) alone gets here
    if account is not None:  # which goes to that site alone, wherever it sends us
        words = ":".join(unquote(word) for word in account).encode()
        request.add_unredirected_header("Authorization", f"Basic {b64encode(words).decode()}")
    hint = "open it in a browser to see, or download it and pass the path"
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as reply:  # noqa: S310 - http(s) alone gets here
            data: bytes = reply.read(_MAX_BYTES + 1)
    except urllib.error.HTTPError as error:
        error.close()  # it is the reply, too
        raise SourceError(f"`{shown}` answers {error.code} {error.reason}", hint=hint) from error
    except (OSError, ValueError, HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise SourceError(f"cannot read `{shown}`: {reason}", hint=hint) from error
    if len(data) > _MAX_BYTES:
        raise SourceError(
            f"`{shown}` has more than {_MAX_BYTES // 1_000_000} MB", hint="download it first"
        )
    return data


def _frame_of_pil(image: PilImage) -> Frame:
    from PIL import ImageOps  # noqa: PLC0415 - heavy, or above in the layers

    path = str(getattr(image, "filename", "") or "")
    try:
        upright = ImageOps.exif_transpose(image)
        if upright.mode.startswith("I;16"):  # PIL would make everything above 255 white
            pixels = rgb_array((np.asarray(upright) >> 8).astype(np.uint8))
        elif upright.mode in _WIDE_MODES:
            raise ShapeError(
                f"the image has PIL's mode `{upright.mode}`, expected 8 or 16 bits a channel",
                hint="pass an array: uint8 (H, W, 3), RGB, with values from 0 to 255",
            )
        else:
            pixels = np.asarray(upright.convert("RGB"), dtype=np.uint8)
    except OSError as error:
        shown = f"`{path}`" if path else "the PIL image"
        raise SourceError(f"{shown} cannot be decoded: {error}", hint="fetch it again") from error
    return Frame(
        pixels=pixels,
        source=path,
        name=Path(path).stem or "frame",
        file_name=path,
    )


def _unknown_kind(image: object) -> ShapeError:
    kind = f"{type(image).__module__}.{type(image).__qualname__}".removeprefix("builtins.")
    hint = "pass a path, an array of uint8 (H, W, 3) in RGB, a PIL image, or a list of these"
    if kind.startswith("torch."):
        hint = "image = image.mul(255).byte().permute(1, 2, 0).cpu().numpy()"
    elif isinstance(image, int):
        hint = f"for a camera: for result in segmenter.stream({image}): ..."
    return ShapeError(f"a {kind} is no image", hint=hint)
