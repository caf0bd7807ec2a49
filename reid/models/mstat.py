"""MSTAT: a pure transformer that gathers attributes, then the identity, then both, in three stages.

Source: Tang et al. 2022, Multi-Stage Spatio-Temporal Aggregation Transformer for Video Person Re-identification.
Equation numbers below are the paper's.
"""

from __future__ import annotations

import functools
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import timm
import torch
from torch import Tensor, nn

from reid.errors import ConfigError
from reid.models.base import ModelConfig, ReidModel
from reid.models.blocks import check_heads
from reid.models.mstat_blocks import (
    NORM_EPS,
    AttributeAwareProxyEmbedding,
    AttributeSpatioTemporalAggregation,
    IdentityAwareProxyEmbedding,
    IdentityNormalisation,
    SpatioTemporalAggregation,
    TemporalPatchShuffling,
)
from reid.models.mstat_start import TIMESFORMER_WIDTH, from_timesformer, from_vit
from reid.models.output import ReidOutput, with_concatenation
from reid.start_weights import Published, StartPart

AttributeFeature = Literal["concatenation", "mean"]
IdentityStage = Literal["stage2", "stage3"]

PATCH_PX = 16
# What each variant is made of; Table II has all of them.
_PARTS = {
    "stage1": ("stage1",),
    "stage2": ("stage2",),
    "stage3": ("stage3",),
    "stage1+stage2": ("stage1", "stage2"),
    "stage1+stage3": ("stage1", "stage3"),
    "stage2+stage3": ("stage2", "stage3"),
}


@dataclass(frozen=True, kw_only=True)
class MSTATConfig(ModelConfig):
    """The numbers of one MSTAT.

    Args:
        width: d, the tokens' width.
        heads: heads of every attention.
        depths: blocks of stage I, II and III. The third is not in the paper; with 1 the whole has the depth of the
            ViT-B that it starts from.
        attribute_proxies: attributes that stage I gathers; 0 leaves stage I without a feature ("Base" in figure 7).
        attribute_feature: what stage I's attributes become: one beside the other as in the paper, or their mean.
        a_sta: whether stage III has A-STA blocks; plain STA blocks otherwise ("Base" in figure 8).
        a_sta_proxies: attributes that A-STA gathers from each frame. Figure 8 varies them, the text names no number;
            24 is stage I's, a guess.
        prototypes: identity prototypes of each IAP.
        iap_stages: the stages that end in an IAP; Table III has all four cases.
        identity_normalisation: order of IAP's two normalisations, see `IdentityAwareProxyEmbedding`.
        drop_path: stochastic depth of the last block, it rises linearly to it; TimeSformer's, as the paper has none.
        shuffle_probability: chance that temporal patch shuffling takes a clip in training.
        shuffle_positions: positions of such a clip that are shuffled.
        start: timm's name of the plain vision transformer whose weights can start the spatial parts.
    """

    width: int = 768
    heads: int = 12
    depths: tuple[int, int, int] = (8, 3, 1)
    attribute_proxies: int = 24
    attribute_feature: AttributeFeature = "concatenation"
    a_sta: bool = True
    a_sta_proxies: int = 24
    prototypes: int = 64
    iap_stages: tuple[IdentityStage, ...] = ("stage2", "stage3")
    identity_normalisation: IdentityNormalisation = "l1_softmax"
    drop_path: float = 0.1
    shuffle_probability: float = 0.2
    shuffle_positions: int = 5
    start: str = "vit_base_patch16_224"

    def __post_init__(self) -> None:
        super().__post_init__()
        height, width = self.image_size_hw
        if height % PATCH_PX or width % PATCH_PX:
            raise ConfigError(f"image_size_hw: {height}x{width} is not a multiple of the patch of {PATCH_PX} px")
        check_heads(self.width, self.heads)
        if min(self.depths) < 1:
            raise ConfigError(f"depths: every stage needs at least one block, not {self.depths}")
        for field in ("a_sta_proxies", "prototypes"):
            if getattr(self, field) < 1:
                raise ConfigError(f"{field}: must be at least 1, not {getattr(self, field)}")
        if len(set(self.iap_stages)) != len(self.iap_stages):
            raise ConfigError(f"iap_stages: each stage at most once, not {list(self.iap_stages)}")
        if self.attribute_proxies < 0:
            raise ConfigError(f"attribute_proxies: must be at least 0, not {self.attribute_proxies}")
        if not 0 <= self.drop_path < 1:
            raise ConfigError(f"drop_path: must be in [0, 1), not {self.drop_path}")
        if not 0 <= self.shuffle_probability <= 1:
            raise ConfigError(f"shuffle_probability: must be in [0, 1], not {self.shuffle_probability}")
        num_patches = self.grid_hw[0] * self.grid_hw[1]
        if not 0 <= self.shuffle_positions <= num_patches:
            raise ConfigError(f"shuffle_positions: {self.shuffle_positions} of a frame's {num_patches} patches")
        if timm.get_pretrained_cfg(self.start) is None:
            raise ConfigError(f"start: timm knows no network {self.start!r}")

    @property
    def grid_hw(self) -> tuple[int, int]:
        """Rows and columns of patches in a frame."""
        return self.image_size_hw[0] // PATCH_PX, self.image_size_hw[1] // PATCH_PX


