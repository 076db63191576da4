"""Exported model files: reading, saving, and moving them to the output path."""

from __future__ import annotations

import shutil
from importlib import import_module
from typing import TYPE_CHECKING, Any

import yaml

from urban_segmentor.errors import OutputError
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
