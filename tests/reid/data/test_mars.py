"""MARS at its real size, with pictures for a part of it; made-up people in its layout, read as they were written."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from reid.data.checking import queries_without_match
from reid.data.mars import read_mars, read_synthetic
from reid.data.mars_layout import FrameName, read_tables, write_mars
from reid.data.reading import Reading
from reid.data.records import DISTRACTOR_ID, JUNK_ID, Counts, DataSet, TrackletRecord
from reid.data.synthetic.tracklets import SyntheticTracklets
from reid.errors import ImageError, InputError
from tests.reid.data.makers import Plain, make_mars, make_mars_tables, make_synthetic, small_mars


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Reading:
    """MARS by its real tables."""
    return read_mars(make_mars_tables(tmp_path_factory.mktemp("mars"), shared_data))


class TestMars:
    def test_the_published_counts(self, whole: Reading) -> None:
        assert {name: Counts.of(records) for name, records in whole.parts.items()} == {
            "train": Counts(625, 8_298, 509_914),
            "test": Counts(634, 12_180, 681_089),
            "  queries": Counts(626, 1_980, 114_493),
            "  distractors": Counts(0, 3_248, 147_743),
            "  junk": Counts(0, 870, 23_380),
        }
        (data_set,) = whole.data_sets
        assert data_set.name == "mars"
        assert data_set.gallery == tuple(range(12_180))
        assert {record.camera_id for record in data_set.train + data_set.test} == {1, 2, 3, 4, 5, 6}
        assert not {each.person_id for each in data_set.train} & {each.person_id for each in data_set.test}

    def test_140_queries_need_queries_in_the_gallery(self, whole: Reading) -> None:
        (data_set,) = whole.data_sets
        assert queries_without_match(data_set, data_set.gallery) == ()
        judged = [row for row in data_set.gallery if data_set.test[row].person_id != JUNK_ID]
        without = sorted(set(judged) - set(data_set.query))
        assert (len(judged), len(without)) == (11_310, 9_330)
        assert len(queries_without_match(data_set, without)) == 140

    def test_pictures_of_a_part_of_it(self, whole: Reading, tmp_path: Path) -> None:
        """Some people of the real tables, with their real cameras and lengths, and a picture for every line."""
        (mars,) = whole.data_sets
        people = {mars.train[0].person_id, mars.train[200].person_id}
        train = tuple(record for record in mars.train if record.person_id in people)[:8]
        searched = mars.test[mars.query[0]].person_id
        rows = [row for row, record in enumerate(mars.test) if record.person_id == searched]
        rows = [*range(3), *range(870, 873), *rows]
        test = tuple(mars.test[row] for row in rows)
        query = tuple(rows.index(row) for row in mars.query if row in rows)
        assert query and {JUNK_ID, DISTRACTOR_ID, searched} == {record.person_id for record in test}
        part = DataSet("mars", train, test, query, tuple(range(len(test))), Plain())
        (read,) = read_mars(make_mars(tmp_path / "mars", part)).data_sets
        assert (read.train, read.test, read.query, read.gallery) == (train, test, query, part.gallery)
        for record, crops in zip(test, read.read(test), strict=True):
            assert len(crops) == len(record.frames)
            for crop, colour in zip(crops, Plain().read(record.frames), strict=True):
                assert np.abs(crop.astype(int) - colour).max() <= 4

    def test_a_missing_image_is_named_when_it_is_read(self, tmp_path: Path) -> None:
        root = make_mars(tmp_path / "mars")
        (root / "bbox_train" / "0001" / "0001C1T0001F002.jpg").unlink()
        (data_set,) = read_mars(root).data_sets
        with pytest.raises(ImageError, match=r"0001C1T0001F002\.jpg"):
            data_set.read(data_set.train)

    def test_damaged_tables_are_named(self, tmp_path: Path) -> None:
        root = make_mars(tmp_path / "mars")
        (root / "info" / "query_IDX.mat").write_bytes(b"something else")
        with pytest.raises(InputError, match=r"query_IDX\.mat is damaged or no MATLAB file"):
            read_mars(root)

    @pytest.mark.parametrize(
        ("rows", "message"),
        [([3, 3], "query has a row twice"), ([1], "distractors and junk"), ([7], "points beyond the 6 tracklets")],
    )
    def test_queries_that_cannot_be(self, tmp_path: Path, rows: list[int], message: str) -> None:
        root = make_mars(tmp_path / "mars")
        scipy.io.savemat(str(root / "info" / "query_IDX.mat"), {"query_IDX": np.array([rows])})
        with pytest.raises(InputError, match=message):
            read_mars(root)


class TestSynthetic:
    def test_what_was_written_is_read_tracklet_for_tracklet(self, tmp_path: Path) -> None:
        protocol = SyntheticTracklets(people=9, cameras=3, tracklets=(1, 2), frames=(2, 3), seed=4)
        made = protocol.data_set(size_hw=(64, 32))
        write_mars(made, tmp_path / "out", {"made_up": True}, quality=100)
        (read,) = read_synthetic(tmp_path / "out").data_sets
        for what in ("name", "train", "test", "query", "gallery"):
            assert getattr(read, what) == getattr(made, what), what
        kinds = {record.person_id for record in read.test}
        assert {JUNK_ID, DISTRACTOR_ID} < kinds and len(read.train) > 4
        some = [*read.train[:2], *read.test[:2], *read.queries[:1]]
        for crops, rendered in zip(read.read(some), made.read(some), strict=True):
            for crop, original in zip(crops, rendered, strict=True):
                assert np.abs(crop.astype(int) - original).mean() < 2  # but for the JPEG

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (None, "cannot read .*tracklets.json: No such file"),
            ("{", "tracklets.json is damaged"),
            ("[]", "not of format vreid-tracklets/1"),
            ('{"format": "vreid-tracklets/2"}', "not of format vreid-tracklets/1, which is all that this version"),
        ],
    )
    def test_other_indices_are_refused(self, tmp_path: Path, content: str | None, message: str) -> None:
        root = make_synthetic(tmp_path / "out")
        (root / "tracklets.json").unlink()
        if content is not None:
            (root / "tracklets.json").write_text(content)
        with pytest.raises(InputError, match=message):
            read_synthetic(root)


def test_the_makers_of_these_tests_write_what_mars_has(tmp_path: Path) -> None:
    data_set = small_mars()
    tables = read_tables(make_mars(tmp_path / "mars"))
    assert tables == (data_set.train, data_set.test, data_set.query)
    for record in (*data_set.train, *data_set.test):
        assert isinstance(record, TrackletRecord)
        for frame in record.frames:
            assert re.fullmatch(r"bbox_(train|test)/(\d{4}|00-1)/\2C\dT\d{4}F\d{3}\.jpg", frame)
            assert FrameName.parse(frame)[:2] == (record.person_id, record.camera_id)
