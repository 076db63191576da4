"""Exported model files of both formats: reading, saving, and moving them to the output path."""

from __future__ import annotations

import shutil
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml

from urban_segmentor.errors import OutputError
from urban_segmentor.exporters.ultralytics_env import require_modules
from urban_segmentor.inference.runtimes.openvino import core
from urban_segmentor.io.atomic import (
    OVERWRITE_HINT,
    check_free,
    output_errors,
    write_atomically,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import openvino as ov

METADATA = "metadata.yaml"
_OURS = frozenset({".xml", ".bin"})
_SMALLEST = 16  # values; shapes and scalars stay as they are


def read_model(path: Path) -> ov.Model:
    """Return an ONNX model as an OpenVINO model, without metadata."""
    openvino: Any = import_module("openvino")
    model = core().read_model(path)
    return openvino.Model(model.get_results(), model.get_parameters(), path.stem)


def save_openvino(
    model: ov.Model, folder: Path, *, stem: str, half: bool, metadata: Mapping[str, object]
) -> Path:
    """Write a model in OpenVINO's format, and return the `.xml`.

    The metadata is written both into the `.xml` and, for Ultralytics and for people, into
    `metadata.yaml` beside it.

    Args:
        model: The model.
        folder: Output folder; is made.
        stem: Name of the files.
        half: True to store weights in half size.
        metadata: The complete metadata.
    """
    openvino: Any = import_module("openvino")
    folder.mkdir(parents=True, exist_ok=True)
    for key, value in metadata.items():
        model.set_rt_info(str(value), ["framework", key])
    path = folder / f"{stem}.xml"
    openvino.save_model(model, path, compress_to_fp16=half)
    text = yaml.safe_dump(dict(metadata), sort_keys=False, allow_unicode=True, width=1000)
    (folder / METADATA).write_text(text, encoding="utf-8")
    return path


def save_onnx(source: Path, target: Path, *, half: bool, metadata: Mapping[str, object]) -> None:
    """Write an ONNX model with other metadata, checked for validity.

    Args:
        source: The model.
        target: Output path.
        half: True for float16 weights.
        metadata: The complete metadata.

    Raises:
        MissingExtraError: The library onnx is not installed.
    """
    require_modules("onnx")
    onnx: Any = import_module("onnx")
    model = onnx.load(str(source))
    if half:
        _to_fp16_weights(model)
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, {key: str(value) for key, value in metadata.items()})
    onnx.checker.check_model(model)
    onnx.save(model, str(target))


def check_output(path: Path, *, is_folder: bool, overwrite: bool) -> None:
    """Check that an output path may be written to, before hours go into the export.

    Args:
        path: The file, or the folder.
        is_folder: Which of the two.
        overwrite: True when an export that is there may be replaced.

    Raises:
        OutputError: Something is there that may not be replaced, or the path is not writable.
    """
    if not is_folder:
        check_free(path, overwrite=overwrite)
        return
    check_free(path / METADATA, overwrite=True)
    with output_errors(path):
        there = sorted(path.iterdir())
    foreign = [one for one in there if one.suffix not in _OURS and one.name != METADATA]
    if foreign:
        raise OutputError(
            f"`{path}` holds `{foreign[0].name}`, which is no part of an export",
            hint="choose another folder with -o",
        )
    if there and not overwrite:
        raise OutputError(f"`{path}` exists already and is not empty", hint=OVERWRITE_HINT)
    if not there:
        path.rmdir()  # made by the check


def move_into_place(made: Path, path: Path, *, overwrite: bool) -> list[Path]:
    """Return the files of an export, moved to the output path, all of them or none.

    Args:
        made: The exported file or folder in a temporary folder.
        path: The output path.
        overwrite: True when an export that is there may be replaced.

    Raises:
        OutputError: It cannot be written.
    """
    if made.is_file():
        write_atomically(path, made.read_bytes(), overwrite=overwrite)
        return [path]
    check_output(path, is_folder=True, overwrite=overwrite)
    partial, old = (path.with_name(f".{path.name}.{end}") for end in ("partial", "old"))
    with output_errors(path):
        for folder in (partial, old):
            shutil.rmtree(folder, ignore_errors=True)
        try:
            shutil.copytree(made, partial)
            if path.is_dir():
                path.rename(old)
            try:
                partial.rename(path)
            except BaseException:
                if old.is_dir():
                    old.rename(path)
                raise
        finally:
            shutil.rmtree(partial, ignore_errors=True)
            shutil.rmtree(old, ignore_errors=True)
    return sorted(path.iterdir())


def _to_fp16_weights(model: Any) -> None:
    """Convert float32 weights to float16, each widened by a Cast at the graph's start.

    Arithmetic so stays in whatever precision the runtime chooses. Weights that float16 cannot
    hold stay as they are.

    Args:
        model: The `onnx.ModelProto`, which is changed.
    """
    onnx: Any = import_module("onnx")
    graph = model.graph
    kept: list[Any] = []
    casts: list[Any] = []
    largest = float(np.finfo(np.float16).max)
    for tensor in graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        is_weight = values.dtype == np.float32 and values.size >= _SMALLEST
        if not is_weight or not np.abs(values).max() <= largest:
            kept.append(tensor)
            continue
        name = f"{tensor.name}_half"
        kept.append(onnx.numpy_helper.from_array(values.astype(np.float16), name))
        casts.append(
            onnx.helper.make_node("Cast", [name], [tensor.name], to=onnx.TensorProto.FLOAT)
        )
    del graph.initializer[:]
    graph.initializer.extend(kept)
    nodes = list(graph.node)
    del graph.node[:]
    graph.node.extend(casts + nodes)
