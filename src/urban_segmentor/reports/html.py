"""Self-contained HTML pages: text, tables, bars and images, without scripts.

Every text is escaped where it enters, so names of files may hold what they like.
"""

from __future__ import annotations

import os
from html import escape
from typing import TYPE_CHECKING, NamedTuple, NewType
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from urban_segmentor.structures.color import Rgb

Html = NewType("Html", str)
"""A piece of a page, escaped already."""

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8882; --pale: #888; }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.6rem; line-height: 1.2; }
h2 { font-size: 1.2rem; margin: 2rem 0 .5rem; }
p { margin: .5rem 0; max-width: 48rem; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .75rem .25rem 0; border-bottom: 1px solid var(--line); text-align: left;
  vertical-align: top; }
th { font-weight: 600; white-space: nowrap; }
td.number, th.number { text-align: right; white-space: nowrap; }
td.text { overflow-wrap: break-word; }
.bars { display: grid; grid-template-columns: max-content 1fr; gap: .25rem .75rem;
  align-items: center; }
.bar { display: flex; align-items: center; gap: .5rem; font-size: .9rem; }
.bar span { display: block; height: 1rem; min-width: 1px; border: 1px solid var(--pale); }
.images { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(min(100%,
  26rem), 1fr)); }
figure { margin: 0; }
img { display: block; max-width: 100%; height: auto; background: #fff; }
figcaption { font-size: .9rem; margin-top: .25rem; overflow-wrap: anywhere; }
footer { margin-top: 2rem; border-top: 1px solid var(--line); font-size: .9rem; }
@media print { body { max-width: none; } }
"""


class HtmlBar(NamedTuple):
    """A row of a bar chart.

    Attributes:
        name: Label before the bar.
        value: Length of the bar, not negative.
        text: Text after the bar.
        color: Color of the bar.
    """

    name: str
    value: float
    text: str
    color: Rgb


class HtmlImage(NamedTuple):
    """An image on a page.

    Attributes:
        path: Path relative to the page's folder, with forward slashes.
        caption: Text below it, and its alternative text.
        size: Height and width, pixels, so that nothing moves while it loads.
    """

    path: str
    caption: str
    size: tuple[int, int]


def html_page(title: str, *parts: Html, footer: str = "") -> str:
    """Return a whole page, to be written as UTF-8.

    Args:
        title: Title and first heading.
        parts: Content, from top to bottom.
        footer: Small text at the end.
    """
    end = f"<footer><p>{_text(footer)}</p></footer>\n" if footer else ""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_text(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{_text(title)}</h1>\n{''.join(parts)}{end}</body>\n</html>\n"
    )


def heading(text: str) -> Html:
    """Return a heading of a section."""
    return Html(f"<h2>{_text(text)}</h2>\n")


def paragraph(text: str) -> Html:
    """Return a paragraph."""
    return Html(f"<p>{_text(text)}</p>\n")


def bullets(texts: Iterable[str]) -> Html:
    """Return a list of sentences."""
    items = "".join(f"<li>{_text(text)}</li>\n" for text in texts)
    return Html(f"<ul>\n{items}</ul>\n")


def table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> Html:
    """Return a table; whole numbers get commas, and columns of numbers stand right.

    Args:
        headings: N texts; none of them for a table without a head.
        rows: N values each: whole numbers, or text, which may be a number too.
    """
    body = [list(row) for row in rows]
    numeric = [
        bool(body) and all(_is_number(row[i]) for row in body)
        for i in range(len(body[0]) if body else len(headings))
    ]
    head = (
        "".join(
            f'<th scope="col" class="{_kind(number)}">{_text(text)}</th>'
            for text, number in zip(headings, numeric, strict=True)
        )
        if headings
        else ""
    )
    lines = "".join(f"<tr>{_cells(row, numeric)}</tr>\n" for row in body)
    top = f"<thead><tr>{head}</tr></thead>\n" if head else ""
    return Html(f'<div class="scroll"><table>\n{top}<tbody>\n{lines}</tbody></table></div>\n')


def bars(rows: Sequence[HtmlBar]) -> Html:
    """Return a horizontal bar chart made of HTML elements."""
    max_value = max((row.value for row in rows), default=0) or 1
    lines = "".join(
        f'<div>{_text(row.name)}</div><div class="bar"><span style="width:'
        f"{80 * row.value / max_value:.2f}%;background:rgb({row.color[0]},{row.color[1]},"
        f'{row.color[2]})"></span>{_text(row.text)}</div>\n'
        for row in rows
    )
    return Html(f'<div class="bars">\n{lines}</div>\n')


def images(shown: Iterable[HtmlImage]) -> Html:
    """Return a grid of images with captions."""
    figures = "".join(_figure(image) for image in shown)
    return Html(f'<div class="images">\n{figures}</div>\n')


def _figure(image: HtmlImage) -> str:
    source = escape(quote(os.fsencode(image.path)), quote=True)
    caption = _text(image.caption)
    height, width = image.size
    return (
        f'<figure><a href="{source}"><img src="{source}" alt="{caption}" width="{width}" '
        f'height="{height}" loading="lazy"></a>\n<figcaption>{caption}</figcaption></figure>\n'
    )


def _cells(row: Sequence[object], numeric: Sequence[bool]) -> str:
    return "".join(
        f'<td class="{_kind(number)}">{_text(_written(value))}</td>'
        for value, number in zip(row, numeric, strict=True)
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int) or str(value).replace(",", "").replace(".", "", 1).isdecimal()


def _written(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _kind(number: bool) -> str:  # noqa: FBT001
    return "number" if number else "text"


def _text(text: str) -> str:
    """Return a text with HTML escaped; what UTF-8 cannot encode is written as escapes."""
    return escape(text.encode("utf-8", "backslashreplace").decode("utf-8"), quote=True)
