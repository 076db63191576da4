"""`urban-segmentor sample`: a street drawn by our own code, with exact truth."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from urban_segmentor.cli.option_records import with_options
from urban_segmentor.errors import SettingError
from urban_segmentor.io.output_options import OutputOptions
from urban_segmentor.options import argument, check_choices, like, option
from urban_segmentor.synthetic.street_options import (
    USUAL_STREET,
    USUAL_STREETS,
    StreetDataOptions,
    StreetOptions,
)

_CLIP, _DATA = "A clip", "A data set"
_SOME = "in a data set some of each"
_FINE_CRF = 18  # the clip is material to measure on


def _typed(size: tuple[int, int]) -> str:
    """Return a height and width as one types them."""
    return f"{size[1]}x{size[0]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleOptions:
    """What a clip and a data set have; None for the usual of each.

    Attributes:
        output: The clip, or the folder of the data set.
        kind: `clip` or `cityscapes`.
        seed: The same gives the same street.
        size: Height and width, pixels.
        camera: `fixed` or `dashcam`.
        light: `day` or `dusk`.
        overwrite: Replace the clip or data set.

    Raises:
        SettingError: There is no such kind.
    """

    output: Path = argument(help="The clip, .mp4, or the folder of the data set.")
    kind: str = option(
        "clip",
        help="clip, or cityscapes for a data set in its layout.",
        flags=("--as",),
        choices=("clip", "cityscapes"),
    )
    seed: int = like(StreetOptions, "seed")
    size: tuple[int, int] | None = like(
        StreetOptions,
        "size",
        default=None,
        shown=f"{_typed(USUAL_STREET.size)}; for a data set {_typed(USUAL_STREETS.size)}",
    )
    camera: str | None = like(
        StreetOptions, "camera", default=None, shown=f"{USUAL_STREET.camera}; {_SOME}"
    )
    light: str | None = like(
        StreetOptions, "light", default=None, shown=f"{USUAL_STREET.light}; {_SOME}"
    )
    overwrite: bool = like(
        OutputOptions, "overwrite", help="Replace the clip or data set.", panel=""
    )

    def __post_init__(self) -> None:
        """Check the kind."""
        check_choices(self, ("kind",))

    def given(self) -> dict[str, Any]:
        """Return what is not left to the usual."""
        values = {name: getattr(self, name) for name in ("seed", "size", "camera", "light")}
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleClipOptions:
    """What only a clip has; None for the usual.

    Attributes:
        seconds: Length, seconds.
        fps: Frames per second.
        truth: Folder for the truth; None for none.
    """

    seconds: float | None = like(
        StreetOptions, "seconds", default=None, panel=_CLIP, shown=f"{USUAL_STREET.seconds:g}"
    )
    fps: float | None = like(
        StreetOptions, "fps", default=None, panel=_CLIP, shown=f"{USUAL_STREET.fps:g}"
    )
    truth: Path | None = option(
        None, help="Folder for the truth: maps, positions, speeds, camera.", panel=_CLIP
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleDataOptions:
    """What only a data set has; None for the usual.

    Attributes:
        frames: How many pictures.
        leaf_gaps: Label what shows through leaves as what it is.
    """

    frames: int | None = like(
        StreetDataOptions, "frames", default=None, panel=_DATA, shown=str(USUAL_STREETS.frames)
    )
    leaf_gaps: bool = like(StreetDataOptions, "leaf_gaps", panel=_DATA)


@with_options
def sample(street: SampleOptions, clip: SampleClipOptions, data: SampleDataOptions) -> None:
    """Draw a clip of a street, or a data set of streets, the same for the same seed.

    Examples:
        urban-segmentor sample street.mp4 --seconds 5 --camera dashcam

        urban-segmentor sample street-data --as cityscapes --frames 60
    """
    if street.kind == "cityscapes":
        _refuse(street.kind, seconds=clip.seconds, fps=clip.fps, truth=clip.truth)
        _draw_data(street, data)
    else:
        _refuse(street.kind, frames=data.frames, leaf_gaps=data.leaf_gaps or None)
        _draw_clip(street, clip)


def _draw_clip(street: SampleOptions, clip: SampleClipOptions) -> None:
    from urban_segmentor.cli.console import frame_progress, stderr
    from urban_segmentor.io.encoding import EncodingOptions
    from urban_segmentor.io.video_writer import VideoWriter
    from urban_segmentor.synthetic import Street, save_truth

    seconds = USUAL_STREET.seconds if clip.seconds is None else clip.seconds
    fps = USUAL_STREET.fps if clip.fps is None else clip.fps
    drawn = Street(fps=fps, **street.given())
    rate = Fraction(fps).limit_denominator(1001)
    sink = VideoWriter(
        street.output,
        time_base=1 / rate,
        rate=rate,
        encoding=EncodingOptions(crf=_FINE_CRF),
        overwrite=street.overwrite,
    )
    screen = stderr()
    try:
        with frame_progress(screen) as bar:
            bar.start(street.output.name, round(seconds * fps))
            for shot in drawn.shots(seconds=seconds):
                sink.write(shot.result())
                if clip.truth is not None:
                    save_truth(shot, clip.truth)
                bar.advance()
    finally:
        sink.close()
    screen.print(f"result: {street.output}", markup=False, style="bold green", soft_wrap=True)


def _draw_data(street: SampleOptions, data: SampleDataOptions) -> None:
    from urban_segmentor.cli.console import frame_progress, stderr
    from urban_segmentor.synthetic import save_cityscapes

    screen, folder = stderr(), street.output
    with frame_progress(screen) as bar:
        drawn = save_cityscapes(
            folder,
            frames=USUAL_STREETS.frames if data.frames is None else data.frames,
            **street.given(),
            leaf_gaps=data.leaf_gaps,
            overwrite=street.overwrite,
            on_start=lambda missing: bar.start(folder.name, missing),
            on_frame=bar.advance,
        )
    counts = ", ".join(f"{count} {split}" for split, count in sorted(drawn.frames.items()))
    there = f", {drawn.resumed} were there already" if drawn.resumed else ""
    screen.print(f"{counts}{there}; {drawn.objects} objects drawn", soft_wrap=True)
    screen.print(f"result: {folder}", style="bold green", soft_wrap=True)
    following = shlex.join(["urban-segmentor", "data", "check", str(folder)])
    screen.print(f"next: {following}", soft_wrap=True)


def _refuse(kind: str, **options: object) -> None:
    """Refuse options that the kind does not have, rather than leave them without effect."""
    given = [
        f"`--{name.replace('_', '-')}`" for name, value in options.items() if value is not None
    ]
    if given:
        raise SettingError(
            f"{', '.join(given)} has no meaning with `--as {kind}`",
            hint="urban-segmentor sample --help says which option is for what",
        )
