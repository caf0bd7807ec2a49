"""How many clips a second each model embeds on a device, and what share of the device's own rate that is.

    python benchmarks/throughput.py --device cuda [--seconds 5] [--models dcct stca ...]
    python benchmarks/throughput.py --device cpu --models dcct-compact   # float32; the same figures, slower

Definition. Clips of 8 frames at each model's own size, random pixels that already lie on the device, evaluation and
inference mode, random weights. CUDA: bf16 under autocast, once as it is and once through torch.compile; CPU: float32 as
it is. Batches of 1, 2, 4, ... clips, up to the last that fits in memory or the one after which two in a row are slower;
each runs for `--seconds` after two warm-up forwards, between synchronisations.

Figures: clips a second at the batch that is best, and that rate times the model's MACs (`reid.models.macs`, equations
as written) over the device's own rate: the best of square matrix products of 4,096 to 16,384 (CPU: 1,024 to 4,096) in
the same number format in the same process, in MACs a second. Counting as written can lift the share above what the
device executes, since some products are run in a cheaper order; the table says whose MACs it counted.

Results: none yet; it takes a machine with a GPU.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import torch

from reid.device import with_channels_last
from reid.models import build_model
from reid.models.macs import model_cost

FULL_SIZE = ("dcct", "stca", "denseil", "mstat", "cnn-average", "vit-average")
NUM_FRAMES = 8
LARGEST_BATCH = 512


def rate(run: Callable[[], object], device: torch.device, seconds: float) -> float:
    """Return how often a second `run` goes through, measured over `seconds` after two warm-up calls."""

    def wait() -> None:
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    run()
    run()
    wait()
    calls, start_s = 0, time.perf_counter()
    while time.perf_counter() - start_s < seconds:
        run()
        calls += 1
        wait()
    return calls / (time.perf_counter() - start_s)


def device_macs_per_s(device: torch.device, dtype: torch.dtype, seconds: float) -> float:
    """Return the device's rate of multiply-accumulates in square matrix products."""
    best = 0.0
    for size in (4096, 8192, 16384) if device.type == "cuda" else (1024, 2048, 4096):
        left, right = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
        best = max(best, rate(lambda left=left, right=right: left @ right, device, seconds / 2) * size**3)  # type: ignore[misc]
    return best


def best_clips_per_s(
    forward: Callable[[torch.Tensor], object], size_hw: tuple[int, int], device: torch.device, seconds: float
) -> tuple[float, int]:
    """Return the best rate over growing batches, and its batch."""
    best, best_batch, slower, batch = 0.0, 0, 0, 1
    while batch <= LARGEST_BATCH and slower < 2:
        try:
            clips = torch.randn(batch, NUM_FRAMES, 3, *size_hw, device=device)
            found = batch * rate(lambda clips=clips: forward(clips), device, seconds)  # type: ignore[misc]
        except torch.OutOfMemoryError:
            break
        slower = 0 if found > best else slower + 1
        if found > best:
            best, best_batch = found, batch
        batch *= 2
    return best, best_batch


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--models", nargs="+", default=list(FULL_SIZE))
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    on_gpu = device.type == "cuda"
    dtype = torch.bfloat16 if on_gpu else torch.float32
    peak = device_macs_per_s(device, dtype, arguments.seconds)
    name = torch.cuda.get_device_name(device) if on_gpu else f"CPU, {torch.get_num_threads()} threads"
    print(f"torch {torch.__version__}, {name}: {peak / 1e12:.2f} TMACs/s in {dtype} matrix products")
    print(f"{'model':14} {'run':9} {'clips/s':>9} {'batch':>6} {'GMACs a clip':>13} {'share':>7}")
    for model_name in arguments.models:
        with torch.device("meta"):
            blank = build_model(model_name)
        macs = sum(cost.macs for cost in model_cost(blank, (1, NUM_FRAMES, 3, *blank.config.image_size_hw)))
        model = with_channels_last(build_model(model_name).to(device)).eval()
        ways = {"as it is": model, "compiled": torch.compile(model)} if on_gpu else {"as it is": model}
        for way, network in ways.items():

            def forward(clips: torch.Tensor, network: Callable[..., object] = network) -> object:
                with torch.autocast(device.type, dtype=torch.bfloat16, enabled=on_gpu):
                    return network(clips)

            clips_per_s, batch = best_clips_per_s(forward, model.config.image_size_hw, device, arguments.seconds)
            share = clips_per_s * macs / peak
            print(f"{model_name:14} {way:9} {clips_per_s:9.1f} {batch:6d} {macs / 1e9:13.2f} {share:7.1%}", flush=True)
        del model, ways


if __name__ == "__main__":
    main()
