"""Sheets of made-up people, to be looked at.

    python benchmarks/synthetic_sheets.py --out sheets

Writes PNG files: `people.png`, 64 identities, two views each; `conditions.png`, one identity in 16 cameras; `walk.png`,
16 frames of one tracklet; `crops.png`, 16 identities in 4 cameras as a training run sees them, 128x64. Frames of scenes
with their boxes come with a run of `vreid demo`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from torch import Tensor

from reid.data.synthetic.crops import Conditions, CropRenderer, CropSpecs

PLAIN = Conditions(partial=0.0, occluded=0.0, company=0.0, look=0.0)


def write_sheet(path: Path, crops: Tensor, columns: int) -> None:
    """Lay crops (M, 3, H, W) out in rows."""
    pictures = crops.permute(0, 2, 3, 1).cpu().numpy()
    rows = [
        np.concatenate(list(pictures[start : start + columns]), axis=1) for start in range(0, len(pictures), columns)
    ]
    cv2.imwrite(str(path), cv2.cvtColor(np.concatenate(rows), cv2.COLOR_RGB2BGR))


def specs(person: np.ndarray, camera: np.ndarray, frame: np.ndarray) -> CropSpecs:
    """Crops of people in cameras, one tracklet for each pair."""
    return CropSpecs(
        person.astype(np.uint64), camera.astype(np.uint64), (person * 1000 + camera).astype(np.uint64), frame
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--first", type=int, default=0, help="seed of the first person")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    plain, usual, small = CropRenderer((256, 128), conditions=PLAIN), CropRenderer((256, 128)), CropRenderer((128, 64))
    first, zero = arguments.first, np.zeros(128, dtype=np.int64)
    people = first + np.arange(64).repeat(2)
    write_sheet(arguments.out / "people.png", plain.render(specs(people, np.tile([1, 2], 64), zero)), 16)
    one = np.full(16, first)
    write_sheet(arguments.out / "conditions.png", usual.render(specs(one, np.arange(16), zero[:16])), 8)
    write_sheet(arguments.out / "walk.png", plain.render(specs(one, np.full(16, 3), 2 * np.arange(16))), 8)
    many, cameras = first + np.arange(16).repeat(16), np.tile(np.arange(4).repeat(4), 16)
    write_sheet(arguments.out / "crops.png", small.render(specs(many, cameras, np.tile(8 * np.arange(4), 64))), 32)


if __name__ == "__main__":
    main()
