"""From a wanted rate of false alarms to a match threshold.

A checkpoint carries the curve of false matches between a tracklet and *one* other person. Whoever searches a gallery
compares with every identity in it, so the chance that an absent person gets linked to anyone grows with the gallery;
the threshold is set for its size.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar, NamedTuple, Self

from pydantic import ConfigDict, TypeAdapter, ValidationError

_STRICT = 1e-3  # rate of false matches, as usual thresholds have it


class MatchThreshold(NamedTuple):
    """A threshold on cosine similarity.

    Args:
        similarity: link two tracklets at or above it.
        measured: False where the wanted rate is rarer than anything that was measured; `similarity` is then the
            strictest threshold of the curve, and the true rate is above the wanted one.
    """

    similarity: float
    measured: bool


@dataclass(frozen=True)
class Calibration:
    """The measured curve of false matches, and what it was measured on.

    Args:
        similarities: thresholds on cosine similarity, strictly ascending.
        false_match_rates: for each threshold the share of tracklets and other people at or above it; in (0, 1], never
            rising. The curve ends at the last threshold that some pair still passed.
        crop_selection: how the crops of a tracklet were chosen.
        policy: the clip policy, as in `reid.clips`.
        variant: the feature variant that was compared.
        pairs: how many pairs of a tracklet and another person were compared.

    Raises:
        ValueError: the curve is empty, uneven, not monotone or out of range.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    similarities: tuple[float, ...]
    false_match_rates: tuple[float, ...]
    crop_selection: str
    policy: str
    variant: str
    pairs: int

    def __post_init__(self) -> None:
        similarities, rates = self.similarities, self.false_match_rates
        if not similarities or len(similarities) != len(rates):
            raise ValueError(f"calibration: {len(similarities)} similarities with {len(rates)} rates")
        if not all(-1 <= similarity <= 1 for similarity in similarities):
            raise ValueError("calibration: a similarity lies outside [-1, 1]")
        if not all(0 < rate <= 1 for rate in rates):
            raise ValueError("calibration: a false-match rate lies outside (0, 1]")
        if any(low >= high for low, high in pairwise(similarities)):
            raise ValueError("calibration: similarities must ascend strictly")
        if any(earlier < later for earlier, later in pairwise(rates)):
            raise ValueError("calibration: false-match rates must never rise")

    def threshold(self, far: float, gallery_size: int) -> MatchThreshold:
        """Set the threshold for one search of a gallery.

        Between two measured points the logarithm of the rate is taken to be linear in the similarity. A rate more
        frequent than all measured ones gets the lowest threshold of the curve.

        Args:
            far: wanted chance in (0, 1) that a person who is absent is linked to anyone at all.
            gallery_size: identities in the gallery, >= 1.

        Raises:
            ValueError: far or gallery_size is out of range.
        """
        wanted = pair_rate(far, gallery_size)
        rates, similarities = self.false_match_rates, self.similarities
        strict = next((index for index, rate in enumerate(rates) if rate <= wanted), None)
        if strict is None:
            return MatchThreshold(similarities[-1], measured=False)
        if strict == 0:
            return MatchThreshold(similarities[0], measured=True)
        loose = strict - 1
        # rates[strict] <= wanted < rates[loose], so the quotient is never 0 / 0.
        share = math.log(rates[loose] / wanted) / math.log(rates[loose] / rates[strict])
        similarity = similarities[loose] + share * (similarities[strict] - similarities[loose])
        return MatchThreshold(similarity, measured=True)

    @property
    def similarity_per_nat(self) -> float:
        """By how much similarity has to grow, around usual thresholds, for false matches to be e times as rare.

        Where the curve does not reach as far, over the last tenfold of it; 0 where it has one point.
        """
        rates = self.false_match_rates
        strict = max(_STRICT, rates[-1])
        loose = min(10 * strict, rates[0])
        if loose <= strict:
            return 0.0
        return (self.threshold(strict, 1).similarity - self.threshold(loose, 1).similarity) / math.log(loose / strict)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values, ready for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Build a calibration from plain values.

        Raises:
            ValueError: a field is missing, unknown or out of range.
        """
        try:
            return TypeAdapter(cls).validate_python(dict(values))
        except ValidationError as error:
            first = error.errors()[0]
            raise ValueError(f"calibration: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error


def pair_rate(far: float, gallery_size: int) -> float:
    """Return the false-match rate p with one person at which a search stays within a rate of false alarms.

    Solves 1 - (1 - p)^n = far for n comparisons that are taken to be independent.

    Args:
        far: wanted chance in (0, 1) that at least one of n comparisons matches falsely.
        gallery_size: n, identities in the gallery, >= 1.

    Raises:
        ValueError: far or gallery_size is out of range.
    """
    if not 0 < far < 1:
        raise ValueError(f"far: must lie between 0 and 1, not {far}")
    if gallery_size < 1:
        raise ValueError(f"gallery_size: must be at least 1, not {gallery_size}")
    # The straightforward 1 - (1 - far)^(1/n) loses its digits for large n.
    return -math.expm1(math.log1p(-far) / gallery_size)
