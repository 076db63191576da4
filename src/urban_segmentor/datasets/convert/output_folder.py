"""The output folder of a conversion: new, resumed, overwritten, or refused.

Three states, told apart by files that appear and vanish whole, so that a run may be killed at any
moment: `settings.json` among the records says that a conversion is under way, and how; the word
`clearing` in its place that what is there is about to go; a report without it that all is done.
"""

from __future__ import annotations

import json
import shutil
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, cast

from urban_segmentor import __version__
from urban_segmentor.datasets.cityscapes.file_names import LABELS
from urban_segmentor.datasets.cityscapes.layout import Layout
from urban_segmentor.datasets.convert.convert_frame import PANOPTIC
from urban_segmentor.datasets.convert.options import WORK, ConversionOptions
from urban_segmentor.datasets.convert.summary import MADE_BY
from urban_segmentor.errors import OutputError, SettingError
from urban_segmentor.io.atomic import output_errors, write_atomically
from urban_segmentor.io.lock import file_lock

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from urban_segmentor.datasets.cityscapes.layout import Layout

REPORT, PAGE, YAML = "report.json", "report.html", "cityscapes.yaml"
_OUTPUTS = ("images", "labels", "ignored", "annotations", "report", LABELS, YAML, PAGE)
_CLEARING, _LOCK = "clearing", "lock"


def conversion_settings(
    layout: Layout, options: ConversionOptions, splits: Sequence[str]
) -> dict[str, Any]:
    """Return the settings that determine the result; a run resumes only with equal ones.

    Args:
        layout: What is converted.
        options: How.
        splits: Which splits.
    """
    return {
        "source": str(layout.root.resolve()),
        "splits": list(splits),
        "format": options.format,
        "classes": list(options.classes.names),
        "stuff": options.stuff,
        "labels_as_original": options.as_original,
        "ground_truth": list(options.ground_truth),
        "images": options.placement,
        "imgsz": list(options.imgsz) if isinstance(options.imgsz, tuple) else options.imgsz,
        "version": __version__,
    }


def check_separate(source: Path, out: Path) -> None:
    """Check that neither of two folders lies in the other.

    Args:
        source: The Cityscapes folder.
        out: The new data set.

    Raises:
        SettingError: They are one, or one lies in the other.
    """
    given, made = source.resolve(), out.resolve()
    if given == made or given in made.parents or made in given.parents:
        raise SettingError(
            f"`{out}` and `{source}` are one folder, or one lies in the other",
            hint="choose a new folder beside the data, such as "
            f"{given.with_name(given.name + '-prepared')}",
        )


@contextmanager
def open_output_folder(
    options: ConversionOptions, settings: dict[str, Any], *, overwrite: bool
) -> Generator[None]:
    """Return a context in which a conversion has its output folder locked.

    Args:
        options: The conversion.
        settings: Of `conversion_settings`.
        overwrite: True to remove what an earlier run made.

    Raises:
        OutputError: There is something else in the folder, it is complete, was begun otherwise,
            or another run is at work in it.
    """
    out, state = options.out, options.out / WORK / "settings.json"
    with output_errors(out):
        _check_output_folder(out, settings, overwrite=overwrite)
        state.parent.mkdir(parents=True, exist_ok=True)
    with output_errors(out), _lock(out):
        with output_errors(out):
            _check_output_folder(out, settings, overwrite=overwrite)
            if overwrite or _read(state) == _CLEARING:
                _clear(out, state)
        write_atomically(state, json.dumps(settings).encode("ascii"), overwrite=True)
        try:
            yield
        except OutputError as error:
            hint = "see to that, then run the same command again: what is done so far is kept"
            raise OutputError(str(error), hint=hint) from error


def _check_output_folder(out: Path, settings: dict[str, Any], *, overwrite: bool) -> None:
    """Check that a folder is new, or may be resumed or overwritten."""
    if out.exists() and not out.is_dir():
        raise OutputError(f"`{out}` is a file", hint="choose another folder")
    names = {path.name for path in out.iterdir()} if out.is_dir() else set[str]()
    former_settings = _read(out / WORK / "settings.json")
    finished = _is_report(_read(out / REPORT))
    if not (names <= {WORK} or former_settings is not None or finished):
        raise OutputError(
            f"`{out}` has something else in it: {', '.join(sorted(names)[:5])}",
            hint="choose an empty or new folder",
        )
    if overwrite or former_settings == _CLEARING:
        return
    if former_settings is None and finished:
        raise OutputError(
            f"`{out}` is complete already",
            hint="add --overwrite to make it anew, or choose another folder",
        )
    if former_settings not in (None, settings):
        raise OutputError(
            f"`{out}` was begun with other settings: {_differences(former_settings, settings)}",
            hint="repeat the former command to go on with it, or add --overwrite",
        )


def _lock(out: Path) -> AbstractContextManager[None]:
    return file_lock(
        out / WORK / _LOCK,
        busy=f"another run is at work in `{out}`",
        hint="wait until it is done, or choose another folder",
    )


def finish_conversion(options: ConversionOptions, report: dict[str, Any]) -> None:
    """Write the report, and remove the records when the conversion is complete.

    Args:
        options: The conversion.
        report: What `report.json` says; while it is not `complete`, the next run goes on.

    Raises:
        OutputError: It cannot be written.
    """
    data = json.dumps(report, indent=2).encode("ascii")
    write_atomically(options.out / REPORT, data, overwrite=True)
    if report["complete"]:
        with output_errors(options.out):
            (options.out / WORK / "settings.json").unlink()
            shutil.rmtree(options.out / WORK)


def _clear(out: Path, state: Path) -> None:
    """Remove what a conversion made, and nothing else."""
    write_atomically(state, json.dumps(_CLEARING).encode("ascii"), overwrite=True)
    if _is_report(_read(out / REPORT)):
        (out / REPORT).unlink()
    made = [out / name for name in _OUTPUTS]
    made += [path for path in sorted(out.iterdir()) if path.name.startswith(PANOPTIC)]
    made += [
        path for path in sorted((out / WORK).iterdir()) if path.name not in {state.name, _LOCK}
    ]
    for path in made:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _read(path: Path) -> object:
    """Return the content of a JSON file; None when it is missing or no JSON."""
    with suppress(FileNotFoundError, NotADirectoryError, ValueError, RecursionError):
        return json.loads(path.read_bytes())
    return None


def _is_report(content: object) -> bool:
    if not isinstance(content, dict):
        return False
    return cast("dict[str, object]", content).get("made_by") == MADE_BY


def _differences(former_settings: object, settings: dict[str, Any]) -> str:
    """Return the settings that differ from the former run, as text."""
    former = cast("dict[str, object]", former_settings) if isinstance(former_settings, dict) else {}
    changed = [
        f"`{name}` was {json.dumps(former.get(name))}"
        for name, value in settings.items()
        if former.get(name) != value
    ]
    return ", ".join(changed)
