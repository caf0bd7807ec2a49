"""What each part of DCCT adds on made-up people: the rows of the paper's table V, at micro size.

    python benchmarks/dcct_ablation.py [--seeds 0 1 2] [--rows coupled cca hta kd cnn vit] [--out DIR] [--root DIR]

Definition. Each row is `vreid train synthetic` with the recipe of `dcct_micro_synthetic` and the model settings in
`ROWS`, for each seed; the seed decides weights, batches and which people are held out, while the
made-up people stay the same. Scored is the test set's mAP and rank-1 (500 unseen people and their distractors) of the
vector that holds all that the row's model has (`all`), for the checkpoint that was best on the held-out people.
Trainings that are there already are not repeated, and one that was stopped goes on. Printed: mean and standard
deviation (n - 1) over the seeds, beside what the paper reports for MARS at full size from ImageNet's weights. The same
losses train every row, on every stage that it has, except that distillation is the last row's alone.

First results, over 18 epochs instead of the recipe's 36, seed 0: coupled mAP 2.48, R1 1.76; + CCA 2.77, 1.89. That is
too short: colour histograms reach a mAP of 3.01.

Results over all 36 epochs, seeds 0, 1 and 2, about nine processor minutes each. In percent; the last two columns are
the mAP of what the row adds, by itself (`scores` in each result.json), and the paper's mAP and R1 on MARS:

                      mAP            R1             by itself                      paper
  coupled             7.11 +- 0.23   6.68 +- 0.77                                  85.0, 91.1
  + CCA               6.64 +- 0.43   5.67 +- 0.88   complementary  7.12 +- 0.37    85.5, 91.4
  + HTA               6.72 +- 0.89   5.73 +- 1.45   final          7.19 +- 1.01    87.2, 92.1
  + distillation      6.55 +- 0.82   5.48 +- 1.05   final          7.09 +- 0.73    87.5, 92.3

The paper's order does not show: the rows lie within one or two deviations of each other, the plain coupled network
first. Inside a network each part is better than what it builds on (in the second row base 5.71, complementary 7.12; in
the third 5.24, 6.48, final 7.19), but the branches are worse for having to serve it, and all in all it comes out even.
These are networks of random weights after minutes; whether the order appears with ImageNet's weights and at the paper's
size they cannot tell.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path

from reid.training import load_recipe, resume, train
from reid.training.folder import TrainingFolder

# Model settings of each row, and the paper's mAP and rank-1 on MARS (table V).
COUPLED = {"spatial": "gap", "hta_depth": 0, "distillation": []}
ROWS: dict[str, tuple[str, str, dict[str, object], tuple[float, float]]] = {
    "cnn": ("convolutional branch alone", "cnn-average-micro", {}, (82.4, 89.9)),
    "vit": ("transformer branch alone", "vit-average-micro", {"transformer_depth": 2}, (83.6, 90.4)),
    "coupled": ("coupled", "dcct-micro", {**COUPLED, "run_variant": "all"}, (85.0, 91.1)),
    "cca": ("+ CCA", "dcct-micro", {**COUPLED, "spatial": "cca", "run_variant": "all"}, (85.5, 91.4)),
    "hta": ("+ HTA", "dcct-micro", {"distillation": [], "run_variant": "all"}, (87.2, 92.1)),
    "kd": ("+ distillation", "dcct-micro", {"run_variant": "all"}, (87.5, 92.3)),
}


def score(row: str, seed: int, out: Path, root: Path | None) -> tuple[float, float]:
    """Train if that is still to be done, and read the result."""
    _, model, settings, _ = ROWS[row]
    folder = TrainingFolder(out / f"{row}-{seed}")
    if not folder.result.exists():
        if folder.index.exists():
            resume(folder.path, root=root)
        else:
            recipe = load_recipe("synthetic", model)
            changed = {**recipe.model_settings, **settings} if model == "dcct-micro" else settings
            weights = {kind: weight for kind, weight in recipe.losses.weights.items() if kind != "aux" or row == "kd"}
            values = {"seed": seed, "model_settings": changed, "losses.weights": weights}
            train(load_recipe("synthetic", model, values=values), "synthetic", root, folder.path)
    result = json.loads(folder.result.read_text(encoding="utf-8"))
    scores = result["scores"][result["run_variant"]]
    return 100 * scores["map"], 100 * scores["r1"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=["coupled", "cca", "hta", "kd"])
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/ablation"))
    parser.add_argument("--root", type=Path, help="the made-up people; rendered and kept if not given")
    options = parser.parse_args()
    found: dict[str, list[tuple[float, float]]] = {row: [] for row in options.rows}
    for seed in options.seeds:
        for row in options.rows:
            found[row].append(score(row, seed, options.out, options.root))
            print(f"{row} seed {seed}: mAP {found[row][-1][0]:.2f}, R1 {found[row][-1][1]:.2f}", flush=True)
    for row, scores in found.items():
        title, _, _, paper = ROWS[row]
        columns = []
        for values in zip(*scores, strict=True):
            spread = f" +- {statistics.stdev(values):.2f}" if len(values) > 1 else ""
            columns.append(f"{statistics.mean(values):6.2f}{spread}")
        print(f"{title:28s} mAP {columns[0]}  R1 {columns[1]}   (paper, MARS: {paper[0]}, {paper[1]})")


if __name__ == "__main__":
    main()
