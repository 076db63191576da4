"""All that a panoptic training needs to go on, in one file that is always whole."""

# PyTorch gives few types; what is used of it is checked by tests.
# pyright: basic

from __future__ import annotations

import io
import pickle
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from urban_segmentor.errors import ModelError, first_line
from urban_segmentor.io.atomic import write_atomically
from urban_segmentor.networks.panoptic_checkpoint import holds_format

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FORMAT = "urban-segmentor panoptic training, version 1"
_HINT = "take weights/last.pt of a run, or begin a new one"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingState:
    """Where a training stands after a step.

    Attributes:
        architecture: What the network is built from, plain values.
        step: Steps done.
        seconds: Spent on them, without pauses.
        model: Weights.
        ema: Their running mean.
        optimizer: State of the optimizer.
    """

    architecture: Mapping[str, Any]
    step: int
    seconds: float
    model: Mapping[str, torch.Tensor]
    ema: Mapping[str, torch.Tensor]
    optimizer: Mapping[str, Any]

    def save(self, path: Path) -> None:
        """Write the state, in one move; what was there stays until all is written.

        Args:
            path: The file.

        Raises:
            OutputError: The disk is full or the like.
        """
        names = ("architecture", "step", "seconds", "model", "ema", "optimizer")
        buffer = io.BytesIO()
        torch.save({"format": FORMAT} | {name: getattr(self, name) for name in names}, buffer)
        write_atomically(path, buffer.getvalue(), overwrite=True)


def is_state(path: Path) -> bool:
    """Return whether a file says that it is the state of a training; it is not loaded."""
    return holds_format(path, FORMAT)


def load_state(path: Path) -> TrainingState:
    """Return the state that a file holds; nothing in it can run code.

    Args:
        path: A `.pt` that `TrainingState.save` wrote.

    Raises:
        ModelError: It is none, or it is damaged.
    """
    try:
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
        is_known = content.pop("format") == FORMAT
        state = TrainingState(**content) if is_known else None
    except (
        OSError,
        EOFError,
        RuntimeError,
        pickle.UnpicklingError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
    ) as error:
        raise ModelError(
            f"`{path}` is no state of a panoptic training: {first_line(error)}",
            hint=_HINT,
        ) from error
    if state is None:
        raise ModelError(f"`{path}` is a training of another version", hint=_HINT)
    return state