class MSTATTrunk(nn.Module):
    """The three stages, from clips to one feature each.

    The tokens of a clip are one sequence (B, 1 + T * N, D): the class token, then N patches of each of T frames.

    Args:
        config: the model's numbers.

    Source: section III-A and figure 2. Positions are embedded in space only. Each AAP and IAP has a normalisation in
    front of it and IAP a residual around it, and each class token is normalised before it leaves: figure 2 omits such
    things, and vanilla pre-norm transformers have them.
    """

    def __init__(self, config: MSTATConfig) -> None:
        super().__init__()
        width, heads = config.width, config.heads
        num_patches = config.grid_hw[0] * config.grid_hw[1]
        self.stage_ends = config.depths[0], config.depths[0] + config.depths[1]
        self.patch_embed = nn.Sequential(OrderedDict(proj=nn.Conv2d(3, width, PATCH_PX, PATCH_PX)))
        self.cls_token = nn.Parameter(0.02 * torch.randn(1, 1, width))
        self.pos_embed = nn.Parameter(0.02 * torch.randn(1, 1 + num_patches, width))
        self.shuffle = TemporalPatchShuffling(config.shuffle_probability, config.shuffle_positions)
        depth = sum(config.depths)
        drops = [config.drop_path * block / max(depth - 1, 1) for block in range(depth)]
        a_sta_from = self.stage_ends[1] if config.a_sta else depth
        self.blocks = nn.ModuleList(
            SpatioTemporalAggregation(width, heads, drop)
            if block < a_sta_from
            else AttributeSpatioTemporalAggregation(width, heads, config.a_sta_proxies, num_patches, drop)
            for block, drop in enumerate(drops)
        )
        self.attributes: nn.Module | None = None
        if config.attribute_proxies:
            self.attributes_norm = nn.LayerNorm(width, eps=NORM_EPS)
            self.attributes = AttributeAwareProxyEmbedding(width, heads, config.attribute_proxies)
        self.attributes_are_averaged = config.attribute_feature == "mean"
        self.identity_norms = nn.ModuleDict({stage: nn.LayerNorm(width, eps=NORM_EPS) for stage in config.iap_stages})
        self.identities = nn.ModuleDict(
            {
                stage: IdentityAwareProxyEmbedding(width, heads, config.prototypes, config.identity_normalisation)
                for stage in config.iap_stages
            }
        )
        self.stage3_token = nn.Parameter(0.02 * torch.randn(1, 1, width))
        self.norms = nn.ModuleDict({stage: nn.LayerNorm(width, eps=NORM_EPS) for stage in ("stage2", "stage3")})
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, clips: Tensor, needed: Collection[str]) -> dict[str, Tensor]:
        """Turn clips (B, T, 3, H, W) into the features of the needed stages, (B, D_s) each."""
        num_frames = clips.shape[1]
        first, second = self.stage_ends
        features = {}
        tokens = self._through(self.blocks[:first], self.stem(clips), num_frames)
        if "stage1" in needed:
            features["stage1"] = self._attribute_feature(tokens)
        if "stage2" in needed or "stage3" in needed:
            tokens = self._identified("stage2", self._through(self.blocks[first:second], tokens, num_frames))
        if "stage2" in needed:
            features["stage2"] = self.norms["stage2"](tokens[:, 0])
        if "stage3" in needed:
            tokens = torch.cat([self.stage3_token.expand(clips.shape[0], -1, -1), tokens[:, 1:]], dim=1)
            tokens = self._identified("stage3", self._through(self.blocks[second:], tokens, num_frames))
            features["stage3"] = self.norms["stage3"](tokens[:, 0])
        return features

    def stem(self, clips: Tensor) -> Tensor:
        """Turn clips (B, T, 3, H, W) into tokens (B, 1 + T * N, D) with their positions, shuffled in training."""
        patches = self.patch_embed(clips.flatten(0, 1)).flatten(2).transpose(1, 2)  # (B * T, N, D)
        patches = self.shuffle((patches + self.pos_embed[:, 1:]).unflatten(0, clips.shape[:2]))  # (B, T, N, D)
        class_token = (self.cls_token + self.pos_embed[:, :1]).expand(clips.shape[0], -1, -1)
        return torch.cat([class_token, patches.flatten(1, 2)], dim=1)

    def _through(self, blocks: nn.ModuleList, tokens: Tensor, num_frames: int) -> Tensor:
        for block in blocks:
            tokens = block(tokens, num_frames)
        return tokens

    def _identified(self, stage: str, tokens: Tensor) -> Tensor:
        if stage not in self.identities:
            return tokens
        output: Tensor = tokens + self.identities[stage](self.identity_norms[stage](tokens))
        return output

    def _attribute_feature(self, tokens: Tensor) -> Tensor:
        assert self.attributes is not None
        attributes: Tensor = self.attributes(self.attributes_norm(tokens[:, 1:]))  # (B, N_a, D)
        return attributes.mean(dim=1) if self.attributes_are_averaged else attributes.flatten(1)


