"""What is measured, and what is left out with which reason."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import openvino as ov
import pytest
from openvino import opset13 as ops

from tests.benchmark.made import made_file
from tests.cli.tiny import save_tiny_model
from urban_segmentor.benchmark.models import find_models, is_quantized_from, read_model
from urban_segmentor.benchmark.plan import make_plan, parse_sizes
from urban_segmentor.errors import ModelError, SettingError
from urban_segmentor.inference.runtimes.openvino import native_precision
from urban_segmentor.models.registry import embedded_models

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PLAN = "urban_segmentor.benchmark.plan"


@pytest.fixture
def bf16(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the processor have BF16, and ONNX Runtime be installed, whatever there is."""
    monkeypatch.setattr(f"{PLAN}.native_precision", lambda _: "bf16")
    monkeypatch.setattr(f"{PLAN}.find_spec", lambda _: object())


def told(file_name: str = "a.onnx") -> list[tuple[str, str, str, int]]:
    """Return what is measured of a file."""
    plan = make_plan([made_file(file_name)], device="cpu", sizes=(640, 1024))
    return [(c.runtime, c.precision, c.computes_in, c.imgsz) for c in plan.candidates]


@pytest.mark.usefixtures("bf16")
def test_everything_that_is_there() -> None:
    """Runtimes, precisions and sizes, each with each."""
    assert told() == [
        (runtime, precision, computes_in, size)
        for size in (640, 1024)
        for runtime, precision, computes_in in (
            ("openvino", "auto", "bf16"),
            ("openvino", "f32", "f32"),
            ("onnx", "f32", "f32"),
        )
    ]
    assert {runtime for runtime, *_ in told("a.xml")} == {"openvino"}


@pytest.mark.usefixtures("bf16")
def test_the_model_s_own_size() -> None:
    """That is what it was made for, where nothing else is asked for."""
    plan = make_plan([made_file()], device="cpu", sizes=())
    assert {candidate.imgsz for candidate in plan.candidates} == {640}


