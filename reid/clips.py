"""Which frames stand for a tracklet: the one place that picks clips at test time."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from reid.errors import ConfigError

ClipIndices = NDArray[np.int64]

# How `vreid run` chooses the crops of a tracklet that a clip is then picked from: of those that its gates let pass, at
# most so many, evenly spread. A calibration holds for one way of choosing.
RUN_SELECTION = "gated-even"
RUN_MOST_CROPS = 32


def even_indices(num_frames: int, clip_length: int) -> ClipIndices:
    """Pick the middle frame of each of `clip_length` equal parts of a tracklet, as one clip.

    Frame i of T is floor((i + 1/2) * n / T), in whole numbers, so that no rounding depends on the machine.

    Args:
        num_frames: n, frames in the tracklet, >= 1.
        clip_length: T, frames in the clip, >= 1.

    Returns:
        (1, T) int64 indices in [0, num_frames), non-decreasing. A tracklet shorter than T repeats frames.
    """
    middles = (2 * np.arange(clip_length, dtype=np.int64) + 1) * num_frames // (2 * clip_length)
    return middles[np.newaxis, :]


def kept_indices(num_frames: int, most: int = RUN_MOST_CROPS) -> list[int]:
    """Return which crops of a tracklet `vreid run` keeps if its gates let all of them pass.

    Every one, or every second, fourth, eighth and so on, so that at most `most` are left.

    Args:
        num_frames: of the tracklet, >= 1.
        most: >= 2.
    """
    stride = 1
    while -(-num_frames // stride) > most:
        stride *= 2
    return list(range(0, num_frames, stride))


def first_indices(num_frames: int, clip_length: int) -> ClipIndices:
    """Pick the first frame of each of `clip_length` equal parts of a tracklet, as one clip.

    Args:
        num_frames: n, frames in the tracklet, >= 1.
        clip_length: T, frames in the clip, >= 1.

    Returns:
        (1, T) int64 indices in [0, num_frames), non-decreasing. A tracklet shorter than T repeats frames.
    """
    return (np.arange(clip_length, dtype=np.int64) * num_frames // clip_length)[np.newaxis, :]


def dense_indices(num_frames: int, clip_length: int) -> ClipIndices:
    """Cut a tracklet into clips of `clip_length` frames in a row, each frame in one of them.

    Args:
        num_frames: n, frames in the tracklet, >= 1.
        clip_length: T, frames in the clip, >= 1.

    Returns:
        (ceil(n / T), T) int64 indices in [0, num_frames). The last clip begins again with its own first frame when the
        tracklet ends.
    """
    starts = np.arange(0, num_frames, clip_length, dtype=np.int64)[:, np.newaxis]
    lengths = np.minimum(clip_length, num_frames - starts)
    return starts + np.arange(clip_length, dtype=np.int64) % lengths


_POLICIES: dict[str, Callable[[int, int], ClipIndices]] = {
    "even": even_indices,
    "first": first_indices,
    "dense": dense_indices,
}
_FRAMES = re.compile(r"frames:([1-9]\d{0,3})")


def check_policy(policy: str) -> None:
    """Refuse a policy that does not exist.

    Raises:
        ConfigError: the policy is unknown.
    """
    if policy not in _POLICIES and not _FRAMES.fullmatch(policy):
        raise ConfigError(f"clip policy: {policy!r} is none of {', '.join(_POLICIES)}, frames:N")


def clip_indices(num_frames: int, clip_length: int, policy: str = "even") -> ClipIndices:
    """Pick a tracklet's clips.

    Args:
        num_frames: frames in the tracklet, >= 1.
        clip_length: frames in a clip as the model was trained, >= 1.
        policy: "even", one clip of evenly spread frames, as `vreid run` has it; "first", one clip of the first frames
            of equal parts; "dense", every frame, in clips one after the other; "frames:32", one clip of so many evenly
            spread frames.

    Returns:
        (number of clips, frames a clip) int64 indices in [0, num_frames). Every tracklet has at least one clip, and
        all tracklets have clips of one length under one policy.

    Raises:
        ConfigError: the policy is unknown.
        ValueError: num_frames or clip_length is below 1.

    Source: "first" is the restricted sampling of the code that came with DCCT, "frames:32" the test of MSTAT (Tang et
    al. 2022, section IV-B).
    """
    check_policy(policy)
    if num_frames < 1 or clip_length < 1:
        raise ValueError(f"a tracklet of {num_frames} frames has no clip of {clip_length}")
    counted = _FRAMES.fullmatch(policy)
    if counted:
        return even_indices(num_frames, int(counted[1]))
    return _POLICIES[policy](num_frames, clip_length)
