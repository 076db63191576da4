"""`urban-segmentor predict` from the words that are typed to the files that lie there."""

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.cli.runner import Shell, files_below, save_image
from tests.cli.tiny import CAR, save_tiny_model
from tests.io.clips import read_times, write_clip

ALL_KINDS = "overlay,coco,yolo,jsonl,csv,masks,cityscapes"


def error_of(text: str) -> tuple[str, str]:
    """Return the error and the hint, which are all that is on stderr."""
    lines = text.splitlines()
    assert len(lines) == 2, text
    assert lines[0].startswith("error: ")
    assert lines[1].startswith("hint: ")
    return lines[0].removeprefix("error: "), lines[1].removeprefix("hint: ")


def test_a_image(shell: Shell) -> None:
    """Nothing on stdout, what was found and where it is on stderr."""
    save_image(Path("in/photo.JPG"))
    result = shell.predict("in/photo.JPG")
    assert (result.code, result.out) == (0, "")
    assert "1 picture," in result.err
    assert "found: 1 car, 1 person" in result.err
    assert "result: urban-out/photo.jpg" in result.err
    assert "\x1b" not in result.err
    assert "\r" not in result.err
    shown = cv2.imread("urban-out/photo.jpg")
    assert shown is not None
    assert shown.shape == (48, 64, 3)
    assert (shown != 90).any()


def test_everything_at_once(shell: Shell) -> None:
    """All kinds of results of a folder with pictures and a video, in files that agree."""
    for name in ("a.jpg", "a.png", "sub/b.webp", "c.TIFF", "d.bmp"):
        save_image(Path("in") / name)
    write_clip(Path("in/clip.mkv"), images=10, sound="aac")
    result = shell.predict("in", "-o", "out", "--save", ALL_KINDS, "--json")
    assert result.code == 0
    data = result.json
    assert (data["frames"], data["instances"]) == (15, 30)
    assert data["by_class"] == {"car": 15, "person": 15}
    assert (data["problems"], data["interrupted"]) == ([], False)
    images = ["a", "a_png", "c", "d", "sub/b"]
    names = [*images, *(f"clip_{i:06d}" for i in range(10))]
    overlays = ["a.jpg", "a_png.png", "c.tiff", "d.bmp", "sub/b.webp", "clip.mp4"]
    files = ["coco.json", "results.csv", "results.jsonl", "yolo_classes.txt"]
    files += [f"{kind}.txt" for name in names for kind in (f"labels/{name}", f"cityscapes/{name}")]
    files += [f"masks/{name}.png" for name in names]
    for name in names:
        folder, _, stem = name.rpartition("/")
        place = f"cityscapes/{folder}/masks" if folder else "cityscapes/masks"
        files += [f"{place}/{stem}_{k:03d}.png" for k in (1, 2)]
    assert files_below(Path("out")) == sorted(overlays + files)
    coco = json.loads(Path("out/coco.json").read_text())
    assert [len(coco[key]) for key in ("images", "annotations", "categories")] == [15, 30, 19]
    rows = list(csv.DictReader(Path("out/results.csv").read_text().splitlines()))
    assert {(row["class"], row["score"]) for row in rows} == {("car", "0.9"), ("person", "0.6")}
    assert {row["name"] for row in rows} == set(names)
    assert len(read_times(Path("out/clip.mp4"))) == 10
    mask = cv2.imread("out/masks/sub/b.png", cv2.IMREAD_UNCHANGED)
    assert sorted(np.unique(mask)) == [0, 1, 2]
    assert {str(Path(path)) for path in data["written"]} >= {"out", "out/clip.mp4", "out/labels"}


@pytest.mark.parametrize("wish", ["car", "CAR", str(CAR)])
def test_classes_by_name_and_number(shell: Shell, wish: str) -> None:
    """Only what was asked for is found."""
    save_image(Path("a.png"))
    assert shell.predict("a.png", "--classes", wish, "--json").json["by_class"] == {"car": 1}


def test_classes_in_a_list(shell: Shell) -> None:
    """With commas, or the option again."""
    save_image(Path("a.png"))
    both = {"car": 1, "person": 1}
    options = [("--classes", "person,car"), ("--classes", "person", "--classes", f"{CAR}")]
    for number, words in enumerate(options):
        found = shell.predict("a.png", "-o", str(number), "--json", *words).json["by_class"]
        assert found == both
    assert shell.predict("a.png", "--classes", "sky", "--json").json["by_class"] == {}


def test_kinds_add_up(shell: Shell) -> None:
    """`--save` twice saves both."""
    save_image(Path("a.png"))
    result = shell.predict("a.png", "-o", "out", "--save", "coco", "--save", "csv")
    assert result.code == 0, result.err
    assert files_below(Path("out")) == ["coco.json", "results.csv"]


