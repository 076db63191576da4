"""Checkpoints: safe loading, ONNX export, and inference in PyTorch.

A `.pt` of Ultralytics is a pickle, which can run any code when it is loaded. So only classes that
it and PyTorch are known to write are let in, unless the user trusts the file.
"""

from __future__ import annotations

import contextlib
import pickle
import shutil
from abc import ABC, abstractmethod
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from urban_segmentor.errors import ModelError, first_line
from urban_segmentor.exporters.model_files import save_onnx
from urban_segmentor.exporters.ultralytics_env import in_silence, require_modules

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from urban_segmentor.networks.panoptic import PanopticNetwork
    from urban_segmentor.networks.torch_runtime import TorchModel

_SUFFIX = ".pt"
_ZIP = b"PK\x03\x04"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint(ABC):
    """A loaded segmentation checkpoint.

    Attributes:
        path: The file.
        class_names: Names by class id.
        stride: Sides of the input are multiples of it, pixels.
        base: Base model, such as `yolov8n-seg`.
        train_args: Settings of its training, as far as the file has them.
        metrics: Metrics of its training's own validation, as far as the file has them.
    """

    path: Path
    class_names: tuple[str, ...]
    stride: int
    base: str
    train_args: Mapping[str, Any]
    metrics: Mapping[str, Any]

    @abstractmethod
    def export_onnx(self, folder: Path, *, imgsz: tuple[int, int]) -> Path:
        """Return an ONNX export in float32 that takes any multiple of the stride.

        Args:
            folder: Output folder.
            imgsz: Height and width that the file names, pixels.

        Raises:
            ModelError: It cannot be exported.
            MissingExtraError: A library of the extra `train` is not installed.
        """

    @abstractmethod
    def network(self, metadata: Mapping[str, object], *, ends_in_nms: bool) -> TorchModel:
        """Return the model in PyTorch, float32, for a `Segmenter`.

        Args:
            metadata: Metadata of the export.
            ends_in_nms: True when the end-to-end head was exported.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class YoloCheckpoint(Checkpoint):
    """A checkpoint of Ultralytics.

    Attributes:
        model: The `ultralytics.YOLO`.
    """

    model: Any

    def export_onnx(self, folder: Path, *, imgsz: tuple[int, int]) -> Path:
        """Return an ONNX export by Ultralytics."""
        require_modules("onnx")
        # The exporter writes beside the checkpoint, a folder of the user's.
        self.model.model.pt_path = str(folder / f"{self.path.stem}{_SUFFIX}")
        shutil.copyfile(self.path, self.model.model.pt_path)
        try:
            with in_silence():
                written = self.model.export(
                    format="onnx",
                    dynamic=True,
                    simplify=False,
                    nms=False,
                    imgsz=imgsz,
                    device="cpu",
                )
        except Exception as error:  # its exporter raises whatever its libraries do
            raise ModelError(
                f"Ultralytics cannot export `{self.path}`: {first_line(error)}",
                hint="see whether it can without us: "
                f"yolo export model={self.path} format=onnx dynamic=True",
            ) from error
        return Path(written)

    def network(self, metadata: Mapping[str, object], *, ends_in_nms: bool) -> TorchModel:
        """Return the model in PyTorch."""
        from urban_segmentor.networks.torch_runtime import TorchModel

        if ends_in_nms:
            self.model.model.end2end = True
        self.model.model.model[-1].export = True  # it then gives the tensors of an export alone
        return TorchModel(self.model.model, metadata)


@dataclass(frozen=True, slots=True, kw_only=True)
class PanopticCheckpoint(Checkpoint):
    """A checkpoint of a network with a semantic branch.

    Attributes:
        model: The `PanopticNetwork`.
    """

    model: PanopticNetwork

    def export_onnx(self, folder: Path, *, imgsz: tuple[int, int]) -> Path:
        """Return an ONNX export as Ultralytics makes one, with one output more."""
        require_modules("onnx")
        from urban_segmentor.networks.onnx_export import export_panoptic

        path = folder / f"{self.path.stem}.onnx"
        try:
            with in_silence():
                metadata = export_panoptic(self.model, path, imgsz=imgsz)
        except Exception as error:  # PyTorch's exporter raises whatever it likes
            raise ModelError(
                f"PyTorch cannot export `{self.path}`: {first_line(error)}",
                hint="`urban-segmentor info` prints what a bug report needs",
            ) from error
        save_onnx(path, path, half=False, metadata=metadata)
        return path

    def network(self, metadata: Mapping[str, object], *, ends_in_nms: bool) -> TorchModel:  # noqa: ARG002 - it has one head
        """Return the model in PyTorch, its normalizations not folded."""
        from urban_segmentor.networks.torch_runtime import PanopticGraph, TorchModel

        return TorchModel(PanopticGraph(self.model), metadata)


def load_checkpoint(path: Path, *, trust: bool = False) -> Checkpoint:
    """Return the segmentation model that a checkpoint holds, with a semantic branch or without.

    Args:
        path: The `.pt`.
        trust: True to load any pickled class, which can run any code; otherwise only what
            Ultralytics itself writes.

    Raises:
        ModelError: The file is missing, no checkpoint, of another task, or holds more than a
            model.
        MissingExtraError: A library of the extra `train` is not installed.
    """
    _check_file(path)
    require_modules("torch", "ultralytics")
    from urban_segmentor.networks.panoptic_checkpoint import is_panoptic, load_panoptic

    if not is_panoptic(path):
        return load_yolo(path, trust=trust)
    content = load_panoptic(path)
    architecture = content.network.architecture
    return PanopticCheckpoint(
        path=path,
        model=content.network,
        class_names=architecture.names,
        stride=content.network.stride,
        base=architecture.base,
        train_args=content.train_args,
        metrics=content.metrics,
    )


def load_yolo(path: Path, *, trust: bool = False) -> YoloCheckpoint:
    """Return the segmentation model that a checkpoint of Ultralytics holds.

    Args:
        path: The `.pt`.
        trust: As in `load_checkpoint`.

    Raises:
        As `load_checkpoint`.
    """
    _check_file(path)
    require_modules("torch", "ultralytics")
    yolo = _load(path, trust=trust)
    content = cast("dict[str, Any]", yolo.ckpt)
    if yolo.task != "segment":
        raise ModelError(
            f"`{path}` is a model for the task `{yolo.task}`, expected `segment`",
            hint="take a segmentation model, such as one that starts from yolov8n-seg",
        )
    names: dict[int, str] = yolo.model.names
    return YoloCheckpoint(
        path=path,
        model=yolo,
        class_names=tuple(str(names[i]) for i in sorted(names)),
        stride=max(int(yolo.model.stride.max()), 32),
        base=Path(str(yolo.model.yaml.get("yaml_file", ""))).stem,
        train_args=content.get("train_args") or {},
        metrics=content.get("train_metrics") or {},
    )


def _check_file(path: Path) -> None:
    try:
        with path.open("rb") as file:
            head = file.read(len(_ZIP))
    except OSError as error:
        raise ModelError(
            f"cannot read the checkpoint `{path}`: {error.strerror}",
            hint="training leaves it in the folder of the run, as weights/best.pt",
        ) from error
    if head != _ZIP:
        raise ModelError(
            f"`{path}` is no checkpoint: it is {'empty' if not head else 'no PyTorch file'}",
            hint="fetch it again",
        )


def _load(path: Path, *, trust: bool) -> Any:
    try:
        with in_silence(), safe_loading(trust=trust):
            return import_module("ultralytics").YOLO(str(path))
    except Exception as error:  # whatever a pickle may raise
        causes = (error, error.__cause__)
        if not trust and any(isinstance(one, pickle.UnpicklingError) for one in causes):
            raise ModelError(
                f"`{path}` holds more than a model of Ultralytics, and loading that can run any "
                "code",
                hint="if you trust whoever made it, add --trust",
            ) from error
        raise ModelError(
            f"`{path}` is no checkpoint that can be loaded: {first_line(error)}",
            hint="fetch it again, or take a checkpoint that Ultralytics wrote",
        ) from error


@contextlib.contextmanager
def safe_loading(*, trust: bool = False) -> Generator[None]:
    """Return a context in which Ultralytics unpickles only classes that it writes itself.

    Args:
        trust: True to load whatever a checkpoint holds.
    """
    tasks: Any = import_module("ultralytics.nn.tasks")
    before = tasks.SAFE_LOAD
    tasks.SAFE_LOAD = not trust
    try:
        yield
    finally:
        tasks.SAFE_LOAD = before
