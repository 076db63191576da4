"""Self-contained HTML pages, made from the templates beside this file, and their folder."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from urban_segmentor import __version__
from urban_segmentor.errors import MissingExtraError
from urban_segmentor.io.atomic import write_atomically
from urban_segmentor.io.image_header import read_header

if TYPE_CHECKING:
    from jinja2 import Environment

    from urban_segmentor.structures.color import Rgb

_TEMPLATES = Path(__file__).parent / "templates"


class PageBar(NamedTuple):
    """A row of a bar chart.

    Attributes:
        name: Label before the bar.
        value: Length of the bar, not negative; written behind it.
        color: Color of the bar.
    """

    name: str
    value: int
    color: Rgb


class PageImage(NamedTuple):
    """An image on a page.

    Attributes:
        path: Path relative to the page's folder, with forward slashes.
        caption: Text below it, and its alternative text.
        size: Width and height, pixels, so that nothing moves while it loads.
    """

    path: str
    caption: str
    size: tuple[int, int]


class PageFolder:
    """Writes a page, and the files that it shows, into a folder.

    Attributes:
        written: Paths of the files, in the order in which they were written.

    Args:
        folder: Where to; made when missing.
        overwrite: True when files that are there may be replaced.
    """

    def __init__(self, folder: Path, *, overwrite: bool) -> None:
        self.written: list[Path] = []
        self._folder, self._overwrite = folder, overwrite

    def file(self, name: str, data: bytes) -> Path:
        """Write a file, and return its path.

        Args:
            name: Path relative to the folder.
            data: Its content.

        Raises:
            OutputError: It is there already, the disk is full, or the like.
        """
        path = self._folder / name
        write_atomically(path, data, overwrite=self._overwrite)
        self.written.append(path)
        return path

    def image(self, name: str, data: bytes, *, caption: str) -> PageImage:
        """Write an image, and return it for a page.

        Args:
            name: Path relative to the folder, with forward slashes.
            data: A PNG or JPEG file.
            caption: Text below it.

        Raises:
            OutputError: It is there already, the disk is full, or the like.
        """
        self.file(name, data)
        height, width = read_header(data, name=name).size
        return PageImage(name, caption, (width, height))

    def page(self, name: str, template: str, **values: object) -> Path:
        """Write a page as UTF-8, and return its path.

        Texts are escaped where they enter, so names of files and classes may hold what they like;
        what UTF-8 cannot encode is written as escapes.

        Args:
            name: Of the file.
            template: File name of the template.
            **values: What it names.

        Raises:
            MissingExtraError: jinja2 is not installed.
            OutputError: It is there already, the disk is full, or the like.
        """
        text = _environment().get_template(template).render(version=__version__, **values)
        return self.file(name, text.encode("utf-8", "backslashreplace"))


@cache
def _environment() -> Environment:
    try:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtraError("jinja2", extra="eval") from error
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["url"] = _relative_url
    return environment


def _relative_url(path: str) -> str:
    """Return a relative path as a URL; a colon cannot begin an address of another kind."""
    return quote(os.fsencode(path))
