"""`urban-segmentor benchmark` from the words that are typed to the files that lie there."""

import json
import os
import shlex
import signal
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.cli.runner import Shell, files_below, save_image
from tests.cli.tiny import save_tiny_model
from tests.evaluation.validation.scene import box, write_frame
from urban_segmentor.benchmark.benchmark_images import BenchmarkImages
from urban_segmentor.datasets.cityscapes.frame import CityscapesFrame
from urban_segmentor.errors import ModelError

QUICK = ("--rounds", "1")


@pytest.fixture(autouse=True)
def _small_street(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw small pictures: a tiny model sees the same in them."""
    image = np.full((48, 96, 3), 90, dtype=np.uint8)
    drawn = BenchmarkImages(images=(image, image), source="procedural street, seed 1")
    monkeypatch.setattr("urban_segmentor.benchmark.benchmark_images.street_images", lambda: drawn)


def write_seen(root: Path, *, frames: int = 3) -> Path:
    """Write frames in which there is what the tiny model sees."""
    objects = [
        box("road", 0, 64, 255, 127),
        box("car", 13, 32, 114, 95),
        box("person", 167, 32, 217, 95),
    ]
    for i in range(frames):
        write_frame(root, f"town_{i:06d}_000019", objects)
    return root


def test_speed_alone(shell: Shell) -> None:
    """Nothing is verified without data; what is safe is named, and can be typed."""
    result = shell("benchmark", "--models", shell.model, *QUICK)
    assert (result.code, result.out) == (0, "")
    assert "2 pictures of 96x48 pixels" in result.err
    assert "nothing is verified, so nothing is recommended" in result.err
    assert "safe, the fastest that computes in float32" in result.err
    names = ("benchmark.json", "benchmark.png", "report.html")
    assert files_below(Path("urban-out/benchmark")) == list(names)
    page = Path("urban-out/benchmark/report.html").read_text(encoding="utf-8")
    assert "2 pictures of 96x48 pixels" in page
    assert "safe, the fastest that computes in float32" in page.lower()

    again = shell("benchmark", "--models", shell.model, *QUICK)
    assert again.code == 1
    assert "exists already" in again.err

    found = shell("benchmark", "--models", shell.model, *QUICK, "--overwrite", "--json").json
    assert json.loads(Path("urban-out/benchmark/benchmark.json").read_text()) == {
        key: value for key, value in found.items() if key != "written"
    }
    assert found["recommendation"] is None
    assert found["data"] is None
    assert found["safe"]["computes_in"] == "f32"
    assert all(row["ap"] is None and not row["verified"] for row in found["rows"])
    assert found["machine"]["cores"] == os.cpu_count()
    assert found["machine"]["cpu"]
    for row in found["rows"]:
        assert row["imgsz"] == [64, 64]
        assert {"preprocess", "infer", "postprocess", "masks"} == row["stages"].keys()
        assert row["fps"] == pytest.approx(1000 / row["p50_ms"], rel=0.05)

    save_image(Path("street.png"))
    words = shlex.split(found["safe"]["command"].replace("INPUT", "street.png"))
    done = shell(*words[1:])
    assert done.code == 0, done.err


def test_accuracy(shell: Shell) -> None:
    """The fastest that was verified is recommended; all take part."""
    data = write_seen(Path("data"))
    words = ("benchmark", "--models", shell.model, "--data", data, *QUICK)
    result = shell(*words, "--json")
    found = result.json
    assert result.code == 0, result.err
    assert {row["runtime"] for row in found["rows"]} == {"openvino", "onnx"}
    assert all(row["verified"] and row["ap"] > 0.5 for row in found["rows"])
    assert {row["images"] for row in found["rows"]} == {3}
    assert found["images"]["sizes"] == ["256x128"]
    best = min(row["p50_ms"] for row in found["rows"])
    assert found["recommendation"]["p50_ms"] == best
    assert found["fastest_verified_by_size"] == [found["recommendation"]]

    result = shell(*words, "--limit", "2", "--no-plot", "-o", "told")
    assert result.code == 0, result.err
    assert "accuracy over 2 pictures" in result.err
    assert "recommended, the fastest of those verified" in result.err
    assert "urban-segmentor predict INPUT --model" in result.err
    assert files_below(Path("told")) == ["benchmark.json"]


def test_a_model_that_cannot_be_read(shell: Shell) -> None:
    """It is a row with its error, the rest goes on, and the exit code is 1."""
    Path("broken.onnx").write_bytes(b"no model")
    save_tiny_model(Path("boxes.onnx"), task="detect")
    models = f"broken.onnx,{shell.model},boxes.onnx"
    result = shell("benchmark", "--models", models, *QUICK, "--json")
    assert result.code == 1
    errors = {row["model"]: row["error"] for row in result.json["rows"] if row["error"]}
    assert "damaged or not a model" in errors["broken.onnx"]
    assert "task `detect`" in errors["boxes.onnx"]
    assert result.json["safe"]["model"] == str(shell.model)
    assert "error: broken.onnx: " in result.err

    alone = shell("benchmark", "--models", "broken.onnx", *QUICK, "-o", "alone", "--overwrite")
    assert alone.code == 1
    assert "failed" in alone.err
    assert files_below(Path("alone")) == ["benchmark.json"]


def test_a_runtime_that_fails(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other one is measured nevertheless."""

    def fail(*_: object) -> None:
        raise ModelError("out of luck", hint="none")

    monkeypatch.setattr("urban_segmentor.inference.runtimes.onnx.OnnxModel.infer", fail)
    result = shell("benchmark", "--models", shell.model, *QUICK)
    assert result.code == 1
    assert "out of luck" in result.err
    rows = json.loads(Path("urban-out/benchmark/benchmark.json").read_text())["rows"]
    assert {row["runtime"]: row["error"] for row in rows} == {
        "openvino": None,
        "onnx": "out of luck",
    }


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--models", "urban-q"), 1, "there is no model `urban-q`"),
        (("--models", ""), 2, "`--models` is empty"),
        (("--models", "tiny.onnx,./tiny.onnx"), 2, "twice"),
        (("--models", "tiny.onnx", "--imgsz", "650"), 2, "nothing is left"),
        (("--models", "tiny.onnx", "--imgsz", "big"), 2, "`imgsz` is `big`"),
        (("--imgsz", "650"), 2, "multiple of 32"),
        (("--models", "tiny.onnx", "--device", "gpu:77"), 2, "no device `gpu:77`"),
        (("--models", "tiny.onnx", "--device", "toaster"), 2, "`toaster` is no device"),
        (("--models", "tiny.onnx", "--rounds", "0"), 2, "`rounds` is 0"),
        (("--models", "tiny.onnx", "--tolerance", "-1"), 2, "`tolerance` is -1"),
        (("--models", "tiny.onnx", "--limit", "5"), 2, "`--limit` counts pictures"),
        (("--models", "tiny.onnx", "--data", "nowhere"), 1, "no folder `nowhere`"),
        (("--models", "tiny.onnx", "--data", "data"), 2, "no split `val`"),
        (("--models", "tiny.onnx", "--data", "data", "--limit", "0"), 2, "no split `val`"),
    ],
)
def test_wrong_words(shell: Shell, words: tuple[str, ...], code: int, said: str) -> None:
    """Each error says what is wrong, and nothing is written."""
    save_tiny_model(Path("tiny.onnx"))
    write_frame(Path("data"), "town_000000_000019", [box("car", 0, 0, 90, 90)], split="train")
    result = shell("benchmark", *words)
    assert result.code == code, result.err
    assert said in result.err
    assert "hint: " in result.err
    assert not Path("urban-out").exists()


