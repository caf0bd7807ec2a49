"""The frame average is its backbone's mean over time behind a BNNeck; it takes exactly one backbone."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor

from reid.errors import ConfigError
from reid.models.frame_average import FrameAverage, FrameAverageConfig

CNN = FrameAverageConfig(
    image_size_hw=(64, 32), clip_length=4, run_variant="final", cnn="mobilenetv2_035", cnn_head_conv=False
)
VIT = FrameAverageConfig(
    image_size_hw=(64, 32),
    clip_length=4,
    run_variant="final",
    transformer="deit_tiny_patch16_224",
    transformer_depth=2,
)


def clips(num_clips: int, num_frames: int) -> Tensor:
    return torch.randn(num_clips, num_frames, 3, 64, 32, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("config", "width"), [(CNN, 112), (VIT, 192)], ids=["cnn", "vit"])
def test_final_is_the_mean_over_frames_after_its_neck(config: FrameAverageConfig, width: int) -> None:
    torch.manual_seed(0)
    model = FrameAverage(config, "average", num_classes=5).eval()
    neck = model.necks["final"]
    neck.running_mean.normal_()
    neck.running_var.uniform_(0.5, 2)
    given = clips(2, 3)
    with torch.inference_mode():
        output = model(given)
        for b in range(2):
            mean = sum(model.backbone(given[b, t : t + 1]).vector[0] for t in range(3)) / 3
            normed = (mean - neck.running_mean) / (neck.running_var + neck.eps).sqrt()
            torch.testing.assert_close(output.stages["final"].features[b], mean, atol=1e-5, rtol=1e-5)
            torch.testing.assert_close(output.variants["final"][b], normed, atol=1e-4, rtol=1e-4)
        expected = output.variants["final"] @ model.classifiers["final"].weight.T
        torch.testing.assert_close(output.stages["final"].logits, expected)
    assert model.variant_widths == {"final": width}


def test_the_order_of_frames_does_not_matter() -> None:
    model = FrameAverage(VIT, "average").eval()
    given = clips(2, 4)
    with torch.inference_mode():
        torch.testing.assert_close(model(given).variants, model(given.flip(1)).variants, atol=1e-5, rtol=1e-5)


def test_the_mean_of_patches_can_stand_for_a_frame() -> None:
    model = FrameAverage(dataclasses.replace(VIT, global_feature="mean"), "average").eval()
    given = clips(1, 2)
    with torch.inference_mode():
        patches = model.backbone(given[0]).map.mean(dim=(0, 2, 3))
        torch.testing.assert_close(model(given).variants["final"][0], patches / (1 + 1e-5) ** 0.5)


@pytest.mark.parametrize("config", [CNN, VIT], ids=["cnn", "vit"])
def test_its_backbone_can_be_started(config: FrameAverageConfig) -> None:
    model = FrameAverage(config, "average")
    (part,) = model.start_parts().values()
    assert part.module is model.backbone.net
    assert [published.name for published in part.published] == [config.cnn or config.transformer]


def test_exactly_one_backbone_is_expected() -> None:
    for both in ({"cnn": None, "transformer": None}, {"cnn": "resnet50", "transformer": "vit_base_patch16_224"}):
        with pytest.raises(ConfigError, match="cnn, transformer: expected exactly one of the two"):
            dataclasses.replace(CNN, **both)
        with pytest.raises(ConfigError, match="cnn, transformer: expected exactly one of the two"):
            FrameAverageConfig.from_dict({**CNN.to_dict(), **both})


def test_there_is_no_other_variant() -> None:
    with pytest.raises(ConfigError, match="run_variant: 'all' is none of final"):
        FrameAverage(dataclasses.replace(CNN, run_variant="all"), "average")