def test_settings_reach_the_model(shell: Shell) -> None:
    """A higher score or fewer objects leave the better one."""
    save_image(Path("a.png"))
    for number, words in enumerate([("--conf", "0.7"), ("--max-det", "1")]):
        found = shell.predict("a.png", "-o", str(number), "--json", *words).json["by_class"]
        assert found == {"car": 1}


def test_what_is_drawn_can_be_chosen(shell: Shell) -> None:
    """Every switch changes the picture, and with all off nothing is drawn."""
    save_image(Path("a.png"), (300, 400))
    switches = ["--no-masks", "--no-outlines", "--no-boxes", "--no-labels", "--no-scores"]
    choices = [(), *((switch,) for switch in switches), ("--masks-only",), tuple(switches)]
    drawn = []
    for number, words in enumerate(choices):
        assert shell.predict("a.png", "-o", str(number), *words).code == 0
        drawn.append(Path(f"{number}/a.png").read_bytes())
    assert len(set(drawn)) == len(drawn)
    nothing = cv2.imread(f"{len(drawn) - 1}/a.png")
    assert nothing is not None
    assert (nothing == 90).all()


def test_options_of_video(shell: Shell) -> None:
    """Start, duration, stride, rate, codec and quality arrive."""
    write_clip(Path("clip.mp4"), images=50)
    result = shell.predict("clip.mp4", "--start", "0.4", "--duration", "1", "--vid-stride", "5")
    assert result.code == 0
    assert [float(time) for time in read_times(Path("urban-out/clip.mp4"))] == [
        0,
        0.2,
        0.4,
        0.6,
        0.8,
    ]
    words = ("--fps", "5", "--codec", "vp9", "--crf", "40", "--save", "overlay,csv")
    assert shell.predict("clip.mp4", "-o", "b", *words).code == 0
    assert len(read_times(Path("b/clip.mp4"))) == 10
    rows = list(csv.DictReader(Path("b/results.csv").read_text().splitlines()))
    assert [row["frame"] for row in rows[::2]] == [str(number) for number in range(0, 50, 5)]


WRONG = [
    (("--conf", "2"), "`conf` is 2.0", "0.25"),
    (("--conf", "nan"), "`conf` is nan", "0.25"),
    (("--iou", "-1"), "`iou` is -1.0", "0.7"),
    (("--max-det", "0"), "`max_det` is 0", "--max-det 300"),
    (("--imgsz", "0"), "`imgsz` is 0", "--imgsz 640"),
    (("--imgsz", "big"), "`imgsz` is `big`", "--imgsz 384,640"),
    (("--imgsz", "1,2,3"), "`imgsz` is `1,2,3`", "--imgsz 384,640"),
    (("--classes", "cra"), "no class `cra`", "`car`"),
    (("--classes", "trafic light"), "no class `trafic light`", "`traffic light`"),
    (("--classes", "xyzzy"), "no class `xyzzy`", "road, sidewalk"),
    (("--classes", "19"), "no class 19; the model has 0 to 18", "road, sidewalk"),
    (("--save", "video"), "no output `video`", "overlay, coco, yolo"),
    (("--save", ","), "no output is chosen", "overlay, coco, yolo"),
    (("--device", "toaster"), "`toaster` is no device", "auto, cpu, gpu"),
    (("--device", "npu"), "no device `npu`", "available: cpu"),
    (("--runtime", "torch"), "`runtime` is `torch`", "openvino, onnx"),
    (("--precision", "f8"), "`precision` is `f8`", "auto, f32"),
    (("--opacity", "1.5"), "`opacity` is 1.5", "--opacity 0.5"),
    (("--start", "-1"), "`start` is -1.0", "--start"),
    (("--start", "nan"), "`start` is nan", "--start"),
    (("--duration", "0"), "`duration` is 0.0", "--duration"),
    (("--vid-stride", "0"), "`vid_stride` is 0", "--vid-stride"),
    (("--fps", "-3"), "`fps` is -3.0", "--fps"),
    (("--codec", "divx"), "no codec `divx`", "h264, vp9"),
    (("--crf", "99"), "`crf` is 99", "23"),
    (("--preset", "warp"), "no preset `warp`", "ultrafast"),
]


@pytest.mark.parametrize(("words", "error", "hint"), WRONG, ids=[" ".join(w[0]) for w in WRONG])
def test_wrong_settings(shell: Shell, words: tuple[str, ...], error: str, hint: str) -> None:
    """Exit 2, what is wrong and what helps, no traceback, and nothing is written."""
    save_image(Path("a.png"))
    result = shell.predict("a.png", *words)
    assert (result.code, result.out) == (2, "")
    told, helps = error_of(result.err)
    assert error in told
    assert hint in helps
    assert files_below(Path()) == ["a.png"]


