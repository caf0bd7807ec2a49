"""Clips for training: which frames, which pixels, and the workers that read them."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from reid.data.augmentation import Augmentation, augment
from reid.data.images import ImageFiles
from reid.data.records import TrackletRecord
from reid.data.sampler import BatchSettings, pk_batches
from reid.data.training_clips import ClipBatch, ClipLoader, Place, TrainingClips, restricted_random_indices
from reid.errors import ConfigError, ImageError, RunError
from reid.preprocess import Crop, Preprocessing

ROOT = Path(__file__).resolve().parents[3]
PREPROCESSING = Preprocessing((16, 8))
SETTINGS = BatchSettings(people=4, tracklets=2)
USUAL = Augmentation()
PLAIN = Augmentation(flip=0, crop_padding_px=0, erasing=0)
SEED = 9

# Person p's tracklet t is p/t; it has 3 to 8 frames.
RECORDS = [
    TrackletRecord(person, 1 + number % 2, tuple(f"{person}/{number}/{frame}" for frame in range(3 + person % 6)))
    for person in range(1, 11)
    for number in range(3)
]
LABELS = [record.person_id + 100 for record in RECORDS]


class Made:
    """Pictures made of their names, but for those that are broken."""

    def __init__(self, *broken: str) -> None:
        self._broken = broken

    def read(self, frames: Sequence[str]) -> list[Crop]:
        for frame in frames:
            if frame.startswith(self._broken or "none"):
                raise ImageError(f"{frame}: broken")
        return [picture(frame) for frame in frames]


def picture(name: str) -> Crop:
    return np.random.default_rng(list(name.encode())).integers(0, 256, (20, 10, 3), np.uint8)


def resized(name: str) -> np.ndarray:
    return PREPROCESSING.resize(picture(name))


def clips(*broken: str, augmentation: Augmentation = USUAL, length: int = 4) -> TrainingClips:
    return TrainingClips(RECORDS, LABELS, Made(*broken), length, PREPROCESSING, augmentation, SEED)


def batches(epoch: int) -> list[list[int]]:
    return pk_batches(RECORDS, SETTINGS, seed=SEED, epoch=epoch)


def epochs(loader: ClipLoader, *wanted: int, start: int = 0) -> list[ClipBatch]:
    """Read epochs and close the loader."""
    try:
        return [batch for epoch in wanted for batch in loader.epoch(epoch, start)]
    finally:
        loader.close()


def same(one: Sequence[ClipBatch], other: Sequence[ClipBatch]) -> bool:
    return len(one) == len(other) and all(
        torch.equal(a.frames, b.frames) and torch.equal(a.labels, b.labels) and (a.rows, a.broken) == (b.rows, b.broken)
        for a, b in zip(one, other, strict=True)
    )


class TestIndices:
    def test_by_hand(self) -> None:
        """7 frames in 3 chunks: 0 and 1, 2 and 3, 4 to 6."""
        seen = {tuple(restricted_random_indices(7, 3, np.random.default_rng(seed)).tolist()) for seed in range(300)}
        assert seen == {(a, b, c) for a in (0, 1) for b in (2, 3) for c in (4, 5, 6)}

    @pytest.mark.parametrize(("frames", "length"), [(1, 1), (1, 8), (3, 8), (8, 8), (9, 8), (100, 8), (5, 1)])
    def test_one_of_each_chunk(self, frames: int, length: int) -> None:
        counts: Counter[int] = Counter()
        for seed in range(200):
            indices = restricted_random_indices(frames, length, np.random.default_rng(seed))
            assert (indices.shape, indices.dtype) == ((length,), np.int64)
            for chunk, index in enumerate(indices.tolist()):
                first, end = chunk * frames // length, (chunk + 1) * frames // length
                assert first <= index < max(end, first + 1)
                counts[index] += 1
        assert set(counts) == set(range(frames))  # each one can come

    def test_evenly(self) -> None:
        counts = Counter(int(restricted_random_indices(4, 1, np.random.default_rng(seed))[0]) for seed in range(800))
        assert all(150 < counts[index] < 250 for index in range(4))

    @pytest.mark.parametrize(("frames", "length"), [(0, 1), (1, 0)])
    def test_no_clip(self, frames: int, length: int) -> None:
        with pytest.raises(ValueError, match="has no clip"):
            restricted_random_indices(frames, length, np.random.default_rng(0))


class TestPixels:
    def test_a_batch_by_a_literal_loop(self) -> None:
        augmentation = Augmentation(crop_padding_px=2, erasing_fill="random", partial=0.5)
        loader = ClipLoader(clips(augmentation=augmentation), batches, workers=0, settings=SETTINGS)
        for number, batch in enumerate(epochs(loader, 2)):
            rows = batches(2)[number]
            assert batch.rows == tuple(rows)
            assert batch.labels.tolist() == [LABELS[row] for row in rows]
            assert (batch.labels.dtype, batch.frames.dtype, batch.broken) == (torch.int64, torch.uint8, {})
            assert batch.frames.shape == (8, 4, 16, 8, 3)
            for slot, row in enumerate(rows):
                rng = np.random.default_rng([SEED, 2, number, slot])
                names = RECORDS[row].frames
                crops = [picture(names[index]) for index in restricted_random_indices(len(names), 4, rng)]
                expected = augment(crops, PREPROCESSING, augmentation, rng)
                np.testing.assert_array_equal(batch.frames[slot], expected)

    def test_one_clip_by_itself(self) -> None:
        """The dataset's own item, as anyone may ask for it."""
        alone = clips()[Place(epoch=0, batch=1, slot=3, row=5)]
        together = np.empty(clips().shape(2), np.uint8)
        assert clips().fill(together, [Place(0, 1, 2, 4), Place(0, 1, 3, 5)]) == ((4, 5), {})
        np.testing.assert_array_equal(alone.frames[0], together[1])
        assert (alone.labels.tolist(), alone.rows) == ([LABELS[5]], (5,))
        assert len(clips()) == len(RECORDS)

    def test_labels_for_all(self) -> None:
        with pytest.raises(ValueError, match="30 tracklets have 2 labels"):
            TrainingClips(RECORDS, [0, 1], Made(), 4, PREPROCESSING, PLAIN, 0)


