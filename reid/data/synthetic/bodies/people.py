"""Who the people are: everything about a body, a gait and clothes that follows from an identity's seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from reid.data.synthetic.bodies.traits import Bags, Build, Clothes, Gait, Head
from reid.data.synthetic.bodies.wardrobe import BAGS, HAIR, LOWER, SHOES, SKIN, UPPER, paint
from reid.data.synthetic.draws import Draws
from reid.data.synthetic.rows import Rows

# Heights above the ground as shares of a person's height, in the order in which clothes end there.
CROTCH, HIP, WAIST, SHOULDER, NECK = 0.475, 0.53, 0.62, 0.825, 0.865


@dataclass(frozen=True)
class People(Rows):
    """N people."""

    build: Build
    gait: Gait
    clothes: Clothes
    head: Head
    bags: Bags

    @staticmethod
    def from_seeds(seeds: np.ndarray) -> People:
        """Make people up.

        Args:
            seeds: (N,) integers; a seed is an identity.

        Returns:
            The people, tensors on the CPU.
        """
        draws = Draws(seeds)
        woman, child = draws.chance("woman", 0.5), draws.chance("child", 0.05)
        build = _build(draws, woman, child)
        head = _head(draws, woman)
        return People(build, _gait(draws, build), _clothes(draws, woman), head, _bags(draws, woman))

    @property
    def height_m(self) -> Tensor:
        """(N,) heights without shoes and headwear."""
        return self.build.height_m

    @property
    def walking_speed_m_s(self) -> Tensor:
        """(N,) usual speeds."""
        return self.gait.speed_m_s

    @property
    def stride_m(self) -> Tensor:
        """(N,) way of one full cycle of the gait, two steps."""
        return self.gait.stride_m


def _tensor(values: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))


def _build(draws: Draws, woman: np.ndarray, child: np.ndarray) -> Build:
    height = np.where(woman, draws.normal("height", 1.64, 0.065), draws.normal("height", 1.77, 0.07))
    height = np.where(child, draws.uniform("child height", 1.15, 1.45), np.clip(height, 1.48, 1.98))
    weight = np.clip(draws.normal("weight", 1.0, 0.13), 0.76, 1.4)
    return Build(
        height_m=_tensor(height),
        shoulders=_tensor(np.where(woman, 0.92, 1.04) * (0.75 + 0.25 * weight) * draws.normal("shoulders", 1, 0.03)),
        chest=_tensor(weight * draws.normal("chest", 1.0, 0.04)),
        belly=_tensor(np.where(woman, 0.92, 1.02) * weight**1.35 * draws.normal("belly", 1.0, 0.06)),
        hips=_tensor(np.where(woman, 1.06, 0.97) * (0.5 + 0.5 * weight) * draws.normal("hips", 1.0, 0.03)),
        limbs=_tensor(np.where(woman, 0.95, 1.03) * (0.4 + 0.6 * weight) * draws.normal("limbs", 1.0, 0.04)),
        head=_tensor(np.where(child, 1.18, 1.0) * draws.normal("head", 1.0, 0.03)),
        leg_length=_tensor(draws.normal("leg length", 1.0, 0.018)),
        stoop_rad=_tensor(draws.normal("stoop", 0.05, 0.045)),
    )


def _gait(draws: Draws, build: Build) -> Gait:
    height = build.height_m.numpy()
    speed = np.clip(draws.normal("speed", 1.3, 0.17), 0.85, 1.8) * np.clip(height / 1.7, 0.75, 1.1)
    stride = 1.36 * np.sqrt(speed / 1.3) * (height / 1.7) * draws.normal("stride", 1.0, 0.04)
    held = np.stack(
        [draws.chance("left hand held", 0.12), draws.chance("right hand held", 0.14)], axis=1
    ) * draws.uniform("held", 0.5, 1.0)[:, None]  # fmt: skip
    return Gait(
        speed_m_s=_tensor(speed),
        stride_m=_tensor(stride),
        # Two straight legs that are each `leg` long and half a step apart in both directions.
        hip_swing=_tensor(
            np.arcsin(np.clip(stride / 4 / (HIP * height), 0.2, 0.6)) * draws.uniform("swing", 0.92, 1.1)
        ),
        knee_bend=_tensor(draws.normal("knee", 1.0, 0.1)),
        arm_swing=_tensor(np.clip(draws.normal("arm swing", 0.36, 0.16), 0.05, 0.7)),
        elbow=_tensor(np.clip(draws.normal("elbow", 0.3, 0.14), 0.08, 0.8)),
        elbows_out=_tensor(np.clip(draws.normal("elbows out", 0.1, 0.05), 0.02, 0.28)),
        twist=_tensor(draws.normal("twist", 0.1, 0.04)),
        feet_out=_tensor(draws.normal("feet out", 0.12, 0.08)),
        held=_tensor(held),
        asymmetry=_tensor(draws.normal("asymmetry", 0.0, 0.06)),
    )


# Kinds of upper wear: share among men and women, sleeve, thickness, hem, share worn open, share with a fastening.
_UPPER_KINDS = (
    ("t-shirt", 26, 24, 0.33, 0.005, 0.490, 0.00, 0.00),
    ("jumper", 16, 20, 1.00, 0.011, 0.490, 0.00, 0.00),
    ("shirt", 14, 9, 1.00, 0.006, 0.482, 0.12, 0.80),
    ("hooded", 13, 10, 1.00, 0.015, 0.490, 0.28, 0.55),
    ("jacket", 15, 13, 1.00, 0.019, 0.492, 0.45, 0.80),
    ("coat", 9, 13, 1.00, 0.022, 0.480, 0.42, 0.80),
    ("suit", 6, 4, 1.00, 0.012, 0.480, 0.70, 0.60),
    ("top", 1, 7, 0.08, 0.003, 0.515, 0.00, 0.00),
)


def _clothes(draws: Draws, woman: np.ndarray) -> Clothes:
    table = np.array([kind[1:] for kind in _UPPER_KINDS], dtype=np.float64)
    names = [kind[0] for kind in _UPPER_KINDS]
    kind = draws.choice("upper kind", np.where(woman[:, None], table[None, :, 1], table[None, :, 0]))
    sleeve, thickness, hem, open_share, fastening_share = table[kind, 2:].T
    rolled = draws.chance("rolled", 0.22) & (sleeve == 1.0)
    sleeve = np.where(rolled, draws.uniform("rolled to", 0.45, 0.75), sleeve) + draws.normal("sleeve", 0, 0.02)
    coat = kind == names.index("coat")
    lower = draws.choice("lower kind", np.where(woman[:, None], [[66.0, 7, 14, 13]], [[84.0, 16, 0, 0]]))
    skirt, dress, shorts = (lower == 2) & ~coat, (lower == 3) & ~coat, (lower == 1) & ~coat
    dress_colour = dress[:, None]
    upper = paint(draws, "upper", UPPER)
    bottom = paint(draws, "lower", LOWER)
    pattern = draws.choice("pattern", (60, 9, 7, 10, 8, 6))
    pattern = np.where((kind == names.index("suit")) & (pattern != 2), 0, pattern)
    denim = (bottom[:, 2] > 1.25 * bottom[:, 0]).astype(np.float32)
    boots = draws.chance("boots", np.where(woman, 0.18, 0.05)) * draws.uniform("boot height", 0.2, 0.85)
    leg_width = draws.uniform("leg width", 0.0, 0.007)
    open_front = draws.chance("open", open_share) & ~dress
    return Clothes(
        sleeve=_tensor(np.clip(sleeve, 0.04, 1.0)),
        thickness=_tensor(thickness * np.clip(draws.normal("thickness", 1.0, 0.3), 0.4, 1.9)),
        hem=_tensor(hem + draws.normal("hem", 0.0, 0.014) + 0.035 * draws.chance("tucked", 0.16)),
        drape=_tensor(np.select([coat, skirt, dress], [1, 2, 3], 0)),
        drape_hem=_tensor(
            np.select(
                [coat, skirt | dress],
                [
                    draws.uniform("coat hem", 0.24, 0.45),
                    draws.choice("skirt", (3, 5, 3)) * 0.1 + draws.uniform("skirt hem", 0.11, 0.2),
                ],
                0.47,
            )
        ),
        flare=_tensor(np.where(coat, draws.uniform("coat flare", 0.0, 0.25), draws.uniform("flare", 0.0, 1.0) ** 1.5)),
        opening=_tensor(np.where(open_front, draws.uniform("opening", 0.12, 0.5), 0.0)),
        fastening=_tensor(draws.chance("fastening", fastening_share)),
        collar=_tensor(np.clip(draws.normal("collar", 0.016, 0.014), 0.0, 0.06)),
        leg_end=_tensor(
            np.where(shorts, draws.uniform("shorts end", 0.32, 0.56), draws.uniform("trousers end", 0.9, 1.05))
        ),
        leg_width=_tensor(np.where(boots > 0, 0, draws.choice("leg cut", (30, 50, 20)) * 0.008) + leg_width),
        boots=_tensor(boots),
        hood=_tensor(
            (kind == names.index("hooded")) | (draws.chance("hood", 0.3) & (coat | (kind == names.index("jacket"))))
        ),
        scarf=_tensor(draws.chance("scarf", 0.08)),
        pattern=_tensor(pattern),
        pattern_scale=_tensor(draws.uniform("pattern scale", 0.0, 1.0)),
        pattern_phase=_tensor(draws.uniform("pattern phase", 0.0, 1.0)),
        sleeves_differ=_tensor(draws.chance("sleeves differ", 0.08)),
        side_stripe=_tensor(draws.chance("side stripe", 0.06)),
        fade=_tensor(denim * draws.uniform("fade", 0.0, 0.7)),
        fold=_tensor(
            np.stack(
                [draws.uniform("folds", 0.05, 0.17), draws.uniform("fold size", 0.7, 1.4), draws.uniform("fold", 0, 6)],
                1,
            )
        ),
        front_logo=_tensor(_logo(draws, "front logo", 0.22)),
        back_logo=_tensor(_logo(draws, "back logo", 0.14)),
        back_differs=_tensor(draws.chance("back differs", 0.05)),
        upper=_tensor(upper),
        second=_tensor(paint(draws, "second", UPPER)),
        inner=_tensor(paint(draws, "inner", UPPER)),
        lower=_tensor(np.where(dress_colour, upper, bottom)),
        shoes=_tensor(paint(draws, "shoes", SHOES)),
        sole=_tensor(paint(draws, "sole", ((55, (0.10, 0.10, 0.10)), (35, (0.82, 0.82, 0.80)), (10, (0.5, 0.4, 0.3))))),
        tights=_tensor(draws.chance("tights", 0.45)),
        logo=_tensor(paint(draws, "logo", UPPER[:1] + UPPER[1:2] * 4 + UPPER[11:])),
        belt=_tensor(draws.chance("belt", 0.35)),
        scarf_colour=_tensor(paint(draws, "scarf colour", UPPER)),
    )


def _logo(draws: Draws, name: str, share: float) -> np.ndarray:
    """Print on cloth: shown, place across, height, half width, half height."""
    return np.stack(
        [
            draws.chance(name, share),
            draws.uniform(name + "/across", -0.25, 0.25),
            draws.uniform(name + "/height", 0.69, 0.78),
            draws.uniform(name + "/width", 0.12, 0.5),
            draws.uniform(name + "/tall", 0.008, 0.05),
        ],
        axis=1,
    ).astype(np.float32)


def _head(draws: Draws, woman: np.ndarray) -> Head:
    style = draws.choice("hair", np.where(woman[:, None], [[1.0, 8, 22, 40, 25, 4]], [[12.0, 68, 10, 3, 3, 4]]))
    hat = draws.choice("hat", np.where(woman[:, None], [[82.0, 4, 5, 2, 2, 5]], [[80.0, 10, 5, 2, 3, 0]]))
    return Head(
        hair_style=_tensor(style),
        hair_volume=_tensor(draws.uniform("hair volume", 0.0, 1.0)),
        fringe=_tensor(draws.uniform("fringe", 0.15, 0.65)),
        hat_style=_tensor(hat),
        beard=_tensor(np.where(woman, 0.0, draws.chance("beard", 0.35) * draws.uniform("beard depth", 0.3, 1.0))),
        glasses=_tensor(draws.chance("glasses", 0.2)),
        skin=_tensor(paint(draws, "skin", SKIN, spread=0.02)),
        hair=_tensor(paint(draws, "hair colour", HAIR, spread=0.02)),
        hat=_tensor(paint(draws, "hat colour", BAGS)),
    )


def _bags(draws: Draws, woman: np.ndarray) -> Bags:
    sizes = [
        draws.uniform("bag length", 0.06, 0.13),
        draws.uniform("bag depth", 0.022, 0.05),
        draws.uniform("bag height", 0.05, 0.12),
    ]
    return Bags(
        backpack=_tensor(draws.chance("backpack", 0.22)),
        backpack_size=_tensor(draws.uniform("backpack size", 0.0, 1.0)),
        handbag=_tensor(
            draws.chance("handbag", np.where(woman, 0.32, 0.1)) * (1 + draws.choice("handbag side", (1, 1)))
        ),
        handbag_low=_tensor(draws.chance("handbag low", 0.5)),
        handbag_size=_tensor(np.stack(sizes, axis=1)),
        strap=_tensor(draws.chance("strap", 0.18) * (2 * draws.choice("strap side", (1, 1)) - 1)),
        backpack_colour=_tensor(paint(draws, "backpack colour", BAGS)),
        handbag_colour=_tensor(paint(draws, "handbag colour", BAGS)),
    )
