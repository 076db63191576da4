"""Promises of the whole package: light imports, small files, docstrings that state arrays."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import pytest

import urban_segmentor

if TYPE_CHECKING:
    from collections.abc import Iterator

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef

PACKAGE = Path(urban_segmentor.__file__).parent
SOURCES = {
    str(path.relative_to(PACKAGE)): path.read_text(encoding="utf-8")
    for path in sorted(PACKAGE.rglob("*.py"))
}
TREES = {path: ast.parse(text) for path, text in SOURCES.items()}
ARRAY = re.compile(r"NDArray|\bImage\b|\bPixels\b|\bColors\b")
DTYPE = re.compile(r"\b(u?int(8|16|32|64)|float(16|32|64)|bool|intp|dtype)\b|RGB")
SHAPE = re.compile(r"\([\w.+/* -]+,[^()]*\)|shape")
MAX_FILE_LINES, MAX_FUNCTION_LINES = 400, 50


def functions() -> Iterator[tuple[str, Function]]:
    """Yield each function and method of the package with where it stands."""
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, Function):
                yield f"{path}:{node.lineno} {node.name}", node


def public_functions() -> Iterator[tuple[str, Function]]:
    """Yield the functions of modules, and the methods of public classes, that others may call."""
    for path, tree in TREES.items():
        classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
        for owner in [tree, *(node for node in classes if not node.name.startswith("_"))]:
            for node in owner.body:
                if isinstance(node, Function) and not node.name.startswith("_"):
                    yield f"{path}:{node.lineno} {node.name}", node


def takes_arrays(node: Function) -> bool:
    """Return whether a parameter or what comes back is an array."""
    args = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    annotations = [*(arg.annotation for arg in args), node.returns]
    return any(ARRAY.search(ast.unparse(one)) for one in annotations if one is not None)


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
    assert (PACKAGE / "py.typed").is_file()
    assert re.fullmatch(r"\d+\.\d+\.\d+", urban_segmentor.__version__)


def test_files_and_functions_are_small() -> None:
    """A function counts from under its docstring."""
    long_files = [path for path, text in SOURCES.items() if text.count("\n") > MAX_FILE_LINES]
    assert long_files == []
    long_functions: list[str] = []
    for place, node in functions():
        first = node.body[1] if ast.get_docstring(node) and node.body[1:] else node.body[0]
        if (node.end_lineno or 0) - first.lineno >= MAX_FUNCTION_LINES:
            long_functions.append(place)
    assert long_functions == []


def test_errors_about_settings_and_models_have_hints() -> None:
    """Whoever chose a value or a model hears what to choose instead."""
    bare = [
        f"{path}:{node.lineno}"
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in {"SettingError", "ModelError"}
        and "hint" not in {keyword.arg for keyword in node.keywords}
    ]
    assert bare == []


def test_docstrings_state_dtype_and_shape() -> None:
    """Who calls a function with arrays need not guess what they are."""
    silent: list[str] = []
    for place, node in public_functions():
        text = ast.get_docstring(node) or ""
        if takes_arrays(node) and not (DTYPE.search(text) and SHAPE.search(text)):
            silent.append(place)
    assert silent == []
