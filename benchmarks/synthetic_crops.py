"""How many finished crops a second the synthetic world gives.

    python benchmarks/synthetic_crops.py [--rounds 5] [--batch 64] [--device cpu]

Definition. 512 crops of 128x64: 64 people, 8 cameras, 4 tracklets a person, frames two apart, all conditions at their
defaults (camera looks, company, objects in the way, partial boxes, JPEG), from `CropRenderer.render` in batches, in an
order that mixes people and cameras. The cameras' empty places were drawn in a round before, which is not counted: they
are drawn once and kept. torch's default threads.

Figures: median crops a second over the rounds, with lowest and highest, and the same with neutral conditions, which
leaves people, backdrops and shadows.

Wanted: at least 400 on two cores, at least 10,000 on a GPU.

Results, two cores (processor without GPU), median and range of 5 rounds; none on a GPU:

  first, quiet machine       as usual 361 (352 to 364), neutral 433 (428 to 448)
  last, idle machine         as usual 498 (483 to 521), neutral 635 (618 to 646)
  last, one thread           as usual 375 (371 to 377), neutral 449 (442 to 473)

A trial elsewhere with plain capsules made 191, and 356 with `torch.compile`.
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np
import torch

from reid.data.synthetic.crops import Conditions, CropRenderer, CropSpecs

NUM_CROPS, NUM_PEOPLE, NUM_CAMERAS = 512, 64, 8
NEUTRAL = Conditions(partial=0.0, occluded=0.0, company=0.0, look=0.0)


def batches(size: int) -> list[CropSpecs]:
    """The crops of the definition."""
    number = np.random.default_rng(0).permutation(NUM_CROPS)
    person, tracklet, frame = number % NUM_PEOPLE, number // NUM_PEOPLE // 2, number // NUM_PEOPLE % 2
    camera = (person + tracklet) % NUM_CAMERAS
    columns = [column.astype(np.uint64) for column in (person, camera, 1000 + person * 4 + tracklet)]
    return [
        CropSpecs(*(column[start : start + size] for column in columns), 2 * frame[start : start + size])
        for start in range(0, NUM_CROPS, size)
    ]


def crops_a_second(renderer: CropRenderer, specs: list[CropSpecs]) -> float:
    """Render all of them once."""
    start_s = time.perf_counter()
    for batch in specs:
        crops = renderer.render(batch)
    if crops.is_cuda:
        torch.cuda.synchronize()
    return NUM_CROPS / (time.perf_counter() - start_s)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    specs = batches(arguments.batch)
    renderers = {
        name: CropRenderer((128, 64), device=arguments.device, conditions=conditions)
        for name, conditions in (("as usual", Conditions()), ("neutral", NEUTRAL))
    }
    rates: dict[str, list[float]] = {name: [] for name in renderers}
    for round_index in range(arguments.rounds + 1):
        for name, renderer in renderers.items():
            rate = crops_a_second(renderer, specs)
            if round_index:
                rates[name].append(rate)
    threads = torch.get_num_threads()
    print(f"torch {torch.__version__}, {arguments.device}, {threads} threads, batches of {arguments.batch}")
    for name, values in rates.items():
        print(f"{name:9} {statistics.median(values):8.0f} crops/s  ({min(values):.0f} to {max(values):.0f})")


if __name__ == "__main__":
    main()
