"""Result files over HTTP, also those that go while they are asked for."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from urban_segmentor.apps.web.downloads import downloads_router
from urban_segmentor.apps.web.limits import UploadLimits
from urban_segmentor.apps.web.temp_files import TempFiles

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Leaving(TempFiles):
    """Files of a visitor who leaves between the question and the answer."""

    def find(self, token: str, name: str) -> Path | None:
        """Return the path of a file, which is deleted then."""
        path = super().find(token, name)
        if path is not None:
            path.unlink()
        return path


@pytest.fixture(params=[TempFiles, Leaving])
def temp_files(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TempFiles]:
    """Return an empty store of either kind."""
    made = request.param(parent=tmp_path)
    yield made
    made.close()


def test_a_file_that_goes_meanwhile_is_gone(temp_files: TempFiles) -> None:
    """Sent while it is there; the same answer as for any other that is gone when it is not."""
    app = FastAPI()
    router = downloads_router(
        temp_files,
        examples=None,  # type: ignore[arg-type]
        models=None,  # type: ignore[arg-type]
        limits=UploadLimits(),
        slots=threading.Semaphore(),
    )
    app.include_router(router)
    client = TestClient(app)
    answer = temp_files.new_result("visitor")
    (answer.folder / "coco.json").write_bytes(b"{}")
    reply = client.get(answer.url("coco.json"))
    if isinstance(temp_files, Leaving):
        assert reply.status_code == 404
        assert "gone" in reply.json()["error"]
    else:
        assert reply.status_code == 200
        assert reply.content == b"{}"
    assert client.get(answer.url("other.json")).status_code == 404
