"""Files of panoptic networks: plain values and tensors, which load without running code."""

# PyTorch gives few types; what is used of it is checked by tests.
# pyright: basic

from __future__ import annotations

import io
import pickle
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from urban_segmentor.errors import ModelError, first_line
from urban_segmentor.io.atomic import write_atomically
from urban_segmentor.networks.panoptic import PanopticArchitecture, PanopticNetwork

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FORMAT = "urban-segmentor panoptic network, version 1"
_HINT = "take a file that `urban-segmentor train` wrote, weights/best.pt"


@dataclass(frozen=True, slots=True, kw_only=True)
class PanopticCheckpoint:
    """A panoptic network, and what is known of its training.

    Attributes:
        network: In float32, in evaluation mode.
        train_args: Settings of its training.
        metrics: Figures of its last score, by name.
    """

    network: PanopticNetwork
    train_args: Mapping[str, Any]
    metrics: Mapping[str, float]


def save_panoptic(
    path: Path,
    architecture: PanopticArchitecture,
    state: Mapping[str, torch.Tensor],
    *,
    train_args: Mapping[str, Any],
    metrics: Mapping[str, float],
) -> None:
    """Write a network, its weights in float16, in one move.

    Args:
        path: The file.
        architecture: What the network is built from.
        state: Its weights by name.
        train_args: Settings of its training, plain values.
        metrics: Figures of its last score.

    Raises:
        OutputError: The disk is full or the like.
    """
    content = {
        "format": FORMAT,
        "architecture": architecture.as_dict(),
        "state": {k: v.half() if v.is_floating_point() else v for k, v in state.items()},
        "train_args": dict(train_args),
        "metrics": dict(metrics),
    }
    buffer = io.BytesIO()
    torch.save(content, buffer)
    write_atomically(path, buffer.getvalue(), overwrite=True)


def is_panoptic(path: Path) -> bool:
    """Return whether a file says that it is a panoptic network; it is not loaded.

    Args:
        path: A `.pt`, which may be anything.
    """
    return holds_format(path, FORMAT)


def holds_format(path: Path, text: str) -> bool:
    """Return whether a file of PyTorch has a text among its plain values; it is not loaded.

    Args:
        path: A `.pt`, which may be anything.
        text: What names its format.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if name.endswith("/data.pkl")]
            return len(names) == 1 and text.encode() in archive.read(names[0])
    except (OSError, zipfile.BadZipFile, KeyError, NotImplementedError, RuntimeError):
        return False


def load_panoptic(path: Path) -> PanopticCheckpoint:
    """Return the panoptic network of a file; nothing in it can run code.

    Args:
        path: A `.pt` that `save_panoptic` wrote.

    Raises:
        ModelError: It is none, or it is damaged.
    """
    try:
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
        network = PanopticNetwork(PanopticArchitecture.parsed(content["architecture"]))
        state = {k: v.float() if v.is_floating_point() else v for k, v in content["state"].items()}
        network.load_state_dict(state)
    except (OSError, EOFError, RuntimeError, pickle.UnpicklingError, ValueError, KeyError) as error:
        raise _damaged(path, error) from error
    except (TypeError, AttributeError, IndexError, ImportError) as error:  # of layers that are none
        raise _damaged(path, error) from error
    return PanopticCheckpoint(
        network=network.eval(), train_args=content["train_args"], metrics=content["metrics"]
    )


def _damaged(path: Path, error: Exception) -> ModelError:
    return ModelError(f"`{path}` is no panoptic network: {first_line(error)}", hint=_HINT)
