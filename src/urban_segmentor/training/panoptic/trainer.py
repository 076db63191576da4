"""The loop of a panoptic training: steps, checkpoints, pauses, scores."""

# PyTorch and Ultralytics give few types; what is used of them is checked by tests.
# pyright: basic

from __future__ import annotations

import copy
import math
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch.utils.data import DataLoader

from urban_segmentor.errors import SettingError, TrainingError
from urban_segmentor.training.loss import StreetCriterion
from urban_segmentor.training.panoptic.dataset import PanopticDataset, collated
from urban_segmentor.training.panoptic.schedule import learning_rate, progress
from urban_segmentor.training.panoptic.semantic_loss import semantic_loss
from urban_segmentor.training.panoptic.state import TrainingState
from urban_segmentor.training.trainer import has_bfloat16_units

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from urban_segmentor.networks.panoptic import PanopticNetwork
    from urban_segmentor.training.panoptic.batch_plan import BatchPlan
    from urban_segmentor.training.panoptic.settings import PanopticSettings

_PAUSE_S = 1.0
_EMA_RAMP = 20
_LOSSES = ("box_loss", "seg_loss", "cls_loss", "dfl_loss", "semantic_loss")


class TrainerEvents(Protocol):
    """Receives what happens in a training."""

    def on_step(self, losses: Mapping[str, float]) -> None:
        """A step is done; `losses` are the means since the last epoch, by name."""
        ...

    def on_problem(self, text: str) -> None:
        """An image could not be read."""
        ...

    def on_epoch(self, trainer: PanopticTrainer, losses: Mapping[str, float]) -> None:
        """An epoch is done, or the training; `losses` are its means, by name."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainerFiles:
    """Files that a running training writes and looks at.

    Attributes:
        state: The last checkpoint.
        pause: While it exists, the training waits.
    """

    state: Path
    pause: Path


class PanopticTrainer:
    """Trains a network, from any step of a plan on.

    Args:
        network: The network; its weights are changed.
        dataset: The images.
        plan: Which of them each step learns from.
        weights: float32 (C,), of each class in the branch's loss.
        settings: All else.
        files: Where checkpoints go.
    """

    def __init__(  # noqa: PLR0913 -- each has its name
        self,
        network: PanopticNetwork,
        *,
        dataset: PanopticDataset,
        plan: BatchPlan,
        weights: torch.Tensor,
        settings: PanopticSettings,
        files: TrainerFiles,
    ) -> None:
        self.settings, self.plan = settings, plan
        self.step, self.seconds, self.rate = 0, 0.0, 0.0
        self._files = files
        self._dataset = dataset
        self._device = training_device(settings.device)
        if self._device.type == "cpu":
            # Ultralytics leaves one core out when it is imported.
            torch.set_num_threads(settings.threads or os.cpu_count() or 1)
        self.amp = settings.amp and (self._device.type == "cuda" or has_bfloat16_units())
        self.network = network.to(self._device).train()
        self.network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self.ema = copy.deepcopy(self.network).eval().requires_grad_(requires_grad=False)
        self._weights = weights.to(self._device)
        self._criterion = _criterion(self.network)
        self._optimizer = _optimizer(self.network, settings)
        self._saved_at = 0.0

    @property
    def epoch(self) -> int:
        """Whole passes over the data that are done."""
        return self.step // self.plan.steps_per_epoch

    @property
    def done(self) -> float:
        """Share of the training that is done, in [0, 1]."""
        return progress(
            self.settings,
            step=self.step,
            seconds=self.seconds,
            steps_per_epoch=self.plan.steps_per_epoch,
        )

    @property
    def epochs(self) -> int:
        """Passes over the data in all; where minutes are set, as many as it seems by now."""
        if self.settings.minutes is None:
            return self.settings.epochs
        whole = self.step / self.plan.steps_per_epoch / max(self.done, 1e-6)
        return max(math.ceil(whole), self.epoch, 1)

    def restore(self, state: TrainingState, *, anew: bool = False) -> None:
        """Go on from where a training stood.

        Args:
            state: Where.
            anew: True to count steps and time from zero.
        """
        self.network.load_state_dict(state.model)
        self.ema.load_state_dict(state.ema)
        self._optimizer.load_state_dict(dict(state.optimizer))
        if not anew:
            self.step, self.seconds = state.step, state.seconds

    def save(self) -> None:
        """Write a checkpoint.

        Raises:
            OutputError: The disk is full or the like; the former one stays.
        """
        TrainingState(
            architecture=self.network.architecture.as_dict(),
            step=self.step,
            seconds=self.seconds,
            model=self.network.state_dict(),
            ema=self.ema.state_dict(),
            optimizer=self._optimizer.state_dict(),
        ).save(self._files.state)
        self._saved_at = self.seconds

    def run(self, events: TrainerEvents) -> None:
        """Train to the end.

        Args:
            events: Is told what happens.

        Raises:
            TrainingError: The loss is no number any more; the last good checkpoint is kept.
            OutputError: A checkpoint cannot be written.
        """
        self._saved_at = self.seconds
        means = _Means()
        batches = self._batches()
        while self.done < 1:
            started_s = time.perf_counter()
            batch = next(batches)
            for text in batch["problems"]:
                events.on_problem(text)
            losses = self._train_step(batch)
            self.seconds += time.perf_counter() - started_s
            means.add(losses)
            events.on_step(means.values())
            is_end = self.done >= 1
            if is_end or self.seconds - self._saved_at >= 60 * self.settings.save_minutes:
                self.save()
            if is_end or self.step % self.plan.steps_per_epoch == 0:
                events.on_epoch(self, means.values())
                means = _Means()
            while self._files.pause.exists():
                time.sleep(_PAUSE_S)

    def _batches(self) -> Iterator[dict[str, Any]]:
        loader: Any = DataLoader(
            self._dataset,
            batch_sampler=self.plan.batches(self.step),
            num_workers=self.settings.workers,
            collate_fn=collated,
            prefetch_factor=3 if self.settings.workers else None,
            pin_memory=self._device.type == "cuda",
        )
        return iter(loader)

    def _train_step(self, batch: dict[str, Any]) -> dict[str, float]:
        # Nothing that is drawn in a step depends on those before it.
        torch.manual_seed(hash((self.settings.seed, self.step)) % 2**31)
        self.rate = learning_rate(self.settings, step=self.step, done=self.done)
        for group in self._optimizer.param_groups:
            group["lr"] = self.rate
        tensors = {
            key: value.to(self._device, non_blocking=True)
            for key, value in batch.items()
            if isinstance(value, torch.Tensor)
        }
        images = (tensors["img"].float() / 255).contiguous(memory_format=torch.channels_last)
        tensors["img"] = images
        self._criterion.advance(self.done)
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self.amp):
            given, logits = self.network(images)
        parts, by_name = self._criterion(given, tensors)
        semantic, entropy = semantic_loss(
            logits,
            tensors["semantic"],
            tensors["points"],
            weights=self._weights,
            dice=self.settings.dice,
        )
        loss = parts.sum() / len(images) + self.settings.semantic * semantic
        self._check_finite(loss, "loss")
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.settings.clip)
        self._check_finite(norm, "gradient")
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        self.step += 1
        self._update_ema()
        values = {name: float(value) for name, value in by_name.items()}
        values["semantic_loss"] = float(entropy)
        return {name: values[name] for name in _LOSSES if name in values}

    def _check_finite(self, value: torch.Tensor, what: str) -> None:
        if not torch.isfinite(value):
            raise TrainingError(
                f"the {what} is no number any more in step {self.step + 1}; the checkpoint before "
                f"is kept: `{self._files.state}`",
                hint="a lower learning rate may help: --set lr=0.0002",
            )

    @torch.no_grad()
    def _update_ema(self) -> None:
        decay = min(self.settings.ema, (1 + self.step) / (_EMA_RAMP + self.step))
        now, means = self.network.state_dict(), self.ema.state_dict()
        floats = [name for name, mean in means.items() if mean.dtype.is_floating_point]
        torch._foreach_lerp_([means[k] for k in floats], [now[k] for k in floats], 1 - decay)  # pyright: ignore[reportPrivateImportUsage] -- as optimizers do
        for name in means.keys() - set(floats):
            means[name].copy_(now[name])


class _Means:
    """Running means of losses."""

    def __init__(self) -> None:
        self._sums: dict[str, float] = {}
        self._count = 0

    def add(self, losses: Mapping[str, float]) -> None:
        for name, value in losses.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._count += 1

    def values(self) -> dict[str, float]:
        return {name: value / self._count for name, value in self._sums.items()}


def training_device(device: str | None) -> torch.device:
    """Return the device of a training.

    Args:
        device: `cpu`, the number of a GPU, or None for a GPU if there is one.

    Raises:
        SettingError: There is no such device.
    """
    if device is not None and "," in device:
        raise SettingError(
            f"a panoptic training runs on one device, not on `{device}`", hint="--device 0"
        )
    if device is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    name = f"cuda:{device}" if device.isdigit() else device
    try:
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError) as error:
        raise SettingError(
            f"PyTorch sees no device `{device}` here", hint="--device cpu, or leave it out"
        ) from error
    return torch.device(name)


def _criterion(network: PanopticNetwork) -> StreetCriterion:
    strides = [int(stride) for stride in network.base.stride]
    return StreetCriterion(network.base.init_criterion(), strides=strides)


def _optimizer(network: PanopticNetwork, settings: PanopticSettings) -> torch.optim.AdamW:
    shared = [parameter for parameter in network.parameters() if parameter.requires_grad]
    groups: list[dict[str, Any]] = [
        {"params": [p for p in shared if p.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in shared if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=settings.lr, fused=True)
