"""Whether the made-up people can be told apart, and not by colour alone.

    python benchmarks/synthetic_difficulty.py [--people 200] [--cameras 6] [--seed 0] [--device cpu] [--sheet sheet.png]

Definition. The test half of `SyntheticTracklets(people, cameras, seed)`, 100 people by default, and its distractors;
8 evenly spread frames of each tracklet as 128x64 crops, described as in `reid.colour_histograms`. Tracklets are
compared by the cosine of their vectors ("plain"), of the vectors' square roots ("Hellinger"), or of the square roots
less their camera's mean ("centred"). A query is right at rank 1 where the most alike tracklet is of its person. Left
out of its gallery is junk and, as in MARS, its own person in its own camera ("mars"), or everything of its own camera
("others"); queries are part of the gallery. Chance is the mean share of right tracklets in the galleries.

Wanted: the whole crop as one histogram stays under 50 % in every column. Stripes are for knowledge: they see what is
worn above and below. Whether a person can tell the identities apart is to be judged by eye: `--sheet` draws the first
ten people of the test set who have been in four cameras or more, four pictures each.

Results, 100 people in 6 cameras, 311 to 330 queries, seeds 0, 1, 2; chance 0.6 % ("mars") and 0.7 % ("others"):

  stripes  gallery  plain            Hellinger           centred
        1  mars     0.0, 0.3, 0.3 %  0.0,  0.3,  1.2 %   3.5,  3.9,  3.0 %
        1  others   2.9, 3.6, 2.7 %  4.8,  3.6,  4.9 %  10.0, 10.0, 12.2 %
        3  mars     0.0, 0.0, 0.9 %  0.0,  0.3,  2.1 %   7.4,  9.1,  9.5 %
        3  others   4.2, 5.5, 4.3 %  7.7,  7.0, 10.4 %  19.3, 19.4, 20.7 %
        6  mars     0.3, 0.6, 1.2 %  0.0,  0.6,  2.4 %  10.9, 11.5,  9.8 %
        6  others   6.8, 7.6, 7.0 % 10.0,  9.1, 11.3 %  26.0, 22.7, 21.6 %

With MARS's gallery plain histograms are about as good as chance: the most alike tracklet is nearly always somebody
else's in the same camera. The ten people of seed 0's sheet can be told apart by eye, by their clothes, bags and build.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from reid.colour_histograms import centred, tracklet_histograms, unit
from reid.data.records import JUNK_ID, DataSet
from reid.data.synthetic.tracklets import SyntheticTracklets

SIZE_HW = (128, 64)
STRIPES = (1, 3, 6)


def rank_1(data_set: DataSet, vectors: np.ndarray, rule: str) -> tuple[float, float]:
    """Search the gallery with every query: share that is right at rank 1, and what chance would give."""
    people, cameras = ids(data_set)
    directions = unit(vectors)
    right, chance = [], []
    for query in data_set.query:
        left_out = (cameras == cameras[query]) & ((people == people[query]) | (rule == "others"))
        gallery = np.array([row for row in data_set.gallery if people[row] != JUNK_ID and not left_out[row]])
        matches = people[gallery] == people[query]
        right.append(matches[np.argmax(directions[gallery] @ directions[query])])
        chance.append(matches.mean())
    return float(np.mean(right)), float(np.mean(chance))


def ids(data_set: DataSet) -> tuple[np.ndarray, np.ndarray]:
    """List the people and cameras of the test tracklets."""
    pairs = np.array([(tracklet.person_id, tracklet.camera_id) for tracklet in data_set.test])
    return pairs[:, 0], pairs[:, 1]


def draw_sheet(data_set: DataSet, path: Path) -> None:
    """Draw ten people, each from four cameras, the middle frame of a tracklet each."""
    blocks: list[np.ndarray] = []
    for person in sorted({tracklet.person_id for tracklet in data_set.queries}):
        tracklets = [tracklet for tracklet in data_set.queries if tracklet.person_id == person][:4]
        if len(tracklets) == 4 and len(blocks) < 10:
            crops = data_set.source.read([tracklet.frames[len(tracklet.frames) // 2] for tracklet in tracklets])
            block = np.pad(np.hstack(crops), ((24, 12), (8, 8), (0, 0)), constant_values=255)
            black = (0, 0, 0)
            cv2.putText(block, str(person), (10, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.6, black, 1, cv2.LINE_AA)
            blocks.append(block)
    rows = [np.hstack(blocks[start : start + 2]) for start in range(0, len(blocks) - len(blocks) % 2, 2)]
    cv2.imwrite(str(path), cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=200, help="train and test together")
    parser.add_argument("--cameras", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--sheet", type=Path, help="draw ten people into this PNG file instead")
    options = parser.parse_args()
    protocol = SyntheticTracklets(people=options.people, cameras=options.cameras, seed=options.seed)
    if options.sheet:
        draw_sheet(protocol.data_set(device=options.device), options.sheet)
        return
    data_set = protocol.data_set(size_hw=SIZE_HW, device=options.device)
    described = tracklet_histograms(data_set.test, data_set.source, STRIPES)
    print(f"{len(data_set.query)} queries of {len({each.person_id for each in data_set.queries})} people")
    print(f"{'stripes':>7} {'gallery':>8} {'plain':>8} {'Hellinger':>10} {'centred':>8} {'chance':>8}")
    for stripes, vectors in described.items():
        compared = (vectors, np.sqrt(vectors), centred(vectors, ids(data_set)[1]))
        for rule in ("mars", "others"):
            (plain, chance), (hellinger, _), (centre, _) = (rank_1(data_set, each, rule) for each in compared)
            print(f"{stripes:7} {rule:>8} {plain:8.1%} {hellinger:10.1%} {centre:8.1%} {chance:8.1%}")


if __name__ == "__main__":
    main()
