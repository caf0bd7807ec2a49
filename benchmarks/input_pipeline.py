"""How many pictures a second training gets: from loose files, from a pack, from a pack of pixels.

    python benchmarks/input_pipeline.py [--rounds 7] [--tracklets 480] [--workers 2] [--folder /tmp]

Definition. Made-up data: 480 tracklets of 96 people, 16 pictures each, 256x128, JPEG of quality 80 of smooth noise with
grain, about 9 kB each as MARS's are. One pass is an epoch of `ClipLoader`: batches of 8 people x 2 tracklets, 8 frames
a tracklet, 2 workers that had run before; the main process takes the batches and does nothing with them. Beside it, the
bare loop: as many processes as there are workers read and decode (OpenCV) the very same pictures of the same epoch, a
batch at a time, whoever is free, and do nothing with them. All take turns within a round, an epoch a round.

  usual        flip, crop and erasing, as in the papers' recipes
  everything   moreover parts of bodies (0.4), which have to be resized, noise for erasing, and colour
  cold         the file's pages were dropped from memory before (posix_fadvise), the disk's own cache was not

Figures: median pictures/s over the rounds, lowest and highest, and the median ratio to the bare loop of the same round.

Wanted: at least 0.8 of the bare loop from loose files; pixels at least 2 times loose files.

First results, two cores of an AMD EPYC that others kept busy (load 4 to 5), 9 rounds, ranges of a factor of two: bare
loop 6678 pictures/s; loose files, usual 0.82 of it, everything 0.74, cold 0.75; pack of files 0.85, cold 0.80; pack of
pixels 4.40 (4.6 times loose files), cold 1.54.

Results, the same two cores with nothing else to do, 7 rounds:

  bare loop                  10449 pictures/s (9751 to 10744)
  loose files, usual         10091 (9588 to 10535)     0.98 of bare
  loose files, everything     8607 (8163 to 9115)      0.83
  loose files, cold           7816 (7482 to 7928)      0.75
  pack of files              10233 (9916 to 10560)     0.98
  pack of files, cold         9203 (8141 to 9671)      0.88
  pack of pixels             35822 (33545 to 39424)    3.50   (3.6 times loose files)
  pack of pixels, cold       10681 (9905 to 11740)     1.03
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from reid.data.augmentation import Augmentation
from reid.data.images import ImageFiles
from reid.data.packed import load_packed
from reid.data.packing import pack
from reid.data.reading import Reading
from reid.data.records import CropSource, DataSet, TrackletRecord
from reid.data.sampler import BatchSettings, pk_batches
from reid.data.training_clips import ClipLoader, TrainingClips, restricted_random_indices
from reid.preprocess import Preprocessing

SIZE_HW = (256, 128)
FRAMES, CLIP_LENGTH, TRACKLETS_EACH = 16, 8, 5
BATCH = BatchSettings(people=8, tracklets=2)
BATCH_PICTURES = BATCH.people * BATCH.tracklets * CLIP_LENGTH
USUAL = Augmentation()
EVERYTHING = Augmentation(partial=0.4, erasing_fill="random", colour=0.2)


def make_files(root: Path, tracklets: int) -> DataSet:
    """Write the pictures."""
    rng = np.random.default_rng(0)
    height, width = SIZE_HW
    records = []
    for number in range(tracklets):
        names = tuple(f"{number:04d}/{frame:03d}.jpg" for frame in range(FRAMES))
        records.append(TrackletRecord(1 + number // TRACKLETS_EACH, 1 + number % 2, names))
        (root / f"{number:04d}").mkdir(parents=True)
        for name in names:
            smooth = cv2.resize(rng.integers(0, 256, (32, 16, 3), np.uint8), (width, height))
            grain = rng.integers(-12, 13, smooth.shape)
            picture = np.clip(smooth + grain, 0, 255).astype(np.uint8)
            cv2.imwrite(str(root / name), picture, [cv2.IMWRITE_JPEG_QUALITY, 80])
    return DataSet("made up", tuple(records), (), (), (), ImageFiles(root))


def batches(records: tuple[TrackletRecord, ...], epoch: int) -> list[list[int]]:
    return pk_batches(records, BATCH, seed=0, epoch=epoch)


def pictures_of_epoch(records: tuple[TrackletRecord, ...], epoch: int) -> Iterator[str]:
    """The names that the loader reads in an epoch, in its order."""
    for number, batch in enumerate(batches(records, epoch)):
        for slot, row in enumerate(batch):
            names = records[row].frames
            rng = np.random.default_rng([0, epoch, number, slot])
            yield from (names[index] for index in restricted_random_indices(len(names), CLIP_LENGTH, rng))


def bare(paths: list[str]) -> int:
    """Read and decode, in one process."""
    cv2.setNumThreads(0)
    for path in paths:
        with open(path, "rb") as file:  # noqa: PTH123
            cv2.imdecode(np.frombuffer(file.read(), np.uint8), cv2.IMREAD_COLOR)
    return len(paths)


def run_bare(pool: multiprocessing.pool.Pool, data: DataSet, root: Path, epoch: int) -> float:
    """Pictures a second of the bare loop."""
    paths = [f"{root}/{name}" for name in pictures_of_epoch(data.train, epoch)]
    start_s = time.perf_counter()
    for _ in pool.imap_unordered(
        bare, [paths[at : at + BATCH_PICTURES] for at in range(0, len(paths), BATCH_PICTURES)]
    ):
        pass
    return len(paths) / (time.perf_counter() - start_s)


def run_loader(loader: ClipLoader, epoch: int, before: Callable[[], None] | None = None) -> float:
    """Pictures a second of the loader."""
    if before:
        before()
    start_s = time.perf_counter()
    pictures = sum(batch.frames.shape[0] * batch.frames.shape[1] for batch in loader.epoch(epoch))
    return pictures / (time.perf_counter() - start_s)


def forget(paths: list[Path]) -> None:
    """Drop files, which are on the disk, from the system's memory."""
    for path in paths:
        file = os.open(path, os.O_RDONLY)
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(file)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--tracklets", type=int, default=480)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=None, help="on which disk; the system's for temporary files")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=arguments.folder)))
        data = make_files(folder / "loose", arguments.tracklets)
        reading = Reading((data,), {}, folder / "loose")
        packs = {"files": folder / "files.pack", "pixels": folder / "pixels.pack"}
        pack(reading, packs["files"])
        pack(reading, packs["pixels"], raw_size_hw=SIZE_HW)
        size_bytes = {name: (path / "images.bin").stat().st_size for name, path in packs.items()}
        os.sync()
        loose = sorted((folder / "loose").rglob("*.jpg"))
        pool = stack.enter_context(multiprocessing.Pool(arguments.workers))

        def loader(source: CropSource, augmentation: Augmentation) -> ClipLoader:
            labels = [record.person_id - 1 for record in data.train]
            preprocessing = Preprocessing(SIZE_HW)
            clips = TrainingClips(data.train, labels, source, CLIP_LENGTH, preprocessing, augmentation, seed=0)
            made = ClipLoader(clips, partial(batches, data.train), workers=arguments.workers, settings=BATCH)
            return stack.enter_context(closing(made))

        usual = loader(data.source, USUAL)
        everything = loader(data.source, EVERYTHING)
        packed = {name: loader(load_packed(path)[0].source, USUAL) for name, path in packs.items()}
        variants: dict[str, Callable[[int], float]] = {
            "bare loop": lambda epoch: run_bare(pool, data, folder / "loose", epoch),
            "loose files, usual": partial(run_loader, usual),
            "loose files, everything": partial(run_loader, everything),
            "loose files, cold": partial(run_loader, usual, before=lambda: forget(loose)),
        }
        for name, one in packed.items():
            file = packs[name] / "images.bin"
            variants[f"pack of {name}"] = partial(run_loader, one)
            variants[f"pack of {name}, cold"] = partial(run_loader, one, before=partial(forget, [file]))
        rates: dict[str, list[float]] = {name: [] for name in variants}
        for epoch in range(arguments.rounds + 1):
            for name, run in variants.items():
                rate = run(epoch)
                if epoch:
                    rates[name].append(rate)
        per_picture = {name: size / len(loose) / 1e3 for name, size in size_bytes.items()}
        print(f"{len(loose)} pictures of {per_picture['files']:.1f} kB, as pixels {per_picture['pixels']:.1f} kB")
        print(f"{arguments.workers} workers on {os.cpu_count()} cores, {arguments.rounds} rounds")
        for name, values in rates.items():
            ratios = [value / base for value, base in zip(values, rates["bare loop"], strict=True)]
            print(
                f"{name:24} {statistics.median(values):7.0f} pictures/s ({min(values):.0f} to {max(values):.0f})"
                f"   {statistics.median(ratios):.2f} of bare"
            )


if __name__ == "__main__":
    main()
