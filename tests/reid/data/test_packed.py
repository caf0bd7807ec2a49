"""Packs: what is packed is read again, broken pictures stay out, and damaged packs say so."""

from __future__ import annotations

import json
import pickle
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from reid.data import packing
from reid.data.images import ImageFiles
from reid.data.packed import is_pack, load_packed, read_pack
from reid.data.packing import check_raw, pack, pictures_of
from reid.data.reading import Names, Reading
from reid.data.records import DISTRACTOR_ID, JUNK_ID, DataSet, TrackletRecord
from reid.data.splits import Split, Splits
from reid.errors import ImageError, InputError, OutputError, RunError
from reid.preprocess import Crop, Preprocessing

FILES = ("frames.npy", "images.bin", "names.json", "offsets.npy", "pack.json", "tracklets.npy")


def tracklet(person_id: int, camera_id: int, *names: str) -> TrackletRecord:
    return TrackletRecord(person_id, camera_id, tuple(f"{name}.jpg" for name in names))


ONE, TWO, THREE = tracklet(1, 1, "a/1", "a/2", "a/3"), tracklet(1, 2, "b/1"), tracklet(2, 1, "c/1", "c/2")
FOUR, JUNK = tracklet(3, 1, "d/é", "d/2", "d/2"), tracklet(JUNK_ID, 2, "e/1", "a/2")
DISTRACTOR = tracklet(DISTRACTOR_ID, 2, "f/1")


def picture(name: str) -> Crop:
    """A smooth picture that its name decides."""
    rng = np.random.default_rng(list(name.encode()))
    return cv2.resize(rng.integers(0, 256, (4, 3, 3), np.uint8), tuple(rng.integers(20, 40, 2).tolist()))


@pytest.fixture
def reading(tmp_path: Path) -> Reading:
    """Loose files in two splits: tracklets in several places, pictures in several tracklets."""
    root = tmp_path / "loose"
    for record in (ONE, TWO, THREE, FOUR, JUNK, DISTRACTOR):
        for name in record.frames:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(cv2.imencode(".jpg", picture(name)[..., ::-1])[1].tobytes())
    source = ImageFiles(root)
    first = DataSet("ilids", (ONE, TWO, FOUR), (JUNK, THREE, DISTRACTOR, THREE), (1,), (0, 2, 3), source)
    second = DataSet("ilids", (THREE,), (TWO, FOUR, ONE), (0, 2), (1, 2), source)
    return Reading(
        (first, second),
        {"all": (ONE, TWO, THREE, FOUR), "others": (JUNK, DISTRACTOR)},
        root,
        splits=Splits((Split(("x", "y"), ("z",)), Split(("z",), ("x", "y"))), "a list", seed=3),
        names=Names({1: "x", 2: "y", 3: "zoë"}, {1: "door", 2: "yard"}),
        missing=("g/1.jpg: not there",),
    )


def same(one: DataSet, other: DataSet) -> bool:
    """Equal but for the source."""
    return replace(one, source=other.source) == other


