"""`urban-segmentor val` from the words that are typed to the files that lie there."""

import json
from pathlib import Path

import pytest

from tests.cli.runner import Shell, files_below
from tests.evaluation.validation.scene import street, write_frame, write_street


def test_a_model(shell: Shell) -> None:
    """Figures on stderr, one object on stdout with --json, a report in a folder."""
    data = write_street(Path("data"))
    result = shell("val", "--data", data, "--model", shell.model)
    assert (result.code, result.out) == (0, "")
    assert "instance AP" in result.err
    assert "all 3 pictures of `val`" in result.err
    assert "result: urban-out/val/val.json" in result.err

    again = shell("val", "--data", data, "--model", shell.model)
    assert again.code == 1
    assert "exists already" in again.err

    result = shell("val", "--data", data, "--model", shell.model, "--overwrite", "--json")
    summary = json.loads(result.out)
    assert result.code == 0
    assert summary["images"] == summary["images_in_split"] == 3
    assert {"ap", "ap50", "miou", "pq", "sq", "rq", "classes", "latency"} <= summary.keys()
    # It sees one car and one person everywhere: wrong ones, and no stuff at all.
    assert summary["classes"]["road"]["pq"] == 0
    assert summary["imgsz"] == [64, 64]
    assert summary["latency"]["images"] == 3
    assert summary["latency"]["stages"]["infer"]["p50_ms"] > 0
    assert {"val.json", "val.md", "confusion.png", "report.html"} <= set(
        files_below(Path("urban-out/val"))
    )


def test_what_was_kept_scores_the_same(shell: Shell) -> None:
    """Predictions that `--save` keeps, read back, give the figures of the model."""
    data = write_street(Path("data"))
    kinds = ("--save", "coco,cityscapes")
    model = shell("val", "--data", data, "--model", shell.model, *kinds, "--json")
    first = json.loads(model.out)
    for kept in ("coco.json", "cityscapes"):
        saved = shell(
            *("val", "--data", data, "--predictions", f"urban-out/val/{kept}"),
            *("-o", f"again/{kept}", "--json"),
        )
        assert saved.code == 0, saved.err
        second = json.loads(saved.out)
        assert second["ap"] == first["ap"]
        assert second["coco"]["mask"] == first["coco"]["mask"]
        assert "model" not in second


def test_fewer_predictions_than_images_are_refused(shell: Shell) -> None:
    """No figure over a part of the split, unless the user says so, and then it is said."""
    data = write_street(Path("data"))
    shell("val", "--data", data, "--model", shell.model, "--limit", "2", "--save", "coco")
    words = ("val", "--data", data, "--predictions", "urban-out/val/coco.json", "-o", "again")
    refused = shell(*words)
    assert refused.code == 1
    assert "lack 1 of 3 frames" in refused.err
    assert not Path("again").exists()

    partial = shell(*words, "--partial")
    assert partial.code == 0
    assert "only 2 of 3 pictures" in partial.err

    other = write_street(Path("other"), frames=1)
    stem = next(other.rglob("*.json"))
    stem.rename(stem.with_name(stem.name.replace("town", "city")))
    result = shell("val", "--data", other, "--predictions", "urban-out/val/coco.json", "-o", "x")
    assert result.code == 1
    assert "none of" in result.err or "lack" in result.err


def test_broken_frames_are_named(shell: Shell) -> None:
    """The rest is scored, the count says so, and the exit code is 1."""
    data = write_street(Path("data"))
    next(data.rglob("*000001*.png")).write_bytes(b"no picture")
    result = shell("val", "--data", data, "--model", shell.model, "--json")
    summary = json.loads(result.out)
    assert result.code == 1
    assert (summary["images"], summary["images_in_split"]) == (2, 3)
    assert "town_000001_000019" in summary["problems"][0]
    assert "town_000001_000019" in result.err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--data", "nowhere"), 1, "no folder `nowhere`"),
        (("--data", "empty"), 1, "is no data set"),
        (("--data", "data", "--split", "train"), 2, "no split `train`"),
        (("--data", "data", "--limit", "0"), 2, "`limit` is 0"),
        (("--data", "data", "--model", "m.onnx", "--predictions", "p.json"), 2, "two things"),
        (("--data", "data", "--predictions", "p.json"), 1, "p.json"),
        (("--data", "data", "--save", "sculpture"), 2, "sculpture"),
    ],
)
def test_wrong_words(shell: Shell, words: tuple[str, ...], code: int, said: str) -> None:
    """Each error says what is wrong, and nothing is written."""
    write_street(Path("data"))
    Path("empty").mkdir()
    result = shell("val", *words)
    assert result.code == code, result.err
    assert said in result.err
    assert "hint: " in result.err
    assert not Path("urban-out").exists()


