"""Model files on both runtimes: metadata, damage, and graphs that are something else."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import openvino as ov
import pytest
import yaml

from tests.cli.tiny import METADATA, save_tiny_model
from urban_segmentor import Segmenter
from urban_segmentor.errors import ModelError
from urban_segmentor.models.registry import embedded_models

RUNTIMES = ("openvino", "onnx")


@pytest.fixture
def tiny_xml(tmp_path: Path) -> Path:
    """Return an OpenVINO model with metadata.yaml beside it, as Ultralytics exports one."""
    model = ov.Core().read_model(save_tiny_model(tmp_path / "tiny.onnx"))
    bare = ov.Model(model.outputs, model.get_parameters(), "tiny")  # drops what ONNX brought
    folder = tmp_path / "tiny_openvino_model"
    ov.save_model(bare, folder / "tiny.xml")
    values: dict[str, object] = {
        key: text if key in {"task", "description"} else yaml.safe_load(text)
        for key, text in METADATA.items()
    }
    (folder / "metadata.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    return folder / "tiny.xml"


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_metadata_of_onnx(tmp_path: Path, runtime: str) -> None:
    """Both runtimes read the same, and the library `onnx` is not needed for it."""
    path = save_tiny_model(tmp_path / "tiny.onnx", license="free")
    spec = Segmenter(path, runtime=runtime).spec
    assert spec.class_names[13] == "car"
    assert (spec.imgsz, spec.stride, spec.ends_in_nms) == ((64, 64), 32, False)
    assert (spec.description, spec.license) == (METADATA["description"], "free")
    script = f"""
import sys
sys.modules["onnx"] = None
from urban_segmentor import Segmenter
print(len(Segmenter({str(path)!r}, runtime={runtime!r}).spec.class_names))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.stdout == "19\n", done.stderr


def test_metadata_of_xml(tiny_xml: Path) -> None:
    """They come from the file beside it; the folder itself is a name of the model, too."""
    for name in (tiny_xml, tiny_xml.parent):
        segmenter = Segmenter(name)
        assert segmenter.spec.class_names[13] == "car"
        found = segmenter(np.zeros((64, 64, 3), dtype=np.uint8)).instances
        assert sorted(found.class_ids.tolist()) == [11, 13]


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("key", ["task", "names", "imgsz", "stride"])
def test_missing_metadata(tmp_path: Path, runtime: str, key: str) -> None:
    """Only what is missing is named, on either runtime."""
    path = save_tiny_model(tmp_path / "tiny.onnx", **{key: None})
    with pytest.raises(ModelError, match=rf"tiny\.onnx` has no metadata for `{key}`$"):
        Segmenter(path, runtime=runtime)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_no_metadata_at_all(tmp_path: Path, runtime: str) -> None:
    """An export of somebody else says nothing, and nothing is guessed."""
    path = save_tiny_model(tmp_path / "tiny.onnx", **dict.fromkeys(METADATA))
    with pytest.raises(ModelError, match="no metadata for `task`, `names`, `imgsz`, `stride`"):
        Segmenter(path, runtime=runtime)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_detector(tmp_path: Path, runtime: str) -> None:
    """The task is read before the graph is looked at."""
    path = save_tiny_model(tmp_path / "tiny.onnx", task="detect")
    with pytest.raises(ModelError, match="for the task `detect`"):
        Segmenter(path, runtime=runtime)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_metadata_that_disagree_with_the_graph(tmp_path: Path, runtime: str) -> None:
    """Another number of classes is found at the first picture, not after garbage is drawn."""
    path = save_tiny_model(tmp_path / "tiny.onnx", names="['a', 'b']")
    segmenter = Segmenter(path, runtime=runtime)
    with pytest.raises(ModelError, match=r"shapes \[\(1, 24, 2\).*expected \(1, 4 \+ 2 \+ M"):
        segmenter(np.zeros((64, 64, 3), dtype=np.uint8))


def damaged() -> dict[str, bytes]:
    """Return the contents of files that are no models, by what is wrong with them."""
    good = embedded_models()["urban-n"].read_bytes()
    flipped = np.frombuffer(good, dtype=np.uint8).copy()
    flipped[np.random.default_rng(3).integers(0, len(flipped), 2000)] ^= 0xFF
    return {
        "empty": b"",
        "random": np.random.default_rng(0).bytes(5000),
        "zeros": bytes(1000),
        "page": b"<!doctype html><html><body>404</body></html>",
        "pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 6870635\n",
        "half": good[: len(good) // 2],
        "all but a byte": good[:-1],
        "flipped": flipped.tobytes(),
    }


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("wrong", list(damaged()))
def test_damaged_onnx(
    tmp_path: Path, runtime: str, wrong: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """The file is named, what the runtime says about it too, and nothing else is printed."""
    path = tmp_path / "broken.onnx"
    path.write_bytes(damaged()[wrong])
    with pytest.raises(ModelError, match=r"broken\.onnx`") as caught:
        Segmenter(path, runtime=runtime)
    assert caught.value.hint
    assert ".cpp" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("wrong", ["empty", "random", "zeros", "page", "half"])
def test_damaged_xml(tiny_xml: Path, wrong: str, capfd: pytest.CaptureFixture[str]) -> None:
    """The same for OpenVINO's own format."""
    tiny_xml.write_bytes(damaged()[wrong])
    with pytest.raises(ModelError, match=r"tiny\.xml`") as caught:
        Segmenter(tiny_xml)
    assert caught.value.hint
    assert capfd.readouterr() == ("", "")


def test_an_xml_alone(tiny_xml: Path, tmp_path: Path) -> None:
    """Without its weights or its metadata it says which file is missing."""
    alone = Path(shutil.copy(tiny_xml, tmp_path / "alone.xml"))
    with pytest.raises(ModelError, match=r"alone\.xml` has no weights: there is no `alone\.bin`"):
        Segmenter(alone)
    shutil.copy(tiny_xml.with_suffix(".bin"), tmp_path / "alone.bin")
    with pytest.raises(ModelError, match="no metadata for `task`"):
        Segmenter(alone)


def test_truncated_weights(tiny_xml: Path) -> None:
    """A .bin that broke off is a damaged model."""
    weights = tiny_xml.with_suffix(".bin")
    weights.write_bytes(weights.read_bytes()[:10])
    with pytest.raises(ModelError, match=r"tiny\.xml` is damaged"):
        Segmenter(tiny_xml)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xfe\x00garbage", "is damaged"),
        (b"{[", "is damaged"),
        (b"names: 2001-99-99", "is damaged"),
        (b"!!python/object/apply:os.system ['touch proof']", "is damaged"),
        (b"- a list", "has no metadata"),
        (b"", "has no metadata"),
        (b"a: b\n" * 300_000, "more than 1000000 bytes"),
    ],
)
def test_damaged_metadata_yaml(
    tiny_xml: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, message: str
) -> None:
    """Whatever lies beside the model is data, and is told when it is none."""
    monkeypatch.chdir(tiny_xml.parent)
    tiny_xml.with_name("metadata.yaml").write_bytes(content)
    with pytest.raises(ModelError, match=message):
        Segmenter(tiny_xml)
    assert not (tiny_xml.parent / "proof").exists()
