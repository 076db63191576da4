"""From text to sources: every kind, and nothing secret in what is shown."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from urban_segmentor.errors import SettingError, SourceError
from urban_segmentor.io.streams.source_uri import parse_source_uri
from urban_segmentor.io.streams.stream_options import StreamOptions


@pytest.mark.parametrize(
    ("text", "kind", "name", "stem"),
    [
        ("0", "camera", "/dev/video0", "video0"),
        ("12", "camera", "/dev/video12", "video12"),
        (" /dev/video2 ", "camera", "/dev/video2", "video2"),
        ("/dev/v4l/by-id/usb-cam", "camera", "/dev/v4l/by-id/usb-cam", "usb-cam"),
        ("rtsp://cam.local:554/stream", "rtsp", "rtsp://cam.local:554/stream", "cam.local_stream"),
        ("RTSP://cam.local", "rtsp", "rtsp://cam.local", "cam.local"),
        ("rtsps://u:p@cam/a/b?k=1#f", "rtsp", "rtsps://cam/a/b", "cam_a_b"),
        ("rtsp://u:p@ss@cam/a", "rtsp", "rtsp://cam/a", "cam_a"),
        ("rtsp://[fe80::1]:554/a", "rtsp", "rtsp://[fe80::1]:554/a", "fe80_1_a"),
        ("http://cam:8080/?action=stream", "http", "http://cam:8080/", "cam_8080"),
        ("https://cam/a.m3u8?token=x", "http", "https://cam/a.m3u8", "cam_a.m3u8"),
        ("http://cam/user=a&password=b/1", "http", "http://cam/...", "cam"),
        ("udp://:5000", "udp", "udp://:5000", "any_5000"),
        ("udp://@239.0.0.1:5000?ttl=1", "udp", "udp://239.0.0.1:5000", "239.0.0.1_5000"),
        ("rtp://0.0.0.0:5004", "udp", "rtp://0.0.0.0:5004", "0.0.0.0_5004"),
        ("screen", "screen", "screen", "screen"),
        ("screen:1", "screen", "screen", "screen"),
    ],
)
def test_kinds(text: str, kind: str, name: str, stem: str) -> None:
    """Each kind is told apart, and has a name and a stem."""
    address = parse_source_uri(text)
    assert (address.kind, address.name, address.stem) == (kind, name, stem)


def test_target() -> None:
    """What is opened is what was typed, and is not shown."""
    address = parse_source_uri("RTSP://me:pass%40word@cam/a?key=geheim")
    assert address.target == "rtsp://me:pass%40word@cam/a?key=geheim"
    for secret in ("me:", "pass", "geheim"):
        assert secret not in repr(address)


def test_screen() -> None:
    """A part of the screen, or another one."""
    assert parse_source_uri("screen:1280x720+100,50").area == (1280, 720, 100, 50)
    assert parse_source_uri("screen:640x480").area == (640, 480, 0, 0)
    assert parse_source_uri("screen:1").screen == 1
    assert parse_source_uri("screen").screen is None


def test_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file is a file whatever it is called, when a folder is named with it."""
    monkeypatch.chdir(tmp_path)
    for name in ("clip 1.mp4", "0", "screen"):
        (tmp_path / name).write_bytes(b"x")
    address = parse_source_uri("clip 1.mp4")
    assert (address.kind, address.name, address.stem) == ("file", "clip 1.mp4", "clip 1")
    assert parse_source_uri("./0").kind == "file"
    assert parse_source_uri("./screen").kind == "file"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("ftp://host/x", "`ftp://` are not known"),
        ("concat:a.ts|b.ts", "no file"),
        ("subfile,,start,0,end,9,,:a.ts", "no file"),
        ("pipe:0", "no file"),
        ("file:///etc/passwd", "`file://` are not known"),
        ("rtsp://", "names no host"),
        ("rtsp:///a", "names no host"),
        ("rtsp://cam:0/a", "no good port"),
        ("rtsp://cam:99999/a", "no good port"),
        ("rtsp://cam:geheim/a", "no good port"),
        ("rtsp://u:ge/heim@cam/a", "@ after its host"),
        ("rtsp://u:ge#heim@cam/a", "@ after its host"),
        ("rtsp://u:ge?heim@cam/a", "@ after its host"),
        ("rtsp://u:geheim@ca m/a", "blank"),
        ("rtsp://u:geheim@cam\n/a", "blank"),
        ("rtsp://u:geheim@[cam/a", "no good port"),
        ("rtsp://u:p@<geheim>/a", "no good host"),
        ("udp://host", "names no port"),
        ("screen:0x5", "no pixels"),
        ("screen:left", "no part of the screen"),
        ("u:geheim@cam/stream", "begins with its scheme"),
        ("missing.mp4", "no file"),
    ],
)
def test_bad(text: str, message: str) -> None:
    """What is wrong is said, with what would be right, and without passwords."""
    with pytest.raises((SettingError, SourceError), match=message) as caught:
        parse_source_uri(text)
    assert caught.value.hint
    assert "geheim" not in f"{caught.value} {caught.value.hint}"
    assert "heim@" not in f"{caught.value} {caught.value.hint}"
    assert caught.value.__context__ is None


@pytest.mark.parametrize("name", ["photo.jpg", "a photo.PNG"])
def test_a_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """It is no source that goes on; the hint is the command that takes it."""
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(b"x")
    with pytest.raises(SourceError, match="is a picture, expected a video") as caught:
        parse_source_uri(name)
    assert caught.value.hint is not None
    assert shlex.split(caught.value.hint) == ["urban-segmentor", "predict", name]


def test_folder(tmp_path: Path) -> None:
    """A folder is no source; a wrong suffix is guessed."""
    with pytest.raises(SourceError, match="is a folder"):
        parse_source_uri(str(tmp_path))
    (tmp_path / "clip.mkv").write_bytes(b"x")
    with pytest.raises(SourceError) as caught:
        parse_source_uri(str(tmp_path / "clip.mp4"))
    assert "clip.mkv" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": (0, 10)}, "size"),
        ({"size": (99_999, 10)}, "size"),
        ({"rate": 0.0}, "fps"),
        ({"rate": float("nan")}, "fps"),
        ({"transport": "http"}, "transport"),
        ({"stride": 0}, "stride"),
        ({"start_s": -1.0}, "start"),
        ({"duration_s": 0.0}, "duration"),
    ],
)
def test_wishes(options: dict[str, object], message: str) -> None:
    """StreamOptions out of range are refused."""
    with pytest.raises(SettingError, match=message) as caught:
        StreamOptions(**options)  # type: ignore[arg-type]
    assert caught.value.hint


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("rtsp://cam/a", {"size": (640, 480)}),
        ("http://cam/a", {"rate": 5.0}),
        ("0", {"start_s": 1.0}),
        ("screen", {"paced": False}),
        ("screen:64x64", {"size": (640, 480)}),
    ],
)
def test_wishes_do_not_fit(text: str, options: dict[str, object]) -> None:
    """What a kind of source cannot do is refused, not overlooked."""
    with pytest.raises(SettingError) as caught:
        StreamOptions(**options).check_for(parse_source_uri(text))  # type: ignore[arg-type]
    assert caught.value.hint