def test_a_missing_extra_is_told_before_the_work(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is needed at the end is looked for at the beginning; figures go without."""
    monkeypatch.setattr("urban_segmentor.errors.find_spec", lambda _: None)
    result = shell("benchmark", "--models", shell.model, *QUICK)
    assert result.code == 1
    assert "pip install 'urban-segmentor[eval]'" in result.err
    assert not Path("urban-out").exists()
    assert shell("benchmark", "--models", shell.model, *QUICK, "--no-plot").code == 0


def test_a_signal_while_it_scores(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was measured is kept, and the exit code says that there is more."""
    data = write_seen(Path("data"))
    calls: list[object] = []
    read = CityscapesFrame.instance_ids

    def stopping(sample: CityscapesFrame) -> NDArray[np.int32]:
        calls.append(sample)
        if len(calls) == 5:  # after a check and three of the first candidate
            os.kill(os.getpid(), signal.SIGINT)
        return read(sample)

    monkeypatch.setattr(CityscapesFrame, "instance_ids", stopping)
    result = shell("benchmark", "--models", shell.model, "--data", data, *QUICK, "--json")
    assert result.code == 130
    assert result.json["interrupted"]
    assert [row["ap"] is not None for row in result.json["rows"]][:2] == [True, False]
    assert all(row["fps"] for row in result.json["rows"])
    assert "benchmark/benchmark.json" in files_below(Path("urban-out"))


def test_a_broken_frame_is_named(shell: Shell) -> None:
    """Once, not for each candidate; the rest is scored."""
    data = write_seen(Path("data"))
    next(data.rglob("*000001*_polygons.json")).write_text("{")
    result = shell("benchmark", "--models", shell.model, "--data", data, *QUICK, "--json")
    assert result.code == 1
    assert len(result.json["problems"]) == 1
    assert "000001" in result.json["problems"][0]
    assert {row["images"] for row in result.json["rows"]} == {2}


def test_files_of_one_name_are_told_apart(shell: Shell) -> None:
    """A folder is only shown where the name alone would not do."""
    for folder in ("a", "b"):
        Path(folder).mkdir()
        save_tiny_model(Path(folder) / "tiny.onnx")
    both = shell("benchmark", "--models", "a/tiny.onnx,b/tiny.onnx", *QUICK, "--no-plot")
    assert "\na/tiny.onnx 64x64 " in both.err
    assert "\nb/tiny.onnx 64x64 " in both.err
    one = shell("benchmark", "--models", "a/tiny.onnx", *QUICK, "-o", "one", "--no-plot")
    assert "\ntiny.onnx 64x64 " in one.err