def test_a_size_that_is_no_multiple(shell: Shell) -> None:
    """The nearest one is named."""
    save_image(Path("a.png"))
    result = shell("predict", "a.png", "--imgsz", "33")
    assert result.code == 2
    assert error_of(result.err) == ("`imgsz` is 33, expected a multiple of 32", "the nearest is 32")


def test_tracebacks_only_on_request(shell: Shell) -> None:
    """With -v they come before the error, and the exit code stays."""
    save_image(Path("a.png"))
    result = shell.predict("a.png", "--conf", "2", "-v")
    assert result.code == 2
    assert "Traceback (most recent call last)" in result.err
    assert result.err.splitlines()[-2].startswith("error: `conf` is 2.0")


def test_words_that_the_parser_does_not_know(shell: Shell) -> None:
    """Exit 2 as well, on stderr; with --json there is an object."""
    save_image(Path("a.png"))
    result = shell.predict("a.png", "--confidence", "1")
    assert (result.code, result.out) == (2, "")
    assert "No such option" in result.err
    result = shell.predict("a.png", "--conf", "high", "--json")
    assert result.code == 2
    assert result.json["error"]


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        (("a.png", "--conf", "2"), 2, "`conf` is 2.0"),
        (("missing.png",), 1, "no file or folder `missing.png`"),
        (("a.png", "--model", "missing.onnx"), 1, "no model `missing.onnx`"),
    ],
)
def test_failures_as_json(shell: Shell, words: tuple[str, ...], code: int, error: str) -> None:
    """One object on stdout says the same as stderr."""
    save_image(Path("a.png"))
    result = shell.predict(*words, "--json")
    assert result.code == code
    told, hint = error_of(result.err)
    assert error in told
    assert result.json == {"error": told, "hint": hint}


