"""The folder of a Space: the package, a model, examples, and the configuration for the hub."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from importlib import metadata, resources
from pathlib import Path
from typing import TYPE_CHECKING

from urban_segmentor.apps.space.requirements import pinned_requirements
from urban_segmentor.apps.space.texts import APP_FIRST_LINE, app_text, readme_text
from urban_segmentor.apps.web.examples import prepare_examples
from urban_segmentor.errors import OutputError
from urban_segmentor.io.atomic import check_free_folder, output_errors
from urban_segmentor.models.registry import DEFAULT_MODEL, embedded_models, resolve_model

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE, EXAMPLES, MODEL = "urban_segmentor", "examples", "model"
OWN_FOLDERS = (PACKAGE, EXAMPLES, MODEL)
"""Folders of a Space that hold nothing but what is built here."""

_FILES = ("app.py", "requirements.txt", "README.md", "LICENSE")
_EXCLUDED = shutil.ignore_patterns("__pycache__", "*.pyc", "*.pyi", ".*")


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceFile:
    """One file of a Space.

    Attributes:
        name: Path below the folder, with `/`.
        path: Path on disk.
        size: Bytes.
    """

    name: str
    path: Path
    size: int


def build_space(
    folder: Path,
    *,
    model: str = DEFAULT_MODEL,
    examples: Path | None = None,
    overwrite: bool = False,
) -> list[SpaceFile]:
    """Return the files of a Space after writing them.

    The folder appears complete or not at all. Of a folder that is there only what an earlier build
    wrote is replaced.

    Args:
        folder: Output folder.
        model: An embedded name, a path, or a hub address; the last two are copied.
        examples: Folder of example images and videos; None for synthetic streets.
        overwrite: True when a Space that is there may be replaced.

    Raises:
        OutputError: The folder is not empty and no Space, or cannot be written to.
        ModelError: There is no such model.
        SourceError: The folder of examples holds none, or one that cannot be read.
        MissingExtraError: The extra `app` is not installed.
    """
    requirements = pinned_requirements()
    _check_replaceable(folder, overwrite=overwrite)
    with output_errors(folder), tempfile.TemporaryDirectory(
        prefix=f".{folder.name}-", dir=folder.resolve().parent
    ) as name:  # fmt: skip
        staging = Path(name)
        shutil.copytree(_package_folder(), staging / PACKAGE, ignore=_EXCLUDED)
        model_name, is_file = _copy_model(model, staging)
        prepare_examples(
            staging / EXAMPLES,
            source=examples,
            model=str(staging / model_name) if is_file else model_name,
        )
        for path in (staging / EXAMPLES).rglob(".*"):  # only of use to make what has been made
            path.unlink()
        _write(staging / "app.py", app_text(model_name, is_file=is_file))
        _write(staging / "requirements.txt", "".join(f"{line}\n" for line in requirements))
        _write(staging / "README.md", readme_text(gradio_version=metadata.version("gradio")))
        _write(staging / "LICENSE", _license())
        _replace(staging, folder)
    return space_files(folder)


def space_files(folder: Path) -> list[SpaceFile]:
    """Return the files of a Space, sorted by name; other files in its folder are ignored.

    Args:
        folder: Folder that `build_space` wrote.

    Raises:
        OutputError: It holds no Space.
    """
    if not _is_space(folder):
        raise OutputError(
            f"`{folder}` holds no Space",
            hint=f"build one first: urban-segmentor space build {folder}",
        )
    return sorted(_iter_files(folder), key=lambda file: file.name)


def _iter_files(folder: Path) -> Iterator[SpaceFile]:
    below = (path for own in OWN_FOLDERS for path in (folder / own).rglob("*"))
    for path in (*(folder / name for name in _FILES), *below):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and "__pycache__" not in name:
            yield SpaceFile(name=name, path=path, size=path.stat().st_size)


def _check_replaceable(folder: Path, *, overwrite: bool) -> None:
    """Raise when a folder is not empty and holds no Space, even with `overwrite`."""
    check_free_folder(folder, overwrite=overwrite)
    if any(folder.iterdir()) and not _is_space(folder):
        raise OutputError(
            f"`{folder}` is not empty, and holds no Space that could be replaced",
            hint="choose another folder",
        )


def _is_space(folder: Path) -> bool:
    try:
        text = (folder / "app.py").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    return text.startswith(APP_FIRST_LINE)


def _package_folder() -> Path:
    return Path(str(resources.files(PACKAGE)))


def _license() -> str:
    for name in ("licenses/LICENSE", "LICENSE"):
        text = metadata.distribution("urban-segmentor").read_text(name)
        if text is not None:
            return text
    return (_package_folder().parents[1] / "LICENSE").read_text(encoding="utf-8")


def _copy_model(model: str, staging: Path) -> tuple[str, bool]:
    """Return name or path of the model in the Space, and whether it is a file there."""
    if model in embedded_models():
        return model, False
    path = resolve_model(model)
    target = staging / MODEL
    target.mkdir()
    parts = [path]
    if path.suffix == ".xml":
        parts += [path.with_suffix(".bin"), path.with_name("metadata.yaml")]
    for part in parts:
        if part.is_file():
            shutil.copyfile(part, target / part.name)
    return f"{MODEL}/{path.name}", True


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


def _replace(staging: Path, folder: Path) -> None:
    """Move the built files to the folder, replacing those of an earlier build."""
    folder.mkdir(exist_ok=True)
    for name in (*OWN_FOLDERS, *_FILES):
        old, new = folder / name, staging / name
        if old.is_dir() and not old.is_symlink():
            shutil.rmtree(old)
        elif os.path.lexists(old):
            old.unlink()
        if new.exists():
            new.rename(old)
