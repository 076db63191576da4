"""Pages that stand alone."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from urban_segmentor.reports import html as page

VOID = {"meta", "img"}


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


def everything(text: str) -> str:
    """Return a page that has a text everywhere."""
    return page.html_page(
        text,
        page.heading(text),
        page.paragraph(text),
        page.bullets([text, text]),
        page.table((text, "n"), [(text, 1234), (text, 5)]),
        page.bars(
            [page.HtmlBar(text, 3.0, text, (1, 2, 3)), page.HtmlBar("b", 0.0, "0", (0, 0, 0))]
        ),
        page.images([page.HtmlImage(text, text, (10, 20))]),
        footer=text,
    )


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


def test_it_reads_on_a_phone_and_in_the_dark() -> None:
    """The page says so to the browser."""
    found = page.html_page("x")
    assert 'name="viewport" content="width=device-width' in found
    assert "color-scheme: light dark" in found


def test_columns_of_numbers_stand_right() -> None:
    """Whole numbers get commas; text stays left."""
    found = page.table(("class", "pixels", "%"), [("car", 1234567, "0.5"), ("sky", 2, "1,000.0")])
    assert '<td class="text">car</td><td class="number">1,234,567</td>' in found
    assert '<td class="number">0.5</td>' in found
    assert page.table(("a",), []).count("<tr>") == 1


def test_bars_are_as_long_as_their_values() -> None:
    """The longest takes four fifths, so that its text has room."""
    rows = [page.HtmlBar(str(v), v, "", (0, 0, 0)) for v in (0.0, 5.0, 20.0)]
    widths = [float(found) for found in re.findall(r"width:([\d.]+)%", page.bars(rows))]
    assert widths == [0, 20, 80]
    assert "width:0.00%" in page.bars(rows[:1])
