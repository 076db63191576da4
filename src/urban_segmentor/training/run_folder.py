"""The folder of a training run: its settings, data, results and checkpoints."""

from __future__ import annotations

import csv
import io
import json
import math
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import yaml

from urban_segmentor.errors import DatasetError, OutputError, SettingError
from urban_segmentor.io.atomic import check_free_folder, output_errors, write_atomically
from urban_segmentor.io.lock import file_lock
from urban_segmentor.training.conversion import write_conversions
from urban_segmentor.versions import versions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from urban_segmentor.training.training_data import TrainingData

LOCK = ".lock"
RUN, DATA, CSV, CURVES = "run.json", "data.yaml", "results.csv", "curves.png"
MAPS = "maps"
"""Folder of label maps of a panoptic run, and of images that were larger than it learns from."""
CONVERTED = "data"
"""Folder of pictures and labels that were in another format than YOLO's."""

_MADE_BY = "urban-segmentor train"
_LIBRARIES = ("torch", "torchvision", "ultralytics-opencv-headless", "ultralytics", "numpy")


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The folder of a training run, which has all that is needed to resume it.

    Attributes:
        root: The folder.
    """

    root: Path

    @property
    def last(self) -> Path:
        """The checkpoint of the last whole epoch."""
        return self.root / "weights" / "last.pt"

    @property
    def best(self) -> Path:
        """The checkpoint with the best metrics."""
        return self.root / "weights" / "best.pt"

    @property
    def exported(self) -> Path:
        """The ONNX export of the best checkpoint."""
        return self.best.with_suffix(".onnx")

    def lock(self) -> AbstractContextManager[None]:
        """Return a context in which no other process trains here.

        Raises:
            OutputError: One does.
        """
        return file_lock(
            self.root / LOCK,
            busy=f"another process trains in `{self.root}`",
            hint="wait until it is done, or choose another folder with -o",
        )

    def update_data_path(self) -> None:
        """Write the folder's current path into the data YAML; it may have been moved."""
        with output_errors(self.root):
            data = yaml.safe_load((self.root / DATA).read_bytes())
        self._write(
            DATA, yaml.safe_dump(data | {"path": str(self.root.resolve())}, sort_keys=False)
        )

    def create(
        self,
        *,
        training_data: TrainingData,
        images: Sequence[Path],
        settings: dict[str, Any],
        own_settings: dict[str, Any],
        overwrite: bool,
    ) -> None:
        """Create the folder with the settings and data of a run.

        Args:
            training_data: Training and validation images.
            images: Paths of training images in order, repeated ones included.
            settings: Settings of Ultralytics.
            own_settings: Settings of our own.
            overwrite: True when an earlier run may be replaced.

        Raises:
            OutputError: The folder is not empty, or cannot be written to.
        """
        self._clear(training_data.roots, overwrite=overwrite)
        write_conversions(training_data.conversions)
        val = [image.path for image in training_data.val]
        self._write("train.txt", "".join(f"{self._listed(path)}\n" for path in images))
        self._write("val.txt", "".join(f"{self._listed(path)}\n" for path in val))
        data = {
            "path": str(self.root.resolve()),
            "train": "train.txt",
            "val": "val.txt",
            "names": dict(enumerate(training_data.names)),
            **({"zoom": own_settings["zoom"]} if own_settings.get("zoom") else {}),
            **({"rect": True} if settings.get("rect") else {}),
        }
        self._write(DATA, yaml.safe_dump(data, sort_keys=False))
        record = {
            "made_by": _MADE_BY,
            "settings": settings,
            "own_settings": own_settings,
            "data": [str(path.resolve()) for path in training_data.paths],
            "images": {
                "train": len(training_data.train),
                "train_with_repeats": len(images),
                "val": len(training_data.val),
            },
            "share_of_train_images": {k: round(v, 4) for k, v in training_data.shares().items()},
            "versions": versions(_LIBRARIES),
            "data_reports": [_report(root) for root in training_data.roots],
        }
        self._write(RUN, json.dumps(record, indent=2))

    def create_panoptic(
        self, *, roots: Sequence[Path], record: dict[str, Any], overwrite: bool
    ) -> None:
        """Create the folder of a panoptic run.

        Args:
            roots: Folders of the data sets.
            record: What is kept of the run.
            overwrite: True when an earlier run may be replaced.

        Raises:
            OutputError: The folder is not empty, or cannot be written to.
        """
        self._clear(roots, overwrite=overwrite)
        about = {"made_by": _MADE_BY, **record, "versions": versions(_LIBRARIES)}
        self._write(RUN, json.dumps(about, indent=2))

    def read(self) -> dict[str, Any]:
        """Return the record of a run.

        Raises:
            SettingError: This is not the folder of a training run.
        """
        try:
            record = json.loads((self.root / RUN).read_bytes())
        except (OSError, ValueError) as error:
            raise SettingError(
                f"`{self.root}` is not the folder of a training: it has no readable `{RUN}`",
                hint="give the folder that `urban-segmentor train` wrote",
            ) from error
        return cast("dict[str, Any]", record)

    def rows(self) -> list[dict[str, float]]:
        """Return the rows of `results.csv`, losses and metrics by name, one per epoch."""
        try:
            text = (self.root / CSV).read_text(encoding="utf-8")
        except FileNotFoundError:
            return []
        rows_by_epoch: dict[float, dict[str, float]] = {}
        for row in csv.DictReader(io.StringIO(text)):
            try:
                values = {key.strip(): float(value) for key, value in row.items()}
            except (TypeError, ValueError, AttributeError):
                continue  # the run was killed while it wrote this line
            rows_by_epoch[values["epoch"]] = values
        return [rows_by_epoch[epoch] for epoch in sorted(rows_by_epoch)]

    def add_row(self, row: Mapping[str, float]) -> None:
        """Add a row to `results.csv`; one of the same epoch is replaced.

        Args:
            row: All values by name, the same names in all rows.
        """
        rows = [old for old in self.rows() if old["epoch"] != row["epoch"]]
        self._write_rows([*rows, row])

    def drop_rows_after(self, epoch: int) -> None:
        """Drop rows of `results.csv` after the last checkpoint.

        Args:
            epoch: Number of complete epochs.
        """
        rows = [row for row in self.rows() if row["epoch"] <= epoch]
        if not rows:
            with output_errors(self.root):
                (self.root / CSV).unlink(missing_ok=True)
            return
        self._write_rows(rows)

    def check_data(self) -> None:
        """Check that the images of the run still exist.

        Raises:
            DatasetError: An image is missing.
        """
        for name in ("train.txt", "val.txt"):
            try:
                paths = (self.root / name).read_text(encoding="utf-8").splitlines()
            except OSError as error:
                raise DatasetError(
                    f"`{self.root / name}` is gone", hint="begin a new training"
                ) from error
            for path in paths:
                if not (self.root / path).is_file():  # absolute, or in this folder
                    raise DatasetError(
                        f"the training began with `{path}`, which is gone",
                        hint="put the data set back, or begin a new training",
                    )

    def write_curves(self) -> Path | None:
        """Draw the curves anew, and return their path; None before the first epoch."""
        from urban_segmentor.training.curves import curves_png

        rows = self.rows()
        if not rows:
            return None
        path = self.root / CURVES
        write_atomically(path, curves_png(rows), overwrite=True)
        return path

    def _write_rows(self, rows: Sequence[Mapping[str, float]]) -> None:
        lines = [",".join(rows[0])]
        lines += [",".join(f"{value:.6g}" for value in row.values()) for row in rows]
        self._write(CSV, "\n".join(lines) + "\n")

    def _clear(self, roots: Sequence[Path], *, overwrite: bool) -> None:
        """Make room for a run, and refuse folders that hold anything else."""
        own = self.root.resolve()
        if any(own in (root.resolve(), *root.resolve().parents) for root in roots):
            raise SettingError(
                f"`{self.root}` holds the data that is learnt from",
                hint="choose a folder of its own for the run: -o run",
            )
        check_free_folder(self.root, overwrite=overwrite and (self.root / RUN).is_file())
        with output_errors(self.root):
            for old in (self.last, self.best, self.exported, self.root / CSV):
                old.unlink(missing_ok=True)
            for folder in (CONVERTED, MAPS):
                shutil.rmtree(self.root / folder, ignore_errors=True)

    def _listed(self, path: Path) -> str:
        """Return a picture as lists have it: one in this folder is found wherever it is moved."""
        root = self.root.absolute()
        return f"./{path.relative_to(root)}" if path.is_relative_to(root) else str(path)

    def _write(self, name: str, text: str) -> None:
        write_atomically(self.root / name, text.encode(), overwrite=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingResult:
    """The result of a training.

    Attributes:
        folder: The folder of the run.
        best: The best checkpoint, without optimizer state.
        epochs: Epochs done, those before a resumption included.
        max_epochs: Epochs that were asked for; early stopping may have ended it sooner.
        metrics: Figures of the best checkpoint: Ultralytics' own ones of an instance training,
            those of `val` of a panoptic one.
    """

    folder: RunFolder
    best: Path
    epochs: int
    max_epochs: int
    metrics: dict[str, float]


def has_metrics(row: Mapping[str, float]) -> bool:
    """Return True when an epoch has validation metrics.

    Ultralytics writes zeros where it has not, as with `val=false`.

    Args:
        row: A row of `results.csv`.
    """
    scores = ("val/", "metrics/")
    return any(
        value and not math.isnan(value) for name, value in row.items() if name.startswith(scores)
    )


def open_run(path: Path) -> RunFolder:
    """Return the folder of a run that can be resumed.

    Args:
        path: The folder, or a checkpoint in its `weights`.

    Raises:
        SettingError: It is not the folder of a training run.
        OutputError: The training is finished.
    """
    root = path.parent.parent if path.suffix == ".pt" else path
    folder = RunFolder(root)
    record = folder.read()
    if "finished" in record and folder.exported.is_file():
        raise OutputError(
            f"the training in `{root}` is finished: {record['finished']['epochs']} epochs",
            hint=f"begin a new one from its result: --model {folder.best}",
        )
    return folder


def _report(root: Path) -> Any:
    try:
        report = json.loads((root / "report.json").read_bytes())
    except (OSError, ValueError):
        return None
    if isinstance(report, dict):
        content = cast("dict[str, Any]", report)
        return {key: value for key, value in content.items() if key != "frames"}
    return report
