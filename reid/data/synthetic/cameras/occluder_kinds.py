"""The things that stand in front of people in streets and buildings, and where they stand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from reid.data.synthetic.cameras.occluder_fixtures import counter, post, railing, side, table
from reid.data.synthetic.cameras.occluder_movables import bicycle, luggage, plant, vehicle
from reid.data.synthetic.cameras.occluder_shapes import FIELDS, Shapes
from reid.data.synthetic.draws import Draws


def draw_things(draws: Draws, passed: np.ndarray, aspect: float) -> Shapes:
    """Draw things and where they are.

    Args:
        draws: K seeds, equal for images that show the same thing.
        passed: (K,) in [0, 1): how much has passed of the time in which a thing is in view.
        aspect: the crop's width over its height.

    Returns:
        Their shapes; no thing covers more than half of the crop.
    """
    kinds = draws.choice("kind", [weight for weight, _ in _KINDS])
    travel = draws.normal("travel", 0.0, 0.4 * aspect) * (passed - 0.5)  # (K,)
    built = []
    for kind, (_, build) in enumerate(_KINDS):
        rows = np.flatnonzero(kinds == kind)
        built.append((rows, np.stack(build(Draws(draws.seeds[rows]), travel[rows], aspect), axis=1)))  # (K', P', F)
    values = np.zeros((len(draws), max(shapes.shape[1] for _, shapes in built), len(FIELDS)), dtype=np.float32)
    number = np.zeros(len(draws), dtype=np.int64)
    for rows, shapes in built:
        values[rows, : shapes.shape[1]] = shapes
        number[rows] = shapes.shape[1]
    return Shapes(values, number, draws.uniform("softness", 0.006, 0.025))


_Build = Callable[[Draws, np.ndarray, float], list[np.ndarray]]
_KINDS: tuple[tuple[float, _Build], ...] = (
    (0.22, post),
    (0.17, counter),
    (0.08, table),
    (0.13, side),
    (0.1, railing),
    (0.08, bicycle),
    (0.08, luggage),
    (0.07, vehicle),
    (0.07, plant),
)
