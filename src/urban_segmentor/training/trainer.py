"""Ultralytics' segmentation trainer with ignore regions, atomic checkpoints and fast CPUs."""

# Ultralytics gives few types; what is used of it is checked by tests.
# pyright: basic, reportArgumentType=false, reportCallIssue=false, reportGeneralTypeIssues=false
# pyright: reportIncompatibleMethodOverride=false, reportAttributeAccessIssue=false

from __future__ import annotations

import os
from typing import Any

import torch
from ultralytics.models.yolo.segment import SegmentationTrainer
from ultralytics.utils import colorstr
from ultralytics.utils.torch_utils import unwrap_model

from urban_segmentor.training.dataset import StreetDataset
from urban_segmentor.training.loss import StreetCriterion


class CrashSafeTrainer(SegmentationTrainer):
    """Ultralytics' trainer with atomic checkpoints: whole whenever the process dies."""

    def save_model(self) -> Any:
        """Write partial checkpoints, and move them to their paths when they are complete."""
        targets = self.last, self.best
        partial = [path.with_name(f".{path.name}.partial") for path in targets]
        self.last, self.best = partial
        try:
            saved = super().save_model()
        finally:
            self.last, self.best = targets
        for written, target in zip(partial, targets, strict=True):
            if written.is_file():
                with written.open("rb") as file:
                    os.fsync(file.fileno())
                written.replace(target)
        return saved


class StreetTrainer(CrashSafeTrainer):
    """A trainer that excludes ignore regions from the loss, and uses a CPU well.

    The data YAML may hold `zoom: [low, high]`, and `rect: true` where several GPUs take part. On a
    CPU with bfloat16 units the network computes in it, channels last, on all cores, while a process
    beside it loads the next pictures: Ultralytics does none of the four there.
    """

    def __init__(self, *args: Any, overrides: dict[str, Any] | None = None, **more: Any) -> None:
        super().__init__(*args, overrides=overrides, **more)
        if self.device.type == "cpu" and (os.cpu_count() or 1) > 1:
            self.args.workers = (overrides or {}).get("workers", 1)
            torch.set_num_threads(os.cpu_count() or 1)  # Ultralytics leaves one core out

    def build_dataset(self, img_path: str, mode: str = "train", batch: int | None = None) -> Any:
        """Return a `StreetDataset` with Ultralytics' own settings for it."""
        training = mode == "train"
        zoom = self.data.get("zoom")
        return StreetDataset(
            img_path=img_path,
            imgsz=self.args.imgsz,
            batch_size=batch,
            augment=training,
            hyp=self.args,
            rect=self.args.rect or self.data.get("rect", False) or not training,
            cache=self.args.cache or None,
            single_cls=self.args.single_cls or False,
            stride=max(int(unwrap_model(self.model).stride.max()), 32),
            pad=0.0 if training else 0.5,
            prefix=colorstr(f"{mode}: "),
            task=self.args.task,
            classes=self.args.classes,
            data=self.data,
            fraction=self.args.fraction if training else 1.0,
            zoom=tuple(zoom) if zoom and training else None,
        )

    def preprocess_batch(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Return the batch on the device, in the memory layout of the network."""
        batch = super().preprocess_batch(batch)
        if self._on_fast_cpu:
            batch["img"] = batch["img"].to(memory_format=torch.channels_last)
        return batch

    def _setup_train(self) -> None:
        super()._setup_train()
        model = unwrap_model(self.model)
        strides = [int(stride) for stride in model.stride]
        # Resuming an end-to-end model has made its criterion already, with its epochs counted.
        inner = getattr(model, "criterion", None) or model.init_criterion()
        model.criterion = StreetCriterion(inner, strides=strides)
        if self._on_fast_cpu:
            model.to(memory_format=torch.channels_last)
            self.amp = True

    @property
    def _on_fast_cpu(self) -> bool:
        amp_enabled = self.args.amp not in {False, "fp32"}
        return amp_enabled and self.device.type == "cpu" and has_bfloat16_units()


def has_bfloat16_units() -> bool:
    """Return True when this CPU has bfloat16 units; without, it is slower than float32."""
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()  # noqa: SLF001 -- there is no public question
