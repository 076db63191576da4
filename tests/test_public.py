"""Promises of the whole package: light imports, small files, docstrings that state arrays."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import pkgutil
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import urban_segmentor

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = Path(urban_segmentor.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))
ARRAY = re.compile(r"NDArray|\bImage\b|\bPixels\b|\bColors\b")
DTYPE = re.compile(r"\b(u?int(8|16|32|64)|float(16|32|64)|bool|intp|dtype)\b|RGB")
SHAPE = re.compile(r"\([\w.+/* -]+,[^()]*\)|shape")


def test_importing_it_is_light() -> None:
    """The package alone brings neither OpenCV nor a runtime nor FFmpeg."""
    code = "import sys, json, urban_segmentor; print(json.dumps(sorted(sys.modules)))"
    output = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout
    loaded = set(json.loads(output))
    heavy = {"cv2", "openvino", "onnxruntime", "av", "numpy", "torch", "rich", "typer"}
    assert loaded & heavy == set()


def test_public_names_resolve() -> None:
    """Every name in `__all__` can be had, and a wrong one is an AttributeError."""
    for name in urban_segmentor.__all__:
        value = getattr(urban_segmentor, name)
        if name != "writers":  # a table
            assert value.__name__ == name
        assert name in dir(urban_segmentor)
    assert callable(urban_segmentor.writers["coco"])
    with pytest.raises(AttributeError, match="nonsense"):
        _ = urban_segmentor.nonsense
    assert (SOURCE / "py.typed").is_file()
    assert re.fullmatch(r"\d+\.\d+\.\d+", urban_segmentor.__version__)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_files_and_functions_are_small(path: Path) -> None:
    """No file has more than 400 lines, no function more than 50 under its docstring."""
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[1] if ast.get_docstring(node) and node.body[1:] else node.body[0]
            assert (node.end_lineno or 0) - first.lineno < 50, node.name


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_errors_about_settings_and_models_have_hints(path: Path) -> None:
    """Whoever chose a value or a model hears what to choose instead."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            named = {keyword.arg for keyword in node.keywords}
            assert node.func.id not in {"SettingError", "ModelError"} or "hint" in named, (
                node.lineno
            )


def public_functions() -> Iterator[tuple[str, object]]:
    """Yield names and objects of public functions and methods whose signature has arrays."""
    for info in pkgutil.walk_packages([str(SOURCE)], "urban_segmentor."):
        module = importlib.import_module(info.name)
        for name, value in vars(module).items():
            if name.startswith("_") or getattr(value, "__module__", "") != info.name:
                continue
            if inspect.isfunction(value):
                yield f"{info.name}.{name}", value
            elif inspect.isclass(value):
                for method_name, method in vars(value).items():
                    method = getattr(method, "__func__", method)  # noqa: PLW2901
                    if not method_name.startswith("_") and inspect.isfunction(method):
                        yield f"{info.name}.{name}.{method_name}", method


def states_arrays(function: object) -> bool:
    """Return whether a function takes or returns arrays."""
    annotations = getattr(function, "__annotations__", {})
    return any(ARRAY.search(str(annotation)) for annotation in annotations.values())


FUNCTIONS = dict(public_functions())


@pytest.mark.parametrize("name", [name for name, f in FUNCTIONS.items() if states_arrays(f)])
def test_docstrings_state_dtype_and_shape(name: str) -> None:
    """Who calls it need not guess what the arrays are."""
    text = inspect.getdoc(FUNCTIONS[name]) or ""
    assert DTYPE.search(text), text
    assert SHAPE.search(text), text
