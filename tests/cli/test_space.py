"""`urban-segmentor space`, as it is typed."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import pytest

from tests.cli.runner import save_image

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.runner import Shell


@pytest.fixture
def examples(tmp_path: Path) -> Path:
    """Return a folder with a picture."""
    return save_image(tmp_path / "own" / "street.png").parent


def test_build_zip_and_dry_run(shell: Shell, examples: Path, tmp_path: Path) -> None:
    """They agree on the files; results are on stdout only where they are data."""
    words = ("--model", shell.model, "--examples", examples)
    built = shell("space", "build", "space", *words)
    assert built.code == 0
    assert built.out == ""
    assert "space/app.py" in built.err
    listed = shell("space", "push", "--repo", "user/name", "--from", "space", "--dry-run", "--json")
    assert listed.json["dry_run"] is True
    names = {one["name"] for one in listed.json["list"]}
    assert {"app.py", "model/tiny.onnx", "examples/examples.json"} <= names
    packed = shell("space", "zip", "space.zip", "--from", "space", "--json")
    assert packed.json["files"] == listed.json["files"] == len(names)
    with zipfile.ZipFile(tmp_path / "space.zip") as archive:
        assert set(archive.namelist()) == names
    assert (tmp_path / "space.zip").stat().st_size == packed.json["archive_bytes"]


def test_an_archive_can_be_had_at_once(shell: Shell, examples: Path, tmp_path: Path) -> None:
    """Without a folder before; none is left behind."""
    words = ("--model", shell.model, "--examples", examples)
    assert shell("space", "zip", "space.zip", *words).code == 0
    assert zipfile.is_zipfile(tmp_path / "space.zip")
    assert {path.name for path in tmp_path.iterdir()} == {"own", "space.zip"}
    again = shell("space", "zip", "space.zip", *words)
    assert again.code == 1
    assert "exists already" in again.err
    assert "--overwrite" in again.err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("push", "--repo", "name", "--dry-run"), 2, "user/name"),
        (("push", "--repo", "user/name", "--from", "nothing"), 1, "space build"),
        (("push", "--repo", "user/name", "--from", "x", "--model", "y"), 2, "--from"),
        (("zip", "a.zip", "--from", "nothing"), 1, "space build"),
        (("build", "space", "--model", "nothing.onnx"), 1, "nothing.onnx"),
        (("build", "space", "--examples", "nothing"), 1, "nothing"),
    ],
)
def test_mistakes_are_told(shell: Shell, words: tuple[str, ...], code: int, said: str) -> None:
    """In a sentence, with what helps."""
    done = shell("space", *words)
    assert done.code == code
    assert said in done.err
    assert "hint: " in done.err
    assert "Traceback" not in done.err


def test_without_the_libraries_it_says_what_to_install(
    shell: Shell, examples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The extra has a name."""
    from importlib import metadata

    known = metadata.version

    def version(name: str) -> str:
        if name == "gradio":
            raise metadata.PackageNotFoundError(name)
        return known(name)

    monkeypatch.setattr(metadata, "version", version)
    done = shell("space", "build", "space", "--examples", examples)
    assert done.code == 1
    assert "urban-segmentor[app]" in done.err
