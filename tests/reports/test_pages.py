"""Pages that stand alone."""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from urban_segmentor.errors import MissingExtraError, OutputError
from urban_segmentor.io.image_codec import encode_image
from urban_segmentor.reports import pages
from urban_segmentor.reports.pages import PageBar, PageFolder, PageImage
from urban_segmentor.reports.tables import ReportTable

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("jinja2")
VOID = {"meta", "img", "br"}
PARTS = """
{% extends "base.html" %}
{% import "parts.html" as parts %}
{% block content %}
{{ parts.titled([table]) }}
{{ parts.facts(facts) }}
{{ parts.list(texts) }}
{{ parts.bars(bars) }}
{{ parts.images(images) }}
{% endblock %}
{% block terms %}{{ title }}{% endblock %}
"""


class Outline(HTMLParser):
    """Collects tags, texts and attributes, and checks that tags close in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.attributes: list[tuple[str, str | None]] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Check that the last one closes."""
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Keep what is to be read, without the style."""
        if self._open and self._open[-1] != "style":
            self.text += data


def part(call: str, **values: object) -> str:
    """Return what a macro makes of values."""
    source = f'{{% import "parts.html" as parts %}}{{{{ parts.{call} }}}}'
    return pages._environment().from_string(source).render(**values)


def everything(text: str) -> str:
    """Return a page that has a text everywhere."""
    template = pages._environment().from_string(PARTS)
    page = template.render(
        version="1",
        title=text,
        table=ReportTable(title=text, head=(text, "n", text), rows=[(text, "5", text)]),
        facts={text: text, "many": [text, text], "both": {text: text}},
        texts=[text, text],
        bars=[PageBar(text, 3, (1, 2, 3)), PageBar("b", 0, (0, 0, 0))],
        images=[PageImage(text, text, (10, 20))],
    )
    return page.encode("utf-8", "backslashreplace").decode("utf-8")


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]) | st.just("\udcff"), min_size=1))
def test_whatever_a_text_is_the_page_keeps_its_shape(text: str) -> None:
    """Names of files and classes cannot add tags, and are all there to be read."""
    told = text.encode("utf-8", "backslashreplace").decode("utf-8")
    found, usual = Outline(everything(text)), Outline(everything("plain"))
    assert found.tags == usual.tags
    assert [name for name, _ in found.attributes] == [name for name, _ in usual.attributes]
    assert found.text.count(told) >= 9 or not told.strip()


def test_markup_is_text() -> None:
    """The classic."""
    found = everything('<script>alert("1")</script>')
    assert "<script" not in found
    assert '"&' not in re.sub(r'(alt|content)="[^"]*"', "", found)


def test_it_needs_nothing_from_outside() -> None:
    """No scripts, no addresses; pictures by relative paths that URLs allow."""
    found = everything("a b/c#d?e.jpg")
    assert re.search(r"https?:|//|@import|url\(|<script|<link|javascript", found) is None
    assert 'src="a%20b/c%23d%3Fe.jpg"' in found


def test_a_path_cannot_become_an_address() -> None:
    """A colon before the first slash would name a scheme."""
    assert 'href="javascript%3Aalert"' in everything("javascript:alert")


def test_it_reads_on_a_phone_in_the_dark_and_on_paper() -> None:
    """The page says so to the browser."""
    found = everything("x")
    assert 'name="viewport" content="width=device-width' in found
    assert "color-scheme: light dark" in found
    assert "@media print" in found


def test_figures_stand_right() -> None:
    """Text at both ends stays left; rows may lack their last cells."""
    rows = [("car", "cpu", "1,234", "fine"), ("bus", "gpu", "failed")]
    table = ReportTable(
        title="", head=("class", "on", "n", "why"), rows=rows, texts=2, has_remarks=True
    )
    found = part("table(table)", table=table)
    assert [line for line in found.splitlines() if line.startswith("<t")][3:] == [
        '<th scope="col" class="figure">n</th>',
        '<th scope="col">why</th>',
        "<tbody>",
        "<tr>",
        '<th scope="row">car</th>',
        "<td>cpu</td>",
        '<td class="figure">1,234</td>',
        "<td>fine</td>",
        "<tr>",
        '<th scope="row">bus</th>',
        "<td>gpu</td>",
        '<td class="figure">failed</td>',
    ]


def test_facts_read_as_one_would_say_them() -> None:
    """Lists, tables, truth and nothing."""
    facts = {"a_b": ["x", "y"], "c": [], "d": True, "e": None, "f": {"g_h": 1, "i": "j"}, "k": 0.5}
    found = part("facts(facts)", facts=facts)
    cells = re.findall(r"<th[^>]*>([^<]*)</th><td>([^<]*)</td>", found)
    assert dict(cells) == {
        "a b": "x, y", "c": "none", "d": "yes", "e": "as it is", "f": "g h: 1, i: j", "k": "0.5",
    }  # fmt: skip


def test_bars_are_as_long_as_their_values() -> None:
    """The longest takes four fifths, so that its text has room."""
    rows = [PageBar(str(v), v, (0, 0, 0)) for v in (0, 5, 2000)]
    found = part("bars(rows)", rows=rows)
    assert re.findall(r"width:([\d.]+)%", found) == ["0.00", "0.20", "80.00"]
    assert "2,000" in found
    assert "width:0.00%" in part("bars(rows)", rows=rows[:1])


def test_a_folder_has_what_its_page_shows(tmp_path: Path) -> None:
    """Images know their size; what is there stays unless it may be replaced."""
    image = encode_image(np.zeros((30, 50, 3), np.uint8), suffix=".jpg")
    folder = PageFolder(tmp_path, overwrite=False)
    shown = folder.image("deep/a.jpg", image, caption="a")
    assert shown == PageImage("deep/a.jpg", "a", (50, 30))
    values = {"kind": "k", "folder": "f", "frames": "n", "tables": [], "problems": []}
    path = folder.page("x.html", "overview.html", title="t", plots=[shown], sheets=[], **values)
    assert folder.written == [tmp_path / "deep" / "a.jpg", path]
    assert 'src="deep/a.jpg"' in path.read_text(encoding="utf-8")
    with pytest.raises(OutputError, match="exists already"):
        PageFolder(tmp_path, overwrite=False).file("x.html", b"")
    PageFolder(tmp_path, overwrite=True).file("x.html", b"")
    assert path.read_bytes() == b""


def test_without_jinja_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hint can be pasted."""
    pages._environment.cache_clear()
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(MissingExtraError, match="jinja2") as caught:
        PageFolder(tmp_path, overwrite=False).page("x.html", "overview.html")
    assert caught.value.hint == "pip install 'urban-segmentor[eval]'"