@pytest.mark.usefixtures("bf16")
def test_what_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the reason for each."""
    files = [made_file("a.onnx"), made_file("b.xml"), made_file("c.onnx", static_size=(64, 640))]
    plan = make_plan(files, device="cpu", sizes=(640, 1024))
    reasons = [str(one) for one in plan.skipped]
    assert "a.onnx onnx auto: ONNX Runtime has one precision, which is measured as f32" in reasons
    assert "b.xml onnx: ONNX Runtime does not read .xml" in reasons
    assert any(text.startswith("c.onnx 1024: `c.onnx` only takes 64 x 640") for text in reasons)
    assert {c.imgsz for c in plan.candidates if c.file.name == "c.onnx"} == {640}

    monkeypatch.setattr(f"{PLAN}.find_spec", lambda _: None)
    monkeypatch.setattr(f"{PLAN}.native_precision", lambda _: "f32")
    plan = make_plan(files[:1], device="cpu", sizes=())
    assert [(c.runtime, c.precision) for c in plan.candidates] == [("openvino", "f32")]
    reasons = [str(one) for one in plan.skipped]
    assert "a.onnx openvino auto: it is f32 as well: `cpu` is best at that" in reasons
    assert any("pip install 'urban-segmentor[onnx]'" in text for text in reasons)


@pytest.mark.usefixtures("bf16")
def test_devices_belong_to_runtimes() -> None:
    """Only ONNX Runtime runs on CUDA, which rounds, and only OpenVINO on other graphics."""
    cuda = make_plan([made_file()], device="cuda:0", sizes=())
    assert [(c.runtime, c.device, c.is_exact) for c in cuda.candidates] == [
        ("onnx", "cuda:0", False)
    ]
    gpu = make_plan([made_file()], device="gpu", sizes=())
    assert {(c.runtime, c.device) for c in gpu.candidates} == {("openvino", "gpu")}


@pytest.mark.usefixtures("bf16")
@pytest.mark.parametrize(
    ("name", "device", "sizes", "said"),
    [
        ("a.onnx", "toaster", (), "`toaster` is no device"),
        ("a.onnx", "cpu", (650,), "expected a multiple of 32"),
        ("a.xml", "cuda", (), "nothing is left to measure"),
    ],
)
def test_wrong_wishes(name: str, device: str, sizes: tuple[int, ...], said: str) -> None:
    """What is asked for and cannot be is refused."""
    with pytest.raises(SettingError, match=said) as caught:
        make_plan([made_file(name)], device=device, sizes=sizes)
    assert caught.value.hint


def test_precision_of_devices() -> None:
    """The processor has one, and what is not there is named."""
    assert native_precision("cpu") in {"bf16", "f16", "f32"}
    with pytest.raises(SettingError, match="no device `gpu:77`") as caught:
        native_precision("gpu:77")
    assert "cpu" in (caught.value.hint or "")


@pytest.mark.parametrize("text", ["", "640,", "big", "640x384", "640,640", "0", "-32", "99999"])
def test_wrong_sizes(text: str) -> None:
    """Numbers with commas, each once, and in range."""
    with pytest.raises(SettingError, match="`imgsz` is"):
        parse_sizes(text)
    assert parse_sizes(None) == ()


@pytest.mark.parametrize("texts", [[""], [","], ["urban-n,"], ["urban-n", "urban-n"]])
def test_wrong_models(texts: list[str]) -> None:
    """At least one, and each once, also under another name."""
    with pytest.raises(SettingError, match="`--models`"):
        find_models(texts)
    with pytest.raises(SettingError, match="as `urban-n` and as"):
        find_models(["urban-n", str(embedded_models()["urban-n"])])
    with pytest.raises(ModelError, match="there is no model `urban-q`"):
        find_models(["urban-n,urban-q"])
    assert find_models(None) == embedded_models()


def save_quantized(path: Path) -> None:
    """Write a graph with eight-bit weights as OpenVINO keeps it."""
    image = ops.parameter([1, 3, 64, 64], np.float32, name="images")
    low, high = (np.array(value, np.float32) for value in (0, 1))
    narrowed = ops.fake_quantize(image, low, high, low, high, 256)
    save(path, image, narrowed)


def save_float(path: Path) -> None:
    """Write a graph without integers."""
    image = ops.parameter([1, 3, 64, 64], np.float32, name="images")
    save(path, image, ops.multiply(image, np.array(2, np.float32)))


def save(path: Path, image: ov.Node, result: ov.Node) -> None:
    """Write a graph with the metadata of a model."""
    ov.save_model(ov.Model([result, result], [image], "tiny"), path)
    lines = ("task: segment", "names: {0: car}", "imgsz: [64, 64]", "stride: 32")
    made_from = "quantized_from: runs/best.pt"
    path.with_name("metadata.yaml").write_text("\n".join((*lines, made_from)))


@pytest.mark.parametrize(("write", "weights"), [(save_quantized, "int8"), (save_float, "float")])
def test_eight_bits_are_recognised(
    tmp_path: Path, write: Callable[[Path], None], weights: str
) -> None:
    """By what the graph computes with, not by the name of the file."""
    write(tmp_path / "m.xml")
    file = read_model("m", tmp_path / "m.xml")
    assert file.weights == weights
    assert file.made_from == "runs/best.pt"
    assert is_quantized_from(file, made_file("best.onnx"))
    assert not is_quantized_from(file, made_file("other.onnx"))


def test_float_onnx(tmp_path: Path) -> None:
    """It says nothing of an origin."""
    file = read_model("tiny", save_tiny_model(tmp_path / "tiny.onnx"))
    assert (file.weights, file.made_from, file.static_size) == ("float", "", (64, 64))
    assert not is_quantized_from(file, made_file("a.onnx"))


def test_it_needs_no_torch() -> None:
    """None of its modules brings PyTorch, Ultralytics or NNCF."""
    code = (
        "import pkgutil, sys, importlib, urban_segmentor.benchmark as b\n"
        "for one in pkgutil.iter_modules(b.__path__, b.__name__ + '.'):\n"
        "    importlib.import_module(one.name)\n"
        "print({'torch', 'ultralytics', 'nncf', 'matplotlib'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "set()"
