"""Example files: drawn ones, somebody's own, prepared once, and what of them cannot be shown."""

from __future__ import annotations

import json
import shutil
import threading
from typing import TYPE_CHECKING

import pytest

from tests.apps.web.conftest import draw_clip
from tests.cli.runner import save_image
from tests.cli.tiny import save_tiny_model
from tests.waiting import wait_until
from urban_segmentor.apps.web import examples as examples_module
from urban_segmentor.apps.web.examples import ExampleFiles, prepare_examples, read_examples
from urban_segmentor.apps.web.limits import UploadLimits
from urban_segmentor.apps.web.model_pool import ModelPool
from urban_segmentor.errors import SourceError

if TYPE_CHECKING:
    from pathlib import Path

    from urban_segmentor.apps.web.temp_files import SavedResult


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> ModelPool:
    """Return an engine whose model sees a car and a person everywhere."""
    return ModelPool(str(save_tiny_model(tmp_path_factory.mktemp("model") / "tiny.onnx")))


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Return a folder with two pictures and a clip, with names as people give them."""
    folder = tmp_path / "own"
    save_image(folder / "Main St. #2 (day).png")
    save_image(folder / "b.jpg")
    draw_clip(folder / "drive.mp4", seconds=0.2, size=(90, 160))
    return folder


def running(
    tiny: ModelPool, source: Path | None, cache: Path
) -> tuple[ExampleFiles, list[SavedResult]]:
    """Return the examples of an app when they are complete, and what was shared."""
    shared: list[SavedResult] = []
    examples = ExampleFiles(
        source, models=tiny, limits=UploadLimits(), cache=cache, share=shared.append
    )
    examples.start()
    wait_until(lambda: examples.complete)
    return examples, shared


def as_json(value: object) -> object:
    """Return a value as it comes back from a file."""
    return json.loads(json.dumps(value))


def test_ones_own(tiny: ModelPool, own: Path, tmp_path: Path) -> None:
    """Every picture and clip is one, with a title, a text for the blind, and its files."""
    examples, shared = running(tiny, own, tmp_path / "cache")
    assert [one["kind"] for one in examples.ready] == ["image", "image", "video"]
    assert examples.ready[0]["title"] == "Main st. 2 day"
    assert all(one["alt"] and examples.input(one).is_file() for one in examples.ready)
    assert len(shared) == 3
    for answer, one in zip(shared, examples.ready, strict=True):
        names = {path.name for path in answer.folder.iterdir()}
        assert "thumb.jpg" in names
        assert ("video.mp4" if one["kind"] == "video" else "picture.png") in names
        assert one["thumb"] == answer.url("thumb.jpg")
    assert str(tmp_path) not in json.dumps(examples.ready)
    assert examples.problem == ""


def test_the_second_start_has_them_at_once(tiny: ModelPool, own: Path, tmp_path: Path) -> None:
    """From the cache; a folder that has changed is prepared anew."""
    first, _ = running(tiny, own, tmp_path / "cache")
    first.close()
    cache, nobody = tmp_path / "cache", lambda _answer: None
    again = ExampleFiles(own, models=tiny, limits=UploadLimits(), cache=cache, share=nobody)
    again.start()
    assert again.complete
    assert as_json(again.ready) == as_json(first.ready)
    again.close()
    assert all(again.input(one).is_file() for one in again.ready)
    save_image(own / "c.png")
    other, _ = running(tiny, own, tmp_path / "cache")
    assert len(other.ready) == 4
    assert not [path for path in (tmp_path / "cache").iterdir() if path.name[0] != "."][2:]


def test_what_cannot_be_shown_is_left_out(tiny: ModelPool, own: Path, tmp_path: Path) -> None:
    """The others are there; the page says which is missing, and names no path."""
    (own / "a broken one.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (own / "z.mp4").write_bytes(b"nothing of a film")
    examples, _ = running(tiny, own, tmp_path / "cache")
    assert len(examples.ready) == 3
    assert "a-broken-one.png" in examples.problem
    assert "z.mp4" in examples.problem
    assert str(tmp_path) not in examples.problem
    examples.close()
    with pytest.raises(SourceError):  # whoever builds something of them has to know
        prepare_examples(tmp_path / "built", source=own, models=tiny)


@pytest.mark.parametrize("kind", ["nothing", "empty", "words"])
def test_folders_without_examples(tiny: ModelPool, tmp_path: Path, kind: str) -> None:
    """One that is not there is told to who started the app, an empty one on the page."""
    folder = tmp_path / kind
    if kind == "nothing":
        with pytest.raises(SourceError) as refusal:
            running(tiny, folder, tmp_path / "cache")
        assert refusal.value.hint
        return
    folder.mkdir()
    if kind == "words":
        (folder / "readme.txt").write_text("no picture")
    examples, _ = running(tiny, folder, tmp_path / "cache")
    assert examples.ready == []
    assert examples.problem
    assert str(tmp_path) not in examples.problem


def test_a_prepared_folder_is_taken_as_it_is(tiny: ModelPool, own: Path, tmp_path: Path) -> None:
    """As that of a Space: nothing is segmented, nothing is cached, nothing is deleted."""
    made = prepare_examples(tmp_path / "ready", source=own, models=tiny)
    shutil.rmtree(own)
    examples, shared = running(tiny, tmp_path / "ready", tmp_path / "cache")
    assert as_json(examples.ready) == as_json(made)
    assert examples.ready == read_examples(tmp_path / "ready")
    assert len(shared) == 3
    assert not (tmp_path / "cache").exists()
    examples.close()
    assert all(examples.input(one).is_file() for one in examples.ready)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format": 99, "examples": []}', "null"])
def test_an_index_that_is_none(tmp_path: Path, text: str) -> None:
    """Is as good as none."""
    (tmp_path / "examples.json").write_text(text)
    assert read_examples(tmp_path) is None


def test_streets_are_drawn_where_nobody_has_images(
    tiny: ModelPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A picture by day, one at dusk, and two clips."""
    monkeypatch.setattr(examples_module, "_IMAGE_SIZE", (90, 160))
    monkeypatch.setattr(examples_module, "_CLIP_SIZE", (90, 160))
    monkeypatch.setattr(examples_module, "_CLIP_S", 0.2)
    found = prepare_examples(tmp_path / "made", models=tiny)
    assert [one["kind"] for one in found] == ["image", "image", "video", "video"]
    assert "dusk" in found[1]["alt"]


def test_closing_ends_the_work(tiny: ModelPool, tmp_path: Path) -> None:
    """An interpreter that ends while a thread is in native code may abort."""
    examples = ExampleFiles(
        None, models=tiny, limits=UploadLimits(), cache=tmp_path, share=lambda _saved: None
    )
    examples.start()
    examples.close()
    assert not any(thread.name == "examples" for thread in threading.enumerate())
    assert read_examples(tmp_path) is None
    assert list(tmp_path.iterdir()) == []
