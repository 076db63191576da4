"""Files, folders and patterns become pictures and videos with names of their own."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.io.clips import patches
from urban_segmentor.errors import SourceError
from urban_segmentor.io.image_files import write_image
from urban_segmentor.io.inputs import Inputs, find_inputs


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def touch(*names: str) -> None:
    """Make files with something in them."""
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(b"x")


def named(inputs: Inputs) -> dict[str, str]:
    """Return the names by path."""
    return {str(path): name for path, name in inputs.images + inputs.videos}


def test_a_folder_is_searched_to_the_bottom() -> None:
    """Names keep the sub-folders; hidden files and other kinds are left out."""
    touch("in/b.JPG", "in/a.png", "in/x/y/c.webp", "in/clip.MKV", "in/notes.txt", "in/.hidden.png")
    found = find_inputs(["in"])
    assert [name for _, name in found.images] == ["a", "b", "x/y/c"]
    assert [name for _, name in found.videos] == ["clip"]


def test_names_that_would_meet_are_told_apart() -> None:
    """The same stem with another suffix, from another folder, or in other letters."""
    touch("in/a.jpg", "in/a.png", "in/A.bmp", "in/a.mp4", "other/a.jpg", "other/a_jpg.png")
    found = find_inputs(["in", "other", "other/a.jpg"])
    names = named(found)
    assert len(names) == 6
    assert len({name.lower() for name in names.values()}) == 6
    assert names["in/A.bmp"] == "A"
    assert names["in/a.png"] == "a_png"


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["p", "q", "p/q"]),
            st.sampled_from(["a", "A", "a_png", "a_jpg", "a_2", "a_jpg_2"]),
            st.sampled_from([".jpg", ".png", ".JPG", ".mp4", ".avi"]),
        ),
        min_size=1,
        unique=True,
    )
)
def test_all_names_are_different(
    tmp_path_factory: pytest.TempPathFactory, parts: list[tuple[str, str, str]]
) -> None:
    """Whatever the files are called, and each file is there once."""
    root = tmp_path_factory.mktemp("names")
    files = [root / folder / (stem + suffix) for folder, stem, suffix in parts]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    names = named(find_inputs([str(root), *map(str, files), f"{root}/**/*"]))
    assert set(names) == set(map(str, files))
    assert len({name.lower() for name in names.values()}) == len(files)


def test_one_file_in_two_ways_counts_once(tmp_path: Path) -> None:
    """Relative, absolute, through a pattern or a link."""
    touch("a.png")
    Path("link.png").symlink_to("a.png")
    assert named(find_inputs(["a.png", "./a.png", str(tmp_path / "a.png"), "a*", "link.png"])) == {
        "a.png": "a"
    }


def test_patterns() -> None:
    """With all signs, over folders, and only media where there are any."""
    touch("in/a1.png", "in/a2.png", "in/b.png", "in/x/a1.jpg", "in/notes.txt", "in/raw")
    assert list(named(find_inputs(["in/a?.png"]))) == ["in/a1.png", "in/a2.png"]
    assert list(named(find_inputs(["in/[ab][!2].png"]))) == ["in/a1.png"]
    assert list(named(find_inputs(["in/*"]))) == ["in/a1.png", "in/a2.png", "in/b.png"]
    assert list(named(find_inputs(["in/**/a1.*"]))) == ["in/a1.png", "in/x/a1.jpg"]
    assert list(named(find_inputs(["in/r*"]))) == ["in/raw"]


def test_brackets_in_names() -> None:
    """A file that is there is meant, not a pattern."""
    touch("a[1].png", "a1.png", "[x]/*.png")
    assert named(find_inputs(["a[1].png"])) == {"a[1].png": "a[1]"}
    assert named(find_inputs(["[x]"])) == {"[x]/*.png": "*"}


def test_a_named_file_counts_whatever_its_suffix() -> None:
    """A picture by its content, and else a video."""
    write_image(Path("a.png"), patches(), overwrite=False)
    Path("a.png").rename("photo.dat")
    touch("film.dat", "noise")
    found = find_inputs(["photo.dat", "film.dat", "noise"])
    assert [path.name for path, _ in found.images] == ["photo.dat"]
    assert [path.name for path, _ in found.videos] == ["film.dat", "noise"]


def test_the_folder_of_results_is_left_out() -> None:
    """Below a folder that is searched, unless it is that folder itself."""
    touch("a.png", "out/a.png", "out/masks/a.png")
    assert list(named(find_inputs(["."], leave_out=Path("out")))) == ["a.png"]
    assert len(named(find_inputs(["out"], leave_out=Path("out")))) == 2
    assert len(named(find_inputs(["out/a.png"], leave_out=Path("out")))) == 1
    with pytest.raises(SourceError, match="no pictures or videos"):
        find_inputs(["out"], leave_out=Path("out") / ".." / ".." / Path.cwd().name)


def test_names_beyond_ascii() -> None:
    """Also such as no encoding knows."""
    touch("straße/道路 1.png", "straße/\udcff.png")
    names = list(named(find_inputs(["straße"])).values())
    assert sorted(names) == ["\udcff", "道路 1"] or sorted(names) == ["道路 1", "\udcff"]


@pytest.mark.parametrize(
    ("wish", "error", "hint"),
    [
        ("no.png", "there is no file or folder `no.png`", "you are in"),
        ("photo.jpg", "there is no file or folder `photo.jpg`", "did you mean `photo.png`?"),
        ("empty", "no pictures or videos in the folder `empty`", "pictures end in .bmp, .jpeg"),
        ("*.gif", "no file matches", "pattern"),
        ("https://example.org/a.mp4", "is an address", "download it first"),
    ],
)
def test_wishes_that_find_nothing(wish: str, error: str, hint: str) -> None:
    """Each in words of its own."""
    touch("photo.png", "empty/notes.txt")
    with pytest.raises(SourceError, match=error) as caught:
        find_inputs([wish])
    assert hint in (caught.value.hint or "")
