"""Is somebody who is not in the gallery called unknown as often as `--far` promises?

    vreid synth tracklets --out people --people 4000 --cameras 6 --tracklets 1-1 --frames 4-4 --size 128x64 --seed 78
    python benchmarks/open_set.py people [--checkpoint best.safetensors] [--draws 50] [--as-they-are]

Definition. 4,000 made-up people of a seed that no recipe uses, at one site of six cameras that no training has seen,
each in two cameras or more with one tracklet in each. So many of them, drawn at random, are the gallery, with all their
tracklets; all tracklets of all others are absent people, each searched for by itself. Whoever is searched for is taken
for the person whose vectors they resemble most, on average, if that reaches the threshold which the checkpoint's
calibration gives for `--far` and a gallery of that size, after what a camera's people have in common was taken off, as
`vreid run --gallery` does it.

Figures: share of absent tracklets that are taken for anyone, over all draws, beside the promised one, with the least
and the greatest of the draws; and of the people in the gallery, each tracklet searched for with the person's others
left in it, the share that is found (taken for the right person) and that is taken for another.

Results, the checkpoint that ships (248 sites, 28 epochs), 12,743 tracklets, 50 draws, at least 477,858 searches a line.
First, --as-they-are:

    gallery  far      threshold  false alarms (least, greatest)   found   taken for another
         10  0.001    0.787      0.0005 (0.0000, 0.0020)        0.501   0.0000
         10  0.01     0.665      0.0083 (0.0037, 0.0186)        0.822   0.0007
         10  0.05     0.558      0.0442 (0.0230, 0.0733)        0.935   0.0032
        100  0.001    0.877      0.0001 (0.0000, 0.0005)        0.128   0.0001
        100  0.01     0.786      0.0056 (0.0029, 0.0101)        0.505   0.0026
        100  0.05     0.714      0.0340 (0.0246, 0.0483)        0.731   0.0079
       1000  0.001    0.897      0.0003 (0.0000, 0.0009)        0.071   0.0003   (the strictest of the curve)
       1000  0.01     0.876      0.0012 (0.0004, 0.0021)        0.127   0.0010
       1000  0.05     0.822      0.0159 (0.0135, 0.0193)        0.349   0.0072

Then with what a camera's people have in common taken off:

         10  0.001    0.787      0.0004 (0.0000, 0.0017)        0.492   0.0000
         10  0.01     0.665      0.0066 (0.0020, 0.0142)        0.826   0.0007
         10  0.05     0.558      0.0360 (0.0198, 0.0563)        0.932   0.0013
        100  0.001    0.877      0.0001 (0.0000, 0.0003)        0.149   0.0001
        100  0.01     0.786      0.0051 (0.0029, 0.0093)        0.539   0.0018
        100  0.05     0.714      0.0322 (0.0229, 0.0422)        0.756   0.0068
       1000  0.001    0.897      0.0003 (0.0000, 0.0006)        0.092   0.0003   (the strictest of the curve)
       1000  0.01     0.876      0.0013 (0.0005, 0.0022)        0.163   0.0010
       1000  0.05     0.822      0.0167 (0.0130, 0.0209)        0.406   0.0068

Kept everywhere, and more than kept where galleries are large. Comparisons are as good as independent there (of 12,743
tracklets against 4,000 people, 0.0128 would be taken for one of 1,000 where independent comparisons make it 0.0135),
but the curve was of single tracklets, and people in a gallery are compared by the mean of several, which varies less.
Last, with the curve measured so, on other people of 20 places (`vreid calibrate`):

         10  0.001    0.759      0.0008 (0.0000, 0.0032)        0.599   0.0000
         10  0.01     0.653      0.0081 (0.0029, 0.0168)        0.842   0.0007
         10  0.05     0.548      0.0412 (0.0220, 0.0620)        0.938   0.0013
        100  0.001    0.832      0.0010 (0.0002, 0.0024)        0.342   0.0006
        100  0.01     0.759      0.0110 (0.0060, 0.0176)        0.639   0.0031
        100  0.05     0.687      0.0538 (0.0425, 0.0663)        0.807   0.0090
       1000  0.001    0.887      0.0006 (0.0001, 0.0014)        0.125   0.0006
       1000  0.01     0.832      0.0115 (0.0084, 0.0146)        0.364   0.0049
       1000  0.05     0.784      0.0528 (0.0450, 0.0597)        0.567   0.0173
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from pipeline.config import AssociationConfig
from reid.data.catalogue import load_data_set
from reid.embedder import Embedder
from reid.evaluation import embed_records
from reid.named_weights import find_named

SIZES = (10, 100, 1000)
RATES = (0.001, 0.01, 0.05)


def embedded(folder: Path, checkpoint: str) -> tuple[Embedder, np.ndarray, np.ndarray, np.ndarray]:
    """Embed everyone: the embedder, (N, D) vectors, (N,) whose they are, and (N,) in which cameras."""
    data_set = load_data_set("synthetic", folder).data_set
    records = [record for record in (*data_set.train, *data_set.test) if record.person_id >= 1]
    embedder = find_named(checkpoint).open(batch_size=16)
    found = embed_records(embedder, records, data_set.source)
    people = np.array([records[row].person_id for row in found.rows])
    cameras = np.array([records[row].camera_id for row in found.rows])
    return embedder, found.vectors[embedder.variant], people, cameras


def as_compared(vectors: np.ndarray, cameras: np.ndarray, inside: np.ndarray, prior: float) -> np.ndarray:
    """Take what a gallery's people have in common in a camera off all vectors (N, D); each has one tracklet there.

    Whoever is not in the gallery counts beside them, as the only one who is added.
    """
    moved = vectors.astype(np.float64)
    for camera in np.unique(cameras):
        own, absent = cameras == camera, (cameras == camera) & ~inside
        total, count = moved[own & inside].sum(axis=0), (own & inside).sum()
        moved[absent] -= (total + moved[absent]) / (count + 1 + prior)
        moved[own & inside] -= total / (count + prior)
    unit: np.ndarray = moved / np.linalg.norm(moved, axis=1, keepdims=True)
    return unit


def draw(
    vectors: np.ndarray,
    people: np.ndarray,
    cameras: np.ndarray,
    gallery: np.ndarray,
    thresholds: np.ndarray,
    prior: float | None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Search one gallery: false alarms, found and taken for another (shares by threshold), and how many were absent."""
    place = np.full(people.max() + 1, -1)
    place[gallery] = np.arange(len(gallery))
    where = place[people]
    inside = where >= 0
    if prior is not None:
        vectors = as_compared(vectors, cameras, inside, prior)
    sums = np.zeros((len(gallery), vectors.shape[1]))
    np.add.at(sums, where[inside], vectors[inside])
    counts = np.bincount(where[inside], minlength=len(gallery)).astype(float)
    scores = vectors @ (sums / counts[:, None]).T  # (N, G)
    best = scores[~inside].max(axis=1)
    alarms = (best[:, None] >= thresholds).mean(axis=0)
    rows = np.flatnonzero(inside)
    own = where[rows]
    known = scores[rows]
    # Without the tracklet that is searched for; nobody has one only.
    others = np.einsum("nd,nd->n", sums[own] - vectors[rows], vectors[rows])
    known[np.arange(len(rows)), own] = others / (counts[own] - 1)
    right = known.argmax(axis=1) == own
    passed = known.max(axis=1)[:, None] >= thresholds
    return alarms, (passed & right[:, None]).mean(axis=0), (passed & ~right[:, None]).mean(axis=0), int((~inside).sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--checkpoint", default="dcct-compact")
    parser.add_argument("--draws", type=int, default=50)
    parser.add_argument("--as-they-are", action="store_true", help="take nothing off before people are compared")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    embedder, vectors, people, cameras = embedded(options.folder, options.checkpoint)
    if embedder.calibration is None:
        raise SystemExit(f"{options.checkpoint} has no calibration")
    everyone = np.unique(people)
    prior = None if options.as_they_are else AssociationConfig().camera_prior
    rng = np.random.default_rng(options.seed)
    print(f"{len(everyone)} people in {len(people)} tracklets, {options.draws} galleries of each size")
    print("gallery  far      threshold  false alarms (least, greatest)   found   taken for another   absent tracklets")
    for size in SIZES:
        chosen = [embedder.calibration.threshold(far, size) for far in RATES]
        thresholds = np.array([each.similarity for each in chosen])
        results = [
            draw(vectors, people, cameras, rng.choice(everyone, size, replace=False), thresholds, prior)
            for _ in range(options.draws)
        ]
        for column, far in enumerate(RATES):
            alarms, found, wrong = (np.array([result[part][column] for result in results]) for part in range(3))
            absent = sum(result[3] for result in results)
            beyond = "" if chosen[column].measured else " (strictest of the curve)"
            print(
                f"{size:7d}  {far:<7g}  {thresholds[column]:.3f}      {alarms.mean():.4f} ({alarms.min():.4f}, "
                f"{alarms.max():.4f})        {found.mean():.3f}   {wrong.mean():.4f}              {absent}{beyond}"
            )


if __name__ == "__main__":
    main()
