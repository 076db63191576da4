"""`data check` and `data prepare` from the words that are typed to the files that lie there."""

import json
import os
import signal
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.cli.runner import Shell, files_below, start
from tests.evaluation.validation.scene import SIZE, box, street, write_frame, write_street
from tests.waiting import wait_until


def _contents(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder, and where links lead."""
    return {
        name: (folder / name).read_bytes()
        for name in files_below(folder)
        if not name.startswith("report")  # says how long it took
    }


@pytest.mark.parametrize("form", ["yolo", "coco", "panoptic"])
def test_a_data_set(shell: Shell, form: str) -> None:
    """Every frame arrives, the report says what became of it, and a second run is refused."""
    write_street(Path("data"), frames=4, split="train")
    write_street(Path("data"), frames=2)
    result = shell("data", "prepare", "data", "out", "--format", form, "--json")
    assert result.code == 0, result.err
    report = json.loads(result.out)
    assert report["images"] == {"train": 4, "val": 2}
    assert report["classes"]["car"]["segments"] == 12
    assert report["classes"]["car"]["groups"] == 6
    assert not report["problems"]
    assert (Path("out") / "report.html").is_file()
    assert len(list(Path("out/images/train").iterdir())) == 4

    again = shell("data", "prepare", "data", "out", "--format", form)
    assert again.code == 1
    assert "complete already" in again.err

    before = _contents(Path("out"))
    anew = shell("data", "prepare", "data", "out", "--format", form, "--overwrite")
    assert anew.code == 0, anew.err
    assert _contents(Path("out")) == before


def test_a_missing_extra_is_told_before_the_work(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the page needs is looked for at the beginning."""
    write_street(Path("data"), frames=1)
    monkeypatch.setattr("urban_segmentor.errors.find_spec", lambda _: None)
    result = shell("data", "prepare", "data", "out")
    assert result.code == 1
    assert "pip install 'urban-segmentor[data]'" in result.err
    assert not Path("out").exists()


def test_ground_truth_images(shell: Shell) -> None:
    """The official pictures are written on request, and are the ground truth of `val`."""
    write_street(Path("data"))
    result = shell("data", "prepare", "data", "out", "--ground-truth", "all", "--images", "copy")
    assert result.code == 0, result.err
    found = [name for name in files_below(Path("out")) if name.startswith("gtFine")]
    assert len(found) == 9
    ids = cv2.imread(
        "out/gtFine/val/town/town_000000_000019_gtFine_instanceIds.png", cv2.IMREAD_UNCHANGED
    )
    assert ids is not None
    assert ids.dtype == np.uint16
    assert {7, 23, 26, 26000, 26001, 24000} <= set(np.unique(ids).tolist())
    assert not next(Path("out/images/val").iterdir()).is_symlink()


def test_resized_images_keep_their_labels(shell: Shell) -> None:
    """Pictures change their size; YOLO's labels are shares, COCO's follow the pictures."""
    write_street(Path("data"), frames=1)
    assert shell("data", "prepare", "data", "a", "--imgsz", "64").code == 0
    assert shell("data", "prepare", "data", "b", "--imgsz", "64", "--format", "coco").code == 0
    image = cv2.imread(str(next(Path("a/images/val").iterdir())))
    assert image is not None
    assert image.shape == (32, 64, 3)
    coco = json.loads(Path("b/annotations/instances_val.json").read_text())
    assert (coco["images"][0]["height"], coco["images"][0]["width"]) == (32, 64)
    assert all(one["segmentation"]["size"] == [32, 64] for one in coco["annotations"])
    checked = shell("data", "check", "b", "--workers", "1")
    assert checked.code == 0, checked.err
    assert "left out" not in checked.err  # the report of the conversion is no label


def test_groups_are_left_out_and_listed(shell: Shell) -> None:
    """YOLO gets no label for a group, and a file says where it is."""
    write_street(Path("data"), frames=1)
    shell("data", "prepare", "data", "out", "--classes", "car,person")
    lines = next(Path("out/labels/val").iterdir()).read_text().splitlines()
    assert sorted(line.split()[0] for line in lines) == ["0", "0", "1"]
    ignored = next(Path("out/ignored/val").iterdir()).read_text().splitlines()
    assert [line.split()[0] for line in ignored] == ["0"]


def test_original_labels_have_their_faults(shell: Shell) -> None:
    """Whole polygons, also outside the picture, and no trace of groups."""
    objects = [box("car", -20, 60, 100, 100), box("person", 50, 40, 80, 110), *street()[-1:]]
    write_frame(Path("data"), "town_000000_000019", objects)
    result = shell("data", "prepare", "data", "out", "--labels-as-original")
    assert result.code == 0, result.err
    car, person = next(Path("out/labels/val").iterdir()).read_text().splitlines()
    assert car.startswith("13 -0.078125 ")
    assert person.split()[0] == "11"
    assert not Path("out/ignored").exists()
    refused = shell("data", "prepare", "data", "x", "--labels-as-original", "--format", "coco")
    assert refused.code == 2


def test_broken_frames_are_named_and_the_rest_goes_on(shell: Shell) -> None:
    """Each sort of damage costs its own frame or object, with a sentence; `check` says so too."""
    write_street(Path("data"), frames=6)
    files = sorted(Path("data").rglob("*.json"))
    files[0].write_text('{"imgHeight": 1')
    files[1].write_bytes(b"\xff\xfe[")
    files[2].unlink()
    next(Path("data").rglob("*000003*.png")).write_bytes(b"no picture")
    odd = [{"label": "car", "polygon": [[1, 1], [2, 2]]}, {"label": "ufo", "polygon": [[0, 0]] * 3}]
    odd += [{"label": "car", "polygon": [[0, 0], [9, float("nan")], [9, 9]]}, *street()]
    content = {"imgHeight": SIZE[0], "imgWidth": SIZE[1], "objects": odd}
    files[4].write_text(json.dumps(content))

    result = shell("data", "prepare", "data", "out", "--json")
    report = json.loads(result.out)
    assert result.code == 1
    assert sum(report["images"].values()) == 2
    text = "\n".join(report["problems"])
    for stem in ("000000", "000001", "000002", "000003", "000004"):
        assert f"town_{stem}_000019" in text, stem
    assert "2 points" in text
    assert "ufo" in text
    assert "not finite" in text

    checked = shell("data", "check", "data", "--json")
    found = json.loads(checked.out)
    assert checked.code == 1
    where = {finding["where"].rpartition("/")[2] for finding in found["problems"]}
    assert where == {f"town_{i:06d}_000019" for i in range(5)}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("nowhere", "out"), 1, "no folder `nowhere`"),
        (("empty", "out"), 1, "looked for the folders `gtFine`"),
        (("data", "full"), 1, "something else in it"),
        (("data", "data"), 2, "one folder"),
        (("data", "data/out"), 2, "one lies in the other"),
        (("data", "out", "--format", "tarot"), 2, "tarot"),
        (("data", "out", "--classes", "unicorn"), 2, "unicorn"),
        (("data", "out", "--split", "train"), 2, "train"),
        (("data", "out", "--imgsz", "-3"), 2, "imgsz"),
    ],
)
def test_wrong_words(shell: Shell, words: tuple[str, ...], code: int, said: str) -> None:
    """Each error says what is wrong and what helps, and nothing is written."""
    write_street(Path("data"))
    Path("empty").mkdir()
    Path("full").mkdir()
    Path("full/thesis.txt").write_text("mine")
    result = shell("data", "prepare", *words)
    assert result.code == code, result.err
    assert said in result.err
    assert "hint: " in result.err
    assert not [name for name in files_below(Path.cwd()) if name.startswith("out")]
    assert files_below(Path("full")) == ["thesis.txt"]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_stopped_run_goes_on(shell: Shell, number: signal.Signals) -> None:
    """Whatever ends a run, the same command finishes it, and the result is the same."""
    write_street(Path("data"), frames=60)
    assert shell("data", "prepare", "data", "whole").code == 0
    run = start("data", "prepare", "data", "out", "--workers", "1", cwd=Path.cwd())
    labels = Path("out/labels/val")

    def is_at_work() -> bool:
        assert run.poll() is None
        return labels.is_dir() and len(list(labels.glob("*.txt"))) > 5

    wait_until(is_at_work, every_s=0.002)
    os.kill(run.pid, number)
    run.communicate(timeout=300)
    assert run.returncode in {-number, 130}
    assert not Path("out/report.json").exists()
    done = {path: path.stat().st_mtime_ns for path in Path("out/.prepare/val").glob("*.json")}
    assert 0 < len(done) < 60

    result = shell("data", "prepare", "data", "out", "--json")

    assert result.code == 0, result.err
    report = json.loads(result.out)
    assert report["images"] == {"val": 60}
    assert report["resumed"] >= len(done)
    assert _contents(Path("out")) == _contents(Path("whole"))


