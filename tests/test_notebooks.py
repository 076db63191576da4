"""The notebooks: they run from top to bottom on small data, and are kept clean."""

from __future__ import annotations

import json
import re
import sys
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest
from jupyter_client import KernelManager

from tests.conftest import SHARED
from tests.training.conftest import checkpoint
from urban_segmentor.io.encoding import EncodingOptions
from urban_segmentor.io.video_writer import VideoWriter
from urban_segmentor.synthetic import Street, save_cityscapes

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbformat import NotebookNode

pytestmark = pytest.mark.slow

__all__ = ["checkpoint"]
FOLDER = Path(__file__).parents[1] / "notebooks"
TRAINING, TESTING = FOLDER / "training.ipynb", FOLDER / "testing_and_deployment.ipynb"
PAGES = [TRAINING, TESTING]
VARIABLE = re.compile(r'os\.environ\.get\("(\w+)"')
ABSOLUTE = re.compile(r"""(?:^|["'`\s=(])(?:/\w|~/|[A-Za-z]:[\\/]\w|file:)""")
GIVEN_START = SHARED / "models" / "yolov8n-seg-coco.pt"
WAIT_S = 300


def read(path: Path) -> NotebookNode:
    """Return a notebook as it is kept."""
    return nbformat.read(path, as_version=4)


def source_of(path: Path) -> str:
    """Return all that a notebook says."""
    return "\n".join(cell.source for cell in read(path).cells)


class Executed:
    """What the cells of a notebook gave.

    Args:
        notebook: It has run.
    """

    def __init__(self, notebook: NotebookNode) -> None:
        self.cells = {cell.id: cell for cell in notebook.cells}
        self.last = [cell.id for cell in notebook.cells if cell.cell_type == "code"][-1]

    def told(self, cell_id: str) -> str:
        """Return what a cell printed."""
        outputs = self.cells[cell_id].outputs
        return "".join(one.text for one in outputs if one.output_type == "stream")

    def shown(self, cell_id: str) -> list[str]:
        """Return the first kind of each thing that a cell showed."""
        return [kind for one in self._data(cell_id) for kind in one if kind != "text/plain"]

    def written(self, cell_id: str, kind: str) -> str:
        """Return what a cell showed of a kind of text."""
        return "\n".join(one.get(kind, "") for one in self._data(cell_id))

    def _data(self, cell_id: str) -> list[NotebookNode]:
        return [one.data for one in self.cells[cell_id].outputs if "data" in one]


