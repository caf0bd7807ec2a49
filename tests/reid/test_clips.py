"""Which frames stand for a tracklet."""

from __future__ import annotations

import pytest

from reid.clips import clip_indices
from reid.errors import ConfigError


def test_even_frames_by_hand() -> None:
    # 20 frames in 4 parts of 5: the middles are 2.5, 7.5, 12.5, 17.5.
    assert clip_indices(20, 4).tolist() == [[2, 7, 12, 17]]
    assert clip_indices(8, 8).tolist() == [[0, 1, 2, 3, 4, 5, 6, 7]]
    assert clip_indices(3, 8).tolist() == [[0, 0, 0, 1, 1, 2, 2, 2]]
    assert clip_indices(1, 3).tolist() == [[0, 0, 0]]
    assert clip_indices(7, 1).tolist() == [[3]]


@pytest.mark.parametrize("num_frames", [1, 2, 5, 8, 9, 100, 12_345])
@pytest.mark.parametrize("clip_length", [1, 4, 8, 12])
def test_even_frames_are_in_order_in_range_and_spread(num_frames: int, clip_length: int) -> None:
    (clip,) = clip_indices(num_frames, clip_length).tolist()
    assert len(clip) == clip_length
    assert clip == sorted(clip)
    for place, index in enumerate(clip):
        assert place * num_frames // clip_length <= index < num_frames
        assert index <= (place + 1) * num_frames / clip_length
    assert len(set(clip)) == min(num_frames, clip_length)


def test_other_policies_by_hand() -> None:
    assert clip_indices(20, 4, "first").tolist() == [[0, 5, 10, 15]]
    assert clip_indices(3, 8, "first").tolist() == [[0, 0, 0, 1, 1, 1, 2, 2]]
    assert clip_indices(10, 4, "dense").tolist() == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 8, 9]]
    assert clip_indices(3, 4, "dense").tolist() == [[0, 1, 2, 0]]
    assert clip_indices(8, 4, "dense").tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert clip_indices(20, 8, "frames:4").tolist() == clip_indices(20, 4).tolist()


@pytest.mark.parametrize("policy", ["random", "frames", "frames:0", "frames:-1", "frames:32x", ""])
def test_an_unknown_policy_is_refused(policy: str) -> None:
    with pytest.raises(ConfigError, match=f"'{policy}' is none of even, first, dense, frames:N"):
        clip_indices(5, 4, policy)


@pytest.mark.parametrize(("num_frames", "clip_length"), [(0, 4), (5, 0)])
def test_nothing_to_pick_is_refused(num_frames: int, clip_length: int) -> None:
    with pytest.raises(ValueError, match="has no clip"):
        clip_indices(num_frames, clip_length)