def test_a_bug_is_a_sentence_too(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """With how to get the traceback."""

    def break_down(*_: object, **__: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("urban_segmentor.io.inputs.find_inputs", break_down)
    result = shell.predict("a.png")
    assert result.code == 1
    assert error_of(result.err)[0] == "this should not happen: ZeroDivisionError: division by zero"
    assert "Traceback" in shell.predict("a.png", "-v").err


def test_models_that_cannot_be_used(shell: Shell) -> None:
    """Each is refused in words of its own, with exit 1."""
    save_image(Path("a.png"))
    Path("weights.pt").write_bytes(b"PK")
    Path("noise.onnx").write_bytes(bytes(range(256)) * 8)
    whole = save_tiny_model(Path("whole.onnx")).read_bytes()
    Path("cut.onnx").write_bytes(whole[: len(whole) // 2])
    Path("picture.bin").write_bytes(b"x")
    save_tiny_model(Path("bare.onnx"), names=None, task=None)
    save_tiny_model(Path("detect.onnx"), task="detect")
    save_tiny_model(Path("other.onnx"), names="{0: 'cat'}")
    cases = {
        "weights.pt": ("PyTorch checkpoint", "urban-segmentor export weights.pt"),
        "noise.onnx": ("damaged or not a model", "again"),
        "cut.onnx": ("damaged or not a model", "again"),
        "picture.bin": ("ends in `.bin`", "export"),
        "bare.onnx": ("no metadata for `task`, `names`", "urban-segmentor export"),
        "detect.onnx": ("task `detect`, expected `segment`", "segmentation model"),
        "other.onnx": ("expected (1, 4 + 1 + M, anchors)", "export the model again"),
        "urban-m": ("no model `urban-m`", "did you mean `urban-n`?"),
        "hf://x": ("not an address on the hub", "hf://owner/repo/file.onnx"),
    }
    for model, (error, hint) in cases.items():
        result = shell("predict", "a.png", "--model", model, "-o", "out")
        assert (result.code, result.out) == (1, "")
        lines = [line for line in result.err.splitlines() if not line.startswith("openvino on")]
        told, helps = error_of("\n".join(lines))
        assert error in told
        assert hint in helps


def test_paths_that_are_not_there(shell: Shell) -> None:
    """A near name is offered where there is one."""
    save_image(Path("in/photo.png"))
    Path("empty").mkdir()
    cases = {
        "in/photo.jpg": ("no file or folder `in/photo.jpg`", "did you mean `in/photo.png`?"),
        "in/x.jpg": ("no file or folder `in/x.jpg`", "you are in "),
        "empty": ("no pictures or videos in the folder `empty`", ".jpg"),
        "in/*.gif": ("no file matches `in/*.gif`", "pattern"),
        "rtsp://camera": ("is an address", "download"),
    }
    for wish, (error, hint) in cases.items():
        result = shell.predict(wish)
        assert result.code == 1
        told, helps = error_of(result.err)
        assert error in told
        assert hint in helps


def test_the_good_among_the_bad_is_done(shell: Shell) -> None:
    """What cannot be read is named at the end, and the exit code tells."""
    for name in ("a.png", "z.png"):
        save_image(Path("in") / name)
    Path("in/broken.jpg").write_bytes(Path("in/a.png").read_bytes()[:100])
    Path("in/text.png").write_text("no picture")
    Path("in/broken.mp4").write_bytes(b"\0" * 300)
    write_clip(Path("in/clip.avi"), images=4, codec="mpeg4")
    result = shell.predict("in", "--save", "overlay,jsonl")
    assert result.code == 1
    errors = [line for line in result.err.splitlines() if line.startswith("error: ")]
    assert [
        name in error
        for name, error in zip(["broken.jpg", "text.png", "broken.mp4"], errors, strict=True)
    ] == [True] * 3
    assert files_below(Path("urban-out")) == ["a.png", "clip.mp4", "results.jsonl", "z.png"]
    lines = Path("urban-out/results.jsonl").read_text().splitlines()
    assert len(lines) == 6
    data = shell.predict("in", "--overwrite", "--json").json
    assert data["frames"] == 6
    assert len(data["problems"]) == 3


def test_nothing_is_overwritten_unasked(shell: Shell) -> None:
    """The second run is refused before any work, and touches nothing."""
    save_image(Path("in/a.png"))
    write_clip(Path("in/clip.mp4"), images=3)
    assert shell.predict("in", "-o", "out", "--save", ALL_KINDS).code == 0
    before = {name: Path("out", name).stat().st_mtime_ns for name in files_below(Path("out"))}
    for kind in ALL_KINDS.split(","):
        result = shell.predict("in", "-o", "out", "--save", kind)
        assert result.code == 1
        assert "exists already" in result.err
        assert "hint: add --overwrite, or choose another path" in result.err
    now = {name: Path("out", name).stat().st_mtime_ns for name in files_below(Path("out"))}
    assert now == before
    assert shell.predict("in", "-o", "out", "--save", ALL_KINDS, "--overwrite").code == 0
    assert files_below(Path("out")) == sorted(before)


@pytest.mark.parametrize("name", ["a.png", "clip.mp4"])
def test_a_source_is_never_replaced(shell: Shell, name: str) -> None:
    """Not even with --overwrite."""
    save_image(Path("in/a.png"))
    write_clip(Path("in/clip.mp4"), images=3)
    before = Path("in", name).read_bytes()
    result = shell.predict(Path("in") / name, "-o", "in", "--overwrite")
    assert result.code == 1
    assert "would replace its own source" in result.err
    assert Path("in", name).read_bytes() == before


def test_results_are_no_inputs(shell: Shell) -> None:
    """A second run in the same folder finds what the first one found."""
    save_image(Path("a.png"))
    for _ in range(2):
        data = shell.predict(".", "--overwrite", "--json", "--save", "overlay,masks").json
        assert data["frames"] == 1


def test_a_place_that_is_a_file(shell: Shell) -> None:
    """The message says which, and the hint what to do."""
    save_image(Path("a.png"))
    Path("out").write_text("")
    result = shell.predict("a.png", "-o", "out")
    assert result.code == 1
    assert "a part of the path is a file" in result.err


@pytest.mark.parametrize(
    "name", ["[red]x[/red].png", "[bold]x.png", ":car:.png", "100%.png", "ü道 .png"]
)
def test_names_print_as_they_are(shell: Shell, name: str) -> None:
    """Whatever they would mean to a terminal library."""
    save_image(Path(name))
    result = shell.predict(name)
    assert result.code == 0
    assert f"result: urban-out/{Path(name).name}\n" in result.err
    Path(name).write_bytes(b"broken")
    assert f"`{name}`" in shell.predict(name, "--overwrite").err


def test_a_long_name_is_not_broken_into_lines(shell: Shell) -> None:
    """So that it can be copied, however narrow the terminal."""
    name = "x" * 120 + ".png"
    save_image(Path(name))
    assert f"result: urban-out/{name}\n" in shell.predict(name).err


def test_nothing_is_found_where_nothing_was_read(shell: Shell, tmp_path: Path) -> None:
    """The error stands alone, without a summary that sounds as if a picture had been looked at."""
    (tmp_path / "notes.jpg").write_text("no picture")
    result = shell.predict(tmp_path / "notes.jpg")
    assert result.code == 1
    assert "notes.jpg" in result.err
    assert "found:" not in result.err
    assert "milliseconds" not in result.err
