"""Pictures and clips to try, segmented in advance, so that the first click answers at once."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import threading
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, TypedDict, cast

import cv2

from urban_segmentor import __version__
from urban_segmentor.apps.web.image import make_png, segment_image
from urban_segmentor.apps.web.limits import UploadLimits
from urban_segmentor.apps.web.model_pool import ModelPool
from urban_segmentor.apps.web.segment_options import SegmentOptions
from urban_segmentor.apps.web.temp_files import SavedResult
from urban_segmentor.apps.web.video import VideoJob
from urban_segmentor.errors import SourceError, UrbanSegmentorError
from urban_segmentor.io.images import read_image, write_image
from urban_segmentor.io.inputs import VIDEO_SUFFIXES, find_inputs
from urban_segmentor.io.video_reader import VideoReader
from urban_segmentor.io.video_writer import VideoWriter
from urban_segmentor.models.registry import DEFAULT_MODEL, resolve_model
from urban_segmentor.synthetic import Street

if TYPE_CHECKING:
    from collections.abc import Callable

    from urban_segmentor.apps.web.image import ImageResult
    from urban_segmentor.apps.web.video import VideoResult
    from urban_segmentor.structures.frame import Image

_INDEX = "examples.json"
_FORMAT = 2
_THUMB_WIDTH = 320  # pixels
_IMAGE_SIZE, _CLIP_SIZE = (1080, 1920), (540, 960)
_CLIP_S, _CLIP_FPS = 3.0, 20
_MOST = 12


class Example(TypedDict):
    """One picture or clip to try.

    Attributes:
        kind: `image` or `video`.
        title: What it is called.
        alt: What it shows, for those who cannot see it.
        input: Its file, relative to the folder of the examples.
        thumb: Address of a small picture, relative to the page's own.
        answer: What the page shows of it.
    """

    kind: Literal["image", "video"]
    title: str
    alt: str
    input: str
    thumb: str
    answer: ImageResult | VideoResult


class _Drawn(NamedTuple):
    """One of our own: how the street is drawn, and what is said of it."""

    file: str
    alt: str
    camera: str
    light: str
    seed: int


_STREETS = (
    _Drawn(
        "street-by-day.jpg", "A drawn street by day, seen from above the road", "fixed", "day", 4
    ),
    _Drawn("street-at-dusk.jpg", "A drawn street at dusk, seen from a car", "dashcam", "dusk", 7),
    _Drawn(
        "crossing.mp4", "A clip of a drawn street by day, from above the road", "fixed", "day", 3
    ),
    _Drawn("drive.mp4", "A clip of a drive through a drawn street at dusk", "dashcam", "dusk", 5),
)


def prepare_examples(  # noqa: PLR0913
    folder: Path,
    *,
    source: Path | None = None,
    model: str = DEFAULT_MODEL,
    engine: ModelPool | None = None,
    limits: UploadLimits | None = None,
    on_example: Callable[[Example], None] = lambda _example: None,
    on_problem: Callable[[str, UrbanSegmentorError], None] | None = None,
) -> list[Example]:
    """Return the examples that are then in a folder: inputs, results, and an index.

    Args:
        folder: Where to; made when missing.
        source: A folder with pictures and videos; None for streets that are drawn here.
        model: Which model segments them.
        engine: Has the model already; None to read it.
        limits: The most that is taken.
        on_example: Called with each one that is ready.
        on_problem: Called with the name of a file that cannot be shown, and why; it is left out.
            None to stop there.

    Raises:
        SourceError: The source holds nothing to show, or a file that cannot be shown.
        ModelError: The model is damaged.
    """
    engine, limits = engine or ModelPool(model), limits or UploadLimits()
    inputs = folder / "inputs"
    inputs.mkdir(parents=True, exist_ok=True)
    named = _drawn(inputs) if source is None else _copied(source, inputs)
    found: list[Example] = []
    for path, alt in named:
        answer = _answer(folder, len(found))
        answer.folder.mkdir(exist_ok=True)
        try:
            example = _segmented(path, alt, engine=engine, limits=limits, answer=answer)
        except SourceError as error:
            if on_problem is None:
                raise
            on_problem(path.name, error)
            continue
        found.append(example)
        on_example(example)
    index = {"format": _FORMAT, "model": engine.model, "examples": found}
    partial = folder / f".{_INDEX}.partial"
    partial.write_text(json.dumps(index), encoding="utf-8")
    partial.replace(folder / _INDEX)
    return found


def read_examples(folder: Path) -> list[Example] | None:
    """Return the examples that were prepared in a folder, or None when it holds none such."""
    try:
        index = json.loads((folder / _INDEX).read_text(encoding="utf-8"))
        known = index["format"] == _FORMAT
        return cast("list[Example]", index["examples"]) if known else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


class Examples:
    """The examples of a running app, prepared behind its back where they are not there yet.

    Args:
        folder: Prepared examples, or pictures and videos; None for streets that are drawn here.
        engine: Has the model.
        limits: The most that is taken.
        cache: Where prepared ones are kept from start to start.
        share: Told of every answer that everybody may see.
    """

    def __init__(
        self,
        folder: Path | None,
        *,
        engine: ModelPool,
        limits: UploadLimits,
        cache: Path,
        share: Callable[[SavedResult], None],
    ) -> None:
        self._source, self._engine, self._limits = folder, engine, limits
        self._cache, self._share = cache, share
        self._found: list[Example] = []
        self._folder = cache
        self._problems: list[str] = []
        self.complete = False

    def start(self) -> None:
        """Take what is prepared, or begin to prepare it."""
        if self._source is not None and (ready := read_examples(self._source)) is not None:
            self._take(self._source, ready)
            return
        if self._source is not None and not self._source.is_dir():
            raise SourceError(
                f"there is no folder `{self._source}` with examples",
                hint="give a folder with pictures and videos",
            )
        key = _key(self._engine, self._source)
        self._folder = self._cache / f"{key}"
        if (ready := read_examples(self._folder)) is not None:
            self._take(self._folder, ready)
            return
        threading.Thread(target=self._prepare, daemon=True, name="examples").start()

    @property
    def problem(self) -> str:
        """What could not be prepared, and why, without a path of this machine; or nothing."""
        return "; ".join(self._problems)

    @property
    def found(self) -> list[Example]:
        """Those that are ready."""
        return list(self._found)

    def input(self, example: Example) -> Path:
        """Return the file that an example was made of."""
        return self._folder / example["input"]

    def _take(self, folder: Path, examples: list[Example]) -> None:
        self._folder = folder
        for example in examples:
            self._add(example)
        self.complete = True

    def _add(self, example: Example) -> None:
        self._share(_answer(self._folder, len(self._found)))
        self._found.append(example)

    def _prepare(self) -> None:
        """Prepare them in a folder of this process, and put it in its place at the end."""
        final = self._folder
        self._folder = final.with_name(f".{final.name}-{os.getpid()}")
        try:
            prepare_examples(
                self._folder,
                source=self._source,
                engine=self._engine,
                limits=self._limits,
                on_example=self._add,
                on_problem=self._note,
            )
            if not self.problem:  # a folder that was mended is looked through again
                with suppress(OSError):  # another process was faster, which is as good
                    shutil.copytree(self._folder, final)
        except (UrbanSegmentorError, OSError) as error:
            self._problems.append(_public(error, self._source, self._folder))
        self.complete = True

    def _note(self, name: str, error: UrbanSegmentorError) -> None:
        self._problems.append(f"{name}: {_public(error, self._source, self._folder)}")

    def close(self) -> None:
        """Delete what was only for this process."""
        if self._folder.name.startswith("."):
            shutil.rmtree(self._folder, ignore_errors=True)


def _public(error: Exception, *folders: Path | None) -> str:
    """Return a message without the folders in it."""
    text = error.strerror or "it failed" if isinstance(error, OSError) else str(error)
    for folder in folders:
        if folder is not None:
            text = text.replace(str(folder.resolve()), "").replace(str(folder), "")
    return text


def cache_folder() -> Path:
    """Return where prepared examples are kept: below `XDG_CACHE_HOME`, or `~/.cache`."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "urban-segmentor" / "examples"


