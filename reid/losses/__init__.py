"""Losses: functions and modules of features, logits and labels, named terms, and their weighted sum.

B clips, T frames, D width of a feature, K identities, as in `reid.models`. Labels are (B,) int64 in [0, K). Where a
stage is supervised frame by frame, its features are (B, T, D), its logits (B, T, K), and every frame is a sample of
its clip's person; N counts samples, B or B * T. Everything is computed in float32, under autocast too.
"""

from reid.losses.centre import CentreLoss
from reid.losses.contrastive import supervised_contrastive
from reid.losses.cosine_softmax import CosineSoftmax
from reid.losses.cross_entropy import cross_entropy, smoothing_floor
from reid.losses.distillation import OverFrames, feature_distillation, logit_distillation
from reid.losses.oim import OnlineInstanceMatching
from reid.losses.terms import weighted_sum
from reid.losses.triplet import Distance, batch_hard_triplet

__all__ = [
    "CentreLoss",
    "CosineSoftmax",
    "Distance",
    "OnlineInstanceMatching",
    "OverFrames",
    "batch_hard_triplet",
    "cross_entropy",
    "feature_distillation",
    "logit_distillation",
    "smoothing_floor",
    "supervised_contrastive",
    "weighted_sum",
]