class MSTAT(ReidModel):
    """The whole network.

    Supervised stages, each with one feature for the clip: `stage1` (the attributes side by side, N_a * d, or their
    mean, d), `stage2` and `stage3` (class tokens, d). Variants: each of them, each pair (such as `stage1+stage3`) and
    `all`; in pairs and `all` every part is divided by its L2 norm.

    Args:
        config: the model's numbers.
        name: the registry's name for it.
        num_classes: K, identities of the training set; 0 builds no classifiers.

    Raises:
        ConfigError: run_variant is not a variant.

    Source: section III-A; the pairs are Table II's. The paper concatenates features without saying whether they are
    normalised; unnormalised, the widest would decide the cosine.
    """

    config: MSTATConfig
    HOLDERS = ("trunk",)

    def __init__(self, config: MSTATConfig, name: str, num_classes: int = 0) -> None:
        super().__init__(config, name)
        self.trunk = MSTATTrunk(config)
        width = config.width
        stage_widths = {"stage2": width, "stage3": width}
        if config.attribute_proxies:
            count = config.attribute_proxies if config.attribute_feature == "concatenation" else 1
            stage_widths = {"stage1": count * width, **stage_widths}
        parts = {variant: stages for variant, stages in _PARTS.items() if set(stages) <= set(stage_widths)}
        self.parts = {**parts, "all": tuple(stage_widths)}
        variant_widths = {
            variant: sum(stage_widths[stage] for stage in stages) for variant, stages in self.parts.items()
        }
        self._build_heads(stage_widths, num_classes, variant_widths)

    def start_parts(self) -> dict[str, StartPart]:
        """Return the trunk: from TimeSformer where the width is its own, or from the plain vision transformer."""
        config, image = self.config, timm.get_pretrained_cfg(self.config.start)
        depth = sum(config.depths)
        a_sta = range(depth - config.depths[2], depth) if config.a_sta else range(0)
        lacks: tuple[str, ...] = ("attributes", "identities.", "identity_norms.", "stage3_token", ".alpha", ".beta")
        lacks += tuple(f"blocks.{block}.{part}" for block in a_sta for part in ("temporal", "to_"))
        video = Published(
            name="TimeSformer",
            publisher="TimeSformer's authors",
            translate=functools.partial(from_timesformer, a_sta_blocks=a_sta),
            mean=(0.45, 0.45, 0.45),
            std=(0.225, 0.225, 0.225),
            lacks=lacks,
            spare=("blocks.",),
        )
        still = Published(
            name=config.start,
            hub=image.hf_hub_id,
            publisher="timm",
            translate=functools.partial(from_vit, a_sta_blocks=a_sta),
            mean=image.mean,
            std=image.std,
            lacks=lacks,
        )
        published = (video, still) if config.width == TIMESFORMER_WIDTH else (still,)
        return {"trunk": StartPart(self.trunk, published, config.grid_hw)}

    def forward(self, clips: Tensor, wanted: Collection[str] | None = None) -> ReidOutput:
        """Turn clips (B, T, 3, H, W) into variants, and into stages where there are classifiers."""
        needed = {stage for variant in self._check_input(clips, wanted) for stage in self.parts[variant]}
        necked, stages = self._supervise(self.trunk(clips, needed))
        variants = {}
        for variant, parts in self.parts.items():
            if needed.issuperset(parts):
                joined = with_concatenation({stage: necked[stage] for stage in parts}, variant)
                variants[variant] = joined[variant] if len(parts) > 1 else necked[variant]
        return ReidOutput(variants, stages)
