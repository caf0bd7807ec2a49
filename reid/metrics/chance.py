"""What a ranking at random scores: what every other one has to beat."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from reid.data.records import JUNK_ID, TrackletRecord
from reid.errors import InputError


def chance_map(query_records: Sequence[TrackletRecord], gallery_records: Sequence[TrackletRecord]) -> float:
    """Compute the mAP that a ranking at random has on average, exactly.

    With R right ones in random places among N, the one at rank i has on average (i - 1)(R - 1) / (N - 1) right ones
    before it. So with H_N = 1 + 1/2 + ... + 1/N

        E[AP] = (1/N) sum_i (1/i) (1 + (i - 1)(R - 1) / (N - 1)) = (1/N) (H_N + (R - 1) / (N - 1) (N - H_N))

    Args:
        query_records: people.
        gallery_records: as for `score_ranking`.

    Raises:
        InputError: no query has its person in another camera of the gallery.
    """
    people = Counter(record.person_id for record in gallery_records if record.person_id != JUNK_ID)
    visits = Counter((record.person_id, record.camera_id) for record in gallery_records)
    harmonic = np.cumsum(1 / np.arange(1, people.total() + 1))
    expected = []
    for record in query_records:
        own_camera = visits[record.person_id, record.camera_id]
        ranked, right = people.total() - own_camera, people[record.person_id] - own_camera
        if right:
            further = (right - 1) / max(1, ranked - 1) * (ranked - harmonic[ranked - 1])
            expected.append((harmonic[ranked - 1] + further) / ranked)
    if not expected:
        raise InputError(f"none of the {len(query_records)} queries has its person in another camera of the gallery")
    return float(np.mean(expected))
