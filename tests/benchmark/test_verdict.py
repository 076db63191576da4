"""What may be trusted, and what is recommended."""

from __future__ import annotations

import pytest

from tests.benchmark.made import made_file, made_row
from urban_segmentor.benchmark.results import BenchmarkRow
from urban_segmentor.benchmark.verdict import recommend, verify

FLOAT, OTHER = made_file("a.onnx"), made_file("b.onnx")
INT8 = made_file("int8.xml", is_quantized=True)
INT8_OF_A = made_file("int8.xml", is_quantized=True, made_from="a.pt")


def recommended(rows: list[BenchmarkRow], *, tolerance_points: float = 1.0) -> int | None:
    """Return which row is recommended."""
    return recommend(rows, verify(rows, tolerance_points=tolerance_points)).recommended


@pytest.mark.parametrize(("ap", "number"), [(14.0, 0), (13.9, 1), (16.0, 0)])
def test_the_fastest_within_the_tolerance(ap: float, number: int) -> None:
    """A loss of exactly a point is good, a tenth more is not, a gain always is."""
    rows = [
        made_row(FLOAT, computes_in="bf16", ms=5, ap=ap),
        made_row(FLOAT, ms=10, ap=15.0),
        made_row(FLOAT, runtime="onnx", ms=20, ap=14.9),
    ]
    assert recommended(rows) == number
    assert verify(rows)[0].reference_ap == pytest.approx(0.15)


def test_another_tolerance() -> None:
    """The user may want more, or less."""
    rows = [made_row(FLOAT, computes_in="bf16", ms=5, ap=14.0), made_row(FLOAT, ap=15.0)]
    assert recommended(rows, tolerance_points=0.9) == 1
    assert recommended(rows, tolerance_points=0.0) == 1


def test_each_size_and_file_has_its_own_reference() -> None:
    """What a larger input or a better model reaches is another question."""
    rows = [
        made_row(FLOAT, imgsz=640, ms=5, ap=10.0),
        made_row(FLOAT, imgsz=1024, ms=20, ap=20.0),
        made_row(OTHER, imgsz=640, ms=7, ap=30.0),
        made_row(FLOAT, imgsz=1024, computes_in="bf16", ms=15, ap=18.5),
    ]
    verdicts = verify(rows)
    assert [verdict.verified for verdict in verdicts] == [True, True, True, False]
    recommendation = recommend(rows, verdicts)
    assert (recommendation.recommended, recommendation.fastest) == (0, (0, 1))


def test_a_quantized_file_is_compared_with_its_origin() -> None:
    """With what it was made from where it says so, else with the best that there is."""
    rows = [
        made_row(FLOAT, ms=10, ap=15.0),
        made_row(OTHER, ms=10, ap=20.0),
        made_row(INT8_OF_A, computes_in="bf16", ms=5, ap=14.5),
    ]
    assert recommended(rows) == 2
    assert "`a.onnx`" in verify(rows)[2].reason
    rows[2] = made_row(INT8, computes_in="bf16", ms=5, ap=14.5)
    assert recommended(rows) == 0
    assert verify(rows)[2].reference_ap == pytest.approx(0.20)


def test_a_quantized_file_is_no_reference() -> None:
    """Neither of itself nor of others, also where the rest is computed in float32."""
    alone = [made_row(INT8, ms=5, ap=15.0)]
    assert recommended(alone) is None
    assert "no float32 run at 640" in verify(alone)[0].reason
    assert recommend(alone, verify(alone)).safe is None
    both = [made_row(INT8, ms=5, ap=30.0), made_row(FLOAT, ms=9, ap=20.0)]
    assert verify(both)[1].reference_ap == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (made_row(FLOAT, computes_in="bf16", ms=1, scored=False), "not measured"),
        (made_row(FLOAT, computes_in="bf16", ms=1, ap=None), "no objects"),
        (made_row(FLOAT, computes_in="bf16", ms=1, ap=15.0, error="broke"), "failed"),
        (BenchmarkRow(model="c.onnx", error="damaged"), "failed"),
    ],
)
def test_what_was_not_measured_is_not_verified(row: BenchmarkRow, reason: str) -> None:
    """However fast it is."""
    rows = [row, made_row(FLOAT, ms=10, ap=15.0)]
    verdict = verify(rows)[0]
    assert not verdict.verified
    assert reason in verdict.reason
    assert recommended(rows) == 1


def test_a_failed_reference_does_not_count() -> None:
    """Its figures may be wrong."""
    rows = [
        made_row(FLOAT, computes_in="bf16", ms=1, ap=15.0),
        made_row(FLOAT, ms=10, ap=15.0, error="broke"),
    ]
    assert recommended(rows) is None
    assert recommend(rows, verify(rows)).safe is None


def test_too_little_to_lose() -> None:
    """A model that finds nothing loses nothing, which says nothing."""
    rows = [made_row(FLOAT, computes_in="bf16", ms=5, ap=0.0), made_row(FLOAT, ap=1.0)]
    verdicts = verify(rows)
    assert [verdict.verified for verdict in verdicts] == [False, False]
    assert "too little" in verdicts[0].reason


def test_without_data_something_is_safe() -> None:
    """The fastest float file in float32; nothing is recommended."""
    rows = [
        made_row(INT8, ms=1, scored=False),
        made_row(FLOAT, computes_in="bf16", ms=2, scored=False),
        made_row(FLOAT, ms=4, scored=False),
        made_row(FLOAT, runtime="onnx", ms=3, scored=False),
        made_row(FLOAT, imgsz=320, ms=None, scored=False, error="broke"),
    ]
    recommendation = recommend(rows, verify(rows))
    assert (recommendation.recommended, recommendation.safe, recommendation.fastest) == (
        None,
        3,
        (),
    )
