"""Example images and clips, segmented in advance."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import threading
from contextlib import suppress
from fractions import Fraction
from typing import TYPE_CHECKING, Literal, NamedTuple, TypedDict, cast

import cv2
import numpy as np

from urban_segmentor import __version__
from urban_segmentor.apps.web.image import make_png, segment_image
from urban_segmentor.apps.web.limits import UploadLimits
from urban_segmentor.apps.web.model_pool import ModelPool
from urban_segmentor.apps.web.segment_options import SegmentOptions
from urban_segmentor.apps.web.temp_files import SavedResult
from urban_segmentor.apps.web.video import VideoJob
from urban_segmentor.errors import SourceError, UrbanSegmentorError
from urban_segmentor.io.encoding import EncodingOptions
from urban_segmentor.io.image_codec import encode_image, read_image
from urban_segmentor.io.image_files import write_image
from urban_segmentor.io.inputs import VIDEO_SUFFIXES, find_inputs
from urban_segmentor.io.video_reader import VideoReader
from urban_segmentor.io.video_writer import VideoWriter
from urban_segmentor.models.registry import DEFAULT_MODEL, resolve_model
from urban_segmentor.synthetic import Street

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from urban_segmentor.apps.web.image import ImageResult
    from urban_segmentor.apps.web.video import VideoResult
    from urban_segmentor.structures.frame import Image

_INDEX = "examples.json"
_FORMAT = 2
_THUMB_WIDTH = 320  # pixels
_IMAGE_SIZE, _CLIP_SIZE = (1080, 1920), (540, 960)
_CLIP_S, _CLIP_FPS = 3.0, 20
_MAX_EXAMPLES = 12


class Example(TypedDict):
    """An example image or clip.

    Attributes:
        kind: `image` or `video`.
        title: Its title.
        alt: Alternative text.
        input: Path of its file, relative to the folder of the examples.
        thumb: URL of its thumbnail, relative to the page.
        answer: Its result, as the page shows it.
    """

    kind: Literal["image", "video"]
    title: str
    alt: str
    input: str
    thumb: str
    answer: ImageResult | VideoResult


class _SyntheticExample(NamedTuple):
    """Parameters of a synthetic street, and its alternative text."""

    file: str
    alt: str
    camera: str
    light: str
    seed: int


_STREETS = (
    _SyntheticExample(
        "street-by-day.jpg", "A drawn street by day, seen from above the road", "fixed", "day", 4
    ),
    _SyntheticExample(
        "street-at-dusk.jpg", "A drawn street at dusk, seen from a car", "dashcam", "dusk", 7
    ),
    _SyntheticExample(
        "crossing.mp4", "A clip of a drawn street by day, from above the road", "fixed", "day", 3
    ),
    _SyntheticExample(
        "drive.mp4", "A clip of a drive through a drawn street at dusk", "dashcam", "dusk", 5
    ),
)


def prepare_examples(  # noqa: PLR0913
    folder: Path,
    *,
    source: Path | None = None,
    model: str = DEFAULT_MODEL,
    models: ModelPool | None = None,
    limits: UploadLimits | None = None,
    on_example: Callable[[Example], None] = lambda _example: None,
    on_problem: Callable[[str, UrbanSegmentorError], None] | None = None,
    stopping: threading.Event | None = None,
) -> list[Example]:
    """Return the examples after writing them to a folder: inputs, results, and an index.

    Args:
        folder: Output folder; made when missing.
        source: A folder with images and videos; None for synthetic streets.
        model: Name or path of the model.
        models: Pool with the model; None to load it.
        limits: Limits of uploads.
        on_example: Called with each finished example.
        on_problem: Called with name and error of a file that is skipped; None to raise instead.
        stopping: Set when the work shall end soon, without an index; None for never.

    Raises:
        SourceError: The source holds no image or video, or one that cannot be read.
        ModelError: The model is damaged.
    """
    models, limits = models or ModelPool(model), limits or UploadLimits()
    inputs = folder / "inputs"
    inputs.mkdir(parents=True, exist_ok=True)
    stopping = stopping or threading.Event()
    named = _draw_examples(inputs, stopping) if source is None else _copy_examples(source, inputs)
    ready: list[Example] = []
    for path, alt in named:
        if stopping.is_set():
            return ready
        saved = _saved_result(folder, len(ready))
        saved.folder.mkdir(exist_ok=True)
        try:
            example = _segment_example(
                path, alt, models=models, limits=limits, saved=saved, stopping=stopping
            )
        except SourceError as error:
            if on_problem is None:
                raise
            on_problem(path.name, error)
            continue
        ready.append(example)
        on_example(example)
    index = {"format": _FORMAT, "model": models.model, "examples": ready}
    partial = folder / f".{_INDEX}.partial"
    partial.write_text(json.dumps(index), encoding="utf-8")
    partial.replace(folder / _INDEX)
    return ready


def read_examples(folder: Path) -> list[Example] | None:
    """Return the prepared examples of a folder, or None when it holds none."""
    try:
        index = json.loads((folder / _INDEX).read_text(encoding="utf-8"))
        known = index["format"] == _FORMAT
        return cast("list[Example]", index["examples"]) if known else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


class ExampleFiles:
    """The examples of a running app, prepared in the background when they are not cached.

    Args:
        folder: Prepared examples, or images and videos; None for synthetic streets.
        models: Pool with the model.
        limits: Limits of uploads.
        cache: Folder of prepared examples, kept between runs.
        share: Called with each result that all visitors may see.
    """

    def __init__(
        self,
        folder: Path | None,
        *,
        models: ModelPool,
        limits: UploadLimits,
        cache: Path,
        share: Callable[[SavedResult], None],
    ) -> None:
        self._source, self._models, self._limits = folder, models, limits
        self._cache, self._share = cache, share
        self._ready: list[Example] = []
        self._folder = cache
        self._problems: list[str] = []
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self.complete = False

    def start(self) -> None:
        """Use prepared examples, or begin to prepare them in the background."""
        if self._source is not None and (ready := read_examples(self._source)) is not None:
            self._use(self._source, ready)
            return
        if self._source is not None and not self._source.is_dir():
            raise SourceError(
                f"there is no folder `{self._source}` with examples",
                hint="give a folder with pictures and videos",
            )
        key = _cache_key(self._models, self._source)
        self._folder = self._cache / f"{key}"
        if (ready := read_examples(self._folder)) is not None:
            self._use(self._folder, ready)
            return
        self._thread = threading.Thread(target=self._prepare, daemon=True, name="examples")
        self._thread.start()

    @property
    def problem(self) -> str:
        """What could not be prepared, and why, without local paths; empty when all is well."""
        return "; ".join(self._problems)

    @property
    def ready(self) -> list[Example]:
        """The finished examples."""
        return list(self._ready)

    def input(self, example: Example) -> Path:
        """Return the path of an example's input file."""
        return self._folder / example["input"]

    def _use(self, folder: Path, examples: list[Example]) -> None:
        self._folder = folder
        for example in examples:
            self._add(example)
        self.complete = True

    def _add(self, example: Example) -> None:
        self._share(_saved_result(self._folder, len(self._ready)))
        self._ready.append(example)

    def _prepare(self) -> None:
        """Prepare the examples in a folder of this process, and move it to the cache at the end."""
        final_folder = self._folder
        self._folder = final_folder.with_name(f".{final_folder.name}-{os.getpid()}")
        try:
            prepare_examples(
                self._folder,
                source=self._source,
                models=self._models,
                limits=self._limits,
                on_example=self._add,
                on_problem=self._add_problem,
                stopping=self._stopping,
            )
            # A folder with problems is prepared again at the next start.
            if not self.problem and not self._stopping.is_set():
                with suppress(OSError):  # another process was faster, which is as good
                    shutil.copytree(self._folder, final_folder)
        except (UrbanSegmentorError, OSError) as error:
            self._problems.append(_without_paths(error, self._source, self._folder))
        self.complete = True

    def _add_problem(self, name: str, error: UrbanSegmentorError) -> None:
        self._problems.append(f"{name}: {_without_paths(error, self._source, self._folder)}")

    def close(self) -> None:
        """End the preparation, and delete the folder of this process."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        if self._folder.name.startswith("."):
            shutil.rmtree(self._folder, ignore_errors=True)


def _without_paths(error: Exception, *folders: Path | None) -> str:
    text = error.strerror or "it failed" if isinstance(error, OSError) else str(error)
    for folder in folders:
        if folder is not None:
            text = text.replace(str(folder.resolve()), "").replace(str(folder), "")
    return text


def _saved_result(folder: Path, number: int) -> SavedResult:
    return SavedResult(token=f"example-{number}", folder=folder / str(number))


def _segment_example(  # noqa: PLR0913
    path: Path,
    alt: str,
    *,
    models: ModelPool,
    limits: UploadLimits,
    saved: SavedResult,
    stopping: threading.Event,
) -> Example:
    """Return an example after segmenting it and writing its files."""
    options = SegmentOptions(model=models.model)
    title = path.name
    if path.suffix.lower() in VIDEO_SUFFIXES:
        job = VideoJob(
            path, title=title, engine=models, choices=options, limits=limits, answer=saved
        )
        job.start()
        while not job.wait(0.1):
            if stopping.is_set():
                job.cancel()
        if job.progress.state != "done":
            raise SourceError(job.progress.note, hint="leave the file out of the examples")
        kind, result = "video", job.result()
        image = _first_frame(path)
    else:
        kind = "image"
        result = segment_image(
            path, title=title, engine=models, choices=options, limits=limits, answer=saved
        )
        make_png(saved.folder, engine=models, limits=limits)
        image = read_image(path)
    _write_thumb(saved.folder / "thumb.jpg", image)
    return {
        "kind": kind,
        "title": re.sub(r"[-_]+", " ", path.stem).strip().capitalize() or title,
        "alt": alt,
        "input": f"inputs/{path.name}",
        "thumb": saved.url("thumb.jpg"),
        "answer": result,
    }


def _draw_examples(folder: Path, stopping: threading.Event) -> list[tuple[Path, str]]:
    """Render the synthetic examples; return their paths and alternative texts."""
    return [
        (_draw(street, folder / street.file, stopping), street.alt)
        for street in _STREETS
        if not stopping.is_set()
    ]


def _draw(street: _SyntheticExample, path: Path, stopping: threading.Event) -> Path:
    is_clip = path.suffix == ".mp4"
    drawn = Street(
        size=_CLIP_SIZE if is_clip else _IMAGE_SIZE,
        fps=_CLIP_FPS,
        seed=street.seed,
        camera=street.camera,
        light=street.light,
    )
    if not is_clip:
        rendered = next(iter(drawn.shots(seconds=1.0)))
        write_image(path, rendered.frame.image, overwrite=True)
        return path
    rate = Fraction(_CLIP_FPS)
    sink = VideoWriter(
        path,
        time_base=1 / rate,
        rate=rate,
        encoding=EncodingOptions(preset="veryfast"),
        overwrite=True,
    )
    for rendered in drawn.shots(seconds=_CLIP_S):
        sink.write(rendered.result())
        if stopping.is_set():
            break
    sink.close()
    return path


def _copy_examples(source: Path, folder: Path) -> list[tuple[Path, str]]:
    """Copy the images and videos of a folder; return their paths and alternative texts."""
    inputs = find_inputs([str(source)], leave_out=folder)
    named = sorted((*inputs.images, *inputs.videos))[:_MAX_EXAMPLES]
    copies: list[tuple[Path, str]] = []
    for number, (path, _) in enumerate(named):
        safe = re.sub(r"[^A-Za-z0-9._-]+", "-", path.name).lstrip(".-") or "example"
        target = folder / safe
        if target.exists():
            target = folder / f"{number}-{safe}"
        shutil.copyfile(path, target)
        copies.append((target, f"Example: {path.stem}"))
    return copies


def _first_frame(path: Path) -> Image:
    source = VideoReader(path, name="frame")
    try:
        return next(iter(source)).image
    finally:
        source.close()


def _write_thumb(path: Path, image: Image) -> None:
    height, width = image.shape[:2]
    size = (_THUMB_WIDTH, max(round(height * _THUMB_WIDTH / width), 1))
    small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    path.write_bytes(encode_image(small, suffix=".jpg"))


def _cache_key(models: ModelPool, source: Path | None) -> str:
    """Return a hash of version, model and source files, as the cache key."""
    weights = resolve_model(models.source).stat()
    parts = [__version__, str(_FORMAT), models.model, str(weights.st_size), str(weights.st_mtime)]
    if source is not None:
        for path in sorted(source.rglob("*")):
            if path.is_file():
                parts += [str(path), str(path.stat().st_size), str(path.stat().st_mtime)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
