"""Does association slow down, or take ever more memory, as a day goes on?

    vreid synth tracklets --out people --people 4000 --cameras 6 --tracklets 1-1 --frames 4-4 --size 128x64 --seed 78
    python benchmarks/twenty_hours.py people [--tracklets 200000] [--hours 20] [--retention 1800] \\
        [--threshold 0.6]

Definition. Eight cameras. People come evenly over the time; each passes three to six cameras one after the other, 20
to 60 s from each to the next, for 5 to 20 s each, and one in five comes again at another time of the day. What they
look like is drawn: vectors of a person scatter around a mean of theirs as those of made-up people do around theirs, and
the means as those people's means (normal distributions with the covariances of the people in the folder, embedded with
the checkpoint that ships), then normalised. The threshold is the calibrated one for `--far` 0.01 and as many people as
come within the retention. No two stays of one camera at once are one person.

online   `OnlineAssociator` with retention, tracklets by their end: seconds per thousand tracklets in the second hour,
         when the memory has filled, and in the last; resident memory likewise; identities remembered at most.
batch    `associate` with each method over the first N of these tracklets: seconds, and seconds per thousand. The
         threshold follows those who are found, as in `vreid run`, unless --threshold fixes it.

Wanted: online, last to second hour within 1.3.

Results, 200,000 tracklets of 37,092 people, on two cores that other work shared:

  online, threshold 0.874: second hour 0.169 s a thousand, last 0.175, ratio 1.04; 1,300 MiB in both; at most 6,857
  identities remembered (so strict a threshold finds few people again: 191,058 identities, nobody joined to another)
  online, threshold 0.6: second hour 0.060 s a thousand, last 0.053, ratio 0.90; 1,308 MiB in both; at most 1,895
  identities remembered; 46,747 identities, 11,767 stays joined to another's

  batch, seconds by tracklets   1,000   2,000   4,000   8,000   (threshold 0.874; 0.6)
  average-link                   0.04    0.10    0.26    0.68
                                 0.05    0.11    0.34    0.93
  hungarian                      0.54    0.66    2.89   12.03
                                 0.12    0.29    1.44    3.71
  online                         0.06    0.14    0.42    1.38
                                 0.04    0.10    0.26    0.76

Batch grows as N^1.4 with average link and about as N^2 with Hungarian assignment.

Again, with the calibration on people of 20 places, and a batch's threshold set anew for those who were found, which
takes up to five passes (one thread, other work on the machine):

  online, threshold 0.831: second hour 0.402 s a thousand, last 0.390, ratio 0.97; 1,247 MiB in both; at most 5,955
  identities remembered

  batch, seconds by tracklets   1,000   2,000   4,000   8,000
  average-link                   0.16    0.24    0.43    0.99
  hungarian                      0.58    2.45    9.02   44.00
  online                         0.23    0.56    2.17    8.39
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from open_set import embedded

from pipeline.association.assignments import METHODS, associate
from pipeline.association.online import OnlineAssociator
from pipeline.config import TopologyConfig
from pipeline.constraints import Constraints, Stay
from pipeline.vector_index import VectorIndex

CAMERAS = 8
RETURNING = 0.2
BATCH = (1_000, 2_000, 4_000, 8_000, 16_000)
SLOWEST_S = 300.0  # a method that took longer is not asked for twice as many


class Looks:
    """Draws vectors that scatter as those of known people do."""

    def __init__(self, vectors: np.ndarray, people: np.ndarray) -> None:
        _, place, counts = np.unique(people, return_inverse=True, return_counts=True)
        means = np.zeros((len(counts), vectors.shape[1]))
        np.add.at(means, place, vectors)
        means /= counts[:, None]
        within = vectors - means[place]
        spread = within.T @ within / (len(vectors) - len(counts))
        # Means of few vectors scatter more than what they are means of.
        between = np.cov(means.T) - spread * np.mean(1 / counts)
        self._centre = means.mean(axis=0)
        self._between, self._within = _root(between), _root(spread)

    def people(self, count: int, rng: np.random.Generator) -> np.ndarray:
        return self._centre + rng.normal(size=(count, len(self._centre))) @ self._between

    def seen(self, means: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        vectors = means + rng.normal(size=means.shape) @ self._within
        unit: np.ndarray = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit


def _root(covariance: np.ndarray) -> np.ndarray:
    values, axes = np.linalg.eigh(covariance)
    root: np.ndarray = (axes * np.sqrt(np.maximum(values, 0))).T
    return root


def day(count: int, hours: float, rng: np.random.Generator) -> tuple[list[Stay], np.ndarray]:
    """Draw stays by their end, and whose they are."""
    stays: list[tuple[float, str, float]] = []
    people: list[int] = []
    person = 0
    while len(stays) < count:
        person += 1
        for _ in range(1 + (rng.random() < RETURNING)):
            moment = rng.uniform(0, hours * 3600)
            for camera in rng.permutation(CAMERAS)[: rng.integers(3, 7)]:
                length = rng.uniform(5, 20)
                stays.append((moment, f"camera{camera}", length))
                people.append(person)
                moment += length + rng.uniform(20, 60)
    order = sorted(range(len(stays)), key=lambda index: stays[index][0] + stays[index][2])[:count]
    found = [Stay(stays[i][1], stays[i][0], stays[i][0] + stays[i][2], True, i) for i in order]
    return found, np.array(people)[order]


def resident_mib() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return float("nan")


def run_online(
    stays: list[Stay], vectors: np.ndarray, people: np.ndarray, threshold: float, retention_s: float, hours: float
) -> None:
    associator = OnlineAssociator(vectors.shape[1], Constraints(TopologyConfig()), threshold, retention_s=retention_s)
    spent = np.zeros(int(np.ceil(hours)) + 1)
    number = np.zeros(len(spent), dtype=int)
    memory = np.zeros(len(spent))
    most = 0
    identities = []
    for stay, vector in zip(stays, vectors, strict=True):
        hour = int(stay.end_s // 3600)
        begun = time.perf_counter()
        identities.append(associator.add(vector, stay))
        spent[hour] += time.perf_counter() - begun
        number[hour] += 1
        most = max(most, len(associator))
        if number[hour] % 500 == 0:
            memory[hour] = resident_mib()
    last = int(hours) - 1
    each = 1000 * spent / np.maximum(number, 1)
    print(f"online: seconds per thousand tracklets by hour: {', '.join(f'{value:.3f}' for value in each[: last + 1])}")
    print(
        f"online: second hour {each[1]:.3f} s, last {each[last]:.3f} s, ratio {each[last] / each[1]:.2f}; resident "
        f"{memory[1]:.0f} and {memory[last]:.0f} MiB; at most {most} identities remembered; {spent.sum():.1f} s in all"
    )
    whose: dict[int, int] = {}
    wrong = 0
    for identity, person in zip(identities, people.tolist(), strict=True):
        if identity is not None:
            wrong += whose.setdefault(identity, person) != person
    print(f"online: {len(whose)} identities of {len(np.unique(people))} people, {wrong} stays joined to another's")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--checkpoint", default="dcct-compact")
    parser.add_argument("--tracklets", type=int, default=200_000)
    parser.add_argument("--hours", type=float, default=20)
    parser.add_argument("--retention", type=float, default=1800)
    parser.add_argument("--threshold", type=float, help="instead of the calibrated one, to see what joining costs")
    parser.add_argument("--batch", type=int, nargs="*", default=BATCH)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    embedder, known, owners, _ = embedded(options.folder, options.checkpoint)
    assert embedder.calibration is not None
    calibration = embedder.calibration
    looks = Looks(known, owners)
    stays, people = day(options.tracklets, options.hours, rng)
    means = looks.people(people.max() + 1, rng)
    vectors = np.concatenate(
        [looks.seen(means[people[start : start + 10_000]], rng) for start in range(0, len(people), 10_000)]
    ).astype(np.float32)
    del means

    def calibrated(people: int) -> float:
        return calibration.threshold(0.01, people).similarity

    at_once = round(len(np.unique(people)) * options.retention / (options.hours * 3600))
    threshold = options.threshold or calibrated(max(1, at_once))
    print(
        f"{len(stays)} tracklets of {len(np.unique(people))} people in {options.hours:g} h, threshold {threshold:.3f}"
    )
    run_online(stays, vectors, people, threshold, options.retention, options.hours)
    for method in METHODS:
        for count in options.batch:
            part = vectors[:count]
            begun = time.perf_counter()
            found = associate(
                part,
                stays[:count],
                [True] * count,
                Constraints(TopologyConfig()),
                VectorIndex(part),
                threshold=options.threshold or calibrated,
                candidates_k=50,
                method=method,
            )
            seconds = time.perf_counter() - begun
            identities = len({one.identity_id for one in found})
            print(
                f"batch, {method}: {count} tracklets in {seconds:.2f} s, {1000 * seconds / count:.3f} s a thousand, "
                f"{identities} identities of {len(np.unique(people[:count]))}, {resident_mib():.0f} MiB",
                flush=True,
            )
            if seconds > SLOWEST_S:
                break


if __name__ == "__main__":
    main()
