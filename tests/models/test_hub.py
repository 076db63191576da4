"""Downloads from a stand-in of the hub, and what the user hears when there are none."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.models.hub import COMMIT, TOKEN, fetch, serve
from urban_segmentor.errors import MissingExtraError, ModelError
from urban_segmentor.models import hub
from urban_segmentor.models.registry import resolve_model

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.models.hub import Hub

FILES = {
    "city/models/street.onnx": b"onnx",
    "city/models/deep/er/street.xml": b"xml",
    "city/models/deep/er/street.bin": b"bin",
    "city/models/deep/er/metadata.yaml": b"yaml",
    "city/models/half.xml": b"xml",
}


@pytest.fixture(scope="module")
def stand_in() -> Iterator[Hub]:
    """Serve the files above."""
    with serve(FILES) as running:
        yield running


@pytest.fixture
def closed_url() -> str:
    """Return an address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}"


def test_files_come_with_what_they_need(stand_in: Hub, tmp_path: Path) -> None:
    """An ONNX file comes alone, an .xml with its weights and its metadata, from HF_ENDPOINT."""
    addresses = ["hf://city/models/street.onnx", "hf://city/models/deep/er/street.xml"]
    (onnx, xml), errors = fetch(addresses, tmp_path, HF_ENDPOINT=stand_in.url)
    assert onnx.path is not None
    assert Path(onnx.path).read_bytes() == b"onnx"
    assert Path(onnx.path).is_relative_to(tmp_path)
    assert COMMIT in onnx.path
    assert xml.path is not None
    beside = {path.name: path.read_bytes() for path in Path(xml.path).parent.iterdir()}
    assert beside == {"street.xml": b"xml", "street.bin": b"bin", "metadata.yaml": b"yaml"}
    assert errors == ""
    sent = {token for _, path, token in stand_in.requests if "/resolve/main/" in path}
    assert sent == {f"Bearer {TOKEN}"}  # the stand-in was asked, and with the user's token


def test_refusals_are_told_apart(stand_in: Hub, tmp_path: Path) -> None:
    """A wrong repository, a gated one and a missing file each have a sentence and a way out."""
    cases = {
        "hf://city/nowhere/a.onnx": ("no repository `city/nowhere`", "spelling"),
        "hf://city/private/a.onnx": ("or it is private", "hf auth login"),
        "hf://city/gated/a.onnx": ("`city/gated` is gated", f"{stand_in.url}/city/gated"),
        "hf://city/forbidden/a.onnx": ("status 403", "hf auth login"),
        "hf://city/strange/a.onnx": ("status 418", "try again later"),
        "hf://city/busy/a.onnx": ("status 503", "try again later"),
        "hf://city/models/b.onnx": ("`city/models` has no file `b.onnx`", "/tree/main"),
        "hf://city/models/half.xml": ("has no file `half.bin`", "/tree/main"),
    }
    rows, errors = fetch(list(cases), tmp_path, HF_ENDPOINT=stand_in.url)
    for row, (message, hint) in zip(rows, cases.values(), strict=True):
        assert row.kind == "ModelError"
        assert message in row.message
        assert hint in row.hint
        assert TOKEN not in row.trace + row.hint
        assert row.took_s < 5
    assert errors == ""


def test_without_a_network_the_answer_comes_at_once(tmp_path: Path, closed_url: str) -> None:
    """Nothing is tried again and again, and nothing is logged."""
    (row,), errors = fetch(["hf://city/models/street.onnx"], tmp_path, HF_ENDPOINT=closed_url)
    assert (row.kind, row.path) == ("ModelError", None)
    assert f"`{closed_url}` cannot be reached" in row.message
    assert "check the network" in row.hint
    assert row.took_s < 5
    assert errors == ""


@pytest.mark.parametrize("offline", [True, False])
def test_what_was_fetched_once_needs_no_network(
    stand_in: Hub, tmp_path: Path, closed_url: str, *, offline: bool
) -> None:
    """With HF_HUB_OFFLINE, or without a network, the cache serves, and says when it cannot."""
    known, unknown = "hf://city/models/street.onnx", "hf://city/models/other.onnx"
    (first,), _ = fetch([known], tmp_path, HF_ENDPOINT=stand_in.url)
    asked = len(stand_in.requests)
    without = (
        {"HF_ENDPOINT": stand_in.url, "HF_HUB_OFFLINE": "1"}
        if offline
        else {"HF_ENDPOINT": closed_url}
    )
    (again, other), errors = fetch([known, unknown], tmp_path, **without)
    assert first.path == again.path is not None
    assert other.kind == "ModelError"
    assert ("HF_HUB_OFFLINE is set" if offline else "cannot be reached") in other.message
    assert len(stand_in.requests) == asked
    assert errors == ""


def test_a_proxy_is_left_to_the_client(monkeypatch: pytest.MonkeyPatch, closed_url: str) -> None:
    """Behind a proxy the hub's host need not be reachable from here; hosts without it must."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    assert not hub.is_reachable(closed_url)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert hub.is_reachable(closed_url)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert not hub.is_reachable(closed_url)


def test_reachability(stand_in: Hub) -> None:
    """A listening host is reachable; nonsense is not, and raises nothing."""
    assert hub.is_reachable(stand_in.url)
    for nonsense in ("", "http://", "http://127.0.0.1:99999", "no address"):
        assert not hub.is_reachable(nonsense)


@pytest.mark.parametrize(
    "address",
    [
        "hf://",
        "hf://owner",
        "hf://owner/repo",
        "hf://owner/repo/",
        "hf:///repo/a.onnx",
        "hf://owner//a.onnx",
        "hf://owner/repo//a.onnx",
        "hf://owner/repo/../../a.onnx",
        "hf://owner/../a/b.onnx",
        "hf://owner/repo/./a.onnx",
        "hf://owner/repo/..\\a.onnx",
        "hf://owner/repo/%2e%2e/a.onnx",
        "hf://owner/re po/a.onnx",
        "hf://owner/-repo/a.onnx",
        "hf://owner/re--po/a.onnx",
        "hf://owner/repo/a.onnx?download=true",
        "hf://owner/repo/a\n.onnx",
        "hf://owner/repo/C:a.onnx",
    ],
)
def test_malformed_addresses(address: str) -> None:
    """An address that could mean another file, or none, is refused before any request."""
    with pytest.raises(ModelError, match="not an address on the hub") as caught:
        resolve_model(address)
    assert caught.value.hint == "write hf://owner/repo/file.onnx"


@pytest.mark.parametrize("name", ["model.pt", "model.onnx.pt", "model", "model.safetensors"])
def test_pickles_are_not_fetched(name: str) -> None:
    """Only formats that hold no code are downloaded."""
    with pytest.raises(ModelError, match=r"does not end in \.onnx or \.xml"):
        resolve_model(f"hf://owner/repo/{name}")


@given(st.text())
def test_any_text_is_an_address_or_an_error(text: str) -> None:
    """Whatever is accepted stays inside the repository."""
    try:
        repo, name = hub._parse(f"hf://{text}", (".onnx",))
    except ModelError:
        return
    assert f"{repo}/{name}" == text
    assert not {"", ".", ".."} & set(text.split("/"))
    assert "\\" not in text


def test_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without huggingface_hub there is a command to paste."""
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingExtraError, match="huggingface_hub") as caught:
        resolve_model("hf://owner/repo/a.onnx")
    assert caught.value.hint == "pip install 'urban-segmentor[hub]'"
