"""MARS's folder: names, tables, and what is written read again; beside MARS's own tables."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from PIL import Image

from reid.data import mars_layout
from reid.data.mars_layout import FrameName, read_query, read_tables, read_tracks, write_mars
from reid.data.records import DISTRACTOR_ID, JUNK_ID, DataSet, TrackletRecord
from reid.errors import ConfigError, InputError, OutputError, RunError
from reid.preprocess import Crop

MATRICES = (
    ("tracks_train_info.mat", "track_train_info"),
    ("tracks_test_info.mat", "track_test_info"),
    ("query_IDX.mat", "query_IDX"),
)


class Plain:
    """A picture of one colour for each name: its numbers."""

    def read(self, frames: Sequence[str]) -> list[Crop]:
        return [np.full((16, 8, 3), FrameName.parse(frame)[1:], np.uint8) * 20 for frame in frames]


def tracklet(part: str, person_id: int, camera_id: int, number: int, length: int) -> TrackletRecord:
    names = (FrameName(person_id, camera_id, number, frame) for frame in range(1, 1 + length))
    return TrackletRecord(person_id, camera_id, tuple(name.path(part) for name in names))


TRAIN = (tracklet("train", 1, 1, 1, 3), tracklet("train", 1, 2, 2, 1), tracklet("train", 4, 2, 1, 2))
TEST = (
    tracklet("test", JUNK_ID, 2, 1, 2),
    tracklet("test", DISTRACTOR_ID, 1, 7, 1),
    tracklet("test", 2, 1, 1, 2),
    tracklet("test", 2, 2, 2, 4),
)
DATA_SET = DataSet("hand-made", TRAIN, TEST, (2, 3), (0, 1, 2, 3), Plain())


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class TestNames:
    @pytest.mark.parametrize(
        ("name", "path"),
        [
            (FrameName(65, 1, 2, 16), "bbox_test/0065/0065C1T0002F016.jpg"),
            (FrameName(DISTRACTOR_ID, 6, 3248, 920), "bbox_test/0000/0000C6T3248F920.jpg"),
            (FrameName(JUNK_ID, 3, 1, 1), "bbox_test/00-1/00-1C3T0001F001.jpg"),
            (FrameName(12345, 12, 10000, 1000), "bbox_test/12345/12345C12T10000F1000.jpg"),
        ],
    )
    def test_both_ways(self, name: FrameName, path: str) -> None:
        assert name.path("test") == path
        assert FrameName.parse(path) == FrameName.parse(path.rpartition("/")[2]) == name

    @pytest.mark.parametrize(
        "name", ["", "0065C1T2F016.jpg", "0065C1T0002F016.png", "65C1T0002F016.jpg", "a0065C1T0002F016.jpg"]
    )
    def test_other_names_are_refused(self, name: str) -> None:
        with pytest.raises(InputError, match="is not an image's name of MARS"):
            FrameName.parse(name)


class TestWriting:
    def test_the_folder_read_again_is_the_data_set(self, tmp_path: Path) -> None:
        done: list[int] = []
        write_mars(DATA_SET, tmp_path / "out", {"made_up": True}, on_images=done.append)
        assert read_tables(tmp_path / "out") == (TRAIN, TEST, (2, 3))
        frames = [frame for each in TRAIN + TEST for frame in each.frames]
        assert sum(done) == len(frames) == 15
        images = {path for path in files(tmp_path / "out") if path.endswith(".jpg")}
        assert images == set(frames)
        for frame, crop in zip(frames, Plain().read(frames), strict=True):
            with Image.open(tmp_path / "out" / frame) as image:
                pixels = np.asarray(image, dtype=int)
            assert np.abs(pixels - crop).max() <= 4, frame  # RGB, but for what JPEG loses

    def test_the_lists_by_hand(self, tmp_path: Path) -> None:
        write_mars(DATA_SET, tmp_path / "out", {})
        info = tmp_path / "out" / "info"
        assert (info / "train_name.txt").read_text().splitlines() == [
            "0001C1T0001F001.jpg",
            "0001C1T0001F002.jpg",
            "0001C1T0001F003.jpg",
            "0001C2T0002F001.jpg",
            "0004C2T0001F001.jpg",
            "0004C2T0001F002.jpg",
        ]
        table = scipy.io.loadmat(str(info / "tracks_test_info.mat"))["track_test_info"]
        assert table.tolist() == [[1, 2, -1, 2], [3, 3, 0, 1], [4, 5, 2, 1], [6, 9, 2, 2]]
        assert scipy.io.loadmat(str(info / "query_IDX.mat"))["query_IDX"].tolist() == [[3, 4]]

    def test_tables_are_of_the_types_of_mars(self, tmp_path: Path, shared_data: Path) -> None:
        write_mars(DATA_SET, tmp_path / "out", {})
        for file, variable in MATRICES:
            ours = scipy.io.loadmat(str(tmp_path / "out" / "info" / file))
            theirs = scipy.io.loadmat(str(shared_data / "mars-info" / file))
            assert set(ours) == set(theirs)
            assert ours["__version__"] == theirs["__version__"]
            assert ours[variable].dtype == theirs[variable].dtype
            assert ours[variable].ndim == theirs[variable].ndim == 2
        table, query = (scipy.io.loadmat(str(tmp_path / "out" / "info" / MATRICES[i][0])) for i in (1, 2))
        assert table["track_test_info"].shape == (4, 4)
        assert query["query_IDX"].shape == (1, 2)

    def test_the_same_bytes_whenever_it_is_written(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        write_mars(DATA_SET, tmp_path / "now", {"seed": 1})
        monkeypatch.setattr("time.asctime", lambda *_: "Mon Jan  1 00:00:00 2001")
        write_mars(DATA_SET, tmp_path / "then", {"seed": 1})
        assert files(tmp_path / "now") == files(tmp_path / "then")

    def test_many_tracklets_need_wider_numbers(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(mars_layout, "_write_images", lambda *_: None)
        test = tuple(tracklet("test", 1 + row // 9000, 1, 1 + row % 9000, 1) for row in range(65_536))
        write_mars(replace(DATA_SET, test=test, query=(65_535,)), tmp_path / "out", {})
        assert read_query(tmp_path / "out" / "info") == (65_535,)

    def test_what_it_is_stands_in_the_index(self, tmp_path: Path) -> None:
        write_mars(DATA_SET, tmp_path / "out", {"made_up": True})
        assert '"format": "vreid-tracklets/1"' in (tmp_path / "out" / "tracklets.json").read_text()
        assert '"made_up": true' in (tmp_path / "out" / "tracklets.json").read_text()

    def test_only_a_folder_of_its_own_is_replaced(self, tmp_path: Path) -> None:
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "letter").write_text("dear")
        with pytest.raises(OutputError, match="is not a folder of tracklets"):
            write_mars(DATA_SET, tmp_path / "mine", {}, overwrite=True)
        write_mars(DATA_SET, tmp_path / "out", {"seed": 1})
        with pytest.raises(OutputError, match="add --overwrite"):
            write_mars(DATA_SET, tmp_path / "out", {"seed": 2})
        write_mars(DATA_SET, tmp_path / "out", {"seed": 2}, overwrite=True)
        assert '"seed": 2' in (tmp_path / "out" / "tracklets.json").read_text()
        assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "out"]

    @pytest.mark.parametrize("trouble", [OSError(28, "No space left on device"), KeyboardInterrupt()])
    def test_what_breaks_off_leaves_nothing(self, tmp_path: Path, trouble: BaseException) -> None:
        class Breaks:
            def read(self, frames: Sequence[str]) -> list[Crop]:
                raise trouble

        with pytest.raises(RunError if isinstance(trouble, OSError) else KeyboardInterrupt) as raised:
            write_mars(replace(DATA_SET, source=Breaks()), tmp_path / "out", {})
        if isinstance(trouble, OSError):
            assert "No space left on device" in str(raised.value)
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            (FrameName(10_000, 1, 1, 1), "person_id up to 9999, not for 10000"),
            (FrameName(1, 10, 1, 1), "camera_id up to 9, not for 10"),
            (FrameName(1, 1, 10_000, 1), "tracklet up to 9999, not for 10000"),
            (FrameName(1, 1, 1, 1_000), "frame up to 999, not for 1000"),
        ],
    )
    def test_what_names_have_no_room_for_is_refused(self, tmp_path: Path, name: FrameName, message: str) -> None:
        large = TrackletRecord(name.person_id, name.camera_id, (name.path("train"),))
        with pytest.raises(ConfigError, match=message):
            write_mars(replace(DATA_SET, train=(large,)), tmp_path / "out", {})
        assert list(tmp_path.iterdir()) == []


class TestReading:
    def test_the_tables_of_mars(self, shared_data: Path) -> None:
        info = shared_data / "mars-info"
        train, test = read_tracks(info, "train"), read_tracks(info, "test")
        assert train.shape == (8_298, 4)
        assert test.shape == (12_180, 4)
        assert (train[-1, 1], test[-1, 1]) == (509_914, 681_089)
        query = read_query(info)
        assert len(query) == 1_980
        assert len(set(test[list(query), 2])) == 626
        assert (min(query), max(query)) == (4_129, 12_179)

    def test_the_tables_of_mars_with_names_made_to_match(self, tmp_path: Path, shared_data: Path) -> None:
        """Every line of the lists that are not at hand follows from the tables, but for the tracklets' numbers."""
        info = tmp_path / "info"
        info.mkdir()
        for file, _ in MATRICES:
            (info / file).write_bytes((shared_data / "mars-info" / file).read_bytes())
        for part in ("train", "test"):
            lines = io.StringIO()
            for number, (first, last, person, camera) in enumerate(read_tracks(info, part).tolist()):
                for frame in range(1, last - first + 2):
                    name = FrameName(person, camera, 1 + number % 9_999, frame).path(part)
                    lines.write(name.rpartition("/")[2] + "\n")
            (info / f"{part}_name.txt").write_text(lines.getvalue())
        tables = read_tables(tmp_path)
        assert len(tables.train) == 8_298
        assert sum(each.person_id == JUNK_ID for each in tables.test) == 870
        assert sum(each.person_id == DISTRACTOR_ID for each in tables.test) == 3_248
        assert sum(len(each.frames) for each in tables.test) == 681_089
        assert tables.test[0].frames[0] == "bbox_test/00-1/00-1C1T0001F001.jpg"

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        write_mars(DATA_SET, tmp_path / "out", {})
        return tmp_path / "out"

    @pytest.mark.parametrize(
        ("file", "content", "message"),
        [
            ("train_name.txt", None, "train_name.txt: No such file"),
            ("train_name.txt", b"\xff\xfe", "not a list of names"),
            ("train_name.txt", b"0001C1T0001F001.jpg\n", "train tracklet 1 has lines 1 to 3 of a list of 1 names"),
            ("train_name.txt", b"0001C2T0001F001.jpg\n" * 6, "an image called 0001C2T0001F001.jpg, expected 0001C1T"),
            ("train_name.txt", b"0001C1T0001F001.png\n" * 6, "an image called 0001C1T0001F001.png"),
            ("tracks_test_info.mat", None, "tracks_test_info.mat: No such file"),
            ("tracks_test_info.mat", b"words", "is damaged or no MATLAB file"),
            ("query_IDX.mat", b"", "is damaged or no MATLAB file"),
        ],
    )
    def test_files_that_are_not_what_they_should_be(
        self, folder: Path, file: str, content: bytes | None, message: str
    ) -> None:
        path = folder / "info" / file
        path.unlink()
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(InputError, match=message):
            read_tables(folder)

    @pytest.mark.parametrize("number", [0, 5])
    def test_queries_that_are_not_there(self, folder: Path, number: int) -> None:
        scipy.io.savemat(str(folder / "info" / "query_IDX.mat"), {"query_IDX": np.array([[1, number]], np.uint16)})
        with pytest.raises(InputError, match="points beyond the 4 tracklets"):
            read_tables(folder)

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ({"other": np.ones((3, 4), np.int32)}, "no table of whole numbers called track_train_info"),
            ({"track_train_info": np.full((3, 4), 0.5)}, "no table of whole numbers"),
            ({"track_train_info": np.ones((3, 5), np.int32)}, r"shape \(3, 5\), expected four columns"),
        ],
    )
    def test_tables_of_something_else(self, folder: Path, content: dict[str, np.ndarray], message: str) -> None:
        scipy.io.savemat(str(folder / "info" / "tracks_train_info.mat"), content)
        with pytest.raises(InputError, match=message):
            read_tables(folder)
