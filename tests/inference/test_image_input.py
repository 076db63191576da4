"""What users have as an image becomes a frame, and what is none is refused with a way out."""

from __future__ import annotations

import base64
import io
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, ClassVar

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image as Pillow

from urban_segmentor.errors import ShapeError, SourceError
from urban_segmentor.inference import image_input
from urban_segmentor.inference.image_input import as_frame, rgb_array
from urban_segmentor.io.image_codec import read_image
from urban_segmentor.io.image_files import write_image
from urban_segmentor.structures.frame import Frame, Yuv420

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

SIDES = st.integers(1, 6)


def patches() -> NDArray[np.uint8]:
    """Return a picture of noise, uint8 (20, 30, 3)."""
    return np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)


def png(image: NDArray[Any]) -> bytes:
    """Return an RGB picture as a PNG file."""
    return cv2.imencode(".png", np.ascontiguousarray(image[..., ::-1]))[1].tobytes()


@given(hnp.arrays(np.uint8, st.tuples(SIDES, SIDES, st.integers(1, 6))), st.booleans())
def test_channels(array: NDArray[np.uint8], is_flat: bool) -> None:  # noqa: FBT001 - drawn
    """Grey is repeated, opacity left out, RGB the same; all other numbers of them are refused."""
    channels = array.shape[2]
    if channels == 1 and is_flat:
        array = array[..., 0]
    if channels not in {1, 3, 4}:
        with pytest.raises(ShapeError, match="expected height x width x 3"):
            rgb_array(array)
        return
    found = rgb_array(array)
    assert (found.dtype, found.shape) == (np.uint8, (*array.shape[:2], 3))
    expected = array.reshape(*array.shape[:2], -1)
    expected = expected.repeat(3, axis=2) if channels == 1 else expected[..., :3]
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(as_frame(array).image, expected)


def test_frames_and_planes_are_taken_as_they_are() -> None:
    """With index, time and name, and without a conversion."""
    frame = Frame(pixels=patches(), index=7, time_s=1.5, name="seven")
    assert as_frame(frame) is frame
    planes = Yuv420.from_rgb(patches())
    assert as_frame(planes).pixels is planes


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_get_the_line_that_makes_an_image(dtype: type) -> None:
    """The hint is code, and it works."""
    image = patches().astype(dtype) / dtype(255)
    name = np.dtype(dtype).name
    with pytest.raises(ShapeError, match=rf"is {name} \(20 x 30 x 3\), expected uint8") as caught:
        as_frame(image)
    names: dict[str, Any] = {"image": image, "np": np}
    exec(str(caught.value.hint).partition(": ")[2], names)  # noqa: S102 - the hint is the test
    assert np.abs(as_frame(names["image"]).image.astype(int) - patches()).max() <= 1


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (np.array([[0, 256, 65535]], dtype=np.uint16), [0, 1, 255]),
        (np.array([[False, True, True]]), [0, 255, 255]),
        (np.array([[0, 7, 255]], dtype=np.int64), [0, 7, 255]),
        (np.array([[0, 7, 100]], dtype=np.int8), [0, 7, 100]),
    ],
    ids=lambda value: str(getattr(value, "dtype", "")),
)
def test_other_numbers_too(image: NDArray[Any], expected: list[int]) -> None:
    """Sixteen bits lose the lower ones, masks become black and white."""
    with pytest.raises(ShapeError, match=f"is {image.dtype.name} ") as caught:
        as_frame(image)
    names: dict[str, Any] = {"image": image, "np": np}
    exec(str(caught.value.hint).removeprefix("for 16 bits: "), names)  # noqa: S102 - the hint is the test
    assert as_frame(names["image"]).image[0, :, 0].tolist() == expected


@pytest.mark.parametrize("shape", [(3, 20, 30), (1, 20, 30), (4, 20, 30)])
def test_channels_that_come_first(shape: tuple[int, int, int]) -> None:
    """As PyTorch has them; the hint is code again."""
    image = np.zeros(shape, dtype=np.uint8)
    with pytest.raises(ShapeError, match=rf"the shape {shape[0]} x 20 x 30, expected") as caught:
        as_frame(image)
    line = str(caught.value.hint).partition(": ")[2]
    assert line == "image = image.transpose(1, 2, 0)"
    assert as_frame(image.transpose(1, 2, 0)).size == (20, 30)


@pytest.mark.parametrize("shape", [(2, 20, 30, 3), (5,), (), (20, 30, 2)])
def test_other_shapes(shape: tuple[int, ...]) -> None:
    """Batches are lists here."""
    with pytest.raises(ShapeError, match="expected height x width x 3") as caught:
        as_frame(np.zeros(shape, dtype=np.uint8))
    assert "segmenter([image, image])" in str(caught.value.hint)


