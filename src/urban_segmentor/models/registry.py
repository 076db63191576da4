"""Resolution of a model name, path or hub reference to a model file."""

from __future__ import annotations

import difflib
import shlex
from importlib import resources
from pathlib import Path

from urban_segmentor.errors import ModelError
from urban_segmentor.models.hub import HUB_PREFIX, fetch_from_hub

DEFAULT_MODEL = "urban-n"
_FORMATS = (".onnx", ".xml")
_MAX_SHOWN = 200  # characters


def embedded_models() -> dict[str, Path]:
    """Return the paths of the embedded models, by name."""
    folder = Path(str(resources.files("urban_segmentor.models") / "weights"))
    files = [*folder.glob("*.onnx"), *folder.glob("*/*.xml")]
    return {path.stem: path for path in sorted(files, key=lambda path: path.stem)}


def resolve_model(model: str | Path) -> Path:
    """Return the path of a model file.

    Args:
        model: Name of an embedded model, a path to `.onnx` or OpenVINO `.xml`, or
            `hf://owner/repo/file.onnx`.

    Raises:
        ModelError: There is no such model, or its format is not supported.
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
            path = _find_xml(path)
        is_there = path.is_file()
    except (OSError, RuntimeError):  # too long for a name, an unknown ~user, a closed folder
        is_there = False
    if not is_there:
        raise _unknown_model_error(text, list(embedded))
    if path.suffix not in _FORMATS:
        raise ModelError(
            f"`{path}` ends in `{path.suffix}`, expected {' or '.join(_FORMATS)}",
            hint="export the model to ONNX or OpenVINO: urban-segmentor export MODEL.pt",
        )
    return path


def _find_xml(folder: Path) -> Path:
    """Return the one OpenVINO model in a folder, as Ultralytics exports it."""
    models = sorted(folder.glob("*.xml"))
    if len(models) != 1:
        raise ModelError(
            f"`{folder}` holds {len(models)} OpenVINO models, expected 1",
            hint="name the .xml file itself",
        )
    return models[0]


def _unknown_model_error(text: str, embedded: list[str]) -> ModelError:
    shown = text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."
    near = difflib.get_close_matches(text[:_MAX_SHOWN].lower(), embedded, n=1)
    known = ", ".join(f"`{name}`" for name in embedded)
    return ModelError(
        f"there is no model `{shown}`",
        hint=f"did you mean `{near[0]}`?"
        if near
        else f"embedded: {known}; or give a path to .onnx or .xml, or hf://owner/repo/file.onnx",
    )
