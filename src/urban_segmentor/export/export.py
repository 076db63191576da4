"""From a checkpoint, or an exported file, to a file that the light runtime takes, checked."""

from __future__ import annotations

import tempfile
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from urban_segmentor.errors import ModelError, SettingError
from urban_segmentor.export.checkpoint import Checkpoint, load_checkpoint
from urban_segmentor.export.export_images import images_to_compare
from urban_segmentor.export.export_metadata import of_checkpoint, of_file, told_by
from urban_segmentor.export.export_options import (
    CHECKPOINT,
    ExportOptions,
    ExportProgress,
    check_options,
    find_model,
    place_of,
    wide_size,
)
from urban_segmentor.export.formats import put_in_place, read_model, save_openvino
from urban_segmentor.export.fp16_weights import rewrite_onnx
from urban_segmentor.export.int8 import in_int8
from urban_segmentor.export.verify_export import (
    EXACT,
    FEWEST,
    HALF,
    Agreement,
    all_boxes_of_file,
    all_boxes_of_network,
    output_gap,
    verify_same_outputs,
)
from urban_segmentor.inference.preprocess import network_input
from urban_segmentor.inference.runtimes.selection import open_model_file, select_runtime
from urban_segmentor.io.atomic import output_errors
from urban_segmentor.models.spec import ModelSpec
from urban_segmentor.structures.boxes import Letterbox

if TYPE_CHECKING:
    from urban_segmentor.export.accuracy_gate import AccuracyGate
    from urban_segmentor.inference.runtimes.selection import ModelFile

_REPORT_HINT = "do not use it; `urban-segmentor info` prints what a bug report needs"
_TEMPORARY_HINT = "free some space for temporary files, or name another folder in TMPDIR"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportResult:
    """What came out.

    Attributes:
        files: What was written.
        model: The file to give to `--model`.
        metadata: What it says about itself.
        compared_on: Where the pictures of the comparison come from.
        agreement: How well the export in float agrees with the model that it was made from.
        gate: What eight bits cost in accuracy; None for float.
        inference_ms: Median time of an inference, milliseconds: `f32`, `auto` (the best float
            precision of this CPU) and `int8`; None for float.
        elapsed_s: From start to end, seconds.
    """

    files: list[Path]
    model: Path
    metadata: dict[str, object]
    compared_on: str
    agreement: Agreement
    gate: AccuracyGate | None
    inference_ms: dict[str, float] | None
    elapsed_s: float

    def summary(self) -> dict[str, Any]:
        """Return all of it as plain JSON."""
        return {
            "model": str(self.model),
            "files": {str(path): path.stat().st_size for path in self.files},
            "metadata": self.metadata,
            "comparison": {"images_from": self.compared_on, **asdict(self.agreement)},
            "gate": self.gate and {**asdict(self.gate), "lost": self.gate.lost},
            "inference_ms": self.inference_ms,
            "elapsed_s": round(self.elapsed_s, 2),
        }


class _Silent:
    def start(self, name: str, frames: int | None) -> None:
        """Say nothing."""

    def advance(self) -> None:
        """Say nothing."""


class _Source(NamedTuple):
    """A model in float as an ONNX file, and what it will say about itself."""

    onnx: Path
    network: ModelFile
    metadata: dict[str, object]
    checkpoint: Checkpoint | None


def export(wishes: ExportOptions, *, progress: ExportProgress | None = None) -> ExportResult:
    """Write a model in another form, once it has proved to give the same answers.

    Args:
        wishes: What is to be exported, and how.
        progress: Hears how far it is.

    Raises:
        ModelError: The model cannot be read, or what was made of it is not as good.
        SettingError: The wishes contradict one another.
        DatasetError: The pictures cannot be read.
        OutputError: The file is there already, or cannot be written.
        MissingExtraError: A library of the extra `train` is not installed.
    """
    started_s = time.perf_counter()
    tell = progress or _Silent()
    path = find_model(wishes.model)
    place = place_of(wishes, path)
    check_options(wishes, place=place, path=path)
    with tempfile.TemporaryDirectory(prefix="urban-segmentor-") as name:
        folder = Path(name)
        with output_errors(folder, hints={}, usual=_TEMPORARY_HINT):
            source = _open(wishes, path, folder / "source", tell)
            form = _build(wishes, source, folder / "float", stem=path.stem)
            compared_on, agreement = _compare(wishes, source, form, tell)
            int8 = None
            if wishes.quantization is not None:
                int8 = in_int8(
                    form,
                    folder / "int8",
                    wishes=wishes,
                    plan=wishes.quantization,
                    metadata=source.metadata,
                    tell=tell,
                )
                form = int8.form
        made = form if wishes.format == "onnx" else form.parent
        files = put_in_place(made, place, overwrite=wishes.overwrite)
    return ExportResult(
        files=files,
        model=place if wishes.format == "onnx" else place / form.name,
        metadata=source.metadata if int8 is None else int8.metadata,
        compared_on=compared_on,
        agreement=agreement,
        gate=None if int8 is None else int8.gate,
        inference_ms=None if int8 is None else int8.inference_ms,
        elapsed_s=time.perf_counter() - started_s,
    )


