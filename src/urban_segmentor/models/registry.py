"""From what the user typed to a model file on disk."""

from __future__ import annotations

import difflib
import shlex
from importlib import resources
from pathlib import Path

from urban_segmentor.errors import ModelError
from urban_segmentor.models.hub import HUB_PREFIX, fetch_from_hub

DEFAULT_MODEL = "urban-n"
_FORMATS = (".onnx", ".xml")
_SHOWN = 200  # characters of what was asked for


def embedded_models() -> dict[str, Path]:
    """Return the models that come with the package, by name."""
    folder = Path(str(resources.files("urban_segmentor.models") / "weights"))
    files = [*folder.glob("*.onnx"), *folder.glob("*/*.xml")]
    return {path.stem: path for path in sorted(files, key=lambda path: path.stem)}


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
    if text.startswith(HUB_PREFIX):
        return fetch_from_hub(text, suffixes=_FORMATS)
    path = Path(text)
    if path.suffix.lower() == ".pt":
        raise ModelError(
            f"`{path}` is a PyTorch checkpoint, which can run any code when it is loaded",
            hint=f"export it once: urban-segmentor export {shlex.quote(str(path))}",
        )
    try:
        path = path.expanduser()
        if text and path.is_dir():
            path = _xml_inside(path)
        is_there = path.is_file()
    except (OSError, RuntimeError):  # too long for a name, an unknown ~user, a closed folder
        is_there = False
    if not is_there:
        raise _unknown(text, list(embedded))
    if path.suffix not in _FORMATS:
        raise ModelError(
            f"`{path}` ends in `{path.suffix}`, expected {' or '.join(_FORMATS)}",
            hint="export the model to ONNX or OpenVINO: urban-segmentor export MODEL.pt",
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


def _unknown(text: str, embedded: list[str]) -> ModelError:
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
    near = difflib.get_close_matches(text[:_SHOWN].lower(), embedded, n=1)
    known = ", ".join(f"`{name}`" for name in embedded)
    return ModelError(
        f"there is no model `{shown}`",
        hint=f"did you mean `{near[0]}`?"
        if near
        else f"embedded: {known}; or give a path to .onnx or .xml, or hf://owner/repo/file.onnx",
    )