def test_a_full_disk_leaves_nothing_half_written(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No file under a final name is cut off, and the next run makes the rest."""
    write_street(Path("data"), frames=5)
    left = [7]

    def write_all(file: object, data: bytes) -> None:
        left[0] -= 1
        if left[0] < 0:
            file.write(data[: len(data) // 2])  # type: ignore[attr-defined]
            raise OSError(28, "No space left on device")
        file.write(data)  # type: ignore[attr-defined]

    with monkeypatch.context() as patch:
        patch.setattr("urban_segmentor.io.atomic.write_all", write_all)
        result = shell("data", "prepare", "data", "out", "--workers", "1")
    assert result.code == 1
    assert "No space left" in result.err
    assert "run the same command again" in result.err
    assert not Path("out/report.json").exists()
    half = _contents(Path("out"))

    assert shell("data", "prepare", "data", "out").code == 0
    whole = _contents(Path("out"))
    kept = {name: data for name, data in half.items() if not name.startswith(".prepare")}
    assert kept
    assert all(whole[name] == data for name, data in kept.items())


def test_a_good_folder_is_praised(shell: Shell) -> None:
    """Exit 0, counts by split and city, and the next step."""
    write_street(Path("data"), frames=3)
    result = shell("data", "check", "data")
    assert result.code == 0, result.err
    assert "town" in result.err + result.out
    assert "note: `train` has 0 pictures, the official data set has 2,975" in result.err
    assert "data prepare" in result.err + result.out


def test_no_workers_are_refused(shell: Shell) -> None:
    """Somebody has to do it."""
    write_street(Path("data"))
    for command in (("prepare", "data", "out"), ("check", "data")):
        result = shell("data", *command, "--workers", "0")
        assert result.code == 2
        assert "`workers` is 0" in result.err


def test_reports_say_what_was_not_done(shell: Shell) -> None:
    """Original labels are not cut off, and a data set without `train` is no offer to train."""
    write_frame(Path("data"), "town_000000_000019", [box("car", -20, 60, 100, 100), *street()])
    original = shell("data", "prepare", "data", "a", "--labels-as-original")
    assert "1 reach out of the picture, and are left so" in original.err
    assert "cut off" not in original.err + Path("a/report.html").read_text()
    ours = shell("data", "prepare", "data", "b")
    assert "1 cut off at the border" in ours.err
    assert "there is no `train`" in ours.err
    assert "segment train" not in ours.err
