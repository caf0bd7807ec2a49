"""What a DCCT training step costs beside its backbones alone.

    python benchmarks/training_step.py --device cuda                     # bf16, 16 clips of 8 frames: the paper's step
    python benchmarks/training_step.py --device cpu --model dcct-compact --people 2   # float32

Definition. One step as `reid.training.loop` takes it: frames that lie on the device as bytes are normalised, forward
under autocast, the losses of the recipe `dcct_mars` with 625 classes, backward, optimiser. Beside it the same model's
two backbones with nothing behind them: forward under the same autocast on the same frames, backward from the sum of
their outputs, no losses, no optimiser. Rounds of both alternate in one process after two warm-up rounds; each round is
`--steps` steps between synchronisations. Figures: medians over the rounds, their ratio (wanted: at most 1.15), peak
memory of the step, and clips a second times three times the model's MACs (one forward, two backward) over the device's
own rate in square matrix products of the same format in the same process, as `throughput.py` measures it.

Results: none on a GPU yet; it takes a machine with one. On two cores, float32, `--model dcct-compact --people 2 --steps
2`: see the bottom line of a run there; it says nothing about a GPU.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from throughput import device_macs_per_s

from reid.criterion import Criterion
from reid.device import with_channels_last
from reid.models import build_model
from reid.models.dcct import DCCT
from reid.models.macs import model_cost
from reid.preprocess import Preprocessing
from reid.training import load_recipe
from reid.training.optimisers import build_optimisers

CLASSES = 625


def seconds_a_step(step: Callable[[], None], steps: int, device: torch.device) -> float:
    """Return the mean time of some steps between synchronisations."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    start_s = time.perf_counter()
    for _ in range(steps):
        step()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return (time.perf_counter() - start_s) / steps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--model", default="dcct", help="a DCCT")
    parser.add_argument("--people", type=int, default=8, help="in a batch, two tracklets of each")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    on_gpu = device.type == "cuda"
    recipe = load_recipe("mars", "dcct")
    model = with_channels_last(build_model(arguments.model, num_classes=CLASSES).to(device)).train()
    assert isinstance(model, DCCT)
    criterion = Criterion(recipe.losses, model.stage_widths, CLASSES, model.aux_losses).to(device)
    optimisers = build_optimisers(model, criterion, recipe.optimiser)
    preprocessing = Preprocessing(model.config.image_size_hw)
    clips = 2 * arguments.people
    height, width = model.config.image_size_hw
    frames = torch.randint(
        0, 256, (clips, model.config.clip_length, height, width, 3), dtype=torch.uint8, device=device
    )
    labels = torch.arange(arguments.people, device=device).repeat_interleave(2)

    def whole() -> None:
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=on_gpu):
            terms = criterion(model(preprocessing.normalise(frames)), labels)
        criterion.total(terms).backward()
        for optimiser in optimisers:
            optimiser.step()
            optimiser.zero_grad()

    def backbones() -> None:
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=on_gpu):
            images = preprocessing.normalise(frames).flatten(0, 1)  # (M, 3, H, W)
            outputs = [model.cnn(images), model.transformer(images)]
        torch.stack([part.float().sum() for output in outputs for part in output]).sum().backward()
        model.zero_grad()

    times: dict[str, list[float]] = {"whole": [], "backbones": []}
    for round_number in range(arguments.rounds + 2):
        for name, step in (("whole", whole), ("backbones", backbones)):
            if on_gpu and name == "whole":
                torch.cuda.reset_peak_memory_stats(device)
            spent_s = seconds_a_step(step, arguments.steps, device)
            if on_gpu and name == "whole":
                peak_gib = torch.cuda.max_memory_allocated(device) / 2**30
            if round_number >= 2:
                times[name].append(spent_s)
    whole_s, backbones_s = (statistics.median(times[name]) for name in ("whole", "backbones"))
    rate = device_macs_per_s(device, torch.bfloat16 if on_gpu else torch.float32, 4.0)
    macs = sum(cost.macs for cost in model_cost(model, (clips, model.config.clip_length, 3, height, width)))
    name = torch.cuda.get_device_name(device) if on_gpu else f"CPU, {torch.get_num_threads()} threads"
    print(f"torch {torch.__version__}, {name}: {rate / 1e12:.2f} TMACs/s in matrix products")
    print(f"{arguments.model}, {clips} clips of {model.config.clip_length} frames:")
    print(f"  step {whole_s * 1e3:.1f} ms, {clips / whole_s:.1f} clips/s; backbones alone {backbones_s * 1e3:.1f} ms")
    print(f"  ratio {whole_s / backbones_s:.3f}; share of the device's rate {3 * macs / whole_s / rate:.1%}")
    if on_gpu:
        print(f"  peak memory {peak_gib:.1f} GiB")


if __name__ == "__main__":
    main()
