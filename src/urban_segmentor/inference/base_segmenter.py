"""What all segmenters do with what users pass: files, arrays, lists, videos."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import closing
from typing import TYPE_CHECKING, Never, cast, overload

from urban_segmentor.errors import SettingError, SourceError
from urban_segmentor.inference.image_input import as_frame
from urban_segmentor.inference.result_stream import ResultStream
from urban_segmentor.io.sources import open_source

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from pathlib import Path
    from typing import Self

    from urban_segmentor.inference.image_input import ImageInput
    from urban_segmentor.models.spec import ModelSpec
    from urban_segmentor.protocols import Source, Stage
    from urban_segmentor.result import Result
    from urban_segmentor.structures.classes import ClassList
    from urban_segmentor.structures.frame import Frame

_HABITS = {
    "save": "result.save('out.jpg') writes the picture",
    "show": "result.plot() returns the picture; `urban-segmentor live` shows a window",
    "stream": "for result in segmenter.stream(source): ...",
    "source": "pass the image as the first argument: segmenter('photo.jpg')",
    "verbose": "nothing is printed here; leave `verbose` out",
    "device": "choose it once: Segmenter(model, device='cpu')",
    "model": "choose it once: Segmenter(model)",
    "half": "choose it once: Segmenter(model, precision='auto')",
    "retina_masks": "masks have the image's own resolution here; leave `retina_masks` out",
    "confidence": "it is called `conf`",
    "threshold": "it is called `conf`",
    "conf_thres": "it is called `conf`",
    "iou_thres": "it is called `iou`",
    "vid_stride": "it is called `stride`: segmenter.stream(source, stride=2)",
    "size": "the size of the network input is called `imgsz`",
}


_METHOD_HABITS = {
    "predict": "call it: segmenter('photo.jpg')",
    "track": "tracks are not there yet; `segmenter.stream(...)` gives frame after frame",
    "to": "choose the device once: Segmenter(model, device='cpu')",
    "val": "`urban-segmentor val` scores a model",
    "train": "`urban-segmentor train` trains a model",
    "export": "`urban-segmentor export` exports a checkpoint",
    "conf": "it is `segmenter.config.conf`",
    "model": "it is `segmenter.spec`",
}
"""What others can be asked, and where it is here."""


class BaseSegmenter(ABC):
    """Calls and streams of a segmenter; subclasses say what is done with one frame."""

    @property
    @abstractmethod
    def spec(self) -> ModelSpec:
        """The metadata of the model, with its classes."""

    @property
    @abstractmethod
    def streams(self) -> int:
        """How many frames may be in work at once."""

    @abstractmethod
    def _segment(self, frame: Frame) -> Result:
        """Return the result for a frame."""

    @abstractmethod
    def with_settings(
        self,
        *,
        conf: float | None = None,
        iou: float | None = None,
        max_det: int | None = None,
        classes: Sequence[str | int] | None = None,
        imgsz: int | tuple[int, int] | None = None,
    ) -> Self:
        """Return the segmenter with other settings where they are given; both share the network.

        Args:
            conf: Lowest score, in [0, 1].
            iou: Overlap above which the weaker of two boxes of a class goes, in [0, 1].
            max_det: At most so many instances an image.
            classes: Names or ids of the classes wanted.
            imgsz: Long side of the network input, or its height and width, pixels.

        Raises:
            SettingError: A setting is out of its range, or there is no such class.
        """

    @abstractmethod
    def for_many(self) -> Self:
        """Return the segmenter compiled for the highest rate over many frames."""

    def for_video(self) -> tuple[BaseSegmenter, tuple[Stage, ...]]:
        """Return the segmenter for a video, and the stages behind it that smooth over time.

        For a model that does not tell the class of each pixel it is this one, without stages.
        """
        return self, ()

    if not TYPE_CHECKING:  # type checkers say so by themselves

        def __getattr__(self, name: str) -> Never:
            """Name the right word for what users of other tools type by habit."""
            hint = f"; {_METHOD_HABITS[name]}" if name in _METHOD_HABITS else ""
            kind = type(self).__name__
            raise AttributeError(f"`{kind}` has no `{name}`{hint}", name=name, obj=self)

    @property
    def classes(self) -> ClassList:
        """The classes of the model."""
        return self.spec.classes

    @property
    def names(self) -> tuple[str, ...]:
        """Class names by class id."""
        return self.spec.classes.names

    @overload
    def __call__(
        self,
        image: ImageInput,
        /,
        *,
        conf: float | None = None,
        iou: float | None = None,
        max_det: int | None = None,
        classes: Sequence[str | int] | None = None,
        imgsz: int | tuple[int, int] | None = None,
    ) -> Result: ...
    @overload
    def __call__(
        self,
        image: Sequence[ImageInput],
        /,
        *,
        conf: float | None = None,
        iou: float | None = None,
        max_det: int | None = None,
        classes: Sequence[str | int] | None = None,
        imgsz: int | tuple[int, int] | None = None,
    ) -> list[Result]: ...
    def __call__(  # noqa: PLR0913 - each has its name
        self,
        image: ImageInput | Sequence[ImageInput],
        /,
        *,
        conf: float | None = None,
        iou: float | None = None,
        max_det: int | None = None,
        classes: Sequence[str | int] | None = None,
        imgsz: int | tuple[int, int] | None = None,
        **unknown: Never,
    ) -> Result | list[Result]:
        """Return the result for an image, or a list of results for a list of images.

        Args:
            image: A path, an http(s) address, an array (uint8 (H, W, 3) RGB, (H, W) grey or
                (H, W, 4) RGBA), a PIL image, a `Frame`; or a list of them, of which several are
                in work at once.
            conf: Lowest score, in [0, 1]; None for the segmenter's own.
            iou: Overlap above which the weaker of two boxes of a class goes, in [0, 1].
            max_det: At most so many instances an image.
            classes: Names or ids of the classes wanted.
            imgsz: Long side of the network input, or its height and width, pixels.
            unknown: Nothing else is taken.

        Raises:
            SourceError: A file or address cannot be read, or holds no image.
            ShapeError: An array is no image.
            SettingError: A setting is out of its range, or there is no such class.
        """
        if unknown:
            raise unknown_setting(next(iter(unknown)))
        settings = (conf, iou, max_det, classes, imgsz)
        segmenter = self
        if any(setting is not None for setting in settings):
            segmenter = self.with_settings(
                conf=conf, iou=iou, max_det=max_det, classes=classes, imgsz=imgsz
            )
        if isinstance(image, list | tuple):
            return segmenter._segment_all(image)  # noqa: SLF001 - of its own kind
        return segmenter._segment(as_frame(cast("ImageInput", image)))  # noqa: SLF001 - of its own kind

    def stream(  # noqa: PLR0913 - each has its name
        self,
        source: str | int | Path | Source | Sequence[ImageInput],
        /,
        *,
        stride: int = 1,
        start_s: float = 0.0,
        duration_s: float | None = None,
        max_fps: float | None = None,
        smooth: bool = True,
        conf: float | None = None,
        iou: float | None = None,
        max_det: int | None = None,
        classes: Sequence[str | int] | None = None,
        imgsz: int | tuple[int, int] | None = None,
        **unknown: Never,
    ) -> Generator[Result]:
        """Yield the results of a video, a folder, a camera or a stream, in order.

        Reading, segmenting and the caller's own work overlap; memory is bounded. It is closed
        when the loop is left.

        Args:
            source: A video, a folder, a pattern such as `*.jpg`, an address such as
                `rtsp://...`, the number of a camera, a list of images, or a `Source` of one's
                own. Of cameras and streams the newest frame comes, of files every one.
            stride: Every how many frames one is taken.
            start_s: Where to begin a video, seconds after its first frame.
            duration_s: How much of it, seconds; None for all.
            max_fps: At most so many frames a second, by their time stamps; None for all.
            smooth: Let the surfaces of a video follow the last frames, so that they flicker less;
                for models that tell the class of each pixel.
            conf: Lowest score, in [0, 1]; None for the segmenter's own.
            iou: Overlap above which the weaker of two boxes of a class goes, in [0, 1].
            max_det: At most so many instances an image.
            classes: Names or ids of the classes wanted.
            imgsz: Long side of the network input, or its height and width, pixels.
            unknown: Nothing else is taken.

        Raises:
            SourceError: It cannot be read, or has no frame where it begins.
            SettingError: A setting is out of its range.
        """
        if unknown:
            raise unknown_setting(next(iter(unknown)))
        segmenter: BaseSegmenter = self.with_settings(
            conf=conf, iou=iou, max_det=max_det, classes=classes, imgsz=imgsz
        ).for_many()
        if isinstance(source, list | tuple):
            return _results(_Frames(source), segmenter, newest=False)
        opened = open_source(
            cast("str | int | Path | Source", source),
            stride=stride,
            start_s=start_s,
            duration_s=duration_s,
            max_fps=max_fps,
        )
        stages: tuple[Stage, ...] = ()
        if smooth and opened.follows_time:
            segmenter, stages = segmenter.for_video()
        results = _results(opened.source, segmenter, newest=opened.is_live, stages=stages)
        return _from_start(results, start_s) if start_s else results

    def _segment_all(self, images: Sequence[ImageInput]) -> list[Result]:
        if len(images) < 2:
            return [self._segment(as_frame(image)) for image in images]
        return list(_results(_Frames(images), self.for_many(), newest=False))


class _Frames:
    """A `Source` of what a user listed."""

    def __init__(self, images: Sequence[ImageInput]) -> None:
        self._images = images

    def __iter__(self) -> Iterator[Frame]:
        """Yield each as a frame."""
        return (as_frame(image) for image in self._images)

    def close(self) -> None:
        """Release nothing."""


def _results(
    source: Source,
    segmenter: BaseSegmenter,
    *,
    newest: bool,
    stages: Sequence[Stage] = (),
) -> Generator[Result]:
    """Yield results, and close everything when the caller leaves the loop."""
    with ResultStream(source, segmenter, newest=newest) as results:
        for result in results:
            for stage in stages:
                result = stage(result)  # noqa: PLW2901 - each takes what the one before left
            yield result


def _from_start(results: Generator[Result], start_s: float) -> Generator[Result]:
    """Yield the results of a video that is to begin later than at its start."""
    with closing(results):
        is_empty = True
        for result in results:
            is_empty = False
            yield result
    if is_empty:
        raise SourceError(
            f"there is no frame from {start_s:g} s on", hint="the video is shorter than `start_s`"
        )


def unknown_setting(name: str) -> SettingError:
    """Return the error for a setting that does not exist, with the word that is meant.

    Args:
        name: What was typed.
    """
    return SettingError(
        f"there is no setting `{name}`",
        hint=_HABITS.get(name, "there are conf, iou, max_det, classes and imgsz"),
    )
