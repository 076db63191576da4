"""The panoptic network: its outputs, what it takes over from a checkpoint, and its files."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from urban_segmentor.errors import ModelError, SettingError
from urban_segmentor.networks.class_rows import class_rows

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("road", "person", "rider", "tram")
THINGS = (False, True, True, True)
BASES = ("yolov8n-seg", "yolo11n-seg", "yolo26n-seg")


def base(name: str, *, classes: int = 80) -> Any:
    """Return an untrained network of Ultralytics, with the names of COCO where it has 80."""
    import torch
    from ultralytics import YOLO
    from ultralytics.nn.tasks import SegmentationModel

    torch.manual_seed(0)
    yaml: dict[str, Any] = dict(YOLO(f"{name}.yaml").model.yaml)
    model = SegmentationModel(yaml, nc=classes, verbose=False)
    coco = ["person", "bicycle", "car", "motorcycle", "airplane", "bus", "train"]
    model.names = {i: coco[i] if i < len(coco) else str(i) for i in range(classes)}
    return model


@pytest.fixture(scope="module", params=BASES)
def network(request: pytest.FixtureRequest) -> Any:
    from urban_segmentor.networks.panoptic import begin_from

    return begin_from(base(request.param), names=NAMES, is_thing=THINGS).eval()


def test_outputs(network: Any) -> None:
    import torch

    from urban_segmentor.networks.torch_runtime import PanopticGraph

    with torch.inference_mode():
        head, prototypes, semantic = PanopticGraph(network)(torch.rand(2, 3, 96, 160))
    assert semantic.shape == (2, len(NAMES), 24, 40)
    assert prototypes.shape == (2, 32, 24, 40)
    width = head.shape[2] if network.ends_in_nms else head.shape[1]
    assert width == (6 if network.ends_in_nms else 4 + 3) + 32
    assert network.architecture.instance_class_ids == (1, 2, 3)
    assert network.stride == 32


def test_fusing_changes_nothing_to_speak_of(network: Any) -> None:
    import torch

    images = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        before, after = network(images)[1], network.fused()(images)[1]
    torch.testing.assert_close(after, before, rtol=1e-3, atol=1e-4)


def test_rows_come_from_the_classes_of_the_checkpoint() -> None:
    import torch

    from urban_segmentor.networks.panoptic import begin_from

    start = base("yolov8n-seg")
    for branch in start.model[-1].cv3:
        torch.nn.init.normal_(branch[-1].bias)
    network = begin_from(start, names=NAMES, is_thing=THINGS, sources={"tram": "train"})
    for old, new in zip(start.model[-1].cv3, network.base.model[-1].cv3, strict=True):
        rows = [0, 0, 6]  # a rider begins as a person
        torch.testing.assert_close(new[-1].weight, old[-1].weight[rows])
        torch.testing.assert_close(new[-1].bias, old[-1].bias[rows])
    trunk = "model.0.conv.weight"
    torch.testing.assert_close(network.base.state_dict()[trunk], start.state_dict()[trunk])


@pytest.mark.parametrize(
    ("sources", "said"),
    [({"tram": "zeppelin"}, "no class `zeppelin`"), ({"ship": "train"}, "no class `ship`")],
)
def test_sources_that_are_none(sources: dict[str, str], said: str) -> None:
    with pytest.raises(SettingError, match=said) as caught:
        class_rows(["tram"], ["train"], sources=sources)
    assert "choose from" in str(caught.value.hint)


def test_a_file_there_and_back(network: Any, tmp_path: Path) -> None:
    import torch

    from urban_segmentor.networks.panoptic_checkpoint import (
        is_panoptic,
        load_panoptic,
        save_panoptic,
    )

    path = tmp_path / "best.pt"
    halved = {k: v.half() if v.is_floating_point() else v for k, v in network.state_dict().items()}
    save_panoptic(
        path,
        network.architecture,
        network.state_dict(),
        train_args={"imgsz": 768, "scale": (0.5, 2.0)},
        metrics={"metrics/PQ": 40.0},
    )
    assert is_panoptic(path)
    again = load_panoptic(path)
    assert again.metrics == {"metrics/PQ": 40.0}
    assert again.train_args["imgsz"] == 768
    assert again.network.architecture == network.architecture
    state = again.network.state_dict()
    assert all(torch.equal(state[name].to(value.dtype), value) for name, value in halved.items())


def test_files_that_are_none(tmp_path: Path) -> None:
    import torch

    from urban_segmentor.networks.panoptic_checkpoint import FORMAT, is_panoptic, load_panoptic

    paths = {name: tmp_path / f"{name}.pt" for name in ("gone", "text", "zip", "weights", "layers")}
    paths["text"].write_text(FORMAT)
    with zipfile.ZipFile(paths["zip"], "w") as archive:
        archive.writestr("a/data.pkl", FORMAT)
    torch.save({"state": {}}, paths["weights"])
    torch.save({"format": FORMAT, "architecture": {"names": [], "is_thing": []}}, paths["layers"])
    assert [name for name, path in paths.items() if is_panoptic(path)] == ["zip", "layers"]
    for path in paths.values():
        with pytest.raises(ModelError, match="no panoptic network"):
            load_panoptic(path)


class _Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("code ran",)


def test_a_file_with_code_in_it_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import torch

    from urban_segmentor.networks.panoptic_checkpoint import FORMAT, load_panoptic

    torch.save({"format": FORMAT, "architecture": _Evil()}, tmp_path / "evil.pt")
    with pytest.raises(ModelError):
        load_panoptic(tmp_path / "evil.pt")
    assert "code ran" not in capsys.readouterr().out


def test_a_network_without_fine_features() -> None:
    from urban_segmentor.networks import panoptic

    start = base("yolov8n-seg")
    with pytest.raises(ModelError, match="no features of stride 128"):
        panoptic._last_of_stride(start, 2 * panoptic._PROBE)
