"""Stretches of a tracklet's time."""

from __future__ import annotations

import numpy as np

from reid.data.synthetic.cameras.episodes import episodes
from reid.data.synthetic.draws import Draws


def test_time_passes_evenly_and_starts_again() -> None:
    frame_index = np.arange(400)
    episode, passed = episodes(Draws(np.full(400, 7)), frame_index, "thing")
    changes = np.flatnonzero(episode.seeds[1:] != episode.seeds[:-1]) + 1
    assert len(changes) >= 6
    lengths = np.diff(changes)
    assert 12 <= lengths[0] <= 60 and (lengths == lengths[0]).all()
    assert len(set(episode.seeds.tolist())) == len(changes) + 1
    assert (passed[changes] == 0).all()
    assert np.allclose(np.diff(passed[changes[0] : changes[1]]), 1 / lengths[0])


def test_tracklets_and_names_are_independent() -> None:
    draws, start = Draws(np.arange(100)), np.zeros(100, dtype=np.int64)
    first, passed = episodes(draws, start, "thing")
    other, other_passed = episodes(draws, start, "other")
    assert len({*first.seeds.tolist(), *other.seeds.tolist()}) == 200
    assert (passed != other_passed).mean() > 0.9
    alone, alone_passed = episodes(Draws([42]), np.array([0]), "thing")
    assert alone.seeds[0] == first.seeds[42] and alone_passed[0] == passed[42]