@pytest.fixture(scope="module")
def alone() -> list[ClipBatch]:
    """Epochs 0 and 1 without workers, with a broken picture among them."""
    read = epochs(ClipLoader(clips("1/0/2"), batches, workers=0, settings=SETTINGS), 0, 1)
    assert any(batch.broken for batch in read)
    return read


class TestNothingDependsOn:
    @pytest.mark.parametrize("workers", [1, 3])
    def test_workers(self, alone: list[ClipBatch], workers: int) -> None:
        assert same(epochs(ClipLoader(clips("1/0/2"), batches, workers=workers, settings=SETTINGS), 0, 1), alone)

    @pytest.mark.parametrize("workers", [0, 2])
    def test_having_been_stopped(self, alone: list[ClipBatch], workers: int) -> None:
        first = len(batches(0))
        loader = ClipLoader(clips("1/0/2"), batches, workers=workers, settings=SETTINGS)
        assert same(list(loader.epoch(1, start=2)), alone[first + 2 :])
        assert list(loader.epoch(1, start=len(batches(1)))) == []
        assert same(epochs(loader, 0), alone[:first])

    def test_processes(self, alone: list[ClipBatch]) -> None:
        ranks = [
            epochs(ClipLoader(clips("1/0/2"), batches, workers=0, rank=rank, world_size=2, settings=SETTINGS), 0, 1)
            for rank in range(2)
        ]
        for whole, *parts in zip(alone, *ranks, strict=True):
            assert torch.equal(torch.cat([part.frames for part in parts]), whole.frames)
            assert torch.equal(torch.cat([part.labels for part in parts]), whole.labels)
            assert parts[0].rows + parts[1].rows == whole.rows

    @pytest.mark.parametrize("workers", [0, 2])
    def test_an_epoch_that_was_given_up(self, alone: list[ClipBatch], workers: int) -> None:
        loader = ClipLoader(clips("1/0/2"), batches, workers=workers, settings=SETTINGS)
        given_up = loader.epoch(0)
        next(given_up)
        instead = loader.epoch(1)
        first = next(instead)
        assert list(given_up) == []
        assert same([first, *instead], alone[len(batches(0)) :])
        loader.close()

    @pytest.mark.parametrize("workers", [0, 1])
    def test_and_the_random_numbers_of_others_stay(self, workers: int) -> None:
        before = torch.get_rng_state()
        epochs(ClipLoader(clips(), batches, workers=workers, settings=SETTINGS), 0, 1)
        assert torch.equal(torch.get_rng_state(), before)


