"""The folder of a Space: what is in it, and that nothing of anybody else's is lost for it."""

from __future__ import annotations

import re
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
import yaml

from tests.cli.tiny import save_tiny_model
from urban_segmentor.apps.space import build as build_module
from urban_segmentor.apps.space.archive import zip_space
from urban_segmentor.apps.space.build import build_space, space_files
from urban_segmentor.apps.space.texts import readme_text
from urban_segmentor.apps.web.examples import read_examples
from urban_segmentor.errors import ModelError, OutputError, SourceError

ROOT = Path(__file__).parents[3]


def test_everything_is_there_and_nothing_else(space: Path) -> None:
    """App, requirements, readme, license, the package with its models, and ready examples."""
    assert {path.name for path in space.iterdir()} == {
        "app.py", "requirements.txt", "README.md", "LICENSE", "urban_segmentor", "examples",
    }  # fmt: skip
    names = {file.name for file in space_files(space)}
    assert "urban_segmentor/models/weights/urban-n.onnx" in names
    assert "urban_segmentor/apps/web/page/files/viewer.js" in names
    assert not [name for name in names if "__pycache__" in name or name.endswith((".pyc", ".pt"))]
    assert not [name for name in names if Path(name).name.startswith(".")]
    assert (space / "LICENSE").read_text("utf-8") == (ROOT / "LICENSE").read_text("utf-8")
    examples = read_examples(space / "examples")
    assert examples is not None
    assert {one["kind"] for one in examples} == {"image", "video"}
    assert all((space / "examples" / one["input"]).is_file() for one in examples)


def test_no_path_of_this_machine_goes_with_it(space: Path) -> None:
    """Not in the examples either, which were made here."""
    folders = {str(space), str(space.parent), str(Path.home()), str(ROOT)} - {"/"}
    for file in space_files(space):
        data = file.path.read_bytes()
        assert not [one for one in folders if one.encode() in data], file.name


def test_the_block_at_the_top_is_as_the_hub_reads_it(space: Path) -> None:
    """Its versions are those of the requirements and of this Python."""
    text = (space / "README.md").read_text("utf-8")
    front = yaml.safe_load(re.match(r"---\n(.*?)\n---\n", text, re.DOTALL)[1])
    assert front["sdk"] == "gradio"
    assert front["sdk_version"] == metadata.version("gradio")
    assert front["python_version"] == f"{sys.version_info.major}.{sys.version_info.minor}"
    assert front["app_file"] == "app.py"
    assert front["license"] == "agpl-3.0"
    assert front["pinned"] is False
    assert len(front["short_description"]) <= 60
    assert {front["colorFrom"], front["colorTo"]} <= {
        "red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray",
    }  # fmt: skip
    assert all(re.fullmatch(r"[a-z0-9-]+", tag) for tag in front["tags"])
    assert yaml.safe_load(readme_text(gradio_version="1.0").split("---")[1])["sdk_version"] == "1.0"


def test_requirements_are_pinned_and_light(space: Path) -> None:
    """Every line names one version, and none is of what only training or tests need."""
    lines = (space / "requirements.txt").read_text("utf-8").splitlines()
    pins = dict(line.split("==") for line in lines)
    assert {"gradio", "fastapi", "uvicorn", "openvino", "av", "numpy"} <= set(pins)
    assert not {"torch", "ultralytics-opencv-headless", "pytest", "onnxruntime"} & set(pins)
    assert pins == {name: metadata.version(name) for name in pins}


def test_a_model_of_ones_own_goes_with_it(own_examples: Path, tmp_path: Path) -> None:
    """It lies in the folder, the app names it there, and the examples were made with it."""
    model = save_tiny_model(tmp_path / "my model.onnx")
    folder = tmp_path / "space"
    build_space(folder, model=str(model), examples=own_examples)
    assert (folder / "model" / "my model.onnx").read_bytes() == model.read_bytes()
    assert "model=str(HERE / 'model/my model.onnx')" in (folder / "app.py").read_text("utf-8")
    compile((folder / "app.py").read_text("utf-8"), "app.py", "exec")
    examples = read_examples(folder / "examples")
    assert examples is not None
    (image,) = [one for one in examples if one["kind"] == "image"]
    assert {row["name"] for row in image["answer"]["classes"]} == {"car", "person"}


def test_an_openvino_model_brings_its_other_files(
    own_examples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights and metadata lie beside it."""
    weights = ROOT / "src" / "urban_segmentor" / "models" / "weights" / "urban-n-int8"
    monkeypatch.setattr(build_module, "embedded_models", dict)  # so that it is one of the user's
    monkeypatch.setattr(build_module, "resolve_model", lambda _model: weights / "urban-n-int8.xml")
    monkeypatch.setattr(build_module, "prepare_examples", lambda *_, **__: [])
    build_space(tmp_path / "space", model="a.xml", examples=own_examples)
    copied = {path.name for path in (tmp_path / "space" / "model").iterdir()}
    assert {"urban-n-int8.xml", "urban-n-int8.bin"} <= copied


def test_only_what_was_built_is_replaced(
    space: Path, own_examples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files of others stay, leftovers of an earlier build go, and it has to be asked for."""
    monkeypatch.setattr(build_module, "prepare_examples", lambda *_, **__: [])
    folder = tmp_path / "space"
    build_space(folder, examples=own_examples)
    (folder / "notes.txt").write_text("mine")
    (folder / "urban_segmentor" / "old.py").write_text("gone")
    with pytest.raises(OutputError, match="not empty"):
        build_space(folder, examples=own_examples)
    build_space(folder, examples=own_examples, overwrite=True)
    assert (folder / "notes.txt").read_text() == "mine"
    assert not (folder / "urban_segmentor" / "old.py").exists()
    assert "notes.txt" not in {file.name for file in space_files(folder)}
    assert space_files(space)


def test_a_folder_with_something_else_is_left_alone(own_examples: Path, tmp_path: Path) -> None:
    """Also with --overwrite: a folder of that name may hold somebody's work."""
    work = tmp_path / "src" / "urban_segmentor" / "work.py"
    work.parent.mkdir(parents=True)
    work.write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(OutputError) as refusal:
            build_space(tmp_path / "src", examples=own_examples, overwrite=overwrite)
        assert refusal.value.hint
    assert work.read_text() == "mine"
    assert {path.name for path in (tmp_path / "src").iterdir()} == {"urban_segmentor"}


def test_a_build_that_fails_leaves_nothing(tmp_path: Path) -> None:
    """Neither for a model nor for examples that are not there."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError):
        build_space(tmp_path / "space", model="nothing.onnx")
    with pytest.raises(SourceError):
        build_space(tmp_path / "space", examples=tmp_path / "empty")
    left = {path.name for path in tmp_path.rglob("*")}
    assert left <= {"empty", "space"}
    with pytest.raises(OutputError, match="holds no Space"):
        space_files(tmp_path / "space")


def test_the_archive_holds_the_same(space: Path, tmp_path: Path) -> None:
    """Byte for byte, at its top, and the same archive whenever it is made."""
    size = zip_space(space, tmp_path / "a.zip")
    zip_space(space, tmp_path / "b.zip")
    assert (tmp_path / "a.zip").stat().st_size == size
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.testzip() is None
        held = {name: archive.read(name) for name in archive.namelist()}
    assert held == {file.name: file.path.read_bytes() for file in space_files(space)}
    with pytest.raises(OutputError, match="exists already"):
        zip_space(space, tmp_path / "a.zip")
    with pytest.raises(OutputError, match="holds no Space"):
        zip_space(tmp_path, tmp_path / "c.zip")
