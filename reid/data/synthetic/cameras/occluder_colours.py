"""The colours of things in front of people: linear, of their surfaces, without the light."""

from __future__ import annotations

import numpy as np

from reid.data.synthetic.draws import Draws

GREYS = ((0.02, 0.02, 0.022), (0.07, 0.07, 0.075), (0.25, 0.26, 0.27), (0.45, 0.46, 0.46))
WALLS = ((0.42, 0.4, 0.36), (0.22, 0.21, 0.2), (0.6, 0.58, 0.54), (0.2, 0.12, 0.08), (0.33, 0.24, 0.16))
WOODS = ((0.22, 0.12, 0.06), (0.1, 0.055, 0.03), (0.42, 0.28, 0.16), (0.6, 0.59, 0.57))
PAINTS = (
    (0.6, 0.6, 0.6),
    (0.3, 0.31, 0.33),
    (0.3, 0.03, 0.03),
    (0.03, 0.06, 0.2),
    (0.04, 0.1, 0.06),
    (0.5, 0.4, 0.06),
)
CLOTHS = ((0.03, 0.03, 0.035), (0.06, 0.06, 0.065), (0.03, 0.05, 0.14), (0.25, 0.03, 0.04), (0.2, 0.14, 0.09))
LEAVES = ((0.06, 0.11, 0.03), (0.1, 0.16, 0.05), (0.14, 0.2, 0.07), (0.05, 0.08, 0.04))
GLASSES = ((0.03, 0.035, 0.04), (0.08, 0.09, 0.1), (0.2, 0.23, 0.25))


def colours(draws: Draws, name: str, palette: tuple[tuple[float, float, float], ...]) -> np.ndarray:
    """(K, 3), near colours of the palette."""
    rgb = np.asarray(palette, dtype=np.float32)[draws.choice(name + "/colour", [1.0] * len(palette))]
    shade = draws.normal(name + "/shade", 0.0, 0.2)[:, None]
    tint = draws.normal(name + "/tint", 0.0, 0.05, size=3)
    near: np.ndarray = rgb * np.exp(shade + tint)
    return near
