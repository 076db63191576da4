"""Metadata of exports: what is read, and what is refused without being run."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from urban_segmentor.errors import ModelError
from urban_segmentor.models.known_classes import known_classes
from urban_segmentor.models.spec import ModelSpec

GOOD: dict[str, object] = {
    "task": "segment",
    "names": "{0: 'road', 1: 'car'}",
    "imgsz": "[384, 640]",
    "stride": "32",
}
names = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=12)


def spec(**changes: object) -> ModelSpec:
    """Return the spec of good metadata with some changes; None leaves a key out."""
    kept = {key: value for key, value in (GOOD | changes).items() if value is not None}
    return ModelSpec.from_metadata(kept, path="m.onnx")


@given(
    st.lists(names, min_size=1, max_size=30),
    st.tuples(st.integers(1, 4096), st.integers(1, 4096)),
    st.integers(1, 128),
    st.booleans(),
    st.booleans(),
)
def test_what_an_export_writes_is_read(
    classes: list[str],
    imgsz: tuple[int, int],
    stride: int,
    final: bool,  # noqa: FBT001
    as_text: bool,  # noqa: FBT001
) -> None:
    """As the text of literals inside ONNX, or as the values of metadata.yaml."""
    values: dict[str, Any] = {
        "names": dict(enumerate(classes)),
        "imgsz": list(imgsz),
        "stride": stride,
        "end2end": final,
    }
    if as_text:
        values = {key: str(value) for key, value in values.items()}
    found = spec(**values)
    assert found.class_names == tuple(classes)
    assert found.imgsz == imgsz
    assert found.stride == stride
    assert found.ends_in_nms is final


def test_the_smallest_metadata() -> None:
    """Four keys are enough; what else there is, is empty or false."""
    found = spec()
    assert found == ModelSpec(
        task="segment",
        classes=known_classes(("road", "car")),
        imgsz=(384, 640),
        stride=32,
        ends_in_nms=False,
        description="",
        license="",
        training_data="",
        accuracy="",
    )


def test_other_spellings() -> None:
    """A list of names, one side for a square, NMS inside the graph."""
    assert spec(names="['a', 'b']").class_names == ("a", "b")
    assert spec(imgsz="640").imgsz == (640, 640)
    assert spec(args="{'nms': True}").ends_in_nms
    assert not spec(args="{'nms': False}", end2end="False").ends_in_nms


@pytest.mark.parametrize("key", ["task", "names", "imgsz", "stride"])
def test_missing_keys_are_named(key: str) -> None:
    """The message names the key and the file, the hint the export that writes it."""
    with pytest.raises(ModelError, match=rf"`m.onnx` has no metadata for `{key}`$") as caught:
        spec(**{key: None})
    assert "urban-segmentor export" in str(caught.value.hint)


@pytest.mark.parametrize("task", ["detect", "pose", "classify", "obb", "", "SEGMENT"])
def test_other_tasks(task: str) -> None:
    """A detector is not a segmentation model."""
    with pytest.raises(ModelError, match=f"for the task `{task}`, expected `segment`") as caught:
        spec(task=task)
    assert "seg" in str(caught.value.hint)


CODE = "__import__('pathlib').Path('proof').touch()"


@pytest.mark.parametrize("key", ["names", "imgsz", "stride", "end2end", "args"])
@pytest.mark.parametrize("text", [CODE, f"[{CODE}]", f"{{0: {CODE}}}", "open('proof', 'w')"])
def test_code_is_not_run(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    key: str,
    text: str,
) -> None:
    """Metadata are literals; what is an expression is refused."""
    folder = tmp_path_factory.mktemp("empty")
    monkeypatch.chdir(folder)
    with pytest.raises(ModelError, match=f"metadata `{key}` that makes no sense"):
        spec(**{key: text})
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("names", "{}"),
        ("names", "[]"),
        ("names", "'road'"),
        ("names", "{1: 'road'}"),
        ("names", "{'0': 'road'}"),
        ("names", "{0: 'road', 2: 'car'}"),
        ("names", "{0: ['road']}"),
        ("names", "{0: 1}"),
        ("names", "{[]: 'road'}"),
        ("names", "{0: 'a\\nb'}"),
        ("names", "{0: '\\x1b[31m'}"),
        ("names", str(["x"] * 10_001)),
        ("names", None),
        ("imgsz", "[384]"),
        ("imgsz", "[384, 640, 3]"),
        ("imgsz", "[0, 640]"),
        ("imgsz", "[-384, 640]"),
        ("imgsz", "[384.0, 640]"),
        ("imgsz", "[True, True]"),
        ("imgsz", "999999999"),
        ("stride", "0"),
        ("stride", "True"),
        ("stride", "'32'"),
        ("stride", "[32]"),
        ("stride", ""),
        ("stride", "nan"),
    ],
)
def test_nonsense_is_named(key: str, value: str | None) -> None:
    """A value of another kind or out of its range is refused, shortly."""
    with pytest.raises(ModelError, match=f"`{key}` that makes no sense") as caught:
        ModelSpec.from_metadata(GOOD | {key: value}, path="m.onnx")
    assert len(str(caught.value)) < 200
    assert caught.value.hint


@given(st.sampled_from(["task", "names", "imgsz", "stride", "end2end", "args"]), st.text())
def test_any_text_is_metadata_or_an_error(key: str, text: str) -> None:
    """No text gets through as anything but a spec or a `ModelError`."""
    try:
        found = spec(**{key: text})
    except ModelError:
        return
    assert found.class_names
    assert min(*found.imgsz, found.stride) > 0


HOSTILE = """
from urban_segmentor.errors import ModelError
from urban_segmentor.models.spec import ModelSpec
import resource
resource.setrlimit(resource.RLIMIT_AS, (2**31, 2**31))
good = {"task": "segment", "names": "['a']", "imgsz": "64", "stride": "32"}
texts = ["(" * 300_000, "[" * 90 + "]" * 90, "-" * 300_000 + "1", "1+" * 150_000 + "1j",
         "9" * 300_000, "[" + "[]," * 100_000 + "]", "{0:" * 90 + "}" * 90, "'a' " * 90_000,
         "'" + "a" * 50_000_000 + "'", "\\0", "'\\ud800'", "b'a'", "{0: b'a'}", "...", "1j",
         "0x" + "f" * 99_000, "[0x" + "f" * 99_000 + "]"]
