"""How long one clip takes through each full-size model, beside the plain backbones.

    python benchmarks/forward.py [--rounds 5] [--models dcct stca ...]

Definition. One clip of 8 frames of random pixels at each model's own size, float32, evaluation mode, inference mode,
CPU, torch's default threads, random weights (they change no time). Each round runs, in turn, every model once; one
round before is not counted. Beside the models each round runs the plain pair: timm's ResNet-50 with last stride 1 and
ViT-B/16, both at 256x128, one after the other, up to their global vectors and nothing behind.

Figures: median milliseconds a clip, and the median over the rounds of (model / plain pair of the same round).

Wanted: `dcct` at most 1.1 times the plain pair, which are its own backbones.

Results, two cores (processor without GPU), ms a clip and ratio to the plain pair:

  first, other work on the machine, 3 rounds   plain pair 1024; dcct 1060 (1.04), dcct-512 1051 (1.02), stca 467 (0.46),
                                               stca-256 326 (0.32), denseil 256 (0.25), mstat 999 (0.99), cnn-average
                                               158 (0.16), vit-average 871 (0.87)
  last, idle machine, 5 rounds                 plain pair 1001; dcct 1044 (1.05), dcct-512 1021 (1.02), stca 405 (0.41),
                                               stca-256 333 (0.34), denseil 275 (0.28), mstat 986 (0.99), cnn-average
                                               153 (0.15), vit-average 847 (0.85)
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch

from reid.device import with_channels_last
from reid.models import build_model
from reid.models.backbones import ConvolutionBackbone, TransformerBackbone

FULL_SIZE = ("dcct", "dcct-512", "stca", "stca-256", "denseil", "mstat", "cnn-average", "vit-average")
NUM_FRAMES = 8


def plain_pair() -> Callable[[], object]:
    """Build ResNet-50 and ViT-B/16 and return what runs both."""
    size_hw = (256, 128)
    cnn, transformer = (
        with_channels_last(network).eval()
        for network in (ConvolutionBackbone("resnet50", size_hw), TransformerBackbone("vit_base_patch16_224", size_hw))
    )
    images = torch.randn(NUM_FRAMES, 3, *size_hw).contiguous(memory_format=torch.channels_last)
    return lambda: (cnn(images), transformer(images))


def model_forward(name: str) -> Callable[[], object]:
    """Build a model as the embedder does and return what runs it on one clip."""
    model = with_channels_last(build_model(name)).eval()
    clip = torch.randn(1, NUM_FRAMES, 3, *model.config.image_size_hw)
    return lambda: model(clip)


def timed_ms(forward: Callable[[], object]) -> float:
    """Return the milliseconds of one forward."""
    start_s = time.perf_counter()
    forward()
    return 1000 * (time.perf_counter() - start_s)


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--models", nargs="+", default=list(FULL_SIZE))
    arguments = parser.parse_args()
    forwards = {"plain pair": plain_pair(), **{name: model_forward(name) for name in arguments.models}}
    times: dict[str, list[float]] = {name: [] for name in forwards}
    for round_index in range(arguments.rounds + 1):
        for name, forward in forwards.items():
            elapsed_ms = timed_ms(forward)
            if round_index:
                times[name].append(elapsed_ms)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {arguments.rounds} rounds")
    print(f"{'model':12} {'ms a clip':>10} {'x plain pair':>13}")
    for name, elapsed in times.items():
        ratio = statistics.median(own / plain for own, plain in zip(elapsed, times["plain pair"], strict=True))
        print(f"{name:12} {statistics.median(elapsed):10.0f} {ratio:13.2f}")


if __name__ == "__main__":
    main()
