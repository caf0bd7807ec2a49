"""What people on real streets wear and look like, as colours and shares.

Colours are display values (0 to 1); shares need not add up to 1. The shares of cloth colours are those of streets:
mostly black, grey, navy, denim and white, so that people are hard to tell apart by colour alone.
"""

from __future__ import annotations

import numpy as np

from reid.data.synthetic.draws import Draws

_Palette = tuple[tuple[float, tuple[float, float, float]], ...]

UPPER: _Palette = (
    (25, (0.09, 0.09, 0.10)),
    (13, (0.86, 0.86, 0.85)),
    (10, (0.11, 0.14, 0.26)),
    (9, (0.22, 0.22, 0.23)),
    (8, (0.44, 0.44, 0.45)),
    (6, (0.22, 0.34, 0.56)),
    (5, (0.66, 0.66, 0.66)),
    (5, (0.29, 0.31, 0.19)),
    (5, (0.31, 0.22, 0.16)),
    (4, (0.33, 0.42, 0.55)),
    (4, (0.70, 0.62, 0.49)),
    (1.6, (0.62, 0.11, 0.13)),
    (1.0, (0.36, 0.08, 0.12)),
    (0.9, (0.10, 0.36, 0.23)),
    (0.8, (0.83, 0.62, 0.12)),
    (0.8, (0.80, 0.48, 0.56)),
    (0.6, (0.44, 0.25, 0.50)),
    (0.5, (0.82, 0.38, 0.12)),
    (0.5, (0.15, 0.52, 0.55)),
)
LOWER: _Palette = (
    (32, (0.09, 0.09, 0.10)),
    (19, (0.14, 0.18, 0.27)),
    (10, (0.31, 0.40, 0.53)),
    (9, (0.23, 0.23, 0.24)),
    (9, (0.64, 0.57, 0.45)),
    (6, (0.45, 0.45, 0.46)),
    (4, (0.32, 0.24, 0.18)),
    (4, (0.82, 0.82, 0.80)),
    (3, (0.29, 0.31, 0.20)),
    (0.7, (0.50, 0.13, 0.16)),
    (0.6, (0.18, 0.30, 0.46)),
)
SHOES: _Palette = (
    (48, (0.09, 0.09, 0.09)),
    (24, (0.84, 0.84, 0.83)),
    (10, (0.33, 0.23, 0.16)),
    (9, (0.42, 0.42, 0.43)),
    (4, (0.16, 0.20, 0.34)),
    (2, (0.60, 0.17, 0.16)),
    (2, (0.60, 0.52, 0.40)),
)
BAGS: _Palette = (
    (45, (0.10, 0.10, 0.11)),
    (15, (0.27, 0.28, 0.30)),
    (12, (0.36, 0.25, 0.17)),
    (9, (0.13, 0.17, 0.30)),
    (6, (0.66, 0.58, 0.46)),
    (5, (0.83, 0.83, 0.82)),
    (4, (0.58, 0.14, 0.15)),
    (3, (0.27, 0.31, 0.20)),
    (2, (0.20, 0.42, 0.60)),
)
SKIN: _Palette = (
    (30, (0.86, 0.69, 0.60)),
    (26, (0.80, 0.62, 0.51)),
    (16, (0.71, 0.53, 0.41)),
    (12, (0.58, 0.41, 0.31)),
    (10, (0.43, 0.29, 0.21)),
    (6, (0.29, 0.19, 0.14)),
)
HAIR: _Palette = (
    (40, (0.08, 0.07, 0.07)),
    (30, (0.19, 0.13, 0.09)),
    (13, (0.34, 0.23, 0.14)),
    (7, (0.62, 0.49, 0.29)),
    (7, (0.55, 0.55, 0.55)),
    (3, (0.42, 0.18, 0.09)),
)


def paint(draws: Draws, name: str, palette: _Palette, spread: float = 0.04) -> np.ndarray:
    """Draw a colour near one of a palette's.

    Args:
        draws: of N people.
        name: what is coloured.
        palette: shares and colours.
        spread: deviation of brightness around the palette's colour; hue moves by half as much.

    Returns:
        (N, 3) float32, linear.
    """
    chosen = draws.choice(name, [share for share, _ in palette])
    display = np.array([colour for _, colour in palette], dtype=np.float32)[chosen]  # (N, 3)
    display = display * (1 + draws.normal(name + "/brightness", 0.0, 2.5 * spread)[:, None])
    display = display + draws.normal(name + "/hue", 0.0, spread / 2, size=3)
    display = display + np.abs(draws.normal(name + "/lift", 0.0, spread / 2))[:, None]
    linear: np.ndarray = np.clip(display, 0.02, 0.95) ** 2
    return linear.astype(np.float32)
