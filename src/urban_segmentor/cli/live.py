"""`urban-segmentor live`: a camera, a stream, the screen or a video, segmented as it comes."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from urban_segmentor.apps.live.display_options import DisplayOptions
from urban_segmentor.apps.live.view_controls import ViewControls, ViewState
from urban_segmentor.cli.option_records import ConsoleOptions, with_options, without
from urban_segmentor.errors import SettingError
from urban_segmentor.inference.config import MANY_STREAMS, ModelOptions, SegmenterConfig
from urban_segmentor.inference.smoothing_options import SmoothingOptions
from urban_segmentor.io.encoding import EncodingOptions
from urban_segmentor.io.output_options import WRITER_PATHS, OutputOptions
from urban_segmentor.io.recording_options import RecordingOptions
from urban_segmentor.io.streams.stream_options import StreamOptions
from urban_segmentor.options import like
from urban_segmentor.visualization.style import OverlayStyle

if TYPE_CHECKING:
    from rich.console import Console

    from urban_segmentor.apps.live.display_selection import DisplaySelection
    from urban_segmentor.apps.live.session import LiveReport
    from urban_segmentor.errors import OutputError
    from urban_segmentor.inference.segmenter import Segmenter
    from urban_segmentor.io.rolling_video import RollingVideoWriter
    from urban_segmentor.io.streams.source_uri import SourceUri

_KINDS = ("jsonl", "csv")


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveOutputOptions:
    """What is written beside the recording.

    Attributes:
        kinds: Some of `jsonl` and `csv`; None for none.
        folder: For results and saved pictures.
        overwrite: False to refuse when a result exists.

    Raises:
        SettingError: There is no such kind, or the list is empty.
    """

    kinds: tuple[str, ...] | None = like(
        OutputOptions, "kinds", default=None, help="jsonl, csv, or both.", shown=None
    )
    folder: Path = like(OutputOptions, "folder", help="Folder for results and saved pictures.")
    overwrite: bool = like(OutputOptions, "overwrite")

    def __post_init__(self) -> None:
        """Check the kinds."""
        unknown = [kind for kind in self.kinds or () if kind not in _KINDS]
        if unknown or self.kinds == ():
            raise SettingError(
                f"there is no result `{unknown[0]}` of a live picture"
                if unknown
                else "`save` is empty",
                hint="--save jsonl,csv, and --record seen.mp4 for the picture",
            )


@with_options
def live(  # noqa: PLR0913 - one parameter a record
    stream: StreamOptions,
    display: DisplayOptions,
    model: ModelOptions,
    config: SegmenterConfig,
    style: Annotated[OverlayStyle, without("masks_only")],
    view: Annotated[ViewState, without("conf", "classes")],
    smoothing: SmoothingOptions,
    recording: RecordingOptions,
    output: LiveOutputOptions,
    encoding: EncodingOptions,
    console: ConsoleOptions,
    source: Annotated[
        str,
        typer.Argument(
            help="Camera number or /dev/video0; rtsp://, http(s)://, udp://; a video; or screen."
        ),
    ] = "0",
) -> None:
    """Show the street being segmented now.

    In the window: q quits, space pauses, s saves the picture, m masks only, c the next choice of
    classes, + and - the lowest score, h figures. The page in the browser has the same.

    Examples:
        urban-segmentor live 0

        urban-segmentor live rtsp://camera.local/stream --display browser

        urban-segmentor live clip.mp4 --record seen.mp4

        urban-segmentor live screen --imgsz 640 --classes car,person
    """
    from urban_segmentor.apps.live.session import LiveSession
    from urban_segmentor.cli.console import silence_decoders, stderr
    from urban_segmentor.cli.interrupts import stop_on_signals
    from urban_segmentor.cli.load_segmenter import load_segmenter
    from urban_segmentor.io.streams.live_source import LiveSource
    from urban_segmentor.io.streams.source_uri import parse_source_uri
    from urban_segmentor.io.writers import WRITERS

    silence_decoders()
    screen = stderr()
    uri = parse_source_uri(source)
    reader = LiveSource(
        uri, options=stream, on_state=lambda state: screen.print(state, style="dim")
    )
    recorder = _recorder(recording, uri, encoding, overwrite=output.overwrite)
    segmenter = load_segmenter(replace(model, streams=MANY_STREAMS), config)
    kinds = output.kinds or ()
    sinks = [
        WRITERS[kind](output.folder, classes=segmenter.classes, overwrite=output.overwrite)
        for kind in kinds
    ]
    controls = ViewControls(segmenter.classes, view=replace(view, conf=config.conf))
    shown = _open_display(
        display, controls, title=uri.name, folder=output.folder, palette=style.palette
    )
    screen.print(f"{segmenter.selection.runtime} on {segmenter.selection.device}", style="dim")
    screen.print(f"{uri.name}: {shown.sentence}", style="bold", soft_wrap=True)
    run = LiveSession(
        reader,
        segmenter=segmenter,
        controls=controls,
        display=shown.display,
        style=style,
        recorder=recorder,
        sinks=sinks,
        smooth=smoothing.smooth,
        every=not stream.paced,
        until_s=None if uri.kind == "file" else stream.duration_s,
        on_problem=lambda error: _print_failure(screen, error),
    )
    with closing(shown.display), stop_on_signals(run.stop):
        outcome = run.run()
    written = [str(output.folder / WRITER_PATHS[kind]) for kind in kinds]
    written += [] if recorder is None else [str(path) for path in recorder.written]
    if console.as_json:
        about = {"source": uri.name, "display": shown.display.where, "written": written}
        typer.echo(json.dumps(about | _as_json(outcome, segmenter), indent=2))
    else:
        _print_summary(screen, outcome, written)
    _exit(outcome, reader.state)


def _recorder(
    recording: RecordingOptions, uri: SourceUri, encoding: EncodingOptions, *, overwrite: bool
) -> RollingVideoWriter | None:
    """Return what records the picture, or None."""
    from urban_segmentor.io.atomic import check_not_source
    from urban_segmentor.io.rolling_video import RollingVideoWriter

    if recording.path is None:
        return None
    check_not_source(recording.path, Path(uri.target))
    return RollingVideoWriter(
        recording.path, max_length_s=recording.max_length_s, encoding=encoding, overwrite=overwrite
    )


def _open_display(
    options: DisplayOptions, controls: ViewControls, *, title: str, folder: Path, palette: str
) -> DisplaySelection:
    """Return the display that was asked for, open."""
    from urban_segmentor.apps.live.browser import BrowserDisplay
    from urban_segmentor.apps.live.display_selection import select_display
    from urban_segmentor.apps.live.snapshot import save_image
    from urban_segmentor.apps.live.window import WindowDisplay

    return select_display(
        options.display,
        make_window=lambda: WindowDisplay(
            controls, title=title, save_image=lambda frame: save_image(frame, folder)
        ),
        make_browser=lambda: BrowserDisplay(
            controls,
            title=title,
            host=options.host,
            port=options.port,
            token=options.token,
            palette=palette,
        ),
    )


def _exit(outcome: LiveReport, state: str) -> None:
    """Say what went wrong, and end with the code for it."""
    from urban_segmentor.cli.interrupts import EXIT_CODE

    for problem in outcome.problems:
        typer.secho(f"note: {problem}", fg="yellow", err=True)
    if outcome.failed_outputs or not (outcome.frames or outcome.stopped):
        typer.secho(f"error: {_failure(outcome, state)}", fg="red", err=True)
        raise typer.Exit(1)
    if outcome.stopped:
        raise typer.Exit(EXIT_CODE)


def _failure(outcome: LiveReport, state: str) -> str:
    if outcome.failed_outputs:
        return "not everything was written, see above"
    return f"no picture came in {outcome.elapsed_s:.0f} s ({state})"


def _print_failure(console: Console, error: OutputError) -> None:
    """Say at once what cannot be written; the picture goes on."""
    console.rule("not recorded any more", style="bold red")
    console.print(f"{error}; the picture goes on", style="bold red", soft_wrap=True)
    if error.hint:
        console.print(f"hint: {error.hint}", soft_wrap=True)
    console.rule(style="bold red")


def _print_summary(console: Console, outcome: LiveReport, written: list[str]) -> None:
    """Say how it went, where the results are, and what the stages cost."""
    from urban_segmentor.cli.console import rich_table
    from urban_segmentor.reports.tables import stage_times

    latency = outcome.latency
    delay = "" if latency is None else f", {latency['p50']:.0f} ms from capture to display"
    lost = f", {outcome.dropped} dropped" if outcome.dropped else ""
    again = f", {outcome.reconnects} reconnects" if outcome.reconnects else ""
    console.print(f"{outcome.frames} frames, {outcome.fps:.1f} a second{delay}{lost}{again}")
    for path in written:
        console.print(f"result: {path}", style="bold green", soft_wrap=True)
    console.print(rich_table(stage_times(outcome.stages.summary())))


def _as_json(outcome: LiveReport, segmenter: Segmenter) -> dict[str, object]:
    return {
        "frames": outcome.frames,
        "fps": round(outcome.fps, 2),
        "latency_ms": outcome.latency,
        "dropped": outcome.dropped,
        "reconnects": outcome.reconnects,
        "elapsed_s": round(outcome.elapsed_s, 3),
        "stages": outcome.stages.summary(),
        "runtime": segmenter.selection.runtime,
        "device": segmenter.selection.device,
        "problems": outcome.problems,
        "interrupted": outcome.stopped,
    }
