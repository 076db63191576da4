"""A video in, a video with what was found and a CSV out, with a progress bar."""

import sys

from _street import OUTPUT, street_video
from rich.progress import Progress

import urban_segmentor as us

path = sys.argv[1] if len(sys.argv) > 1 else street_video()

video = us.VideoReader(path)
segmenter = us.Segmenter("urban-n", streams=2)
pipeline = us.Pipeline(
    video,
    segmenter,
    renderers=[us.Overlay(style=us.OverlayStyle(opacity=0.4))],
    sinks=[
        us.VideoWriter(OUTPUT / "overlay.mp4", rate=video.info.rate, overwrite=True),
        us.writers["csv"](OUTPUT / "video", overwrite=True),
    ],
)
with Progress() as bar:
    task = bar.add_task("segmenting", total=video.info.frames)
    report = pipeline.run(on_result=lambda _: bar.advance(task))
print(f"{report.frames} frames in {report.elapsed_s:.1f} s, {report.instances} objects")
print(OUTPUT / "overlay.mp4", OUTPUT / "video" / "results.csv")
