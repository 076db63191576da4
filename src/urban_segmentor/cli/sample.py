"""`urban-segmentor sample`: a street drawn by our own code, with exact truth."""

from __future__ import annotations

import shlex
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

import typer

from urban_segmentor.cli.parsers import parse_size
from urban_segmentor.errors import SettingError

_SEED, _SECONDS, _FPS, _CLIP_SIZE = 1, 10.0, 25.0, "1280x720"
_FRAMES, _DATA_SIZE = 60, "2048x1024"
_KINDS = ("clip", "cityscapes")
_CLIP, _DATA = "A clip", "A data set"


def sample(  # noqa: PLR0913 - one parameter an option
    output: Annotated[Path, typer.Argument(help="The clip, .mp4, or the folder of the data set.")],
    kind: Annotated[
        str,
        typer.Option("--as", help="clip, or cityscapes for a data set in its layout."),
    ] = "clip",
    seed: Annotated[int, typer.Option(help="Another number, another street.")] = _SEED,
    size: Annotated[
        str | None,
        typer.Option(
            help=f"Width x height, pixels; default {_CLIP_SIZE}, for a data set {_DATA_SIZE}."
        ),
    ] = None,
    camera: Annotated[
        str | None,
        typer.Option(help="fixed or dashcam; default fixed, in a data set some of each."),
    ] = None,
    light: Annotated[
        str | None, typer.Option(help="day or dusk; default day, in a data set some of each.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the clip or data set.")
    ] = False,
    seconds: Annotated[
        float | None,
        typer.Option(help=f"Length, seconds; default {_SECONDS:g}.", rich_help_panel=_CLIP),
    ] = None,
    fps: Annotated[
        float | None,
        typer.Option(help=f"Frames per second; default {_FPS:g}.", rich_help_panel=_CLIP),
    ] = None,
    truth: Annotated[
        Path | None,
        typer.Option(
            help="Folder for the truth: maps, positions, speeds, camera.", rich_help_panel=_CLIP
        ),
    ] = None,
    frames: Annotated[
        int | None,
        typer.Option(
            help=f"How many pictures; default {_FRAMES}. Every fifth is for val.",
            rich_help_panel=_DATA,
        ),
    ] = None,
    leaf_gaps: Annotated[
        bool,
        typer.Option(
            "--leaf-gaps",
            help="Label what shows through leaves as what it is; annotators call it tree.",
            rich_help_panel=_DATA,
        ),
    ] = False,
) -> None:
    """Draw a clip of a street, or a data set of streets, the same for the same seed.

    Examples:
        urban-segmentor sample street.mp4 --seconds 5 --camera dashcam

        urban-segmentor sample street-data --as cityscapes --frames 60
    """
    if kind not in _KINDS:
        raise SettingError(f"`as` is `{kind}`", hint=f"choose one of {', '.join(_KINDS)}")
    if kind == "cityscapes":
        _refuse(kind, seconds=seconds, fps=fps, truth=truth)
        _draw_data(
            output,
            frames=_FRAMES if frames is None else frames,
            seed=seed,
            size=parse_size(size or _DATA_SIZE),
            camera=camera,
            light=light,
            leaf_gaps=leaf_gaps,
            overwrite=overwrite,
        )
        return
    _refuse(kind, frames=frames, leaf_gaps=leaf_gaps or None)
    _draw_clip(
        output,
        seconds=_SECONDS if seconds is None else seconds,
        fps=_FPS if fps is None else fps,
        truth=truth,
        overwrite=overwrite,
        seed=seed,
        size=parse_size(size or _CLIP_SIZE),
        camera=camera or "fixed",
        light=light or "day",
    )


def _draw_clip(
    output: Path,
    *,
    seconds: float,
    fps: float,
    truth: Path | None,
    overwrite: bool,
    **street: Any,  # noqa: ANN401 - seed, size, camera and light as they are
) -> None:
    from urban_segmentor.cli.console import frame_progress, stderr
    from urban_segmentor.io.video_writer import VideoWriter
    from urban_segmentor.synthetic import Street, save_truth

    drawn = Street(fps=fps, **street)
    rate = Fraction(fps).limit_denominator(1001)
    sink = VideoWriter(output, time_base=1 / rate, rate=rate, crf=18, overwrite=overwrite)
    console = stderr()
    try:
        with frame_progress(console) as bar:
            bar.start(output.name, round(seconds * fps))
            for shot in drawn.shots(seconds=seconds):
                sink.write(shot.result())
                if truth is not None:
                    save_truth(shot, truth)
                bar.advance()
    finally:
        sink.close()
    console.print(f"result: {output}", markup=False, style="bold green", soft_wrap=True)


def _draw_data(folder: Path, **settings: Any) -> None:  # noqa: ANN401 - handed on as they are
    from urban_segmentor.cli.console import frame_progress, stderr
    from urban_segmentor.synthetic import save_cityscapes

    console = stderr()
    with frame_progress(console) as bar:
        drawn = save_cityscapes(
            folder,
            on_start=lambda missing: bar.start(folder.name, missing),
            on_frame=bar.advance,
            **settings,
        )
    counts = ", ".join(f"{count} {split}" for split, count in sorted(drawn.frames.items()))
    there = f", {drawn.resumed} were there already" if drawn.resumed else ""
    console.print(f"{counts}{there}; {drawn.objects} objects drawn", soft_wrap=True)
    console.print(f"result: {folder}", style="bold green", soft_wrap=True)
    following = shlex.join(["urban-segmentor", "data", "check", str(folder)])
    console.print(f"next: {following}", soft_wrap=True)


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