for text in texts:
    for key in ("names", "imgsz", "stride"):
        try:
            ModelSpec.from_metadata(good | {key: text}, path="m.onnx")
        except ModelError as error:
            assert len(str(error)) < 300
        else:
            raise SystemExit(f"{text[:20]} was taken as {key}")
print("refused", len(texts))
"""


def test_hostile_texts_end_in_an_error() -> None:
    """Deep, long and huge literals neither crash the process nor fill 2 GB."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", HOSTILE],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.stdout == "refused 17\n", done.stderr[-500:]


def test_aliases_that_stand_for_too_much() -> None:
    """Ten lines of YAML that would be written out as ten billion words."""
    lines = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
    bomb = yaml.safe_load("\n".join(lines))["a9"]
    for key in ("names", "imgsz", "stride"):
        with pytest.raises(ModelError, match="makes no sense") as caught:
            spec(**{key: bomb})
        assert len(str(caught.value)) < 300
    with pytest.raises(ModelError, match="for the task"):
        spec(task=bomb)
    assert spec(description=bomb).description == ""


def test_words_for_people_hold_no_escapes() -> None:
    """What is printed to terminals is one line of printable characters, of bounded length."""
    found = spec(description="fine\x1b[2J\nmodel " + "x" * 9999, license="AGPL")
    assert found.description.startswith("fine [2J model x")
    assert found.description.isprintable()
    assert len(found.description) <= 2000
    assert found.license == "AGPL"


STREET: dict[str, object] = {
    "names": "['road', 'sky', 'person', 'car']",
    "is_thing": "[0, 0, 1, 1]",
    "outputs": "['instances', 'prototypes', 'semantic']",
    "instance_classes": "[3, 2]",
}


def test_a_map_of_classes_beside_the_instances() -> None:
    """The head has the classes that are named, in their order; the map has all."""
    found = spec(**STREET)
    assert found.has_semantic
    assert found.outputs == ("instances", "prototypes", "semantic")
    assert found.instance_class_ids == (3, 2)
    values = {key: yaml.safe_load(str(value)) for key, value in STREET.items()}
    assert spec(**values) == found


def test_without_a_word_the_head_has_all_classes_and_there_is_no_map() -> None:
    """So are the models of others, and ours of before."""
    found = spec()
    assert not found.has_semantic
    assert found.outputs == ("instances", "prototypes")
    assert found.instance_class_ids == (0, 1)
    some = spec(**STREET | {"outputs": None, "instance_classes": "[0, 3]"})
    assert (some.has_semantic, some.instance_class_ids) == (False, (0, 3))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("outputs", "['instances']"),
        ("outputs", "['prototypes', 'instances']"),
        ("outputs", "['instances', 'prototypes', 'depth']"),
        ("outputs", "['instances', 'prototypes', 'semantic', 'semantic']"),
        ("outputs", "'semantic'"),
        ("outputs", "[[], {}]"),
        ("outputs", CODE),
        ("outputs", "[" * 90 + "]" * 90),
        ("instance_classes", "[]"),
        ("instance_classes", "[3, 3]"),
        ("instance_classes", "[3, 4]"),
        ("instance_classes", "[-1, 3]"),
        ("instance_classes", "[3, True]"),
        ("instance_classes", "[3, 2.0]"),
        ("instance_classes", "['car']"),
        ("instance_classes", "[[3]]"),
        ("instance_classes", "3"),
        ("instance_classes", "{3: 2}"),
        ("instance_classes", "[1, 2, 3]"),  # the sky is no thing
        ("instance_classes", None),  # then the head would have all classes, surfaces too
        ("instance_classes", f"[{CODE}]"),
        ("instance_classes", str(list(range(90_000)))),
    ],
)
def test_nonsense_about_outputs_is_named(key: str, value: str | None) -> None:
    """Unknown outputs, ids out of range or twice, and surfaces in the head are refused, shortly."""
    with pytest.raises(ModelError, match=f"`{key}` that makes no sense") as caught:
        spec(**STREET | {key: value})
    assert len(str(caught.value)) < 200
    assert caught.value.hint


def test_too_many_classes_for_a_map() -> None:
    """Class ids of pixels are bytes."""
    many: dict[str, object] = {
        "names": str([f"c{i}" for i in range(256)]),
        "is_thing": str([1] * 256),
        "outputs": STREET["outputs"],
    }
    with pytest.raises(ModelError, match="map of 256 classes, expected at most 255"):
        spec(**many)
    assert spec(**many | {"outputs": None}).instance_class_ids == tuple(range(256))