@pytest.fixture
def execute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Executed]:
    """Return what runs a notebook, or some of its cells, in an empty folder."""
    from nbclient import NotebookClient

    for name in {name for page in PAGES for name in VARIABLE.findall(source_of(page))}:
        monkeypatch.delenv(name, raising=False)
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "jupyter"))  # nobody's own settings
    monkeypatch.setenv("YOLO_OFFLINE", "True")
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)

    def run(path: Path, *, only: tuple[str, ...] = (), **variables: object) -> Executed:
        for name, value in variables.items():
            monkeypatch.setenv(name, str(value))
        notebook = read(path)
        if only:
            notebook.cells = [cell for cell in notebook.cells if cell.id in only]
            assert len(notebook.cells) == len(only)
        client = NotebookClient(
            notebook,
            kernel_name="python3",
            timeout=WAIT_S,
            coalesce_streams=True,
            resources={"metadata": {"path": str(work)}},
        )
        client.execute()
        return Executed(notebook)

    return run


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return drawn streets in the layout of Cityscapes: 4 for training, 1 for validation."""
    folder = tmp_path_factory.mktemp("data") / "cityscapes"
    save_cityscapes(folder, frames=5, size=(256, 512), workers=1)
    return folder


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_kept_clean(page: Path) -> None:
    """Without outputs, counters and places of one machine, and for any kernel of Python."""
    notebook = read(page)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    for cell in notebook.cells:
        assert not ABSOLUTE.search(cell.source), cell.id
        if cell.cell_type == "code":
            assert cell.outputs == [], cell.id
            assert cell.execution_count is None, cell.id


@pytest.mark.parametrize("text", ['x = "/data/a"', "cd /data", "see ~/data", 'open("C:/a")'])
def test_absolute_paths_are_seen(text: str) -> None:
    """What the test above looks for."""
    assert ABSOLUTE.search(text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_variables_are_explained(page: Path) -> None:
    """Each has its place in the README."""
    explained = re.findall(r"`(\w+)`", (FOLDER / "README.md").read_text(encoding="utf-8"))
    names = VARIABLE.findall(source_of(page))
    assert len(names) > 5
    assert set(names) <= set(explained)


def test_links() -> None:
    """Those to files find them."""
    pages = [*map(source_of, PAGES), (FOLDER / "README.md").read_text(encoding="utf-8")]
    links = [link for page in pages for link in re.findall(r"\]\(([\w./]+)\)", page)]
    assert len(links) > 3
    assert all((FOLDER / link).is_file() for link in links)


def test_both_call_alike() -> None:
    """What runs the commands is the same in both."""
    cells = [next(c.source for c in read(page).cells if c.id == "parameters") for page in PAGES]
    first, second = (cell[cell.index("def urban") :] for cell in cells)
    assert first == second


def test_the_kernel_is_of_this_environment() -> None:
    """Notebooks are tested with the package that is tested here."""
    assert KernelManager(kernel_name="python3").format_kernel_cmd()[0] == sys.executable


def test_training(execute: Callable[..., Executed], request: pytest.FixtureRequest) -> None:
    """From drawn streets to a model and its first predictions."""
    start = GIVEN_START if GIVEN_START.is_file() else request.getfixturevalue("checkpoint")
    done = execute(
        TRAINING,
        STREETS=10,
        SIZE="256x128",
        MODEL=start,
        EPOCHS=1,
        IMGSZ=64,
        TRAIN_OPTIONS="--device cpu --batch 4 --set workers=0",
    )
    out = Path("urban-out/training")
    assert "nothing is wrong" in done.told("check")
    assert "epoch 1/1" in done.told("train")
    record = json.loads((out / "run" / "run.json").read_text())
    assert record["finished"]["epochs"] == 1
    assert record["images"] == {"train": 16, "val": 2}
    assert done.shown("look") == ["image/png", "image/jpeg"]
    assert done.shown("curves") == ["image/png"]
    assert json.loads((out / "val" / "val.json").read_text())["images"] == 2
    assert "instance AP50" in done.told("val")
    assert done.told("predict").count(" instances") == 2
    assert done.shown("predict").count("image/png") == 2
    assert done.shown("worst") == ["image/jpeg"]
    assert f"the model: {out / 'run' / 'weights' / 'best.onnx'}, " in done.told(done.last)


def test_testing_and_deployment(execute: Callable[..., Executed], data: Path) -> None:
    """From a clip to a verified INT8 model and a JSON."""
    clip = Path("camera.mp4")
    save_clip(clip)
    done = execute(
        TESTING,
        MODEL="urban-n",
        DATA=data,
        DURATION_S=0.4,
        CAMERA=clip,
        INT8_OPTIONS="--calibration 2 --gate-images 1 --accept-loss --imgsz 320",
        BENCHMARK_OPTIONS="--rounds 1 --imgsz 320",
    )
    out = Path("urban-out/testing")
    table = done.written("stages", "text/markdown")
    assert re.search(r"\| infer \| [\d.]+ \| [\d.]+ \| \d+% \|", table)
    assert "**10 frames in " in table
    assert "image/png" in done.shown("stages")
    assert "data:video/mp4" in done.written("watch", "text/html")
    assert re.match(
        r"[1-5] pictures shown, [\d.]+ a second, [0-4] passed over\n", done.told("live")
    )
    assert "data:video/mp4" in done.written("live", "text/html")
    assert (out / "openvino" / "urban-n.xml").is_file()
    assert "in INT8" in done.told("int8")
    found = json.loads((out / "benchmark" / "benchmark.json").read_text())
    assert {row["weights"] for row in found["rows"]} == {"float", "int8"}
    assert found["data"]["images"] == 1
    assert done.shown("benchmark") == ["image/png"]
    objects = json.loads((out / "result.json").read_text())["objects"]
    assert "car" in {one["class"] for one in objects}
    assert done.told(done.last) == "what this notebook has imported of it: nothing\n"


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({}, "No INT8: it takes labeled pictures"),
        ({"DATA": "nowhere"}, "error: there is no folder `nowhere`"),
    ],
    ids=["no data", "wrong data"],
)
def test_what_is_left_out_is_said(
    execute: Callable[..., Executed], variables: dict[str, str], told: str
) -> None:
    """No camera, no data, no INT8: a sentence each, and the notebook goes on."""
    cells = ("install", "parameters", "camera", "live", "int8", "light")
    done = execute(TESTING, only=cells, CAMERA="", **variables)
    assert "There is no camera here" in done.told("live")
    assert told in done.told("int8")


def test_a_failing_command_stops_it(execute: Callable[..., Executed]) -> None:
    """What is wrong with the data is told before anything is trained."""
    from nbclient.exceptions import CellExecutionError

    with pytest.raises(CellExecutionError, match="it ended with 1"):
        execute(TRAINING, only=("install", "parameters", "check"), DATA="nowhere")


def save_clip(path: Path) -> None:
    """Write a clip of five frames, which stands in for a camera."""
    sink = VideoWriter(
        path,
        time_base=Fraction(1, 25),
        rate=Fraction(25),
        encoding=EncodingOptions(crf=18),
    )
    for shot in Street(size=(128, 256), fps=25.0, seed=1).shots(seconds=0.2):
        sink.write(shot.result())
    sink.close()