class TestBrokenPictures:
    def read(self, *broken: str, row: int, length: int = 4) -> tuple[np.ndarray, tuple[int, ...], dict[str, str]]:
        loaded = clips(*broken, augmentation=PLAIN, length=length)[Place(0, 0, 0, row)]
        return loaded.frames[0].numpy(), loaded.rows, loaded.broken

    def test_the_nearest_takes_its_place(self) -> None:
        row = 12  # person 5's first: 8 frames, so that all are in a clip of 8
        frames, rows, broken = self.read("5/0/0", "5/0/4", "5/0/5", row=row, length=8)
        for frame, used in zip(frames, (1, 1, 2, 3, 3, 6, 6, 7), strict=True):
            np.testing.assert_array_equal(frame, resized(f"5/0/{used}"))
        assert rows == (row,)
        assert broken == {f"5/0/{number}": f"5/0/{number}: broken" for number in (0, 4, 5)}

    def test_one_that_the_clip_had_not_chosen_may_take_it(self) -> None:
        broken_names = [f"5/0/{number}" for number in range(7)]
        frames, _, broken = self.read(*broken_names, row=12, length=2)
        for frame in frames:
            np.testing.assert_array_equal(frame, resized("5/0/7"))
        assert set(broken) <= set(broken_names) and len(broken) >= 6

    def test_another_tracklet_of_the_person(self) -> None:
        frames, rows, broken = self.read("5/0/", "5/2/", row=12)
        assert rows == (13,)
        names = [f"5/1/{frame}" for frame in range(8)]
        for frame in frames:
            assert any((frame == resized(name)).all() for name in names)
        assert all(name.startswith(("5/0/", "5/2/")) for name in broken)
        assert sum(name.startswith("5/0/") for name in broken) == 8

    def test_as_long_as_one_can_be_read_it_is_this_tracklet(self) -> None:
        for frame in range(8):
            broken = [f"5/0/{other}" for other in range(8) if other != frame]
            frames, rows, _ = self.read(*broken, row=12)
            assert rows == (12,)
            for each in frames:
                np.testing.assert_array_equal(each, resized(f"5/0/{frame}"))

    def test_a_person_without_any_makes_room_for_the_next(self) -> None:
        people = [record.person_id for record in RECORDS]
        after = people[people.index(5) :].index(next(person for person in people if person > 5)) + people.index(5)
        for row in (12, 13, 14):
            loaded = clips("5/", augmentation=PLAIN)[Place(0, 0, 0, row)]
            assert [people[row] for row in loaded.rows] == [people[after]]
            assert loaded.labels.tolist() == [LABELS[after]]
            assert loaded.broken and all(name.startswith("5/") for name in loaded.broken)

    @pytest.mark.parametrize("workers", [0, 2])
    def test_where_nothing_can_be_read_that_is_one_clear_line(self, workers: int) -> None:
        loader = ClipLoader(clips(*map(str, range(10))), batches, workers=workers, settings=SETTINGS)
        with pytest.raises(ImageError, match=r"^\S+: broken; nor can any other picture of that person and of 7 more"):
            epochs(loader, 0, 1)