def _answer(folder: Path, number: int) -> SavedResult:
    return SavedResult(token=f"example-{number}", folder=folder / str(number))


def _segmented(
    path: Path, alt: str, *, engine: ModelPool, limits: UploadLimits, answer: SavedResult
) -> Example:
    """Return an example after writing its files."""
    choices = SegmentOptions(model=engine.model)
    title = path.name
    if path.suffix.lower() in VIDEO_SUFFIXES:
        job = VideoJob(
            path, title=title, engine=engine, choices=choices, limits=limits, answer=answer
        )
        job.start()
        while not job.wait(1.0):
            pass
        if job.progress.state != "done":
            raise SourceError(job.progress.note, hint="leave the file out of the examples")
        kind, shown = "video", job.result()
        image = _first_frame(path)
    else:
        kind = "image"
        shown = segment_image(
            path, title=title, engine=engine, choices=choices, limits=limits, answer=answer
        )
        make_png(answer.folder, engine=engine, limits=limits)
        image = read_image(path)
    _write_thumb(answer.folder / "thumb.jpg", image)
    return {
        "kind": kind,
        "title": re.sub(r"[-_]+", " ", path.stem).strip().capitalize() or title,
        "alt": alt,
        "input": f"inputs/{path.name}",
        "thumb": answer.address("thumb.jpg"),
        "answer": shown,
    }


