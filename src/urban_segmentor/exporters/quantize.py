"""INT8 by NNCF, the end of the head left in float.

Boxes, scores, coefficients and prototypes lose most by eight bits, and the layers that make them
cost little.
"""

from __future__ import annotations

import os
import re
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from urban_segmentor.errors import ModelError, last_line
from urban_segmentor.exporters.ultralytics_env import in_silence, require_modules
from urban_segmentor.inference.runtimes.graph_rewrites import gather_rows

if TYPE_CHECKING:
    from collections.abc import Iterable

    import openvino as ov
    from numpy.typing import NDArray

_NO_SUMS = frozenset({"Constant", "Result", "Parameter"})
_MODULE = re.compile(r"/model\.(\d+)/")


def quantize(
    model: ov.Model, inputs: Iterable[NDArray[np.uint8]], *, count: int, whole_head: bool = False
) -> ov.Model:
    """Return a model that computes in INT8, all but the end of its head.

    Args:
        model: In float, with names of nodes as Ultralytics gives them.
        inputs: Calibration images in their letterbox, uint8 (1, H, W, 3), RGB; activation ranges
            are taken from them. They are iterated several times.
        count: Number of calibration images.
        whole_head: True to leave all of the head in float.

    Raises:
        ModelError: The head cannot be found by the names of nodes, or NNCF fails.
        MissingExtraError: NNCF is not installed.
    """
    nncf = _nncf()
    gather_rows(model)
    kept = float_nodes(model, whole_head=whole_head)
    options: dict[str, Any] = {
        # SiLU goes a little below zero; symmetric ranges would spend half their values there.
        "preset": nncf.QuantizationPreset.MIXED,
        "target_device": nncf.TargetDevice.CPU,
        "subset_size": count,
        "ignored_scope": nncf.IgnoredScope(names=kept, validate=False),
    }
    try:
        with in_silence():
            return nncf.quantize(model, nncf.Dataset(inputs, _planar), **options)
    except Exception as error:  # its errors have no base of their own
        raise ModelError(
            f"NNCF cannot quantize the model: {last_line(error)}", hint="use the export in float"
        ) from error


def float_nodes(model: ov.Model, *, whole_head: bool) -> list[str]:
    """Return the names of the nodes that are to stay in float.

    Args:
        model: With names of nodes as Ultralytics gives them, `/model.22/cv2.0/...`.
        whole_head: True for all of the last module; False for the last convolution of each of its
            branches, and what follows.

    Raises:
        ModelError: No node has such a name.
    """
    nodes = [node for node in model.get_ordered_ops() if node.get_type_name() not in _NO_SUMS]
    numbers = [int(found[1]) for node in nodes if (found := _MODULE.search(_name(node)))]
    if not numbers:
        raise ModelError(
            "the names of its nodes do not tell where the head of the model begins",
            hint="quantize a checkpoint, or what `urban-segmentor export` made of it",
        )
    first = f"/model.{max(numbers)}/"
    named = {_name(node) for node in nodes if first in _name(node)}
    head = _with_followers(nodes, named)
    return head if whole_head else _with_followers(nodes, _last_convolutions(nodes, set(head)))


def _last_convolutions(nodes: list[Any], head: set[str]) -> set[str]:
    """Return the convolutions of a head behind which there is no other one."""
    last: set[str] = set()
    before: set[str] = set()  # nodes that a convolution comes after
    for node in reversed(nodes):
        name = _name(node)
        inputs = {_name(value.get_node()) for value in node.input_values()}
        # Boxes are expectations over bins; this sum happens to be written as a convolution.
        is_convolution = "Convolution" in node.get_type_name() and "/dfl/" not in name
        if is_convolution and name in head and name not in before:
            last.add(name)
        if is_convolution or name in before:
            before |= inputs
    return last


def _with_followers(nodes: list[Any], names: set[str]) -> list[str]:
    """Return some nodes and all that their results flow into, in the order of the graph."""
    inside: dict[str, None] = {}
    for node in nodes:
        follows = any(_name(value.get_node()) in inside for value in node.input_values())
        if follows or _name(node) in names:
            inside[_name(node)] = None
    return list(inside)


def _name(node: Any) -> str:
    return str(node.get_friendly_name())


def _planar(batch: NDArray[np.uint8]) -> NDArray[np.float32]:
    planar = np.ascontiguousarray(batch.transpose(0, 3, 1, 2), dtype=np.float32)
    planar /= 255
    return planar


def _nncf() -> Any:
    # Without that it tells a server what is done here.
    os.environ.setdefault("NNCF_CI", "1")
    with in_silence():
        require_modules("nncf")
    return import_module("nncf")
