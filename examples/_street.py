"""The drawn street that the examples run on when they are given nothing else."""

from pathlib import Path

from urban_segmentor import ImageWriter, VideoWriter
from urban_segmentor.synthetic import Street

OUTPUT = Path("urban-out")


def street_image() -> Path:
    """Return the path of a drawn street."""
    rendered = next(iter(Street(seed=3).shots(seconds=1.0)))
    writer = ImageWriter(OUTPUT / "street", overwrite=True)
    writer.write(rendered.result())
    return writer.written


def street_folder(*, images: int = 4) -> Path:
    """Return a folder of drawn streets."""
    writer = ImageWriter(OUTPUT / "streets", overwrite=True)
    for seed in range(images):
        for rendered in Street(fps=1.0, seed=seed).shots(seconds=1.0):
            writer.write(rendered.result())
    return OUTPUT / "streets"


def street_video(*, seconds: float = 2.0) -> Path:
    """Return the path of a drawn clip."""
    path = OUTPUT / "street.mp4"
    writer = VideoWriter(path, overwrite=True)
    for rendered in Street(seed=3).shots(seconds=seconds):
        writer.write(rendered.result())
    writer.close()
    return path
