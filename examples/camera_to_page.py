"""A camera or stream on a page for the browser: `camera_to_page.py 0`, or `rtsp://...`."""

import sys

from _street import street_video

import urban_segmentor as us
from urban_segmentor.io.sources import open_source

source = sys.argv[1] if len(sys.argv) > 1 else street_video()

opened = open_source(source)
page = us.BrowserPage(title="street", port=0)
print(f"open {page.url}")
pipeline = us.Pipeline(
    opened.source,
    us.Segmenter("urban-n"),
    renderers=[us.Overlay()],
    viewers=[page],
    newest=opened.is_live,
)
report = pipeline.run()  # until the source ends, or somebody ends it on the page
print(f"{report.frames} frames, {pipeline.not_shown} of them not shown")
