"""The kinds of results that `predict --save` knows, and those that it refuses."""

import json
import re
from pathlib import Path

import cv2
from PIL import Image as PillowImage

from tests.cli.runner import Shell, files_below, save_image
from tests.io.clips import write_clip
from urban_segmentor.io.output_options import KINDS


def test_the_help_lists_every_kind(shell: Shell) -> None:
    """And the README says what each is, and where."""
    told = shell("predict", "--help").out
    words = set(re.findall(r"[a-z]+", told))
    assert words >= set(KINDS)
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `([a-z]+)`", readme, flags=re.MULTILINE)) >= set(KINDS)


def test_frames_cutouts_and_color_maps(shell: Shell) -> None:
    """Of an image and of a video; `coco.json` names what is there."""
    save_image(Path("in/sub/photo.png"))
    save_image(Path("in/sub/photo.jpg"))
    write_clip(Path("in/sub/photo.mp4"), images=2)
    kinds = ("frames", "cutouts", "color", "coco")
    result = shell.predict("in", "-o", "out", "--save", ",".join(kinds), "--json")
    assert result.code == 0, result.err
    written = {"out/frames", "out/cutouts", "out/color", "out/coco.json"}
    assert set(result.json["written"]) == written
    images = json.loads(Path("out/coco.json").read_text())["images"]
    names = [entry["file_name"] for entry in images]
    frames = [name for name in files_below(Path("out")) if name.startswith("frames/")]
    assert names == ["sub/photo.jpg", "sub/photo.png", *frames]
    assert len(frames) == 2
    for entry in images:
        folder = "out" if "video" in entry else "in"
        image = cv2.imread(str(Path(folder, entry["file_name"])))
        assert image is not None
        assert image.shape[:2] == (entry["height"], entry["width"])
    assert [(e["video"], e["frame_index"]) for e in images[2:]] == [
        ("photo.mp4", i) for i in (0, 1)
    ]
    stems = ["sub/photo", "sub/photo_png", *(f"sub/photo_mp4_00000{i}" for i in (0, 1))]
    cutouts = [
        f"cutouts/{stem}/{Path(stem).name}_00{k}_{name}.png"
        for stem in stems
        for k, name in ((1, "car"), (2, "person"))
    ]
    colors = [f"color/{stem}.png" for stem in stems]
    assert files_below(Path("out")) == sorted([*cutouts, *colors, *frames, "coco.json"])
    for name in cutouts:
        with PillowImage.open(Path("out", name)) as image:
            assert image.mode == "RGBA"
            assert image.getchannel("A").getextrema() == (0, 255)  # masks are flatter than boxes


def test_frames_without_a_video_are_refused(shell: Shell) -> None:
    """Before any work: images are files already."""
    save_image(Path("photo.png"))
    result = shell.predict("photo.png", "--save", "frames,coco")
    assert result.code == 2
    assert result.err.splitlines()[-2:] == [
        "error: `frames` keeps the frames of videos, and there is no video",
        "hint: images are files already; leave it out",
    ]
    assert not Path("urban-out").exists()


def test_a_video_with_coco_alone(shell: Shell) -> None:
    """Its frames have the names that `frames` would give them; a note says how to get these."""
    write_clip(Path("clip.mp4"), images=2)
    save_image(Path("photo.png"))
    note = (
        "note: in coco.json `file_name` of video frames leads to files only with --save coco,frames"
    )
    alone = shell.predict("clip.mp4", "photo.png", "--save", "coco", "-o", "a", "--json")
    assert alone.code == 0
    assert alone.err.splitlines().count(note) == 1
    assert alone.json["written"] == ["a/coco.json"]
    for words in (("clip.mp4", "--save", "coco,frames"), ("photo.png", "--save", "coco")):
        assert "note: " not in shell.predict(*words, "-o", words[0]).err
    assert shell.predict("clip.mp4", "--save", "frames", "-o", "b").code == 0
    images = json.loads(Path("a/coco.json").read_text())["images"]
    assert [entry["file_name"] for entry in images if "video" in entry] == files_below(Path("b"))
