"""Model files of a benchmark and their metadata."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from urban_segmentor.errors import ModelError, SettingError
from urban_segmentor.inference.runtimes.selection import open_model_file
from urban_segmentor.models.registry import embedded_models, resolve_model
from urban_segmentor.models.spec import ModelSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

QUANTIZED_FROM = "quantized_from"
"""Metadata of a quantized file: name of the float file or model that it was made from."""
_MODELS_HINT = "--models urban-n,best.onnx"
# Operators and element types of integers, by the names that they have in the files.
_INTEGERS = {
    ".onnx": re.compile(rb"QuantizeLinear|QLinear|ConvInteger|MatMulInteger"),
    ".xml": re.compile(rb'type="FakeQuantize"|element_type="[iu][48]"'),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkModel:
    """A model file and its metadata.

    Attributes:
        name: As the user named it.
        path: The file.
        spec: Its metadata.
        static_size: Height and width of the input when the export fixes them, pixels.
        is_quantized: True when it computes with integers, or keeps its weights as such.
        made_from: Float model that a quantized file was made from, or an empty string.
    """

    name: str
    path: Path
    spec: ModelSpec
    static_size: tuple[int, int] | None
    is_quantized: bool
    made_from: str

    @property
    def weights(self) -> str:
        """`int8` or `float`."""
        return "int8" if self.is_quantized else "float"


def find_models(texts: Sequence[str] | None) -> dict[str, Path]:
    """Return the files of the models to benchmark, by name.

    Args:
        texts: Names and paths, several in one text with commas; None for all embedded models.

    Raises:
        SettingError: No model is named, or one of them twice.
        ModelError: There is no such model.
    """
    if texts is None:
        return embedded_models()
    names = [name.strip() for text in texts for name in text.split(",")]
    if "" in names:
        raise SettingError(
            "`--models` is empty" if not any(names) else "`--models` has an empty name in it",
            hint=_MODELS_HINT,
        )
    paths: dict[str, Path] = {}
    names_by_path: dict[Path, str] = {}
    for name in names:
        path = resolve_model(name)
        real = path.resolve()
        if real in names_by_path:
            other = (
                ""
                if names_by_path[real] == name
                else f", as `{names_by_path[real]}` and as `{name}`"
            )
            raise SettingError(f"`--models` names `{path}` twice{other}", hint=_MODELS_HINT)
        names_by_path[real] = name
        paths[name] = path
    return paths


def read_model(name: str, path: Path) -> BenchmarkModel:
    """Return a model file with its metadata.

    Args:
        name: As the user named it.
        path: `.onnx` or `.xml`.

    Raises:
        ModelError: It is damaged, of another task, or without the metadata that is needed.
    """
    network = open_model_file(path, precision="auto")
    made_from = network.metadata.get(QUANTIZED_FROM)
    try:
        is_quantized = _INTEGERS[path.suffix].search(path.read_bytes()) is not None
    except OSError as error:
        raise ModelError(
            f"cannot read `{path}`: {error.strerror}", hint="fetch or export the file again"
        ) from error
    return BenchmarkModel(
        name=name,
        path=path,
        spec=ModelSpec.from_metadata(network.metadata, path=str(path)),
        static_size=network.static_size,
        is_quantized=is_quantized,
        made_from=made_from.strip() if isinstance(made_from, str) else "",
    )


def is_quantized_from(file: BenchmarkModel, other: BenchmarkModel) -> bool:
    """Return True when the metadata of a quantized file names another one as its float model.

    Args:
        file: The quantized file.
        other: A float file, matched by its name, file name or stem.
    """
    meant = Path(file.made_from)
    return bool(file.made_from) and (
        file.made_from == other.name
        or meant.name == other.path.name
        or meant.stem == other.path.stem
    )
