"""`urban-segmentor live`: a camera, a stream, the screen or a video, segmented as it comes."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from urban_segmentor.cli import shared_options as declared

if TYPE_CHECKING:
    from rich.console import Console

    from urban_segmentor.apps.live.run import LiveReport
    from urban_segmentor.errors import OutputError
    from urban_segmentor.inference.segmenter import Segmenter

_STREAMS = 2  # one network a core beats one network on two cores
_KINDS = ("jsonl", "csv")
_SOURCE, _SHOW, _WHAT = "Source", "Display", "Model"
_FIND, _DRAW, _WRITE = "What to find", "Drawing", "Results"


def live(  # noqa: PLR0913 - one parameter an option
    source: Annotated[
        str,
        typer.Argument(
            help="Camera number or /dev/video0; rtsp://, http(s)://, udp://; a video; or screen."
        ),
    ] = "0",
    size: Annotated[
        str | None,
        typer.Option(help="WxH asked of a camera or the screen.", rich_help_panel=_SOURCE),
    ] = None,
    fps: Annotated[
        float | None,
        typer.Option(
            help="Frames a second asked of a camera or the screen.", rich_help_panel=_SOURCE
        ),
    ] = None,
    transport: Annotated[
        str, typer.Option(help="tcp or udp, of RTSP.", rich_help_panel=_SOURCE)
    ] = "tcp",
    pace: Annotated[
        bool,
        typer.Option(
            help="Play a video at its own pace and leave out what is too much; --no-pace takes "
            "every frame, as fast as it goes.",
            rich_help_panel=_SOURCE,
        ),
    ] = True,
    start: Annotated[
        float, typer.Option(help="Begin a video at, seconds.", rich_help_panel=_SOURCE)
    ] = 0.0,
    duration: Annotated[
        float | None, typer.Option(help="End after so many seconds.", rich_help_panel=_SOURCE)
    ] = None,
    vid_stride: Annotated[
        int, typer.Option(help="Every how manyth frame.", rich_help_panel=_SOURCE)
    ] = 1,
    display: Annotated[
        str, typer.Option(help="auto, window, browser or none.", rich_help_panel=_SHOW)
    ] = "auto",
    host: Annotated[
        str, typer.Option(help="Address of the page.", rich_help_panel=_SHOW)
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port of the page.", rich_help_panel=_SHOW)] = 8000,
    token: Annotated[
        str | None,
        typer.Option(
            envvar="URBAN_SEGMENTOR_TOKEN",
            show_envvar=True,
            help="What viewers have to know; needed for another --host than this machine.",
            rich_help_panel=_SHOW,
        ),
    ] = None,
    model: declared.Model = "urban-n",
    device: declared.Device = "auto",
    runtime: declared.Runtime = "auto",
    precision: declared.Precision = "auto",
    imgsz: declared.Imgsz = None,
    conf: Annotated[
        float, typer.Option(help="Lowest score, 0 to 1.", rich_help_panel=_FIND)
    ] = 0.25,
    iou: declared.Iou = 0.7,
    max_det: declared.MaxDet = 300,
    classes: declared.Classes = None,
    masks_only: declared.MasksOnly = False,
    masks: declared.Masks = True,
    outlines: declared.Outlines = True,
    boxes: Annotated[bool, typer.Option(help="Draw boxes.", rich_help_panel=_DRAW)] = True,
    labels: declared.Labels = True,
    scores: declared.Scores = True,
    opacity: declared.Opacity = 0.5,
    palette: declared.Palette = "cityscapes",
    figures: Annotated[
        bool, typer.Option(help="Write frame rate and delays.", rich_help_panel=_DRAW)
    ] = True,
    record: Annotated[
        Path | None,
        typer.Option(
            help="Record what is shown, as MP4; goes on in NAME-002.mp4 after --segment seconds, "
            "another size, or a gap.",
            rich_help_panel=_WRITE,
        ),
    ] = None,
    segment: Annotated[
        float, typer.Option(help="Length of a recording, seconds.", rich_help_panel=_WRITE)
    ] = 600.0,
    save: Annotated[
        str | None, typer.Option(help="jsonl, csv, or both.", rich_help_panel=_WRITE)
    ] = None,
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--output", help="Folder for results and saved pictures.", rich_help_panel=_WRITE
        ),
    ] = Path("urban-out"),
    overwrite: declared.Overwrite = False,
    codec: declared.Codec = "h264",
    crf: declared.Crf = 23,
    preset: declared.Preset = "ultrafast",
    as_json: declared.AsJson = False,
    verbose: declared.Verbose = False,  # noqa: ARG001 - read by `main` before the parser
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
    from urban_segmentor.apps.live.browser import BrowserDisplay
    from urban_segmentor.apps.live.display_selection import DISPLAYS, select_display
    from urban_segmentor.apps.live.run import Live
    from urban_segmentor.apps.live.snapshot import save_image
    from urban_segmentor.apps.live.view_controls import ViewControls, ViewState
    from urban_segmentor.apps.live.window import WindowDisplay
    from urban_segmentor.cli.console import stderr
    from urban_segmentor.cli.interrupts import stop_on_signals
    from urban_segmentor.cli.parsers import one_of, parse_imgsz, parse_size, silence_decoders
    from urban_segmentor.inference.segmenter import Segmenter
    from urban_segmentor.io.atomic import check_not_source
    from urban_segmentor.io.rolling_video import RollingVideoWriter
    from urban_segmentor.io.streams.live_source import LiveSource
    from urban_segmentor.io.streams.source_uri import parse_source_uri
    from urban_segmentor.io.streams.stream_options import StreamOptions
    from urban_segmentor.io.writers import WRITER_PATHS, WRITERS
    from urban_segmentor.predict import parse_classes
    from urban_segmentor.visualization.overlay import OverlayStyle

    silence_decoders()
    console = stderr()
    uri = parse_source_uri(source)
    options = StreamOptions(
        size=None if size is None else _width_first(parse_size(size)),
        rate=fps,
        transport=one_of("transport", transport, ("tcp", "udp")),
        stride=vid_stride,
        start_s=start,
        duration_s=duration,
        paced=pace,
    )
    style = OverlayStyle(
        masks=masks,
        outlines=outlines,
        boxes=boxes,
        labels=labels,
        scores=scores,
        opacity=opacity,
        palette=palette,
    )
    kinds = _kinds(save)
    one_of("display", display, DISPLAYS)
    reader = LiveSource(
        uri, options=options, on_state=lambda state: console.print(state, style="dim")
    )
    recorder = None
    if record is not None:
        check_not_source(record, Path(uri.target))
        recorder = RollingVideoWriter(
            record,
            max_length_s=segment,
            codec=codec,
            crf=crf,
            preset=preset,
            overwrite=overwrite,
        )
    segmenter = Segmenter(
        model,
        device=device,
        runtime=one_of("runtime", runtime, ("auto", "openvino", "onnx")),
        precision=one_of("precision", precision, ("auto", "f32")),
        streams=_STREAMS,
        imgsz=parse_imgsz(imgsz),
        conf=conf,
        iou=iou,
        max_det=max_det,
        classes=parse_classes(classes or []),
    )
    names = segmenter.spec.class_names
    sinks = [
        WRITERS[kind](output, classes=segmenter.classes, overwrite=overwrite) for kind in kinds
    ]
    controls = ViewControls(
        names, view=ViewState(conf=conf, masks_only=masks_only, figures=figures)
    )
    chosen = select_display(
        display,
        make_window=lambda: WindowDisplay(
            controls,
            title=uri.name,
            save_image=lambda frame: save_image(frame, output),
        ),
        make_browser=lambda: BrowserDisplay(
            controls, title=uri.name, host=host, port=port, token=token
        ),
    )
    console.print(f"{segmenter.selection.runtime} on {segmenter.selection.device}", style="dim")
    console.print(f"{uri.name}: {chosen.sentence}", style="bold", soft_wrap=True)
    run = Live(
        reader,
        segmenter=segmenter,
        controls=controls,
        display=chosen.display,
        style=style,
        recorder=recorder,
        sinks=sinks,
        every=not pace,
        until_s=None if uri.kind == "file" else duration,
        on_problem=lambda error: _shout(console, error),
    )
    with closing(chosen.display), stop_on_signals(run.stop):
        outcome = run.run()
    written = [str(output / WRITER_PATHS[kind]) for kind in kinds]
    written += [] if recorder is None else [str(path) for path in recorder.written]
    if as_json:
        about = {"source": uri.name, "display": chosen.display.where, "written": written}
        typer.echo(json.dumps(about | _as_json(outcome, segmenter), indent=2))
    else:
        _tell(console, outcome, written)
    _exit(outcome, reader.state)


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


def _width_first(size: tuple[int, int]) -> tuple[int, int]:
    height, width = size
    return width, height


def _kinds(text: str | None) -> tuple[str, ...]:
    """Return the kinds of results that are wanted."""
    from urban_segmentor.errors import SettingError
    from urban_segmentor.predict import parse_kinds

    kinds = parse_kinds(text or "")
    unknown = [kind for kind in kinds if kind not in _KINDS]
    if unknown or (text is not None and not kinds):
        raise SettingError(
            f"there is no result `{unknown[0]}` of a live picture"
            if unknown
            else "`save` is empty",
            hint="--save jsonl,csv, and --record seen.mp4 for the picture",
        )
    return kinds


def _shout(console: Console, error: OutputError) -> None:
    """Say at once what cannot be written; the picture goes on."""
    console.rule("not recorded any more", style="bold red")
    console.print(f"{error}; the picture goes on", style="bold red", soft_wrap=True)
    if error.hint:
        console.print(f"hint: {error.hint}", soft_wrap=True)
    console.rule(style="bold red")


def _tell(console: Console, outcome: LiveReport, written: list[str]) -> None:
    """Say how it went, where the results are, and what the stages cost."""
    from urban_segmentor.cli.console import stage_table

    latency = outcome.latency
    delay = "" if latency is None else f", {latency['p50']:.0f} ms from capture to display"
    lost = f", {outcome.dropped} dropped" if outcome.dropped else ""
    again = f", {outcome.reconnects} reconnects" if outcome.reconnects else ""
    console.print(f"{outcome.frames} frames, {outcome.fps:.1f} a second{delay}{lost}{again}")
    for path in written:
        console.print(f"result: {path}", style="bold green", soft_wrap=True)
    console.print(stage_table(outcome.stages.summary()))


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
