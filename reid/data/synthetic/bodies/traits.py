"""What a person's looks and ways are described by: tables with one row a person."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from reid.data.synthetic.rows import Rows


@dataclass(frozen=True)
class Build(Rows):
    """Bodies of N people. Lengths without a unit are shares of the person's height; factors are around 1."""

    height_m: Tensor
    shoulders: Tensor  # factor
    chest: Tensor  # factor, depth
    belly: Tensor  # factor
    hips: Tensor  # factor
    limbs: Tensor  # factor, thickness
    head: Tensor  # factor
    leg_length: Tensor  # factor
    stoop_rad: Tensor


@dataclass(frozen=True)
class Gait(Rows):
    """How N people walk and hold their arms; angles in radians."""

    speed_m_s: Tensor
    stride_m: Tensor  # one full cycle, two steps
    hip_swing: Tensor
    knee_bend: Tensor
    arm_swing: Tensor
    elbow: Tensor  # bend of both
    elbows_out: Tensor
    twist: Tensor
    feet_out: Tensor
    held: Tensor  # (N, 2): 1 where the left or right forearm is held up, with a telephone or a hand in a pocket
    asymmetry: Tensor


@dataclass(frozen=True)
class Clothes(Rows):
    """What N people wear. Heights are shares of the person's height, thickness likewise; colours (N, 3) linear."""

    sleeve: Tensor  # end of the sleeve, 0 shoulder to 1 wrist
    thickness: Tensor
    hem: Tensor  # height at which the upper wear ends on the trunk
    drape: Tensor  # 0 none, 1 coat or long top, 2 skirt, 3 dress
    drape_hem: Tensor
    flare: Tensor
    opening: Tensor  # half width of an open front, as the sine of the angle; 0 is closed
    fastening: Tensor  # 1 for a visible zip or row of buttons
    collar: Tensor  # depth of the neckline
    leg_end: Tensor  # end of trousers, 0 hip to 1 ankle
    leg_width: Tensor
    boots: Tensor  # height of the shaft, 0 none, as a share of the lower leg
    hood: Tensor  # 0 none, 1 down on the back
    scarf: Tensor
    pattern: Tensor  # 0 plain, 1 horizontal stripes, 2 checks, 3 yoke, 4 vertical panels, 5 print
    pattern_scale: Tensor
    pattern_phase: Tensor
    sleeves_differ: Tensor  # 1 where sleeves have the second colour
    side_stripe: Tensor  # 1 where trousers have a stripe along the side
    fade: Tensor  # wear of denim
    fold: Tensor  # (N, 3): strength, frequency and phase of the folds of cloth
    front_logo: Tensor  # (N, 5): shown, place across, height, half width, half height
    back_logo: Tensor  # (N, 5)
    back_differs: Tensor  # 1 where the back has the second colour
    upper: Tensor
    second: Tensor
    inner: Tensor
    lower: Tensor
    shoes: Tensor
    sole: Tensor
    tights: Tensor
    logo: Tensor
    belt: Tensor
    scarf_colour: Tensor


@dataclass(frozen=True)
class Head(Rows):
    """Heads of N people; colours (N, 3) linear."""

    hair_style: Tensor  # 0 bald, 1 short, 2 medium, 3 long, 4 tied, 5 round
    hair_volume: Tensor
    fringe: Tensor  # height of the hairline over the face, in radii of the head
    hat_style: Tensor  # 0 none, 1 cap, 2 woollen, 3 brimmed, 4 hood up, 5 headscarf
    beard: Tensor  # 0 to 1
    glasses: Tensor
    skin: Tensor
    hair: Tensor
    hat: Tensor


@dataclass(frozen=True)
class Bags(Rows):
    """What N people carry."""

    backpack: Tensor
    backpack_size: Tensor
    handbag: Tensor  # 0 none, 1 left, 2 right
    handbag_low: Tensor  # 0 at the hip on a strap, 1 in the hand
    handbag_size: Tensor  # (N, 3), shares of height
    strap: Tensor  # -1, 0, 1: across the chest from which shoulder
    backpack_colour: Tensor
    handbag_colour: Tensor