def _open(wishes: ExportOptions, path: Path, folder: Path, tell: ExportProgress) -> _Source:
    """Return the model in float, exported first when it is a checkpoint."""
    if path.suffix == CHECKPOINT:
        tell.start("exporting", None)
        checkpoint = load_checkpoint(path, trust=wishes.trust)
        usual = wide_size(checkpoint.train_args.get("imgsz"), stride=checkpoint.stride)
        imgsz = wishes.size(usual, stride=checkpoint.stride)
        folder.mkdir()
        onnx = checkpoint.export_onnx(folder, imgsz=imgsz)
        network = _network(onnx)
        spec = ModelSpec.from_metadata(network.metadata, where=str(path))
        metadata = of_file(spec, network.metadata) | of_checkpoint(checkpoint)
    else:
        checkpoint, onnx, network = None, path, _network(path)
        spec = ModelSpec.from_metadata(network.metadata, where=str(path))
        imgsz = wishes.size(spec.imgsz, stride=spec.stride)
        if network.static_size not in {None, imgsz}:
            raise SettingError(
                f"`{path}` only takes {network.static_size} pixels, `imgsz` is {imgsz}",
                hint="leave --imgsz out, or export its checkpoint again",
            )
        metadata = of_file(spec, network.metadata)
    metadata |= {"imgsz": list(imgsz), **told_by(wishes.about)}
    return _Source(onnx, network, metadata, checkpoint)


def _network(path: Path) -> ModelFile:
    choice = select_runtime(device="cpu", runtime="openvino", suffix=path.suffix)
    return open_model_file(path, choice, precision="f32")


def _build(wishes: ExportOptions, source: _Source, folder: Path, *, stem: str) -> Path:
    """Return the model in its new format, still in float."""
    if wishes.format == "openvino":
        model = read_model(source.onnx)
        # What is quantized later is measured against weights as they are.
        half = wishes.half and wishes.quantization is None
        return save_openvino(model, folder, stem=stem, half=half, metadata=source.metadata)
    folder.mkdir()
    path = folder / f"{stem}.onnx"
    rewrite_onnx(source.onnx, path, half=wishes.half, metadata=source.metadata)
    return path


def _compare(
    wishes: ExportOptions, source: _Source, form: Path, tell: ExportProgress
) -> tuple[str, Agreement]:
    """Return what an export was compared on with its origin, and how well they agree."""
    where, images = images_to_compare(wishes.data)
    tell.start("comparing", len(images))
    spec = ModelSpec.from_metadata(source.metadata, where=wishes.model)
    ours = all_boxes_of_file(form, imgsz=max(spec.imgsz))
    network = source.network
    if source.checkpoint is not None:
        network = source.checkpoint.network(source.metadata, ends_in_nms=spec.ends_in_nms)
    is_half = wishes.half and wishes.quantization is None
    limits = HALF if is_half else EXACT
    hint = "leave --half out" if is_half else _REPORT_HINT
    agreement = verify_same_outputs(
        ours,
        all_boxes_of_network(network, like=ours, spec=spec, where=wishes.model),
        images,
        limits=limits,
        where=wishes.model,
        hint=hint,
        on_image=tell.advance,
    )
    if agreement.instances >= FEWEST:
        return where, agreement
    size = ours.input_size(images[0].image.shape[:2])
    gap = output_gap(
        _network(form).compile(size),
        network.compile(size),
        (network_input(p.image, Letterbox.fit(p.image.shape[:2], size)) for p in images),
        ends_in_nms=spec.ends_in_nms,
    )
    if gap > limits.output:
        raise ModelError(
            f"the export's raw outputs differ from those of `{wishes.model}` by {gap:.2g} of the "
            "largest, and it is not written",
            hint=hint,
        )
    return where, replace(agreement, output_gap=gap)