@pytest.mark.parametrize("shape", [(0, 4, 3), (4, 0, 3), (0, 0), (0, 5, 4)])
def test_empty_arrays(shape: tuple[int, ...]) -> None:
    """They are told apart from wrong ones."""
    with pytest.raises(ShapeError, match=r"is empty: (4 x )?0"):
        as_frame(np.zeros(shape, dtype=np.uint8))


class Tensor:
    """Stands for PyTorch's."""


Tensor.__module__ = "torch"


@pytest.mark.parametrize(
    ("image", "kind", "hint"),
    [
        (Tensor(), "torch.Tensor", "image.mul(255).byte().permute(1, 2, 0).cpu().numpy()"),
        ([patches()], "list", "or a list of these"),
        (None, "NoneType", "pass a path"),
        (b"\x89PNG", "bytes", "pass a path"),
        (0, "int", "segmenter.stream(0)"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_image_at_all(image: Any, kind: str, hint: str) -> None:  # noqa: ANN401
    """Its type is named, and what to do with it."""
    with pytest.raises(ShapeError, match=f"a {kind} is no image") as caught:
        as_frame(image)
    assert hint in str(caught.value.hint)


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "LA", "P", "1", "CMYK"])
def test_pil_images(mode: str) -> None:
    """Of all modes that show colors or grey, as PIL makes RGB of them."""
    image = Pillow.fromarray(patches()).convert(mode)
    np.testing.assert_array_equal(as_frame(image).image, np.asarray(image.convert("RGB")))


def test_pil_images_of_sixteen_bits(tmp_path: Path) -> None:
    """Their upper eight, as of a file, rather than white wherever they are above 255."""
    values = np.array([[0, 255, 256, 0x1234, 0xFFFF]], dtype=np.uint16)
    cv2.imwrite(str(tmp_path / "a.png"), values)
    with Pillow.open(tmp_path / "a.png") as image:
        found = as_frame(image).image
    assert found[0, :, 0].tolist() == [0, 0, 1, 0x12, 0xFF]
    assert np.abs(found.astype(int) - read_image(tmp_path / "a.png")).max() <= 1


@pytest.mark.parametrize("mode", ["I", "F"])
def test_pil_images_of_no_known_range(mode: str) -> None:
    """Nobody can say what is white."""
    with pytest.raises(ShapeError, match=f"PIL's mode `{mode}`") as caught:
        as_frame(Pillow.new(mode, (4, 4)))
    assert caught.value.hint


def test_pil_images_are_turned_and_named(tmp_path: Path) -> None:
    """By EXIF, as a file is; the name is that of the file they come from."""
    exif = Pillow.Exif()
    exif[0x0112] = 6
    path = tmp_path / "turned.png"
    Pillow.fromarray(patches()).save(path, exif=exif)
    with Pillow.open(path) as image:
        frame = as_frame(image)
    np.testing.assert_array_equal(frame.image, read_image(path))
    assert frame.size == (30, 20)
    assert (frame.name, frame.source) == ("turned", str(path))
    assert as_frame(Pillow.fromarray(patches())).name == "frame"


def test_a_pil_image_that_is_cut_off(tmp_path: Path) -> None:
    """PIL looks at the pixels late; that is an error of the source."""
    path = tmp_path / "a.jpg"
    data = io.BytesIO()
    Pillow.fromarray(patches()).save(data, "JPEG")
    path.write_bytes(data.getvalue()[:-200])
    with Pillow.open(path) as image, pytest.raises(SourceError, match=r"a\.jpg.* decoded") as error:
        as_frame(image)
    assert error.value.hint


def test_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As text or `Path`, with `~`; what is no image is told, with what to do."""
    monkeypatch.setenv("HOME", str(tmp_path))
    write_image(tmp_path / "photo.png", patches(), overwrite=False)
    for path in (tmp_path / "photo.png", str(tmp_path / "photo.png"), "~/photo.png"):
        frame = as_frame(path)
        np.testing.assert_array_equal(frame.image, patches())
        assert (frame.name, frame.source) == ("photo", str(tmp_path / "photo.png"))
    with pytest.raises(SourceError, match=r"cannot read `.*none\.png`: No such file"):
        as_frame(tmp_path / "none.png")
    (tmp_path / "clip.mp4").write_bytes(b"x")
    for other, what in ((tmp_path, "is a folder"), (tmp_path / "clip.mp4", "is a video")):
        with pytest.raises(SourceError, match=what) as caught:
            as_frame(other)
        assert f"segmenter.stream({str(other)!r})" in str(caught.value.hint)
    with pytest.raises(SourceError, match="`rtsp://` is no address of an image") as caught:
        as_frame("rtsp://user:secret@host/live")
    assert "segmenter.stream(" in str(caught.value.hint)
    assert "secret" not in str(caught.value)


class Site(BaseHTTPRequestHandler):
    """Serves pictures, and what is none; notes which paths were asked for."""

    asked: ClassVar[list[str]] = []
    accounts: ClassVar[dict[str, str | None]] = {}
    pages: ClassVar[dict[str, bytes]] = {}

    def do_GET(self) -> None:
        """Answer."""
        self.asked.append(self.path)
        self.accounts[self.path] = self.headers["Authorization"]
        path = self.path.partition("?")[0]
        if path == "/moved.png":
            self.send_response(302)
            self.send_header("Location", "/photo.png")
            self.end_headers()
            return
        if path == "/nonsense":
            self.wfile.write(b"this is no HTTP\r\n")
            return
        if path not in self.pages:
            self.send_error(404)
            return
        body = self.pages[path]
        self.send_response(200)
        length = 2 * len(body) if path == "/lost.png" else len(body)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def site() -> Iterator[str]:
    """Return the address of a site on this machine."""
    picture = png(patches())
    Site.asked.clear()
    Site.accounts.clear()
    Site.pages = {
        "/photo.png": picture,
        "/a%20b/stra%C3%9Fe.png": picture,
        "/": picture,
        "/page.html": b"<html>no picture</html>",
        "/empty.png": b"",
        "/lost.png": picture[: len(picture) // 2],
    }
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_addresses(site: str) -> None:
    """Named after their last part; a query is sent, and not shown."""
    frame = as_frame(f"{site}/photo.png?token=secret")
    np.testing.assert_array_equal(frame.image, patches())
    assert (frame.name, frame.source) == ("photo", f"{site}/photo.png")
    assert Site.asked == ["/photo.png?token=secret"]
    assert as_frame(f"{site}/moved.png").size == (20, 30)
    assert as_frame(f"HTTP{site[4:]}/photo.png").size == (20, 30)
    assert as_frame(f"{site}/").name == "127.0.0"


def test_accounts_in_addresses(site: str) -> None:
    """They are sent as browsers do, to that page alone, and not shown."""
    with_account = site.replace("//", "//user:p%40ss@")
    frame = as_frame(f"{with_account}/moved.png")
    assert frame.source == f"{site}/moved.png"
    sent = f"Basic {base64.b64encode(b'user:p@ss').decode()}"
    assert Site.accounts == {"/moved.png": sent, "/photo.png": None}


def test_addresses_as_people_type_them(site: str) -> None:
    """Blanks and umlauts are quoted, and what is quoted already stays so."""
    for path in ("/a b/straße.png", "/a%20b/stra%C3%9Fe.png"):
        frame = as_frame(site + path)
        assert frame.size == (20, 30)
        assert frame.name == "straße"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/none.png", r"none\.png` answers 404 Not Found"),
        ("/page.html", r"page\.html` is damaged or no picture"),
        ("/empty.png", r"empty\.png` is empty"),
        ("/lost.png", r"lost\.png` is cut off"),
        ("/nonsense", r"cannot read `.*nonsense`"),
    ],
)
def test_addresses_without_an_image(site: str, path: str, message: str) -> None:
    """The address is named without its secrets, and there is a hint."""
    with pytest.raises(SourceError, match=message) as caught:
        as_frame(f"{site.replace('//', '//user:hunter2@')}{path}?token=hunter2")
    assert f"{site}{path}" in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert caught.value.hint


def test_an_address_with_too_much(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more is read than what may be; so much is enough."""
    size = len(Site.pages["/photo.png"])
    monkeypatch.setattr(image_input, "_MAX_BYTES", size)
    assert as_frame(f"{site}/photo.png").size == (20, 30)
    monkeypatch.setattr(image_input, "_MAX_BYTES", size - 1)
    with pytest.raises(SourceError, match=r"photo\.png` has more than 0 MB") as caught:
        as_frame(f"{site}/photo.png")
    assert caught.value.hint == "download it first"


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:1/x.png", "http://127.0.0.1:x/y", "http://["]
)
def test_addresses_of_nobody(address: str) -> None:
    """Whether nobody is there, or it cannot be an address."""
    with pytest.raises(SourceError, match=r"cannot read `http://127|is no address") as caught:
        as_frame(address)
    assert caught.value.hint


def test_a_site_that_stalls(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is given up after a while."""
    monkeypatch.setattr(image_input, "_TIMEOUT_S", 0.2)
    go_on = threading.Event()
    monkeypatch.setattr(Site, "do_GET", lambda _: go_on.wait(10))
    with pytest.raises(SourceError, match="timed out"):
        as_frame(f"{site}/photo.png")
    go_on.set()