class TestThereAndBack:
    def test_image_files(self, reading: Reading, tmp_path: Path) -> None:
        done: list[int] = []
        report = pack(reading, tmp_path / "pack", on_images=done.append)
        again = read_pack(tmp_path / "pack")
        names = pictures_of(reading)
        assert (report.pictures, report.left_out, report.tracklets_left_out) == (10, {}, 0)
        assert len(names) == sum(done) == 10
        assert all(same(*pair) for pair in zip(again.data_sets, reading.data_sets, strict=True))
        assert [type(each.source) for each in load_packed(tmp_path / "pack")] == [type(again.data_sets[0].source)] * 2
        assert (again.parts, again.splits, again.names) == (reading.parts, reading.splits, reading.names)
        assert (again.folder, again.missing, again.remarks) == (None, (), ())
        backwards = [*names[::-1], names[4]]
        pairs = zip(*(each.data_sets[0].source.read(backwards) for each in (again, reading)), strict=True)
        for ours, theirs in pairs:
            np.testing.assert_array_equal(ours, theirs)
        assert sorted(path.name for path in (tmp_path / "pack").iterdir()) == list(FILES)

    def test_files_lie_as_they_are_tracklet_after_tracklet(self, reading: Reading, tmp_path: Path) -> None:
        report = pack(reading, tmp_path / "pack")
        contents = [(tmp_path / "loose" / name).read_bytes() for name in pictures_of(reading)]
        assert (tmp_path / "pack" / "images.bin").read_bytes() == b"".join(contents)
        assert report.size_bytes == sum(map(len, contents))
        assert pictures_of(reading)[:4] == (*ONE.frames, *TWO.frames)

    @pytest.mark.parametrize("size_hw", [(24, 12), (64, 40)])
    def test_pixels(self, reading: Reading, tmp_path: Path, size_hw: tuple[int, int]) -> None:
        report = pack(reading, tmp_path / "pack", raw_size_hw=size_hw)
        assert report.size_bytes == check_raw(reading, tmp_path / "new", size_hw) == 10 * size_hw[0] * size_hw[1] * 3
        (again, _), (loose, _) = read_pack(tmp_path / "pack").data_sets, reading.data_sets
        assert same(again, loose)
        names = pictures_of(reading)
        for ours, theirs in zip(again.source.read(names), loose.source.read(names), strict=True):
            assert ours.flags.c_contiguous
            np.testing.assert_array_equal(ours, Preprocessing(size_hw).resize(theirs))

    def test_in_another_process_and_place(self, reading: Reading, tmp_path: Path) -> None:
        pack(reading, tmp_path / "pack")
        shutil.move(tmp_path / "pack", tmp_path / "elsewhere")
        source = pickle.loads(pickle.dumps(load_packed(tmp_path / "elsewhere")[0].source))
        np.testing.assert_array_equal(source.read(["b/1.jpg"])[0], reading.data_sets[0].source.read(["b/1.jpg"])[0])

    def test_more_pictures_than_are_taken_at_once(
        self, reading: Reading, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(packing, "_IMAGES_AT_ONCE", 3)
        done: list[int] = []
        pack(reading, tmp_path / "pack", on_images=done.append)
        assert done == [3, 3, 3, 1]
        assert same(load_packed(tmp_path / "pack")[1], reading.data_sets[1])

    def test_what_is_a_pack(self, reading: Reading, tmp_path: Path) -> None:
        pack(reading, tmp_path / "pack")
        assert is_pack(tmp_path / "pack")
        assert not is_pack(tmp_path / "loose")
        assert not is_pack(tmp_path / "none")


class TestBrokenPictures:
    def test_they_are_left_out_and_named(self, reading: Reading, tmp_path: Path) -> None:
        (tmp_path / "loose" / "a" / "1.jpg").write_bytes(b"no picture")
        (tmp_path / "loose" / "b" / "1.jpg").unlink()
        cut = (tmp_path / "loose" / "c" / "2.jpg").read_bytes()[:-5]
        (tmp_path / "loose" / "c" / "2.jpg").write_bytes(cut)
        (tmp_path / "loose" / "e" / "1.jpg").write_bytes(b"")
        report = pack(reading, tmp_path / "pack")
        assert list(report.left_out) == ["a/1.jpg", "b/1.jpg", "e/1.jpg", "c/2.jpg"]
        assert report.left_out["c/2.jpg"] == f"c/2.jpg: the file was cut off after {len(cut)} bytes"
        assert (report.pictures, report.tracklets_left_out) == (6, 1)
        again = read_pack(tmp_path / "pack")
        first, second = again.data_sets
        one, three, junk = tracklet(1, 1, "a/2", "a/3"), tracklet(2, 1, "c/1"), tracklet(JUNK_ID, 2, "a/2")
        assert first.train == (one, FOUR)
        assert (first.test, first.query, first.gallery) == ((junk, three, DISTRACTOR, three), (1,), (0, 2, 3))
        assert (second.test, second.query, second.gallery) == ((FOUR, one), (1,), (0, 1))  # TWO was a query
        assert again.parts["all"] == (one, three, FOUR)
        assert again.remarks == ("4 images could not be read when it was packed.",)
        assert json.loads((tmp_path / "pack" / "pack.json").read_text())["left_out"] == report.left_out
        assert len(first.source.read(pictures_of(again))) == 6

    def test_where_none_is_left_nothing_is_written(self, reading: Reading, tmp_path: Path) -> None:
        shutil.rmtree(tmp_path / "loose")
        with pytest.raises(InputError, match=r"no picture of ilids can be read: a/1.jpg: No such file"):
            pack(reading, tmp_path / "pack")
        assert list(tmp_path.iterdir()) == []


class TestWriting:
    @pytest.mark.parametrize("trouble", [OSError(28, "No space left on device"), KeyboardInterrupt()])
    def test_what_breaks_off_leaves_nothing(self, reading: Reading, tmp_path: Path, trouble: BaseException) -> None:
        def stop(_: int) -> None:
            assert any(path.name.startswith(".pack.unfinished") for path in tmp_path.iterdir())
            raise trouble

        with pytest.raises(RunError if isinstance(trouble, OSError) else KeyboardInterrupt) as raised:
            pack(reading, tmp_path / "pack", on_images=stop)
        if isinstance(trouble, OSError):
            assert "No space left on device" in str(raised.value)
        assert [path.name for path in tmp_path.iterdir()] == ["loose"]

    def test_only_packs_are_replaced(self, reading: Reading, tmp_path: Path) -> None:
        with pytest.raises(OutputError, match="is not a pack"):
            pack(reading, tmp_path / "loose", overwrite=True)
        pack(reading, tmp_path / "pack")
        with pytest.raises(OutputError, match="add --overwrite"):
            pack(reading, tmp_path / "pack")
        pack(reading, tmp_path / "pack", raw_size_hw=(8, 4), overwrite=True)
        assert (tmp_path / "pack" / "images.bin").stat().st_size == 10 * 8 * 4 * 3

    def test_pixels_that_do_not_fit_are_refused_before_anything_is_written(
        self, reading: Reading, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[Path] = []

        def little(path: Path) -> Any:
            asked.append(path)
            return shutil._ntuple_diskusage(10**9, 10**9 - 982_000, 982_000)  # type: ignore[attr-defined]

        monkeypatch.setattr(packing, "disk_usage", little)
        with pytest.raises(OutputError, match=r"10 pictures of 256x128 pixels take 0.0 GB, but .* smaller --raw"):
            pack(reading, tmp_path / "new" / "pack", raw_size_hw=(256, 128))
        assert asked == [tmp_path]  # the nearest folder that is there
        assert [path.name for path in tmp_path.iterdir()] == ["loose"]
        pack(reading, tmp_path / "pack", raw_size_hw=(128, 64))

    def test_pictures_that_are_no_files(self, reading: Reading, tmp_path: Path) -> None:
        pack(reading, tmp_path / "pack")
        with pytest.raises(InputError, match="the pictures of ilids are no loose files"):
            pack(read_pack(tmp_path / "pack"), tmp_path / "again")


class TestDamage:
    @pytest.fixture
    def packed(self, reading: Reading, tmp_path: Path) -> Path:
        pack(reading, tmp_path / "pack")
        return tmp_path / "pack"

    @pytest.mark.parametrize("file", FILES)
    @pytest.mark.parametrize("damage", ["gone", "empty", "short", "words"])
    def test_of_any_file_is_one_clear_line(self, packed: Path, file: str, damage: str) -> None:
        path = packed / file
        content = path.read_bytes()
        path.unlink()
        if damage != "gone":
            path.write_bytes({"empty": b"", "short": content[:-3], "words": b"dear"}[damage])
        if (file, damage) == ("pack.json", "short"):
            path.write_bytes(content[:-30])  # the last of it are closing brackets and a line's end
        with pytest.raises(InputError) as raised:
            read_pack(packed)
        message = str(raised.value)
        assert str(packed) in message
        assert "damaged" in message or "is no pack" in message
        assert "\n" not in message

    def test_images_cut_off(self, packed: Path) -> None:
        path = packed / "images.bin"
        size = path.stat().st_size
        path.write_bytes(path.read_bytes()[:1000])
        with pytest.raises(InputError, match=f"images.bin has 1,000 bytes, expected {size:,}; copy it or pack"):
            read_pack(packed)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"format": "vreid-pack/2"}, "of another version of vreid: format"),
            ({"pictures": "many"}, "damaged or of another version of vreid: pictures"),
            ({"pictures": 11}, "its tables are of different lengths"),
            ({"data_sets": [{"train": [99], "test": [], "query": [], "gallery": []}]}, "is damaged"),
            ({"data_sets": [{"train": [0], "test": [], "query": [1], "gallery": []}]}, "points beyond the 0 tracklets"),
            ({"colour": "red"}, "colour: Extra inputs"),
        ],
    )
    def test_an_index_that_says_something_else(self, packed: Path, change: dict[str, Any], message: str) -> None:
        path = packed / "pack.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | change))
        with pytest.raises(InputError, match=message):
            read_pack(packed)

    @pytest.mark.parametrize(
        ("file", "table"),
        [
            ("tracklets.npy", np.ones((6, 2), np.int64)),
            ("tracklets.npy", np.ones((6, 3), np.int64)),
            ("frames.npy", np.full(12, -1)),
            ("frames.npy", np.full(12, 10)),
        ],
    )
    def test_tables_of_something_else(self, packed: Path, file: str, table: np.ndarray) -> None:
        assert len(np.load(packed / "frames.npy")) == 12
        np.save(packed / file, table)
        with pytest.raises(InputError, match="is damaged"):
            read_pack(packed)

    def test_after_it_was_opened(self, packed: Path) -> None:
        source = load_packed(packed)[0].source
        content = (packed / "images.bin").read_bytes()
        (packed / "images.bin").write_bytes(b"\0" * 1000 + content[1000:-1000])
        for name, reason in (
            ("a/1.jpg", "a/1.jpg in .*: not an image"),
            ("f/1.jpg", "f/1.jpg: .* ends before it"),
            ("g/1.jpg", "g/1.jpg: not in"),
        ):
            with pytest.raises(ImageError, match=f"^{reason}"):
                source.read([name])
        (packed / "images.bin").unlink()
        with pytest.raises(ImageError, match=r"^a/2.jpg: No such file"):
            source.read(["a/2.jpg", "a/1.jpg"])


def test_the_file_is_opened_once_a_call_and_closed(
    reading: Reading, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack(reading, tmp_path / "pack")
    source = load_packed(tmp_path / "pack")[0].source
    opened: Counter[str] = Counter()
    original = Path.open

    def watched(path: Path, *args: Any, **options: Any) -> Any:
        opened[path.name] += 1
        return original(path, *args, **options)

    monkeypatch.setattr(Path, "open", watched)
    names: Sequence[str] = pictures_of(reading)
    source.read(names)
    assert opened == {"images.bin": 1}