class TestWorkers:
    def test_what_cannot_be_shared_out(self) -> None:
        with pytest.raises(ConfigError, match="among 3 processes"):
            ClipLoader(clips(), batches, workers=0, world_size=3, settings=SETTINGS)

    def test_one_that_dies(self) -> None:
        parent = os.getpid()

        class Deadly(Made):
            def read(self, frames: Sequence[str]) -> list[Crop]:
                if os.getpid() != parent:
                    os.kill(os.getpid(), signal.SIGKILL)
                return super().read(frames)

        deadly = TrainingClips(RECORDS, LABELS, Deadly(), 4, PREPROCESSING, PLAIN, SEED)
        with pytest.raises(RunError, match="use fewer workers"):
            epochs(ClipLoader(deadly, batches, workers=1, settings=SETTINGS), 0)

    def test_a_mistake_in_the_program_stays_one(self) -> None:
        class Wrong(Made):
            def read(self, frames: Sequence[str]) -> list[Crop]:
                raise RuntimeError("a mistake")

        wrong = TrainingClips(RECORDS, LABELS, Wrong(), 4, PREPROCESSING, PLAIN, SEED)
        with pytest.raises(RuntimeError, match="a mistake"):
            epochs(ClipLoader(wrong, batches, workers=1, settings=SETTINGS), 0)

    def test_they_are_gone_after_closing_in_the_middle(self) -> None:
        children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
        before = children.read_text()
        loader = ClipLoader(clips(), batches, workers=2, settings=SETTINGS)
        running = loader.epoch(0)
        next(running)
        assert len(children.read_text().split()) == len(before.split()) + 2
        loader.close()
        assert children.read_text() == before
        assert list(running) == []
        with pytest.raises(ValueError, match="closed"):
            next(loader.epoch(1))
        loader.close()

    def test_they_go_on_when_ctrl_c_asks_the_main_process_to_finish(self, alone: list[ClipBatch]) -> None:
        children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
        before = children.read_text().split()
        loader = ClipLoader(clips("1/0/2"), batches, workers=2, settings=SETTINGS)
        running = loader.epoch(0)
        first = next(running)
        for worker in set(children.read_text().split()) - set(before):
            os.kill(int(worker), signal.SIGINT)
        assert same([first, *running], alone[: len(batches(0))])
        loader.close()

    def test_what_they_get_can_be_sent(self, tmp_path: Path) -> None:
        """Where processes are not forked, everything is pickled."""
        names = ("a.png", "b.png")
        for name in names:
            cv2.imwrite(str(tmp_path / name), picture(name))
        dataset = TrainingClips(
            [TrackletRecord(1, 1, names)], [0], ImageFiles(tmp_path), 2, PREPROCESSING, Augmentation(), 0
        )
        place = Place(0, 0, 0, 0)
        assert torch.equal(pickle.loads(pickle.dumps(dataset))[place].frames, dataset[place].frames)

    @pytest.mark.parametrize("leave", ["loader.close()", "sys.exit()"])
    def test_ctrl_c_is_the_main_process_s(self, leave: str) -> None:
        """A terminal sends the signal to all processes: the main one leaves at once, and workers print nothing."""
        code = f"""
            import signal, sys, time
            sys.path.insert(0, {str(ROOT)!r})
            from tests.reid.data.test_training_clips import *
            signal.signal(signal.SIGINT, signal.default_int_handler)  # jobs in the background ignore it
            loader = ClipLoader(clips(), batches, workers=2, settings=SETTINGS)
            try:
                for epoch in range(10**9):
                    for batch in loader.epoch(epoch):
                        if epoch == 2:
                            print("working", flush=True)
            except KeyboardInterrupt:
                print("stopped", flush=True)
                {leave}
        """
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(code)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "working\n"
        started_s = time.monotonic()
        os.killpg(process.pid, signal.SIGINT)
        printed, complaints = process.communicate(timeout=60)
        assert (process.returncode, complaints) == (0, "")
        assert printed.endswith("stopped\n")
        assert time.monotonic() - started_s < 20
        with pytest.raises(ProcessLookupError):
            os.killpg(process.pid, 0)
