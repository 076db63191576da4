"""A data set in the official Cityscapes layout, drawn by our own code, free of its license."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from dataclasses import dataclass, field
from itertools import count, islice
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from urban_segmentor.datasets.cityscapes.layout import IMAGES, LABELS, POLYGONS_SUFFIX
from urban_segmentor.datasets.parallel import in_parallel
from urban_segmentor.errors import OutputError, SettingError
from urban_segmentor.io.atomic import output_errors, write_atomically
from urban_segmentor.io.images import write_image
from urban_segmentor.synthetic.street import Street
from urban_segmentor.synthetic.tracing import trace, with_solid_trees

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from urban_segmentor.synthetic.street import RenderedFrame

STATE = "street.json"
"""Says how the data set was drawn; a folder that has it may be added to."""

_VERSION = 1  # another one when the same settings give other pictures
_EVERY_VAL = 5  # each fifth frame
_FRAMES_A_STREET = 5
_STEP_S = 4.0  # so that frames of one street differ
_CAMERA_FPS = 17  # what frame numbers of Cityscapes count in
_MOST_FRAMES = 1_000_000


class City(NamedTuple):
    """Streets that are seen alike.

    Attributes:
        name: Of the folder.
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
class DrawnScene:
    """What a data set got.

    Attributes:
        frames: Frames that are there now, by split.
        objects: Objects in those that were drawn.
        resumed: Frames that were there already.
    """

    frames: Counter[str] = field(default_factory=Counter[str])
    objects: int = 0
    resumed: int = 0


class _Place(NamedTuple):
    """Where a frame belongs: its city, its street there, and its turn there."""

    city: City
    street: int
    turn: int

    def paths(self, folder: Path) -> tuple[Path, Path]:
        """Return where picture and polygons go."""
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
    places: tuple[_Place, ...]


def save_cityscapes(  # noqa: PLR0913
    folder: Path,
    *,
    frames: int = 60,
    seed: int = 1,
    size: tuple[int, int] = (1024, 2048),
    camera: str | None = None,
    light: str | None = None,
    leaf_gaps: bool = False,
    overwrite: bool = False,
    workers: int | None = None,
    on_start: Callable[[int], None] = lambda _frames: None,
    on_frame: Callable[[], None] = lambda: None,
) -> DrawnScene:
    """Draw a data set in the official Cityscapes layout, and return what it got.

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
    if not 2 <= frames <= _MOST_FRAMES:
        raise SettingError(
            f"`frames` is {frames}, expected 2 to {_MOST_FRAMES}", hint="--frames 60"
        )
    Street(size=size, seed=seed, camera=camera or "fixed", light=light or "day")  # checks them
    settings = {"version": _VERSION, "seed": seed, "size": list(size)}
    settings |= {"camera": camera, "light": light, "leaf_gaps": leaf_gaps}
    _open(folder, settings, overwrite=overwrite)
    cities = [one._replace(camera=camera or one.camera, light=light or one.light) for one in CITIES]
    places = list(islice(_places(cities), frames))
    streets: dict[tuple[str, int], list[_Place]] = {}
    for place in places:
        if not all(path.is_file() for path in place.paths(folder)):
            streets.setdefault((place.city.name, place.street), []).append(place)
    jobs = [
        _Job(folder=folder, size=size, seed=seed, leaf_gaps=leaf_gaps, places=tuple(group))
        for group in streets.values()
    ]
    missing = sum(len(job.places) for job in jobs)
    on_start(missing)
    objects = 0
    for job, found in in_parallel(_draw_street, jobs, workers=workers):
        objects += found
        for _ in job.places:
            on_frame()
    splits = Counter(place.city.split for place in places)
    return DrawnScene(frames=splits, objects=objects, resumed=frames - missing)


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


def _places(cities: list[City]) -> Iterator[_Place]:
    """Yield where each frame belongs; the first ones stay where they are when there are more."""
    counts: Counter[str] = Counter()
    for number in count():
        split = "val" if number % _EVERY_VAL == 1 else "train"
        choice = [city for city in cities if city.split == split]
        city = choice[counts[split] % len(choice)]
        street, turn = divmod(counts[split] // len(choice), _FRAMES_A_STREET)
        counts[split] += 1
        yield _Place(city, street, turn)


def _draw_street(job: _Job) -> int:
    """Draw the frames of a street, and return how many objects they have."""
    city, number, _ = job.places[0]
    where = [city_name for city_name, *_ in CITIES].index(city.name)
    seed = np.random.SeedSequence([job.seed, where, number]).generate_state(1)[0]
    street = Street(
        size=job.size, fps=1 / _STEP_S, seed=int(seed), camera=city.camera, light=city.light
    )
    wanted = {place.turn: place for place in job.places}
    objects = 0
    for shot in street.shots(seconds=(max(wanted) + 1) * _STEP_S):
        if place := wanted.get(shot.frame.index):
            image, polygons = place.paths(job.folder)
            write_image(image, shot.frame.image, overwrite=True)
            data = json.dumps(
                polygons_json(shot, leaf_gaps=job.leaf_gaps), separators=(",", ":")
            ).encode("ascii")
            write_atomically(polygons, data, overwrite=True)
            objects += len(shot.objects)
    return objects


def _open(folder: Path, settings: dict[str, Any], *, overwrite: bool) -> None:
    """Make the folder, or find what an earlier run left there; refuse what is not ours."""
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
