"""Which runtime and device are chosen, and what is said when there are none."""

from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING

import openvino as ov
import pytest

from urban_segmentor import Segmenter
from urban_segmentor.errors import MissingExtraError, SettingError
from urban_segmentor.inference.runtimes import onnx
from urban_segmentor.inference.runtimes import selection as choose
from urban_segmentor.inference.runtimes.onnx import cuda_is_available
from urban_segmentor.inference.runtimes.selection import select_runtime

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pretend that ONNX Runtime came with CUDA."""
    monkeypatch.setattr(choose, "_has_cuda", lambda: True)


@pytest.mark.parametrize(
    ("device", "runtime", "suffix", "expected"),
    [
        ("auto", "auto", ".onnx", ("openvino", "cpu", "fastest runtime measured on CPUs")),
        ("auto", "auto", ".xml", ("openvino", "cpu", "fastest runtime measured on CPUs")),
        ("cpu", "auto", ".onnx", ("openvino", "cpu", "device was asked for")),
        ("CPU", "auto", ".onnx", ("openvino", "cpu", "device was asked for")),
        ("gpu", "auto", ".xml", ("openvino", "gpu", "device was asked for")),
        ("gpu.1", "auto", ".onnx", ("openvino", "gpu:1", "device was asked for")),
        ("npu", "openvino", ".xml", ("openvino", "npu", "it was asked for")),
        ("auto", "onnx", ".onnx", ("onnx", "cpu", "it was asked for")),
        ("cpu", "onnx", ".onnx", ("onnx", "cpu", "it was asked for")),
        ("cuda", "auto", ".onnx", ("onnx", "cuda", "CUDA was asked for")),
        ("cuda:1", "onnx", ".onnx", ("onnx", "cuda:1", "CUDA was asked for")),
    ],
)
def test_choices(
    monkeypatch: pytest.MonkeyPatch,
    device: str,
    runtime: choose.RuntimeName,
    suffix: str,
    expected: tuple[str, str, str],
) -> None:
    """Without CUDA: OpenVINO unless something else was asked for, and the reason."""
    monkeypatch.setattr(choose, "_has_cuda", lambda: False)
    choice = select_runtime(device=device, runtime=runtime, suffix=suffix)
    assert (choice.runtime, choice.device) == expected[:2]
    assert expected[2] in choice.reason


@pytest.mark.usefixtures("cuda")
def test_an_nvidia_card_is_used() -> None:
    """By itself for ONNX files; OpenVINO's own format stays with OpenVINO."""
    choice = select_runtime(device="auto", runtime="auto", suffix=".onnx")
    assert (choice.runtime, choice.device) == ("onnx", "cuda:0")
    assert "NVIDIA" in choice.reason
    assert select_runtime(device="auto", runtime="auto", suffix=".xml").runtime == "openvino"
    assert select_runtime(device="auto", runtime="openvino", suffix=".onnx").device == "cpu"
    asked = select_runtime(device="auto", runtime="onnx", suffix=".onnx")
    assert asked.device == "cuda:0"
    assert "NVIDIA" in asked.reason
    assert select_runtime(device="cpu", runtime="onnx", suffix=".onnx").device == "cpu"


@pytest.mark.parametrize(
    ("device", "runtime", "suffix", "message"),
    [
        ("tpu", "auto", ".onnx", "`tpu` is no device"),
        ("", "auto", ".onnx", "`` is no device"),
        ("cuda:", "auto", ".onnx", "`cuda:` is no device"),
        ("cuda:-1", "auto", ".onnx", "`cuda:-1` is no device"),
        ("cpu:0", "auto", ".onnx", "`cpu:0` is no device"),
        ("auto", "onnx", ".xml", r"ONNX Runtime does not read \.xml"),
        ("cuda", "auto", ".xml", "OpenVINO does not run on CUDA"),
        ("cuda", "openvino", ".onnx", "OpenVINO does not run on CUDA"),
        ("gpu", "onnx", ".onnx", "ONNX Runtime does not run on GPU"),
        ("npu", "onnx", ".onnx", "ONNX Runtime does not run on NPU"),
        ("auto", "tensorrt", ".onnx", "`tensorrt` is no runtime"),
    ],
)
def test_contradictions(device: str, runtime: str, suffix: str, message: str) -> None:
    """Wishes that no runtime can meet are refused, with what to ask for instead."""
    with pytest.raises(SettingError, match=message) as caught:
        select_runtime(device=device, runtime=runtime, suffix=suffix)
    assert caught.value.hint