def _drawn(folder: Path) -> list[tuple[Path, str]]:
    """Draw our streets; return their files and what they show."""
    return [(_draw(street, folder / street.file), street.alt) for street in _STREETS]


def _draw(street: _Drawn, path: Path) -> Path:
    is_clip = path.suffix == ".mp4"
    drawn = Street(
        size=_CLIP_SIZE if is_clip else _IMAGE_SIZE,
        fps=_CLIP_FPS,
        seed=street.seed,
        camera=street.camera,
        light=street.light,
    )
    if not is_clip:
        shot = next(iter(drawn.shots(seconds=1.0)))
        write_image(path, shot.frame.image, overwrite=True)
        return path
    rate = Fraction(_CLIP_FPS)
    sink = VideoWriter(
        path, time_base=1 / rate, rate=rate, crf=23, preset="veryfast", overwrite=True
    )
    for shot in drawn.shots(seconds=_CLIP_S):
        sink.write(shot.result())
    sink.close()
    return path


def _copied(source: Path, folder: Path) -> list[tuple[Path, str]]:
    """Copy somebody's own; return the files and what is known of them."""
    inputs = find_inputs([str(source)], leave_out=folder)
    named = sorted((*inputs.images, *inputs.videos))[:_MOST]
    found: list[tuple[Path, str]] = []
    for number, (path, _) in enumerate(named):
        safe = re.sub(r"[^A-Za-z0-9._-]+", "-", path.name).lstrip(".-") or "example"
        target = folder / safe
        if target.exists():
            target = folder / f"{number}-{safe}"
        shutil.copyfile(path, target)
        found.append((target, f"Example: {path.stem}"))
    return found


def _first_frame(path: Path) -> Image:
    source = VideoReader(path, name="frame")
    try:
        return next(iter(source)).image
    finally:
        source.close()


def _write_thumb(path: Path, image: Image) -> None:
    height, width = image.shape[:2]
    size = (_THUMB_WIDTH, max(round(height * _THUMB_WIDTH / width), 1))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    path.write_bytes(cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR))[1].tobytes())


def _key(engine: ModelPool, source: Path | None) -> str:
    """Return what the prepared examples depend on, as a name."""
    weights = resolve_model(engine.source).stat()
    facts = [__version__, str(_FORMAT), engine.model, str(weights.st_size), str(weights.st_mtime)]
    if source is not None:
        for path in sorted(source.rglob("*")):
            if path.is_file():
                facts += [str(path), str(path.stat().st_size), str(path.stat().st_mtime)]
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:16]
