"""`urban-segmentor sample`: a clip of a street drawn by our own code, with exact truth."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Annotated

import typer

from urban_segmentor.errors import SettingError

_SEED, _SECONDS = 1, 10.0


def sample(  # noqa: PLR0913 - one parameter an option
    output: Annotated[Path, typer.Argument(help="The clip, .mp4.")],
    seconds: Annotated[float, typer.Option(help="Length, seconds.")] = _SECONDS,
    seed: Annotated[int, typer.Option(help="Another number, another street.")] = _SEED,
    size: Annotated[str, typer.Option(help="Width x height, pixels.")] = "1280x720",
    fps: Annotated[float, typer.Option(help="Frames per second.")] = 25.0,
    camera: Annotated[str, typer.Option(help="fixed or dashcam.")] = "fixed",
    light: Annotated[str, typer.Option(help="day or dusk.")] = "day",
    truth: Annotated[
        Path | None,
        typer.Option(help="Folder for the truth: maps, positions, speeds, camera."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the clip.")] = False,
) -> None:
    """Draw a clip of a street, the same for the same seed."""
    from urban_segmentor.cli.console import frame_progress, stderr
    from urban_segmentor.io.video_sink import VideoSink
    from urban_segmentor.testing import Street, save_truth

    rate = Fraction(fps).limit_denominator(1001)
    street = Street(size=_size(size), fps=fps, seed=seed, camera=camera, light=light)
    sink = VideoSink(output, time_base=1 / rate, rate=rate, crf=18, overwrite=overwrite)
    console = stderr()
    try:
        with frame_progress(console) as bar:
            bar.start(output.name, round(seconds * fps))
            for shot in street.shots(seconds=seconds):
                sink.write(shot.frame, shot.instances())
                if truth is not None:
                    save_truth(shot, truth)
                bar.advance()
    finally:
        sink.close()
    console.print(f"result: {output}", markup=False, style="bold green", soft_wrap=True)


def _size(text: str) -> tuple[int, int]:
    """Return height and width out of `WxH`."""
    try:
        width, height = (int(side) for side in text.lower().split("x"))
    except ValueError:
        raise SettingError(f"`size` is `{text}`, expected WxH", hint="--size 1280x720") from None
    return height, width
