"""The plain HTTP interface against its own description, with requests that are made up."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from tests.cli.tiny import save_tiny_model
from tests.io.image_makers import coded
from urban_segmentor.apps.web.limits import UploadLimits
from urban_segmentor.apps.web.model_pool import ModelPool
from urban_segmentor.apps.web.rest import add_error_handlers, rest_router

schemathesis: Any = pytest.importorskip("schemathesis")

IMAGES = [coded(suffix) for suffix in ("jpg", "png", "webp", "tif", "bmp")]
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
)
SETTINGS = settings(
    max_examples=120,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Any:  # noqa: ANN401
    """Return the description of an app with a model that sees a car and a person everywhere."""
    model = save_tiny_model(tmp_path_factory.mktemp("model") / "tiny.onnx")
    app = FastAPI()
    add_error_handlers(app)
    slots = threading.BoundedSemaphore(2)
    app.include_router(rest_router(ModelPool(str(model)), limits=UploadLimits(), slots=slots))
    return schemathesis.openapi.from_asgi("/openapi.json", app)


def ask(case: Any, seen: Counter[int], *more: str) -> None:  # noqa: ANN401
    """Send a request, check the answer, and count its status."""
    known = schemathesis.checks.CHECKS
    answer = case.call()
    case.validate_response(answer, checks=known.get_by_names([*CHECKS, *more]))
    seen[answer.status_code] += 1
    if answer.status_code != 200:
        assert set(answer.json()) == {"error", "hint"}


def test_sense_is_answered(described: Any) -> None:  # noqa: ANN401
    """Requests as described, with pictures and with bytes that are none."""
    seen: Counter[int] = Counter()
    operation = described["/v1/segment"]["POST"]
    cases = operation.as_strategy(generation_mode=schemathesis.GenerationMode.POSITIVE)

    @seed(7)
    @SETTINGS
    @given(case=cases, image=st.sampled_from(IMAGES), real=st.booleans(), usual=st.booleans())
    def check(case: Any, image: bytes, *, real: bool, usual: bool) -> None:  # noqa: ANN401
        if real and isinstance(case.body, dict):
            case.body["image"] = image
        if usual and isinstance(case.body, dict):  # words that are made up name no class
            case.body |= {"classes": "car", "model": ""}
        ask(case, seen)

    check()
    assert set(seen) == {200, 400, 422}


def test_nonsense_is_refused(described: Any) -> None:  # noqa: ANN401
    """Requests that the description rules out."""
    seen: Counter[int] = Counter()
    operation = described["/v1/segment"]["POST"]
    cases = operation.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE)

    @seed(7)
    @SETTINGS
    @given(case=cases)
    def check(case: Any) -> None:  # noqa: ANN401
        ask(case, seen, "negative_data_rejection")

    check()
    assert seen[422] > 10
    assert set(seen) <= {400, 422}


def test_the_health_is_as_described(described: Any) -> None:  # noqa: ANN401
    """Whatever is sent along."""
    seen: Counter[int] = Counter()
    operation = described["/health"]["GET"]

    @seed(7)
    @SETTINGS
    @given(case=operation.as_strategy())
    def check(case: Any) -> None:  # noqa: ANN401
        ask(case, seen)

    check()
    assert set(seen) == {200}


def test_every_operation_is_tried_here(described: Any) -> None:  # noqa: ANN401
    """A new one needs tests of its own."""
    found = {one.ok().label for one in described.get_all_operations()}
    assert found == {"GET /health", "POST /v1/segment"}
