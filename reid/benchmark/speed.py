"""What a network costs: parameters, multiply-accumulates, clips a second, memory."""

from __future__ import annotations

import multiprocessing
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from reid.embedder import Embedder
from reid.errors import RunError
from reid.models import build_model
from reid.models.macs import model_cost

Reopen = Callable[[], Embedder]

_WARM_UP = 2


@dataclass(frozen=True)
class Speed:
    """What embedding with a network takes on this machine.

    Attributes:
        parameters: without classifiers.
        macs: multiply-accumulates for a clip.
        clips_per_s: from crops of the network's own size to vectors, in batches as the benchmark makes them.
        peak_mib: of a GPU's memory; on a CPU the whole process that embeds, with the libraries in it; None where the
            system does not tell.
        device: what it ran on.
        threads: of a CPU.
    """

    parameters: int
    macs: int
    clips_per_s: float
    peak_mib: float | None
    device: str
    threads: int


def measure_speed(reopen: Reopen, seconds: float = 3.0) -> Speed:
    """Measure a network in a process of its own, so that memory is that of embedding alone.

    Args:
        reopen: opens it there; it must be possible to pickle it.
        seconds: to measure for.

    Raises:
        RunError: the process died.
    """
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        try:
            return pool.submit(_measure, reopen, seconds).result()
        except BrokenProcessPool as error:
            raise RunError("the process that measures speed died, as happens when memory runs out") from error


def _measure(reopen: Reopen, seconds: float) -> Speed:
    embedder = reopen()
    rng = np.random.default_rng(0)
    crops = [rng.integers(0, 256, (*embedder.image_size_hw, 3), np.uint8) for _ in range(embedder.clip_length)]
    clips = [crops] * embedder.batch_size
    for _ in range(_WARM_UP):
        embedder.embed(clips)
    started_s = time.perf_counter()
    done = 0
    while time.perf_counter() - started_s < seconds:
        embedder.embed(clips)  # hands vectors to the CPU, and so waits for a GPU
        done += len(clips)
    clips_per_s = done / (time.perf_counter() - started_s)
    with torch.device("meta"):  # takes neither time nor memory
        costs = model_cost(build_model(embedder.model_name, overrides=embedder.config.to_dict()))
    return Speed(
        parameters=sum(cost.parameters for cost in costs),
        macs=sum(cost.macs for cost in costs),
        clips_per_s=clips_per_s,
        peak_mib=_peak_mib(embedder.device),
        device=str(embedder.device),
        threads=torch.get_num_threads(),
    )


def _peak_mib(device: torch.device) -> float | None:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    return peak_memory_mib()


def peak_memory_mib() -> float | None:
    """Return the most memory that this process has held so far, in MiB; None where the system does not tell."""
    status = Path("/proc/self/status")
    if status.exists():  # where a new process also counts what its parent held, by the other way
        line = next(line for line in status.read_text(encoding="ascii").splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 2**10
    try:
        import resource
    except ImportError:  # on Windows
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
