"""Export of a checkpoint or ONNX file to ONNX or OpenVINO, verified against the original."""

from __future__ import annotations

import tempfile
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from urban_segmentor.errors import ModelError, SettingError
from urban_segmentor.exporters.checkpoint import Checkpoint, load_checkpoint
from urban_segmentor.exporters.export_images import comparison_images
from urban_segmentor.exporters.export_plan import (
    CHECKPOINT,
    ExportProgress,
    check_options,
    find_model,
    input_size,
    input_size_of,
    resolve_output_path,
)
from urban_segmentor.exporters.int8 import export_int8
from urban_segmentor.exporters.metadata import checkpoint_metadata, file_metadata, user_metadata
from urban_segmentor.exporters.model_files import (
    move_into_place,
    read_model,
    save_onnx,
    save_openvino,
)
from urban_segmentor.exporters.verify_export import (
    EXACT,
    HALF,
    MIN_INSTANCES,
    ExportAgreement,
    load_unfiltered,
    output_gap,
    verify_same_outputs,
    wrap_unfiltered,
)
from urban_segmentor.inference.preprocess import network_input
from urban_segmentor.inference.runtimes.graph_rewrites import fold_upsampling, gather_rows
from urban_segmentor.inference.runtimes.selection import open_model_file
from urban_segmentor.io.atomic import output_errors
from urban_segmentor.models.spec import ModelSpec
from urban_segmentor.structures.boxes import Letterbox

if TYPE_CHECKING:
    from urban_segmentor.exporters.int8 import AccuracyGate
    from urban_segmentor.exporters.options import ExportOptions
    from urban_segmentor.inference.runtimes.selection import ModelFile

_REPORT_HINT = "do not use it; `urban-segmentor info` prints what a bug report needs"
_TEMPORARY_HINT = "free some space for temporary files, or name another folder in TMPDIR"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportResult:
    """The files of an export and how they were verified.

    Attributes:
        files: The files written.
        model: The file to give to `--model`.
        metadata: The model's metadata.
        compared_on: Source of the images of the comparison.
        agreement: How well the float export matches the original model.
        gate: Accuracy before and after quantization; None for float.
        inference_ms: Median time of an inference, milliseconds: `f32`, `auto` (the best float
            precision of this CPU) and `int8`; None for float.
        elapsed_s: From start to end, seconds.
    """

    files: list[Path]
    model: Path
    metadata: dict[str, object]
    compared_on: str
    agreement: ExportAgreement
    gate: AccuracyGate | None
    inference_ms: dict[str, float] | None
    elapsed_s: float

    def summary(self) -> dict[str, Any]:
        """Return the result as plain JSON."""
        return {
            "model": str(self.model),
            "files": {str(path): path.stat().st_size for path in self.files},
            "metadata": self.metadata,
            "comparison": {"images_from": self.compared_on, **asdict(self.agreement)},
            "gate": self.gate and {**asdict(self.gate), "losses": self.gate.losses},
            "inference_ms": self.inference_ms,
            "elapsed_s": round(self.elapsed_s, 2),
        }


class _NoProgress:
    def start(self, name: str, frames: int | None) -> None:
        """Do nothing."""

    def advance(self) -> None:
        """Do nothing."""


class _Source(NamedTuple):
    """A float model as an ONNX file, and the metadata of its export."""

    onnx: Path
    network: ModelFile
    metadata: dict[str, object]
    checkpoint: Checkpoint | None


def export(options: ExportOptions, *, progress: ExportProgress | None = None) -> ExportResult:
    """Export a model, verify its outputs against the original, and return the result.

    Args:
        options: The model, the format and all settings.
        progress: Called with the progress of each step.

    Raises:
        ModelError: The model cannot be read, or the export differs from it.
        SettingError: The options contradict one another.
        DatasetError: The images cannot be read.
        OutputError: The file is there already, or cannot be written.
        MissingExtraError: A library of the extra `train` is not installed.
    """
    started_s = time.perf_counter()
    progress = progress or _NoProgress()
    path = find_model(options.model)
    output_path = resolve_output_path(options, path)
    check_options(options, output_path=output_path, path=path)
    with tempfile.TemporaryDirectory(prefix="urban-segmentor-") as name:
        folder = Path(name)
        with output_errors(folder, hints={}, default_hint=_TEMPORARY_HINT):
            source = _open(options, path, folder / "source", progress)
            model_path = _build(options, source, folder / "float", stem=path.stem)
            compared_on, agreement = _compare(options, source, model_path, progress)
            int8 = None
            if options.quantization is not None:
                int8 = export_int8(
                    model_path,
                    folder / "int8",
                    options=options,
                    plan=options.quantization,
                    metadata=source.metadata,
                    progress=progress,
                )
                model_path = int8.path
        made = model_path if options.format == "onnx" else model_path.parent
        files = move_into_place(made, output_path, overwrite=options.overwrite)
    return ExportResult(
        files=files,
        model=output_path if options.format == "onnx" else output_path / model_path.name,
        metadata=source.metadata if int8 is None else int8.metadata,
        compared_on=compared_on,
        agreement=agreement,
        gate=None if int8 is None else int8.gate,
        inference_ms=None if int8 is None else int8.inference_ms,
        elapsed_s=time.perf_counter() - started_s,
    )


