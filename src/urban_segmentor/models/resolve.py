"""From what the user typed to a model file on disk."""

from __future__ import annotations

import difflib
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, cast

from urban_segmentor.errors import MissingExtraError, ModelError

if TYPE_CHECKING:
    from collections.abc import Callable

DEFAULT_MODEL = "urban-n"
_HUB_PREFIX = "hf://"
_FORMATS = (".onnx", ".xml")


def embedded_models() -> dict[str, Path]:
    """Return the models that come with the package, by name."""
    folder = Path(str(resources.files("urban_segmentor.models") / "weights"))
    return {path.stem: path for path in sorted(folder.glob("*.onnx"))}


def resolve_model(model: str | Path) -> Path:
    """Return the file of a model.

    Args:
        model: Name of an embedded model, a path to `.onnx` or OpenVINO `.xml`, or
            `hf://owner/repo/file.onnx`.

    Raises:
        ModelError: There is no such model, or it is of a kind that is not read here.
        MissingExtraError: A hub address without huggingface_hub.
    """
    text = str(model)
    embedded = embedded_models()
    if text in embedded:
        return embedded[text]
    if text.startswith(_HUB_PREFIX):
        return _from_hub(text)
    path = Path(text).expanduser()
    if path.suffix == ".pt":
        raise ModelError(
            f"`{path}` is a PyTorch checkpoint, which can run any code when it is loaded",
            hint="if you trust it, export it once: "
            f"yolo export model={path} format=onnx dynamic=True",
        )
    if path.is_dir():
        path = _xml_inside(path)
    if not path.is_file():
        near = difflib.get_close_matches(text, list(embedded), n=1)
        known = ", ".join(f"`{name}`" for name in embedded)
        raise ModelError(
            f"there is no model `{text}`",
            hint=f"did you mean `{near[0]}`?"
            if near
            else f"embedded: {known}; or give a path to .onnx or .xml, or hf://owner/repo/file.onnx",
        )
    if path.suffix not in _FORMATS:
        raise ModelError(
            f"`{path}` ends in `{path.suffix}`, expected {' or '.join(_FORMATS)}",
            hint="export the model to ONNX or OpenVINO",
        )
    return path


def _xml_inside(folder: Path) -> Path:
    """Return the one OpenVINO model in a folder, as Ultralytics exports it."""
    found = sorted(folder.glob("*.xml"))
    if len(found) != 1:
        raise ModelError(
            f"`{folder}` holds {len(found)} OpenVINO models, expected 1",
            hint="name the .xml file itself",
        )
    return found[0]


def _from_hub(address: str) -> Path:
    parts = address.removeprefix(_HUB_PREFIX).split("/")
    if len(parts) < 3 or not all(parts) or ".." in parts:
        raise ModelError(
            f"`{address}` is not an address on the hub",
            hint="write hf://owner/repo/file.onnx",
        )
    if not parts[-1].endswith(_FORMATS):
        raise ModelError(
            f"`{address}` does not end in {' or '.join(_FORMATS)}",
            hint="pickled checkpoints are not loaded; ask its owner for an ONNX export",
        )
    try:
        import huggingface_hub  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtraError("huggingface_hub", extra="hub") from error
    repo, name = "/".join(parts[:2]), "/".join(parts[2:])
    try:
        download = cast("Callable[[str, str], str]", huggingface_hub.hf_hub_download)
        path = Path(download(repo, name))
        if path.suffix == ".xml":
            download(repo, name.removesuffix(".xml") + ".bin")
            download(repo, str(Path(name).with_name("metadata.yaml")))
    except Exception as error:
        # The hub client raises a dozen types of its own, of httpx and of the system.
        raise ModelError(
            f"could not get `{address}` from the hub: {type(error).__name__}",
            hint="check the address and the network, or download the file yourself and give "
            "its path",
        ) from error
    return path
