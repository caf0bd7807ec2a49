"""Numbers that no model can have are refused by name, whoever asks: a library's caller or a damaged checkpoint."""

from __future__ import annotations

import pytest
import torch

from reid.errors import ConfigError
from reid.models import PRESETS, build_model

IMPOSSIBLE = [
    ("dcct-micro", {"heads": 0}, "heads: 0 heads"),
    ("dcct-micro", {"width": 0}, "width"),
    ("dcct-micro", {"cnn": "resnet9000"}, "cnn: timm knows no network"),
    ("dcct-micro", {"transformer": "vit_enormous"}, "transformer: timm knows no network"),
    ("dcct-micro", {"transformer_depth": 0}, "transformer_depth"),
    ("dcct-micro", {"drop_path": 1.5}, "drop_path"),
    ("dcct-micro", {"distillation_temperature": 0.0}, "distillation_temperature"),
    ("dcct-micro", {"hta_parts": ["tt", "tt"]}, "hta_parts"),
    ("dcct-micro", {"distillation": ["logit", "logit"]}, "distillation"),
    ("vit-average-micro", {"drop_path": -0.1}, "drop_path"),
    ("vit-average-micro", {"transformer_depth": 0}, "transformer_depth"),
    ("denseil-micro", {"width": 0}, "width"),
    ("denseil-micro", {"heads": 0}, "heads"),
    ("mstat-micro", {"heads": 0}, "heads"),
    ("mstat-micro", {"iap_stages": ["stage2", "stage2"]}, "iap_stages"),
]


@pytest.mark.parametrize(("name", "overrides", "message"), IMPOSSIBLE)
def test_impossible_numbers_are_refused_by_name(name: str, overrides: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build_model(name, overrides=overrides)


@pytest.mark.parametrize("name", [name for name in PRESETS if name.endswith("-micro")])
def test_a_variant_that_does_not_exist_cannot_be_wanted(name: str) -> None:
    model = build_model(name).eval()
    clip = torch.zeros(1, 1, 3, *model.config.image_size_hw)
    for wanted in (("bogus",), "final", ("final", "bogus")):
        with pytest.raises(ValueError, match="wanted: expected some of"):
            model(clip, wanted=wanted)