@pytest.mark.parametrize("device", ["gpu:7", "npu"])
def test_a_missing_device_names_what_there_is(device: str) -> None:
    """OpenVINO's own list of devices is the hint."""
    with pytest.raises(SettingError, match=f"no device `{device}`") as caught:
        Segmenter("urban-n", device=device)
    for name in ov.Core().available_devices:
        assert name.lower() in str(caught.value.hint)


def test_cuda_without_cuda() -> None:
    """The CPU build of ONNX Runtime names the one to install."""
    if cuda_is_available():
        pytest.skip("this ONNX Runtime has CUDA")
    with pytest.raises(SettingError, match="has no CUDA, so `cuda:0` cannot") as caught:
        Segmenter("urban-n", device="cuda:0")
    assert "pip install onnxruntime-gpu" in str(caught.value.hint)


@pytest.mark.parametrize("device", ["cuda:0", "cuda:7"])
def test_cuda_that_does_not_start(monkeypatch: pytest.MonkeyPatch, device: str) -> None:
    """A card that ONNX Runtime silently goes around is an error, not a slow run on the CPU."""
    session = SimpleNamespace(get_providers=lambda: ["CPUExecutionProvider"])
    asked = []

    def open_session(_path: str, _options: object, *, providers: list[object]) -> object:
        asked.append(providers[0])
        return session

    fake = SimpleNamespace(
        SessionOptions=SimpleNamespace,
        InferenceSession=open_session,
        get_available_providers=lambda: ["CUDAExecutionProvider"],
    )
    monkeypatch.setitem(sys.modules, "onnxruntime", fake)
    with pytest.raises(SettingError, match="could not start CUDA") as caught:
        Segmenter("urban-n", device=device)
    assert "driver" in str(caught.value.hint)
    assert asked == [("CUDAExecutionProvider", {"device_id": int(device[-1])})]


def test_a_runtime_for_cards_on_a_machine_without() -> None:
    """Whoever has the build for CUDA installed still runs on the CPU where there is no card."""
    fake = SimpleNamespace(get_available_providers=lambda: ["CUDAExecutionProvider"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "onnxruntime", fake)
        patch.setattr(onnx, "_gpu_count", lambda: 0)
        assert select_runtime(device="auto", runtime="auto", suffix=".onnx").device == "cpu"
        patch.setattr(onnx, "_gpu_count", lambda: 1)
        assert select_runtime(device="auto", runtime="auto", suffix=".onnx").device == "cuda:0"


def test_onnx_runtime_is_optional(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without it everything runs on OpenVINO, and asking for it names the extra."""
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    monkeypatch.chdir(tmp_path)
    assert not cuda_is_available()
    assert Segmenter("urban-n").selection.runtime == "openvino"
    for wish in ({"runtime": "onnx"}, {"device": "cuda"}):
        with pytest.raises(MissingExtraError, match="`onnxruntime`") as caught:
            Segmenter("urban-n", **wish)
        assert caught.value.hint == "pip install 'urban-segmentor[onnx]'"
    assert isinstance(caught.value, ImportError)


def test_nothing_is_kept_for_the_makers_of_a_runtime(tmp_path: Path) -> None:
    """Running on ONNX Runtime leaves no number of this machine, and so tells nobody of the run."""
    code = (
        "from urban_segmentor import Segmenter; import numpy as np;"
        "Segmenter('urban-n', runtime='onnx')(np.zeros((64, 64, 3), np.uint8))"
    )
    places = {name: str(tmp_path) for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME")}
    kept = {name: value for name, value in os.environ.items() if "TELEMETRY" not in name}
    subprocess.run([sys.executable, "-c", code], check=True, env=kept | places)
    assert list(tmp_path.rglob("*")) == []
