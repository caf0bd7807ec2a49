"""Every model that has a name: who builds it, and with which numbers.

A name without an ending is the paper's model. `-compact` has all its parts in at most 8 M parameters, for machines
without a GPU; `-micro` has them in at most 3 M and takes small frames, for tests.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

from reid.models.base import ModelConfig, ReidModel
from reid.models.dcct import DCCT, DCCTConfig
from reid.models.denseil import DenseIL, DenseILConfig
from reid.models.frame_average import FrameAverage, FrameAverageConfig
from reid.models.mstat import MSTAT, MSTATConfig
from reid.models.stca import STCA, STCAConfig


class Preset(NamedTuple):
    """A name in the registry: who builds the model, and with which numbers."""

    builder: Callable[[Any, str, int], ReidModel]
    config: ModelConfig


_DCCT = DCCTConfig(
    image_size_hw=(256, 128),
    clip_length=8,
    run_variant="all",
    cnn="resnet50",
    transformer="vit_base_patch16_224",
    width=1024,
)

_STCA = STCAConfig(image_size_hw=(384, 128), clip_length=8, run_variant="final")

PRESETS: dict[str, Preset] = {
    # The paper's model: Table V's parameters need d = 1024. `all` is 7,680 wide, meant for benchmarks.
    "dcct": Preset(DCCT, _DCCT),
    "dcct-512": Preset(DCCT, dataclasses.replace(_DCCT, width=512)),
    # The light pair of Table IV, with a width that keeps the final feature at 512.
    "dcct-mobile": Preset(
        DCCT,
        DCCTConfig(
            image_size_hw=(256, 128),
            clip_length=8,
            run_variant="final",
            cnn="mobilenetv2_100",
            transformer="deit_tiny_patch16_224",
            width=256,
        ),
    ),
    # The heavy pair of Table IV. Neither network can do without its last stride, so both maps are 8x4.
    "dcct-dense-swin": Preset(
        DCCT,
        dataclasses.replace(
            _DCCT,
            cnn="densenet121",
            cnn_last_stride=2,
            transformer="swin_large_patch4_window7_224",
            global_feature="mean",
        ),
    ),
    # At most 8 M parameters and a fraction of a second a clip on a CPU. Its convolutional branch is made to learn from
    # random weights and to bear new cameras; the widths 320 and 192 couple to 512.
    "dcct-compact": Preset(
        DCCT,
        DCCTConfig(
            image_size_hw=(192, 96),
            clip_length=8,
            run_variant="final",
            cnn="resnet_ibn_small",
            transformer="deit_tiny_patch16_224",
            transformer_depth=6,
            width=128,
        ),
    ),
    # At most 3 M parameters and small frames: for tests.
    "dcct-micro": Preset(
        DCCT,
        DCCTConfig(
            image_size_hw=(64, 32),
            clip_length=4,
            run_variant="final",
            cnn="mobilenetv2_035",
            cnn_head_conv=False,
            transformer="deit_tiny_patch16_224",
            transformer_depth=2,
            width=64,
        ),
    ),
    "stca": Preset(STCA, _STCA),
    "stca-256": Preset(STCA, dataclasses.replace(_STCA, image_size_hw=(256, 128))),
    "stca-compact": Preset(
        STCA,
        STCAConfig(
            image_size_hw=(192, 96),
            clip_length=8,
            run_variant="final",
            planes=(32, 64, 128, 128),
            planes_3d=(16, 64, 128, 128),
            blocks_3d=(1, 2, 3, 2),
            stem_width_3d=32,
        ),
    ),
    "stca-micro": Preset(
        STCA,
        STCAConfig(
            image_size_hw=(64, 32),
            clip_length=4,
            run_variant="final",
            planes=(16, 32, 64, 64),
            blocks=(1, 1, 1, 1),
            planes_3d=(8, 16, 64, 64),
            blocks_3d=(1, 1, 1, 1),
            stem_width_3d=16,
        ),
    ),
    "denseil": Preset(
        DenseIL, DenseILConfig(image_size_hw=(256, 128), clip_length=8, run_variant="final", cnn="resnet50")
    ),
    "denseil-compact": Preset(
        DenseIL,
        DenseILConfig(
            image_size_hw=(192, 96),
            clip_length=8,
            run_variant="final",
            cnn="mobilenetv2_100",
            width=256,
            ffn_width=512,
        ),
    ),
    "denseil-micro": Preset(
        DenseIL,
        DenseILConfig(
            image_size_hw=(64, 32),
            clip_length=4,
            run_variant="final",
            cnn="mobilenetv2_035",
            blocks=2,
            width=64,
            ffn_width=128,
        ),
    ),
    # The three stages side by side, as the paper tests them, are 19,968 wide.
    "mstat": Preset(MSTAT, MSTATConfig(image_size_hw=(224, 112), clip_length=8, run_variant="all")),
    "mstat-compact": Preset(
        MSTAT,
        MSTATConfig(
            image_size_hw=(192, 96),
            clip_length=8,
            run_variant="stage2+stage3",
            width=192,
            heads=3,
            start="deit_tiny_patch16_224",
        ),
    ),
    "mstat-micro": Preset(
        MSTAT,
        MSTATConfig(
            image_size_hw=(64, 32),
            clip_length=4,
            run_variant="stage2+stage3",
            width=192,
            heads=3,
            depths=(1, 1, 1),
            attribute_proxies=8,
            a_sta_proxies=4,
            prototypes=16,
            start="deit_tiny_patch16_224",
        ),
    ),
    "cnn-average": Preset(
        FrameAverage,
        FrameAverageConfig(image_size_hw=(256, 128), clip_length=8, run_variant="final", cnn="resnet50"),
    ),
    "cnn-average-compact": Preset(
        FrameAverage,
        FrameAverageConfig(
            image_size_hw=(192, 96), clip_length=8, run_variant="final", cnn="mobilenetv2_100", cnn_head_conv=False
        ),
    ),
    "cnn-average-micro": Preset(
        FrameAverage,
        FrameAverageConfig(
            image_size_hw=(64, 32), clip_length=4, run_variant="final", cnn="mobilenetv2_035", cnn_head_conv=False
        ),
    ),
    "vit-average": Preset(
        FrameAverage,
        FrameAverageConfig(
            image_size_hw=(256, 128), clip_length=8, run_variant="final", transformer="vit_base_patch16_224"
        ),
    ),
    "vit-average-compact": Preset(
        FrameAverage,
        FrameAverageConfig(
            image_size_hw=(192, 96), clip_length=8, run_variant="final", transformer="deit_tiny_patch16_224"
        ),
    ),
    "vit-average-micro": Preset(
        FrameAverage,
        FrameAverageConfig(
            image_size_hw=(64, 32),
            clip_length=4,
            run_variant="final",
            transformer="deit_tiny_patch16_224",
            transformer_depth=3,
        ),
    ),
}
