"""Clips and models that the benchmarks run on, made once in `urban-out/bench`."""

from __future__ import annotations

import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

ROOT = Path(__file__).parents[1]
WORK = ROOT / "urban-out" / "bench"
SHARED = Path(os.environ.get("URBAN_SEGMENTOR_SHARED", ROOT.parent / "shared"))
BIN = Path(sys.executable).parent


def clip_1080p(*, frames: int = 200) -> tuple[Path, str]:
    """Return a clip of 1920 x 1080 and what it shows: a given dashcam clip, or our own street."""
    WORK.mkdir(parents=True, exist_ok=True)
    given = SHARED / "media" / "highway-960x540-25fps.mp4"
    if given.is_file():
        target = WORK / f"highway-1080p-{frames}.mp4"
        if not target.is_file():
            _scale(given, target, frames)
        return target, f"{given.name}, scaled to 1920x1080, {frames} frames"
    target = WORK / f"street-1080p-{frames}.mp4"
    if not target.is_file():
        options = ["--size", "1920x1080", "--seconds", str(frames / 25), "--camera", "dashcam"]
        run([BIN / "urban-segmentor", "sample", target, *options])
    return target, f"the procedural street, 1920x1080, {frames} frames"


def clip_720p(*, frames: int, rate: int = 30) -> tuple[Path, str]:
    """Return a clip of 1280 x 720 and what it shows; the same second and a half again and again."""
    WORK.mkdir(parents=True, exist_ok=True)
    given = SHARED / "media" / "highway-1280x720-25fps.mp4"
    target = WORK / f"loop-720p-{frames}-{rate}.mp4"
    if not given.is_file():
        given = WORK / "street-720p.mp4"
        if not given.is_file():
            run([BIN / "urban-segmentor", "sample", given, "--seconds", "2"])
    if not target.is_file():
        _repeat(given, target, frames=frames, rate=rate)
    return target, f"{given.name}, over and over, {frames} frames"


def same_weights() -> Path:
    """Return the checkpoint's export, made once, so that both sides run the same weights."""
    target = WORK / "same.onnx"
    if not target.is_file():
        WORK.mkdir(parents=True, exist_ok=True)
        run([BIN / "urban-segmentor", "export", checkpoint(), "--imgsz", "448,768", "-o", target])
    return target


def checkpoint() -> Path:
    """Return the checkpoint that the embedded model was exported from, or exit."""
    path = SHARED / "models" / "urban-yolov8n-seg-v0.pt"
    if not path.is_file():
        sys.exit(f"the comparison needs {path.name}; URBAN_SEGMENTOR_SHARED names its folder")
    return path


def run(command: list[object], **options: object) -> str:
    """Run a command to its end and return what it wrote to stdout."""
    done = subprocess.run(
        [str(part) for part in command],
        check=True,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        **options,  # type: ignore[call-overload]
    )
    return done.stdout


def _scale(source: Path, target: Path, frames: int) -> None:
    """Scale a clip up; it starts again where it is too short."""
    import av

    with av.open(str(target), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"preset": "veryfast", "crf": "20"})
        stream.width, stream.height, stream.pix_fmt = 1920, 1080, "yuv420p"
        done = 0
        while done < frames:
            with av.open(str(source)) as clip:
                for frame in clip.decode(video=0):
                    if done == frames:
                        break
                    scaled = frame.reformat(1920, 1080, "yuv420p")
                    scaled.pts = None
                    out.mux(stream.encode(scaled))
                    done += 1
        out.mux(stream.encode())


def _repeat(source: Path, target: Path, *, frames: int, rate: int) -> None:
    """Encode a clip once, and write its packets again and again."""
    import av

    once = target.with_name(f"once-{target.name}")
    base = Fraction(1, rate)
    with av.open(str(source)) as clip, av.open(str(once), "w") as out:
        options = {"preset": "veryfast", "crf": "20", "bf": "0"}
        stream = out.add_stream("libx264", rate=rate, options=options)
        given = clip.streams.video[0]
        stream.width, stream.height, stream.pix_fmt = given.width, given.height, "yuv420p"
        for number, frame in enumerate(clip.decode(video=0)):
            frame.pts, frame.time_base = number, base
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    done = 0
    partial = target.with_suffix(".partial")
    with av.open(str(partial), "w", format="mp4") as out:
        stream = None
        while done < frames:
            with av.open(str(once)) as clip:
                stream = stream or out.add_stream_from_template(clip.streams.video[0])
                for packet in clip.demux(video=0):
                    if packet.dts is None or done == frames:
                        continue
                    packet.pts = packet.dts = done
                    packet.duration = 1
                    packet.time_base, packet.stream = base, stream
                    out.mux(packet)
                    done += 1
    partial.replace(target)
