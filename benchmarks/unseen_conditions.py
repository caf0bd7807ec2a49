"""How well checkpoints bear what no training has shown them: front against back, harsher light.

    python benchmarks/unseen_conditions.py --checkpoint best.safetensors [...] [--people 300] [--sheet sheet.png]

Definition. 300 made-up people of a seed that no recipe uses, each in two cameras of 40 that no training has seen: the
query in the first, the gallery in the second camera; eight frames of a tracklet, 128x64. Conditions:

  usual    as the recipes' own pictures, any direction
  harsh    cameras half as far again from a neutral one (`Conditions.look` 1.5), any direction
  turned   the query faces the camera (within 50 degrees), the gallery has its back to it
  both     turned, in harsh cameras

Figures: rank-1 and mAP of all queries against all of the gallery; of the true pairs, the share at or above the
similarity that 0.1 % of all pairs of different people reach. Beside checkpoints: striped colour histograms,
centred by camera, and random weights. Each checkpoint also as `vreid run` compares people, with what all of a camera
have in common taken off (`pipeline.association.centring`).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from pipeline.association import centring
from pipeline.config import AssociationConfig
from reid.colour_histograms import centred, crop_histograms, unit
from reid.data.records import TrackletRecord
from reid.data.synthetic.bodies.people import People
from reid.data.synthetic.crops import Conditions, CropRenderer, CropSpecs
from reid.data.synthetic.draws import Draws
from reid.data.synthetic.strolls import stroll
from reid.embedder import Embedder
from reid.metrics import score_ranking
from reid.preprocess import Crop

SEED = 20_261
CAMERAS = 40
FRAMES = 8
TRIES = 24
FACING_RAD = np.radians(50)
STRIPES = 6
FALSE_RATE = 0.001
CONDITIONS = {"usual": (1.0, False), "harsh": (1.5, False), "turned": (1.0, True), "both": (1.5, True)}


def tracklets(people: int, look: float, turned: bool) -> tuple[list[list[Crop]], np.ndarray]:
    """Render queries and then gallery, a tracklet each a person; and their cameras."""
    root = Draws(np.full(people, SEED))
    person = root.child("person", np.arange(people)).seeds
    renderer = CropRenderer(conditions=Conditions(look=look))
    crops: list[list[Crop]] = []
    cameras = []
    for half in range(2):
        camera = (np.arange(people) + half * (1 + np.arange(people) // CAMERAS)) % CAMERAS
        seeds = Draws(np.full(people, SEED)).child("camera", camera).seeds
        tracklet = _turned(renderer, person, seeds, half) if turned else Draws(person).child("tracklet", half).seeds
        cameras.append(camera)
        for start in range(0, people, 16):
            part = slice(start, start + 16)
            specs = CropSpecs(
                *(np.repeat(column[part], FRAMES) for column in (person, seeds, tracklet)),
                np.tile(np.arange(FRAMES), len(person[part])),
            )
            pictures = renderer.render(specs).permute(0, 2, 3, 1).cpu().numpy()
            crops += [list(some) for some in np.split(pictures, len(person[part]))]
    return crops, np.concatenate(cameras)


def _turned(renderer: CropRenderer, person: np.ndarray, cameras: np.ndarray, half: int) -> np.ndarray:
    """Choose for each person a tracklet's seed in which they face the camera (half 0) or turn their back to it."""
    tries = [Draws(person).child("turned", half * TRIES + number).seeds for number in range(TRIES)]
    unique, camera = np.unique(cameras, return_inverse=True)
    whole, _, _ = renderer.look(unique)
    people = People.from_seeds(person)
    best = np.full(len(person), np.inf)
    chosen = tries[0].copy()
    for seeds in tries:
        away = np.zeros(len(person))
        for frame in (0, FRAMES - 1):
            draws = Draws(seeds)
            place, yaw, _, _ = stroll(draws, np.full(len(person), frame), whole, camera, people, np.arange(len(person)))
            to_camera = whole.position_m[:, :2].cpu().numpy()[camera] - place
            wanted = np.arctan2(to_camera[:, 1], to_camera[:, 0]) + half * np.pi
            away = np.maximum(away, np.abs(np.angle(np.exp(1j * (yaw - wanted)))))
        chosen = np.where(away < best, seeds, chosen)
        best = np.minimum(best, away)
    if (best > FACING_RAD).mean() > 0.05:
        raise SystemExit("too few of the tracklets face the way they should")
    return chosen


def colours(crops: Sequence[Sequence[Crop]], cameras: np.ndarray) -> np.ndarray:
    described = np.stack([np.mean([crop_histograms(crop, STRIPES).ravel() for crop in each], axis=0) for each in crops])
    return unit(centred(described.astype(np.float32), cameras))


def score(vectors: np.ndarray, people: int) -> str:
    seen = [[TrackletRecord(row + 1, camera, ("-",)) for row in range(people)] for camera in (1, 2)]
    scores = score_ranking(vectors[:people], seen[0], vectors[people:], seen[1])
    alike = vectors @ vectors.T
    person = np.tile(np.arange(people), 2)
    different = np.sort(alike[np.triu(person[:, None] != person[None], 1)])
    threshold = different[int(np.ceil(len(different) * (1 - FALSE_RATE))) - 1]
    found = float((np.diagonal(alike, people) >= threshold).mean())
    return f"{scores.cmc[0]:.3f} / {scores.mean_ap:.3f} / {found:.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, nargs="*", default=[])
    parser.add_argument("--variant", nargs="*", help="default: the one that `vreid run` uses")
    parser.add_argument("--people", type=int, default=300, help="at most 1,500")
    parser.add_argument("--sheet", type=Path, help="a PNG of some queries and their galleries")
    options = parser.parse_args()
    embedders = [("random network", Embedder.untrained("dcct-compact"))]
    embedders += [(str(path), Embedder.from_checkpoint(path)) for path in options.checkpoint]
    lines: dict[str, list[str]] = {}
    sheet = []
    for look, turned in CONDITIONS.values():
        crops, cameras = tracklets(options.people, look, turned)
        lines.setdefault("colour histogram", []).append(score(colours(crops, cameras), options.people))
        for name, embedder in embedders:
            for variant in options.variant or [embedder.variant]:
                vectors = embedder.embed(crops, variant)
                lines.setdefault(f"{name[-30:]} {variant}", []).append(score(vectors, options.people))
                names = [str(camera) for camera in cameras.tolist()]
                prior = AssociationConfig().camera_prior or 0.0
                moved = centring.centred(vectors.astype(np.float64), names, range(len(vectors)), prior)
                lines.setdefault(f"{name[-30:]} {variant} centred", []).append(score(moved, options.people))
        sheet.append(np.hstack([np.vstack([crops[row][4], crops[options.people + row][4]]) for row in range(16)]))
    print(f"{'rank-1 / mAP / true':45s}" + "".join(f"{name:>24s}" for name in CONDITIONS))
    for name, found in lines.items():
        print(f"{name:45s}" + "".join(f"{each:>24s}" for each in found))
    if options.sheet is not None:
        cv2.imwrite(str(options.sheet), np.vstack(sheet)[..., ::-1])


if __name__ == "__main__":
    main()
