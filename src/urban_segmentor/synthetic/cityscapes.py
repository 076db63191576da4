"""A synthetic data set in the official Cityscapes layout, free of its license."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from dataclasses import dataclass, field
from itertools import count, islice
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from urban_segmentor.datasets.cityscapes.file_names import IMAGES, LABELS, POLYGONS_SUFFIX
from urban_segmentor.datasets.parallel import in_parallel
from urban_segmentor.errors import OutputError, SettingError
from urban_segmentor.io.atomic import output_errors, write_atomically
from urban_segmentor.io.image_files import write_image
from urban_segmentor.synthetic.street import Street
from urban_segmentor.synthetic.street_options import USUAL_STREETS
from urban_segmentor.synthetic.tracing import trace, with_solid_trees

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from urban_segmentor.synthetic.street import RenderedFrame

STATE = "street.json"
"""File with the settings of the data set; frames may be added to a folder that has it."""

_VERSION = 1  # another one when the same settings give other pictures
_VAL_INTERVAL = 5  # each fifth frame
_FRAMES_PER_STREET = 5
_STEP_S = 4.0  # so that frames of one street differ
_CAMERA_FPS = 17  # what frame numbers of Cityscapes count in
_MAX_FRAMES = 1_000_000


class City(NamedTuple):
    """Streets with one camera and light.

    Attributes:
        name: Name of the folder.
        split: `train` or `val`.
        camera: `dashcam` or `fixed`.
        light: `day` or `dusk`.
    """

    name: str
    split: str
    camera: str
    light: str


CITIES = (
    City("alderholm", "train", "dashcam", "day"),
    City("birkfurt", "train", "dashcam", "dusk"),
    City("cedarau", "train", "fixed", "day"),
    City("dornhafen", "train", "fixed", "dusk"),
    City("eschwick", "val", "dashcam", "day"),
    City("fernmouth", "val", "fixed", "dusk"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnDataset:
    """A summary of the data set drawn.

    Attributes:
        frames: Frames that are there now, by split.
        objects: Objects in those that were drawn.
        resumed: Frames that were there already.
    """

    frames: Counter[str] = field(default_factory=Counter[str])
    objects: int = 0
    resumed: int = 0


class _FrameSlot(NamedTuple):
    """Position of a frame in the data set: city, street of the city, frame of the street."""

    city: City
    street: int
    turn: int

    def paths(self, folder: Path) -> tuple[Path, Path]:
        """Return the paths of image and polygons."""
        number = round(self.turn * _STEP_S * _CAMERA_FPS)
        stem = f"{self.city.name}_{self.street:06d}_{number:06d}"
        inner = f"{self.city.split}/{self.city.name}/{stem}"
        image = folder / IMAGES / f"{inner}_{IMAGES}.png"
        return image, folder / LABELS / f"{inner}{POLYGONS_SUFFIX}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """Frames of one street that are to be drawn."""

    folder: Path
    size: tuple[int, int]
    seed: int
    leaf_gaps: bool
    slots: tuple[_FrameSlot, ...]


def save_cityscapes(  # noqa: PLR0913
    folder: Path,
    *,
    frames: int = USUAL_STREETS.frames,
    seed: int = USUAL_STREETS.seed,
    size: tuple[int, int] = USUAL_STREETS.size,
    camera: str | None = None,
    light: str | None = None,
    leaf_gaps: bool = False,
    overwrite: bool = False,
    workers: int | None = None,
    on_start: Callable[[int], None] = lambda _frames: None,
    on_frame: Callable[[], None] = lambda: None,
) -> DrawnDataset:
    """Draw a data set in the official Cityscapes layout, and return its summary.

    `leftImg8bit/SPLIT/CITY/*_leftImg8bit.png` and `gtFine/SPLIT/CITY/*_gtFine_polygons.json`; every
    fifth frame belongs to `val`. The same arguments give the same files. A run that was stopped
    goes on where it was, and more frames can be added later.

    Args:
        folder: Made where it is missing.
        frames: How many, at least 2.
        seed: Another number, other streets.
        size: Height and width, pixels.
        camera: `dashcam` or `fixed` for all cities; None for some of each.
        light: `day` or `dusk` for all cities; None for some of each.
        leaf_gaps: True to label the house or the sky that shows through leaves as what it is;
            False to count it as the tree, as annotators do.
        overwrite: True to draw a data set anew that this function drew before.
        workers: How many processes; None for one a core, 1 to stay in this one.
        on_start: Called with how many frames there are to draw.
        on_frame: Called after each frame.

    Raises:
        SettingError: An argument is not sensible.
        OutputError: There is something else in the folder, or it cannot be written.
    """
    if not 2 <= frames <= _MAX_FRAMES:
        raise SettingError(f"`frames` is {frames}, expected 2 to {_MAX_FRAMES}", hint="--frames 60")
    Street(size=size, seed=seed, camera=camera or "fixed", light=light or "day")  # checks them
    settings = {"version": _VERSION, "seed": seed, "size": list(size)}
    settings |= {"camera": camera, "light": light, "leaf_gaps": leaf_gaps}
    _open_folder(folder, settings, overwrite=overwrite)
    cities = [one._replace(camera=camera or one.camera, light=light or one.light) for one in CITIES]
    slots = list(islice(_frame_slots(cities), frames))
    streets: dict[tuple[str, int], list[_FrameSlot]] = {}
    for slot in slots:
        if not all(path.is_file() for path in slot.paths(folder)):
            streets.setdefault((slot.city.name, slot.street), []).append(slot)
    jobs = [
        _Job(folder=folder, size=size, seed=seed, leaf_gaps=leaf_gaps, slots=tuple(group))
        for group in streets.values()
    ]
    missing = sum(len(job.slots) for job in jobs)
    on_start(missing)
    objects = 0
    for job, found in in_parallel(_draw_street, jobs, workers=workers):
        objects += found
        for _ in job.slots:
            on_frame()
    splits = Counter(slot.city.split for slot in slots)
    return DrawnDataset(frames=splits, objects=objects, resumed=frames - missing)


def polygons_json(shot: RenderedFrame, *, leaf_gaps: bool = False) -> dict[str, Any]:
    """Return the content of the polygon file of a frame.

    Args:
        shot: A frame and the truth about it.
        leaf_gaps: False when what shows through leaves counts as the tree.
    """
    classes, instances = shot.class_map, shot.instance_map
    if not leaf_gaps:
        classes = with_solid_trees(classes, instances)
    height, width = shot.frame.size
    objects = [
        {"label": polygon.label, "polygon": polygon.points.tolist()}
        for polygon in trace(classes, instances)
    ]
    return {"imgHeight": height, "imgWidth": width, "objects": objects}


def _frame_slots(cities: list[City]) -> Iterator[_FrameSlot]:
    """Yield the slot of each frame; those of the first frames do not depend on the number."""
    counts: Counter[str] = Counter()
    for number in count():
        split = "val" if number % _VAL_INTERVAL == 1 else "train"
        candidates = [city for city in cities if city.split == split]
        city = candidates[counts[split] % len(candidates)]
        street, turn = divmod(counts[split] // len(candidates), _FRAMES_PER_STREET)
        counts[split] += 1
        yield _FrameSlot(city, street, turn)


def _draw_street(job: _Job) -> int:
    """Draw the frames of a street, and return how many objects they have."""
    city, number, _ = job.slots[0]
    city_index = [city_name for city_name, *_ in CITIES].index(city.name)
    seed = np.random.SeedSequence([job.seed, city_index, number]).generate_state(1)[0]
    street = Street(
        size=job.size, fps=1 / _STEP_S, seed=int(seed), camera=city.camera, light=city.light
    )
    slots_by_turn = {slot.turn: slot for slot in job.slots}
    objects = 0
    for shot in street.shots(seconds=(max(slots_by_turn) + 1) * _STEP_S):
        if slot := slots_by_turn.get(shot.frame.index):
            image, polygons = slot.paths(job.folder)
            write_image(image, shot.frame.image, overwrite=True)
            data = json.dumps(
                polygons_json(shot, leaf_gaps=job.leaf_gaps), separators=(",", ":")
            ).encode("ascii")
            write_atomically(polygons, data, overwrite=True)
            objects += len(shot.objects)
    return objects


def _open_folder(folder: Path, settings: dict[str, Any], *, overwrite: bool) -> None:
    """Create the output folder, or check that an earlier run with these settings made it."""
    state = folder / STATE
    with output_errors(folder):
        if folder.exists() and not folder.is_dir():
            raise OutputError(f"`{folder}` is a file", hint="choose another folder")
        content = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
        if content and not state.is_file():
            raise OutputError(
                f"`{folder}` has something else in it: {', '.join(content[:5])}",
                hint="choose an empty or new folder",
            )
        if content and overwrite:
            for name in (IMAGES, LABELS):
                shutil.rmtree(folder / name, ignore_errors=True)
        elif content and _settings_of(state) != settings:
            raise OutputError(
                f"`{folder}` was drawn with other settings",
                hint="repeat them to add frames, or add --overwrite, or choose another folder",
            )
    write_atomically(state, (json.dumps(settings) + "\n").encode("ascii"), overwrite=True)


def _settings_of(state: Path) -> object:
    try:
        return json.loads(state.read_bytes())
    except ValueError:
        return None
