"""A writer of one's own: a line of text for each frame."""

import sys
from pathlib import Path

from _street import OUTPUT, street_video

import urban_segmentor as us

path = sys.argv[1] if len(sys.argv) > 1 else street_video(seconds=1.0)


class TextWriter:
    """Writes `12.4 s: car, car, person`."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("w")

    def write(self, result: us.Result, /) -> None:
        """Append one line."""
        names = ", ".join(result.instances.class_names)
        self._file.write(f"{result.frame.time_s:.1f} s: {names or 'nothing'}\n")

    def close(self) -> None:
        """Finish the file."""
        self._file.close()


us.Pipeline(
    us.VideoReader(path, stride=5),
    us.Segmenter("urban-n"),
    sinks=[TextWriter(OUTPUT / "found.txt")],
).run()
print((OUTPUT / "found.txt").read_text())