def test_a_missing_extra_is_told_before_the_work(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is needed at the end is looked for at the beginning."""
    data = write_street(Path("data"))
    monkeypatch.setattr("urban_segmentor.errors.find_spec", lambda _: None)
    result = shell("val", "--data", data, "--model", shell.model)
    assert result.code == 1
    assert "pip install 'urban-segmentor[eval]'" in result.err
    assert not Path("urban-out").exists()


def test_maps_are_kept_and_score_the_same(shell: Shell) -> None:
    """Panoptic results that `--save` keeps, read back, give PQ and mIoU of the model."""
    data = write_street(Path("data"))
    first = json.loads(
        shell(
            *("val", "--data", data, "--model", shell.model),
            *("--save", "panoptic,labelids", "--json"),
        ).out
    )
    for kept, keys in (
        ("panoptic.json", ("pq", "sq", "rq", "miou")),
        ("labelids/labelIds", ("miou",)),
        ("labelids", ("miou",)),
    ):
        saved = shell(
            *("val", "--data", data, "--predictions", f"urban-out/val/{kept}"),
            *("-o", f"again/{kept}", "--json"),
        )
        assert saved.code == 0, saved.err
        second = json.loads(saved.out)
        assert [second[key] for key in keys] == [first[key] for key in keys]
        assert second["ap"] is None


def test_labels_of_another_shape_than_their_image_are_no_truth(shell: Shell) -> None:
    """Masks would lie elsewhere, so the frame is named and not scored."""
    data = write_street(Path("data"))
    path = next(data.rglob("*000001*.json"))
    path.write_text(path.read_text().replace('"imgWidth": 256', '"imgWidth": 999'))
    result = shell("val", "--data", data, "--model", shell.model, "--json")
    summary = json.loads(result.out)
    assert result.code == 1
    assert (summary["images"], summary["label_sizes"]) == (2, {"256x128": 2})
    assert "256 x 128 pixels, its labels 999 x 128" in result.err


def test_predictions_of_other_frames(shell: Shell) -> None:
    """A figure over nothing is none; the message names what the results do speak of."""
    write_street(Path("data"), frames=1)
    write_frame(Path("other"), "ulm_000000_000019", street())
    kept = shell("val", "--data", "data", "--model", shell.model, "--save", "coco")
    assert kept.code == 0, kept.err
    words = ("val", "--data", "other", "--predictions", "urban-out/val/coco.json", "-o", "x")
    refused = shell(*words)
    assert refused.code == 1
    said = " ".join(refused.err.split())
    assert "speak of none of 1 frames of the split" in said
    assert "the first of theirs is `town_000000_000019`" in said
    Path("none").mkdir()
    refused = shell("val", "--data", "data", "--predictions", "none", "-o", "x")
    assert refused.code == 1
    assert "hint: " in refused.err
    assert not Path("x").exists()


@pytest.mark.parametrize("kept", ["panoptic.json", "cityscapes", "labelids"])
def test_damaged_predictions_give_no_figure(shell: Shell, kept: str) -> None:
    """Unlike a damaged frame of the data: what a model said of it cannot be left out."""
    write_street(Path("data"))
    kind = kept.removesuffix(".json")
    saved = shell("val", "--data", "data", "--model", shell.model, "--save", kind)
    assert saved.code == 0, saved.err
    image = next(Path("urban-out/val", kind).rglob("town_000001*.png"))
    image.write_bytes(image.read_bytes()[:-20])
    result = shell("val", "--data", "data", "--predictions", f"urban-out/val/{kept}", "-o", "x")
    assert result.code == 1
    said = " ".join(result.err.split())
    assert f"{image}` is cut off" in said
    assert "copy or save the predictions again" in said
    assert files_below(Path("x")) == []
