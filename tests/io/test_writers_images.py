"""What `coco.json` names is there, and cutouts, color maps and frames show what was found."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from numpy.typing import NDArray
from PIL import Image as PillowImage
from pycocotools.coco import COCO

from tests.io.findings import fresh_folder, properties
from tests.strategies import instances
from urban_segmentor.errors import OutputError
from urban_segmentor.io.image_codec import decode_image
from urban_segmentor.io.image_files import ImageReader, write_image
from urban_segmentor.io.inputs import find_inputs
from urban_segmentor.io.writers import WRITERS
from urban_segmentor.io.writers.cutouts import safe_file_name
from urban_segmentor.result import Result
from urban_segmentor.structures.classes import ClassList
from urban_segmentor.structures.frame import Frame, Yuv420
from urban_segmentor.structures.instances import Instances
from urban_segmentor.structures.masks import Masks

CLASSES = ClassList.from_names(
    ["car", "sky", "traffic light", "../tram: 'new'", "0", "0", "", "Straße/路"],
    is_thing=[True, False, True, True, True, True, True, True],
    colors=[(10 * i + 5, 200 - i, 77) for i in range(8)],
)
SIZE = (20, 30)


def noise(size: tuple[int, int] = SIZE) -> NDArray[np.uint8]:
    """Return an image in which no two pixels are likely to be equal."""
    return np.random.default_rng(7).integers(1, 255, (*size, 3), dtype=np.uint8)


def of_masks(
    dense: NDArray[np.bool_], class_ids: list[int], scores: list[float] | None = None
) -> Instances:
    """Return instances of masks."""
    masks = Masks.from_dense(dense)
    return Instances(
        boxes=masks.rectangles(),
        masks=masks,
        scores=np.array(scores or [0.9 - 0.1 * i for i in range(len(dense))], dtype=np.float32),
        class_ids=np.array(class_ids, dtype=np.int32),
        classes=CLASSES,
    )


def of_image(found: Instances, name: str = "photo", file_name: str = "photo.jpg") -> Result:
    """Return the result of an image file."""
    frame = Frame(pixels=noise(found.image_size), name=name, file_name=file_name)
    return Result(frame=frame, instances=found)


def of_video(found: Instances, index: int, *, name: str = "city/clip") -> Result:
    """Return the result of a frame of a video."""
    frame = Frame(
        pixels=Yuv420.from_rgb(np.full((*found.image_size, 3), 9 * index % 200, dtype=np.uint8)),
        index=index,
        time_s=index / 25,
        source=f"videos/{name}.mp4",
        name=f"{name}_{index:06d}",
    )
    return Result(frame=frame, instances=found)


def write(folder: Path, kind: str, *results: Result, overwrite: bool = False) -> None:
    """Write results, whose class list is that of the first."""
    sink = WRITERS[kind](folder, overwrite=overwrite)
    for result in results:
        sink.write(result)
    sink.close()


def rgba(path: Path) -> NDArray[np.uint8]:
    """Return a PNG with transparency, uint8 (H, W, 4)."""
    with PillowImage.open(path) as image:
        assert image.mode == "RGBA"
        return np.asarray(image)


def test_frames_of_videos_are_files_that_coco_names(tmp_path: Path) -> None:
    """Each `file_name` leads to a JPEG of that frame; entries say which video, where and when."""
    found = of_masks(np.ones((1, *SIZE), dtype=np.bool_), [0])
    results = [of_video(found, index) for index in (0, 12, 1_000_000)]
    write(tmp_path, "coco", *results)
    write(tmp_path, "frames", *results)
    entries = json.loads((tmp_path / "coco.json").read_text())["images"]
    assert entries[1] == {
        "id": 2,
        "file_name": "frames/city/clip/clip_000012.jpg",
        "width": 30,
        "height": 20,
        "video": "clip.mp4",
        "frame_index": 12,
        "time_s": 0.48,
    }
    files = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.jpg")}
    assert {entry["file_name"] for entry in entries} == files
    for entry, result in zip(entries, results, strict=True):
        data = (tmp_path / entry["file_name"]).read_bytes()
        difference = decode_image(data, name="").astype(int) - result.frame.image
        assert np.abs(difference).max() <= 3  # JPEG of one color
    with pytest.raises(OutputError, match="not empty"):
        WRITERS["frames"](tmp_path)


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/evil", "", "a//b", ".", "a\0b"])
def test_frames_stay_in_their_folder(tmp_path: Path, name: str) -> None:
    """A name that leads elsewhere, or is none, is refused."""
    found = of_masks(np.ones((1, *SIZE), dtype=np.bool_), [0])
    with pytest.raises(OutputError, match="does not name a file"):
        write(tmp_path / "out", "frames", of_image(found, name, ""))
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


def test_image_files_are_no_frames(tmp_path: Path) -> None:
    """An image is a file already, and `coco.json` names that."""
    result = of_image(of_masks(np.ones((1, *SIZE), dtype=np.bool_), [0]), "a/x", "a/x.PNG")
    for kind in ("frames", "coco", "panoptic"):
        write(tmp_path, kind, result)
    assert list((tmp_path / "frames").iterdir()) == []
    for name in ("coco.json", "panoptic.json"):
        entry = json.loads((tmp_path / name).read_text())["images"][0]
        assert (entry["file_name"], "video" in entry) == ("a/x.PNG", False)


# pycocotools itself is behind NumPy 2.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_pycocotools_loads_images_and_videos(tmp_path: Path) -> None:
    """Masks of both are those that were written."""
    dense = np.zeros((2, *SIZE), dtype=np.bool_)
    dense[0, 3:9, 4:20] = dense[1, 5:15, 0:7] = True
    found = of_masks(dense, [7, 3])
    write(tmp_path, "coco", of_image(found), of_video(found, 3))
    coco = COCO(str(tmp_path / "coco.json"))
    assert len(coco.getImgIds()) == 2
    for image_id in coco.getImgIds():
        annotations = coco.loadAnns(coco.getAnnIds(imgIds=[image_id]))
        for annotation, mask in zip(annotations, dense, strict=True):
            np.testing.assert_array_equal(coco.annToMask(annotation), mask)


@pytest.mark.parametrize(
    ("patterns", "folder"),
    [
        (["in"], "in"),
        (["in/"], "in"),
        (["in/../in"], "in"),
        (["in/a"], "in/a"),
        (["in/a/x.jpg"], "in/a"),
        (["in/a/x.jpg", "in/b/x.jpg"], "in"),
        (["in/*/x.*"], "in"),
        (["in/a", "in/b/x.jpg"], "in"),
        (["in/b", "other"], "."),
        (["linked"], "in"),
        (["in/a", "clips/clip.mp4"], "in/a"),
    ],
)
def test_file_names_lead_to_the_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, patterns: list[str], folder: str
) -> None:
    """All are relative to the folder that was given, or that all inputs share, and differ."""
    monkeypatch.chdir(tmp_path)
    for i, name in enumerate(["in/a/x.jpg", "in/a/x.png", "in/b/x.jpg", "other/y.PNG"]):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        write_image(Path(name), np.full((8, 8, 3), 60 * i, dtype=np.uint8), overwrite=False)
    Path("clips").mkdir()
    Path("clips/clip.mp4").write_bytes(b"")
    Path("linked").symlink_to("in")
    inputs = find_inputs(patterns)
    frames = list(ImageReader(inputs.images, folder=inputs.folder))
    assert inputs.folder == (tmp_path / folder).resolve()
    assert len({frame.file_name for frame in frames}) == len(frames) == len(inputs.images) > 0
    for frame in frames:
        assert not Path(frame.file_name).is_absolute()
        assert Path(folder, frame.file_name).samefile(frame.source)


def test_images_that_share_no_folder_keep_their_paths(tmp_path: Path) -> None:
    """What lies elsewhere is named as it was given."""
    path = tmp_path / "x.png"
    write_image(path, noise(), overwrite=False)
    (frame,) = ImageReader([(path, "x")])
    assert frame.file_name == path.as_posix()
    (frame,) = ImageReader([(path, "x")], folder=tmp_path / "elsewhere")
    assert frame.file_name == path.as_posix()


@properties
@given(instances())
def test_cutouts_show_each_object(found: Instances) -> None:
    """Alpha is the mask, color is the image's, the size is the box's; the empty have no file."""
    result = of_image(found, "sub/photo")
    with fresh_folder() as folder:
        sink = WRITERS["cutouts"](folder, classes=CLASSES)
        sink.write(result)
        sink.close()
        paths = {int(p.name.split("_")[1]): p for p in folder.rglob("*.png")}
        shown = {number: (path.name, rgba(path)) for number, path in paths.items()}
        assert all(p.parent == folder / "cutouts/sub/photo" for p in paths.values())
    areas = found.masks.areas()
    assert sorted(shown) == [i + 1 for i in range(len(found)) if areas[i]]
    for number, (name, pixels) in shown.items():
        instance = found[number - 1]
        class_name = safe_file_name(CLASSES[instance.class_id].name)
        assert name == f"photo_{number:03d}_{class_name}.png"
        x1, y1, x2, y2 = map(int, instance.box)
        mask = instance.mask.dense()[y1:y2, x1:x2]
        np.testing.assert_array_equal(pixels[..., 3], mask * 255)
        image = np.where(mask[..., None], result.frame.image[y1:y2, x1:x2], 0)
        np.testing.assert_array_equal(pixels[..., :3], image)


def test_cutouts_end_at_their_box(tmp_path: Path) -> None:
    """Boxes between pixels count those they touch; what lies outside of box or image is cut."""
    dense = np.zeros((3, *SIZE), dtype=np.bool_)
    dense[:, 4:12, 6:20] = True
    found = of_masks(dense, [0, 0, 0])
    boxes = np.array([[7.5, 4, 15.2, 11.5], [-3, -3, 99, 99], [0, 0, 2, 2]], dtype=np.float32)
    found = Instances(
        boxes=boxes, masks=found.masks, scores=found.scores, class_ids=found.class_ids,
        classes=CLASSES,
    )  # fmt: skip
    write(tmp_path, "cutouts", of_image(found))
    folder = tmp_path / "cutouts/photo"
    assert sorted(p.name for p in folder.iterdir()) == ["photo_001_car.png", "photo_002_car.png"]
    first, second = rgba(folder / "photo_001_car.png"), rgba(folder / "photo_002_car.png")
    assert first.shape == (8, 9, 4)
    assert (first[..., 3] == 255).all()
    assert second.shape == (*SIZE, 4)
    np.testing.assert_array_equal(second[..., 3] == 255, dense[1])


def test_cutouts_of_an_earlier_run_go(tmp_path: Path) -> None:
    """With `overwrite` a frame has the cutouts of the last run alone; other files stay."""
    dense = np.ones((2, *SIZE), dtype=np.bool_)
    write(tmp_path, "cutouts", of_image(of_masks(dense, [0, 2])))
    with pytest.raises(OutputError, match="not empty"):
        WRITERS["cutouts"](tmp_path)
    own = tmp_path / "cutouts/photo/mine.png"
    own.write_bytes(b"x")
    write(tmp_path, "cutouts", of_image(of_masks(dense[:1], [2])), overwrite=True)
    names = sorted(p.name for p in own.parent.iterdir())
    assert names == ["mine.png", "photo_001_traffic_light.png"]


def test_class_names_are_safe_in_file_names(tmp_path: Path) -> None:
    """No class name leads out of the folder, is empty, or is longer than a file name may be."""
    names = [safe_file_name(name) for name in (*CLASSES.names, "a" * 300, "路" * 300, "\0\n", "..")]
    assert names == [
        *("car", "sky", "traffic_light", "tram_new", "0", "0", "class", "Straße_路"),
        *("a" * 60, "路" * 20, "class", "class"),
    ]
    found = of_masks(np.ones((8, *SIZE), dtype=np.bool_), list(range(8)))
    write(tmp_path, "cutouts", of_video(found, 3))
    written = sorted(tmp_path.rglob("*.png"))
    assert len(written) == 8
    assert {p.parent for p in written} == {tmp_path / "cutouts/city/clip_000003"}


@properties
@given(instances())
def test_color_maps_show_each_class(found: Instances) -> None:
    """A pixel has the color of the best thing there, else of the best stuff, else is black."""
    with fresh_folder() as folder:
        sink = WRITERS["color"](folder, classes=CLASSES)
        sink.write(of_image(found, "sub/photo"))
        sink.close()
        with PillowImage.open(folder / "color/sub/photo.png") as image:
            assert image.mode == "RGB"
            shown = np.asarray(image)
    wanted = np.zeros((*found.image_size, 3), dtype=np.uint8)
    order = sorted(
        range(len(found)),
        key=lambda i: (CLASSES[found.class_ids[i]].is_thing, found.scores[i], -i),
    )
    for i in order:
        wanted[found.masks[i].dense()] = CLASSES[found.class_ids[i]].color
    np.testing.assert_array_equal(shown, wanted)


def test_color_maps_put_things_on_stuff(tmp_path: Path) -> None:
    """However sure the model is of the sky, a car is seen in front of it."""
    dense = np.ones((2, *SIZE), dtype=np.bool_)
    dense[1, :, 10:] = False
    write(tmp_path, "color", of_image(of_masks(dense, [1, 0], [0.9, 0.3])))
    shown = cv2.imread(str(tmp_path / "color/photo.png"))
    assert shown is not None
    assert (shown[:, :10, ::-1] == CLASSES[0].color).all()
    assert (shown[:, 10:, ::-1] == CLASSES[1].color).all()