def _open(options: ExportOptions, path: Path, folder: Path, progress: ExportProgress) -> _Source:
    """Return the float model as ONNX, exported first when it is a checkpoint."""
    if path.suffix == CHECKPOINT:
        progress.start("exporting", None)
        checkpoint = load_checkpoint(path, trust=options.trust)
        usual = input_size_of(checkpoint.train_args.get("imgsz"), stride=checkpoint.stride)
        imgsz = input_size(options, usual, stride=checkpoint.stride)
        folder.mkdir()
        onnx = checkpoint.export_onnx(folder, imgsz=imgsz)
        network = open_model_file(onnx, precision="f32")
        spec = ModelSpec.from_metadata(network.metadata, path=str(path))
        metadata = file_metadata(spec, network.metadata)
        metadata |= checkpoint_metadata(checkpoint, has_semantic=spec.has_semantic)
    else:
        checkpoint, onnx, network = None, path, open_model_file(path, precision="f32")
        spec = ModelSpec.from_metadata(network.metadata, path=str(path))
        imgsz = input_size(options, spec.imgsz, stride=spec.stride)
        if network.static_size not in {None, imgsz}:
            raise SettingError(
                f"`{path}` only takes {network.static_size} pixels, `imgsz` is {imgsz}",
                hint="leave --imgsz out, or export its checkpoint again",
            )
        metadata = file_metadata(spec, network.metadata)
    metadata |= {"imgsz": list(imgsz), **user_metadata(options.description)}
    return _Source(onnx, network, metadata, checkpoint)


def _build(options: ExportOptions, source: _Source, folder: Path, *, stem: str) -> Path:
    """Return the path of the float model in the output format."""
    if options.format == "openvino":
        model = read_model(source.onnx)
        gather_rows(model)
        if options.quantization is None:  # which goes by the layers of the checkpoint
            fold_upsampling(model)
        # What is quantized later is measured against weights as they are.
        half = options.half and options.quantization is None
        return save_openvino(model, folder, stem=stem, half=half, metadata=source.metadata)
    folder.mkdir()
    path = folder / f"{stem}.onnx"
    save_onnx(source.onnx, path, half=options.half, metadata=source.metadata)
    return path


def _compare(
    options: ExportOptions, source: _Source, model_path: Path, progress: ExportProgress
) -> tuple[str, ExportAgreement]:
    """Return the source of the comparison images, and how well export and original agree."""
    compared_on, images = comparison_images(options.data)
    progress.start("comparing", len(images))
    spec = ModelSpec.from_metadata(source.metadata, path=options.model)
    ours = load_unfiltered(model_path, imgsz=max(spec.imgsz))
    network = source.network
    if source.checkpoint is not None:
        network = source.checkpoint.network(source.metadata, ends_in_nms=spec.ends_in_nms)
    is_half = options.half and options.quantization is None
    tolerances = HALF if is_half else EXACT
    hint = "leave --half out" if is_half else _REPORT_HINT
    agreement = verify_same_outputs(
        ours,
        wrap_unfiltered(network, like=ours, spec=spec, original_name=options.model),
        images,
        tolerances=tolerances,
        original_name=options.model,
        hint=hint,
        on_image=progress.advance,
    )
    if agreement.instances >= MIN_INSTANCES:
        return compared_on, agreement
    size = ours.input_size(images[0].image.shape[:2])
    gap = output_gap(
        open_model_file(model_path, precision="f32").compile(size),
        network.compile(size),
        (network_input(p.image, Letterbox.fit(p.image.shape[:2], size)) for p in images),
        ends_in_nms=spec.ends_in_nms,
    )
    if gap > tolerances.output:
        raise ModelError(
            f"the export's raw outputs differ from those of `{options.model}` by {gap:.2g} of the "
            "largest, and it is not written",
            hint=hint,
        )
    return compared_on, replace(agreement, output_gap=gap)
