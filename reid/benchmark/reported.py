"""What the papers report for their own systems; never what was measured here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Reported:
    """A paper's figures, in percent; None where it does not give one.

    Attributes:
        paper: who says so.
        mean_ap: mAP.
        r1: rank 1.
        r5: rank 5.
    """

    paper: str
    mean_ap: float | None = None
    r1: float | None = None
    r5: float | None = None

    def __str__(self) -> str:
        named = (("mAP", self.mean_ap), ("R1", self.r1), ("R5", self.r5))
        return ", ".join(f"{name} {value:.1f}" for name, value in named if value is not None)


_DCCT, _STCA = "Liu et al. 2023", "Bhuiyan and Huang 2022"
_DENSEIL, _MSTAT = "He et al. 2021", "Tang et al. 2022"

# System and data set -> its paper's figures.
_REPORTED = {
    ("dcct", "mars"): Reported(_DCCT, 87.5, 92.3),
    ("stca", "mars"): Reported(_STCA, 87.0, 90.3),
    ("denseil", "mars"): Reported(_DENSEIL, 87.0, 90.8),
    ("mstat", "mars"): Reported(_MSTAT, 85.3, 91.8),
    ("dcct", "dukemtmc"): Reported(_DCCT, 97.6, 98.4),
    ("stca", "dukemtmc"): Reported(_STCA, 96.2, 96.6),
    ("denseil", "dukemtmc"): Reported(_DENSEIL, 97.1, 97.6),
    ("mstat", "dukemtmc"): Reported(_MSTAT, 96.4, 97.4),
    ("dcct", "ilids"): Reported(_DCCT, r1=91.7, r5=98.6),
    ("stca", "ilids"): Reported(_STCA, r1=88.3),
    ("denseil", "ilids"): Reported(_DENSEIL, r1=92.0, r5=98.0),
    ("mstat", "ilids"): Reported(_MSTAT, r1=93.3, r5=99.3),
    ("dcct", "prid"): Reported(_DCCT, r1=96.8, r5=99.7),
}


def reported(model: str, data_set: str) -> Reported | None:
    """Find what the paper of a model reports on a data set.

    Args:
        model: a name in `reid.models.PRESETS`; its smaller forms have the figures of the system itself.
        data_set: its name.

    Returns:
        The figures; None where there are none.
    """
    return _REPORTED.get((model.partition("-")[0], data_set))
