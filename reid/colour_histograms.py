"""What colours alone can tell: the baseline that a trained model has to beat.

A crop's histogram has 8x8x8 bins of RGB; with stripes, one histogram for each of so many horizontal stripes, side by
side. A tracklet's vector is the mean of the histograms (each of sum 1) of 8 evenly spread crops. Vectors are compared
by their cosine as they are, or centred: as square roots less their mean over all tracklets of the same camera, which
takes most of a camera's own colours away.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from reid.clips import even_indices
from reid.data.read_ahead import read_ahead
from reid.data.records import CropSource, TrackletRecord
from reid.preprocess import Crop

BINS = 8
FRAMES = 8

Histograms = NDArray[np.float32]


def crop_histograms(crop: Crop, stripes: int) -> Histograms:
    """Count the colours of each stripe of a crop.

    Args:
        crop: (height, width, 3) uint8.
        stripes: S, how many; a crop less high than that has stripes without a pixel, whose histograms are zero.

    Returns:
        (S, BINS^3), each row of sum 1.
    """
    bins = (crop // (256 // BINS)).astype(np.int64) @ np.array([BINS * BINS, BINS, 1])  # (H, W)
    counts = [np.bincount(stripe.ravel(), minlength=BINS**3) for stripe in np.array_split(bins, stripes)]
    return np.stack([count / max(1, count.sum()) for count in counts]).astype(np.float32)


def tracklet_histograms(
    records: Sequence[TrackletRecord], source: CropSource, stripes: Sequence[int]
) -> dict[int, Histograms]:
    """Describe tracklets by their colours.

    Args:
        records: N tracklets.
        source: of their pictures.
        stripes: numbers of stripes, each a description of its own.

    Returns:
        Number of stripes S -> (N, S x BINS^3). A tracklet without a readable picture has zeros.
    """
    described = {number: np.zeros((len(records), number * BINS**3), np.float32) for number in stripes}
    for group in read_ahead(records, range(len(records)), source, _picked):
        for row, tracklet in zip(group.rows, group.tracklets, strict=True):
            if tracklet is None:
                continue
            crops = [tracklet[position] for position in _picked(len(tracklet))]
            for number, vectors in described.items():
                vectors[row] = np.mean([crop_histograms(crop, number) for crop in crops], axis=0).ravel()
    return described


def centred(histograms: Histograms, cameras: NDArray[np.int64]) -> Histograms:
    """Take from square roots (N, D) their mean over each camera; `cameras` is (N,)."""
    roots = np.sqrt(histograms)
    for camera in np.unique(cameras):
        roots[cameras == camera] -= roots[cameras == camera].mean(axis=0)
    return roots


def unit(vectors: Histograms) -> Histograms:
    """Scale rows to L2 norm 1; a row of zeros stays."""
    lengths: Histograms = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12, dtype=np.float32)
    return vectors / lengths


def _picked(num_frames: int) -> list[int]:
    """Positions of the crops that stand for a tracklet, each once."""
    return list(dict.fromkeys(even_indices(num_frames, FRAMES)[0].tolist()))
