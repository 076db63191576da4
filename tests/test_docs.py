"""The documents: links lead somewhere, and commands can be typed as they stand."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer
from click.exceptions import Exit

from urban_segmentor.cli.main import command_line

ROOT = Path(__file__).parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
PROGRAM = "urban-segmentor"
MOST_BYTES = 150_000


def name_of(path: Path) -> str:
    """Return what a test is called."""
    return str(path.relative_to(ROOT))


def anchors(path: Path) -> set[str]:
    """Return what the headings of a page are called in links."""
    text = BLOCK.sub("", path.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links(page: Path) -> None:
    """Those to files of ours find them, and those to headings too."""
    text = BLOCK.sub("", page.read_text(encoding="utf-8"))
    for link in LINK.findall(text):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


def commands() -> list[tuple[str, str]]:
    """Return each command of the documents, and the page that it stands on."""
    found = []
    for page in PAGES:
        for language, block in BLOCK.findall(page.read_text(encoding="utf-8")):
            if language not in {"sh", "bash", "console"}:
                continue
            lines = block.replace("\\\n", " ").splitlines()
            found += [(line, name_of(page)) for line in lines if line.startswith(f"{PROGRAM} ")]
    return found


COMMANDS = commands()


@pytest.mark.parametrize(("line", "page"), COMMANDS, ids=[line for line, _ in COMMANDS])
def test_commands(line: str, page: str) -> None:
    """The parser takes every word of them."""
    words = shlex.split(line, comments=True)[1:]
    command, context = typer.main.get_command(command_line(())), None
    while hasattr(command, "commands"):
        word = words[0]
        if word in {"--help", "--version"}:
            return
        assert word in command.commands, f"{page} names no command"
        command, words = command.commands[word], words[1:]
    try:
        context = command.make_context(PROGRAM, words)
    except Exit:
        assert {"-h", "--help"} & set(words)
    else:
        assert context.params


def test_there_are_commands() -> None:
    """They are found at all."""
    assert len(COMMANDS) > 3


@pytest.mark.parametrize("path", sorted((ROOT / "docs" / "images").iterdir()), ids=name_of)
def test_images(path: Path) -> None:
    """They are small, and a page shows them."""
    assert path.suffix in {".png", ".jpg"}
    assert path.stat().st_size < MOST_BYTES
    assert any(
        f"({path.relative_to(page.parent)})" in page.read_text()
        for page in PAGES
        if page.is_relative_to(ROOT / "docs")
    )


@pytest.mark.parametrize("page", ["docs/python.md", "README.md"])
def test_python(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of Python run one after the other, as they stand, beside a photo, clip and folder."""
    from urban_segmentor import VideoWriter
    from urban_segmentor.synthetic import Street

    street = Street(size=(256, 448), fps=8.0, seed=1)
    writer = VideoWriter(tmp_path / "clip.mp4")
    for rendered in street.shots(seconds=1.5):
        writer.write(rendered.result())
        (tmp_path / "folder").mkdir(exist_ok=True)
        rendered.result().save(tmp_path / "photo.jpg")
    writer.close()
    rendered.result().save(tmp_path / "folder" / "one.png")
    monkeypatch.chdir(tmp_path)
    text = (ROOT / page).read_text(encoding="utf-8")
    blocks = [block for language, block in BLOCK.findall(text) if language == "python"]
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, page, "exec"), names)  # noqa: S102 - our own pages
    assert blocks
