"""Named terms of a loss, and their weighted sum."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from reid.errors import ConfigError, RunError


def weighted_sum(terms: Mapping[str, Tensor], weights: Mapping[str, float]) -> Tensor:
    """Add up named terms.

    Args:
        terms: name -> scalar.
        weights: factor for each term, by its name or by the kind in front of its slash: "ce" weighs `ce/final` and
            `ce/base`, unless "ce/final" is given as well.

    Raises:
        ConfigError: a term has no weight, or a weight no term.
        RunError: the sum is not finite; the message gives every term.
    """
    used = {name: name if name in weights else name.split("/")[0] for name in terms}
    unknown = [name for name in weights if name not in used.values()]
    unweighted = [name for name in terms if used[name] not in weights]
    if unknown or unweighted:
        what = f"{', '.join(unknown)} weighs no term" if unknown else f"{', '.join(unweighted)} has no weight"
        raise ConfigError(f"loss weights: {what}; the terms are {', '.join(terms)}")
    total = torch.stack([weights[used[name]] * term for name, term in terms.items()]).sum()
    if not torch.isfinite(total):
        listed = ", ".join(f"{name} {float(term.detach()):g}" for name, term in terms.items())
        raise RunError(f"the loss is {float(total.detach()):g}; its terms before weighting: {listed}")
    return total
