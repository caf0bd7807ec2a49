"""The made-up data set: MARS's protocol, and pictures that depend on nothing but their names and the seed."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from reid.data.mars_layout import FrameName, read_tables, write_mars
from reid.data.records import DISTRACTOR_ID, JUNK_ID, DataSet, TrackletRecord
from reid.data.synthetic import tracklets
from reid.data.synthetic.crops import CropSpecs
from reid.data.synthetic.tracklets import RenderedCrops, SyntheticTracklets
from reid.errors import ConfigError

SIZE_HW = (64, 32)


def people_of(records: Sequence[TrackletRecord]) -> list[TrackletRecord]:
    return [record for record in records if record.person_id > 0]


@pytest.fixture(scope="module")
def data_set() -> DataSet:
    return SyntheticTracklets(people=301, cameras=6, seed=3).data_set(size_hw=SIZE_HW)


class TestProtocol:
    def test_as_many_people_as_mars_split_as_mars_has_them(self) -> None:
        data = SyntheticTracklets(people=1251).data_set()
        train, test = ({each.person_id for each in people_of(part)} for part in (data.train, data.test))
        assert (len(train), len(test)) == (625, 626)
        assert train == set(range(1, 626))
        assert test == set(range(626, 1252))
        assert len(data.query) == pytest.approx(1980, rel=0.05)

    def test_cameras_tracklets_and_frames_of_each_person(self, data_set: DataSet) -> None:
        visits: dict[tuple[int, int], int] = Counter()
        cameras = defaultdict(set)
        for record in (*data_set.train, *people_of(data_set.test)):
            visits[record.person_id, record.camera_id] += 1
            cameras[record.person_id].add(record.camera_id)
        assert set(visits.values()) == {1, 2, 3, 4}
        assert {len(seen) for seen in cameras.values()} == {2, 3, 4, 5, 6}
        assert set.union(*cameras.values()) == {1, 2, 3, 4, 5, 6}
        lengths = {len(record.frames) for record in (*data_set.train, *data_set.test)}
        assert lengths == set(range(10, 61))

    def test_people_are_seen_by_as_many_cameras_as_in_mars(self) -> None:
        cameras = defaultdict(set)
        for record in SyntheticTracklets(people=6000, tracklets=(1, 1), frames=(1, 1)).data_set().train:
            cameras[record.person_id].add(record.camera_id)
        shares = np.bincount([len(seen) for seen in cameras.values()], minlength=7) / 3000
        assert shares == pytest.approx([0, 0, 0.349, 0.310, 0.216, 0.088, 0.038], abs=0.03)

    def test_one_query_for_each_test_person_and_camera(self, data_set: DataSet) -> None:
        wanted = sorted({(each.person_id, each.camera_id) for each in people_of(data_set.test)})
        assert [(each.person_id, each.camera_id) for each in data_set.queries] == wanted
        places = defaultdict(list)
        for row, record in enumerate(data_set.test):
            places[record.person_id, record.camera_id].append(row)
        chosen = Counter(
            places[data_set.test[row].person_id, data_set.test[row].camera_id].index(row) for row in data_set.query
        )
        assert set(chosen) == {0, 1, 2, 3}  # not always the first one
        assert data_set.gallery == tuple(range(len(data_set.test)))

    def test_distractors_and_junk_in_the_shares_of_mars(self, data_set: DataSet) -> None:
        kinds = Counter(min(record.person_id, 1) for record in data_set.test)
        assert kinds[DISTRACTOR_ID] == round(kinds[1] * 3248 / 8062) > 100
        assert kinds[JUNK_ID] == round(kinds[1] * 870 / 8062) > 30
        assert {record.camera_id for record in data_set.test if record.person_id == JUNK_ID} == {1, 2, 3, 4, 5, 6}

    def test_the_order_and_the_names_of_mars(self, data_set: DataSet) -> None:
        for part, records in (("train", data_set.train), ("test", data_set.test)):
            keys = [(record.person_id, FrameName.parse(record.frames[0])[1:]) for record in records]
            assert keys == sorted(keys)
            tracklets_of: dict[int, list[int]] = defaultdict(list)
            for record in records:
                names = [FrameName.parse(frame) for frame in record.frames]
                assert {name[:3] for name in names} == {(record.person_id, record.camera_id, names[0].tracklet)}
                assert [name.frame for name in names] == list(range(1, 1 + len(names)))
                assert all(name.path(part) == frame for name, frame in zip(names, record.frames, strict=True))
                tracklets_of[record.person_id].append(names[0].tracklet)
            for numbers in tracklets_of.values():
                assert sorted(numbers) == list(range(1, 1 + len(numbers)))

    def test_options_are_kept(self) -> None:
        data = SyntheticTracklets(people=40, cameras=3, tracklets=(2, 2), frames=(5, 7)).data_set()
        records = (*data.train, *data.test)
        assert {len(record.frames) for record in records} == {5, 6, 7}
        assert {record.camera_id for record in records} == {1, 2, 3}
        assert set(Counter((each.person_id, each.camera_id) for each in data.train).values()) == {2}

    def test_how_many_are_for_the_test(self) -> None:
        data = SyntheticTracklets(people=30, test_people=4).data_set()
        assert {record.person_id for record in data.train} == set(range(1, 27))
        assert {record.person_id for record in people_of(data.test)} == {27, 28, 29, 30}

    def test_sites_have_cameras_of_their_own(self) -> None:
        sites = RenderedCrops(2, people_per_site=2)._sites
        mates = sites(np.array([1, 2, 3, 4, DISTRACTOR_ID]), np.array([1, 7, 1, 1, 3])).seeds.tolist()
        assert mates[0] == mates[1] != mates[2] == mates[3] == mates[4]
        one, many = (
            SyntheticTracklets(people=4, people_per_site=people, frames=(1, 1)).data_set(size_hw=(32, 16))
            for people in (None, 1)
        )
        assert one.train == many.train
        frame = one.train[0].frames[:1]
        assert not np.array_equal(one.source.read(frame)[0], many.source.read(frame)[0])

    def test_the_smallest_and_more_cameras_than_mars_has_digits_for(self) -> None:
        smallest = SyntheticTracklets(people=2, cameras=2, tracklets=(1, 1), frames=(1, 1)).data_set()
        assert [len(smallest.train), len(people_of(smallest.test)), len(smallest.query)] == [2, 2, 2]
        many = SyntheticTracklets(people=500, cameras=12).data_set()
        assert {record.camera_id for record in many.train} == set(range(1, 13))

    def test_nobodies_are_as_many_as_names_have_room_for(self) -> None:
        data = SyntheticTracklets(people=9_999, tracklets=(4, 4), frames=(1, 1)).data_set()
        assert sum(record.person_id == DISTRACTOR_ID for record in data.test) == 9_999

    def test_the_seed_decides(self) -> None:
        protocol = SyntheticTracklets(people=30, seed=1)
        one, again, other = (each.data_set() for each in (protocol, protocol, replace(protocol, seed=2)))
        assert (one.train, one.test, one.query) == (again.train, again.test, again.query)
        assert one.train != other.train

    def test_people_stay_the_same_in_a_bigger_data_set(self) -> None:
        small, big = (SyntheticTracklets(people=people, seed=1).data_set() for people in (20, 60))
        assert small.train == tuple(record for record in big.train if record.person_id <= 10)

    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            ({"people": 1}, "people: at least 2, not 1"),
            ({"cameras": 1}, "cameras: at least 2, not 1"),
            ({"test_people": 100}, "test_people: from 1 to 99"),
            ({"people_per_site": 0}, "people_per_site: at least 1"),
            ({"seed": -1}, "seed: from 0"),
            ({"seed": 2**63}, "seed: from 0"),
            ({"tracklets": (0, 4)}, "tracklets: the fewest and the most, at least 1, not 0 to 4"),
            ({"frames": (9, 8)}, "frames: the fewest and the most, at least 1, not 9 to 8"),
            ({"people": 9_999, "frames": (1, 999)}, "up to 50,000,000 images together, not 239,736,024"),
        ],
    )
    def test_impossible_numbers_are_refused(self, wrong: dict[str, int], message: str) -> None:
        with pytest.raises(ConfigError, match=message):
            SyntheticTracklets(**wrong)  # type: ignore[arg-type]


class TestSeeds:
    """What the renderer is asked for."""

    @pytest.fixture
    def asked(self, monkeypatch: pytest.MonkeyPatch) -> list[CropSpecs]:
        asked: list[CropSpecs] = []

        class Renderer:
            def __init__(self, size_hw: tuple[int, int], *, device: str) -> None:
                self.size_hw = size_hw

            def render(self, specs: CropSpecs) -> torch.Tensor:
                asked.append(specs)
                return torch.zeros(len(specs), 3, *self.size_hw, dtype=torch.uint8)

        monkeypatch.setattr(tracklets, "CropRenderer", Renderer)
        return asked

    def test_nobody_is_somebody_else(self, data_set: DataSet, asked: list[CropSpecs]) -> None:
        """One seed for each person in train and test, and another for each tracklet of distractors and junk."""
        records = (*data_set.train, *data_set.test)
        source = RenderedCrops(3, size_hw=SIZE_HW)
        seeds = {}
        for record in records:
            source.read(record.frames[:1])
            who = record.person_id if record.person_id > 0 else record.frames[0]
            assert seeds.setdefault(who, asked[-1].person_seed[0]) == asked[-1].person_seed[0]
        assert len(set(seeds.values())) == len(seeds) == 301 + len(data_set.test) - len(people_of(data_set.test))

    def test_a_camera_is_the_same_for_all_and_a_tracklet_like_no_other(
        self, data_set: DataSet, asked: list[CropSpecs]
    ) -> None:
        records = (*data_set.train, *data_set.test)
        cameras: dict[int, set[int]] = defaultdict(set)
        source = RenderedCrops(3, size_hw=SIZE_HW)
        seen = set()
        for record in records:
            source.read(record.frames[:3])
            (specs,) = asked
            asked.clear()
            assert specs.frame.tolist() == [0, 1, 2]
            assert len({*specs.person_seed.tolist()}) == len({*specs.tracklet_seed.tolist()}) == 1
            cameras[record.camera_id] |= set(specs.camera_seed.tolist())
            seen.add(int(specs.tracklet_seed[0]))
        assert len(seen) == len(records)
        assert [len(seeds) for seeds in cameras.values()] == [1] * 6
        assert len(set.union(*cameras.values())) == 6

    def test_other_seeds_make_other_people_and_cameras(self, asked: list[CropSpecs]) -> None:
        for seed in (0, 1):
            RenderedCrops(seed, size_hw=SIZE_HW).read(["0001C1T0001F001.jpg"])
        for what in ("person_seed", "camera_seed", "tracklet_seed"):
            assert getattr(asked[0], what) != getattr(asked[1], what)


class TestPictures:
    def test_alone_or_together_in_any_order(self, data_set: DataSet) -> None:
        junk, distractor, person = data_set.test[0], data_set.test[200], data_set.test[-1]
        assert [each.person_id for each in (junk, distractor, person)] == [JUNK_ID, DISTRACTOR_ID, 301]
        short = [replace(each, frames=each.frames[:3]) for each in (junk, person, distractor)]
        together = data_set.read(short)
        assert [len(crops) for crops in together] == [3, 3, 3]
        for record, crops in zip(short, together, strict=True):
            for frame, crop in zip(record.frames, crops, strict=True):
                assert crop.shape == (*SIZE_HW, 3)
                assert crop.dtype == np.uint8
                (alone,) = data_set.source.read([frame])
                assert np.array_equal(alone, crop)
        assert data_set.source.read([]) == []

    def test_a_person_moves_from_frame_to_frame(self, data_set: DataSet) -> None:
        first, second = data_set.source.read(data_set.train[0].frames[:2])
        assert not np.array_equal(first, second)

    def test_junk_is_a_quarter_of_a_picture(self, data_set: DataSet) -> None:
        height, width = SIZE_HW
        corners = []
        for record in data_set.test[:4]:
            for frame in record.frames[:2]:
                (part,) = data_set.source.read([frame])
                (whole,) = RenderedCrops(3, size_hw=SIZE_HW)._render(np.array([FrameName.parse(frame)]))
                small = cv2.resize(part, (width // 2, height // 2), interpolation=cv2.INTER_AREA).astype(float)
                differences = {
                    (top, left): np.abs(small - whole[top : top + height // 2, left : left + width // 2]).mean()
                    for top in range(height // 2 + 1)
                    for left in range(width // 2 + 1)
                }
                corner = min(differences, key=differences.__getitem__)
                assert differences[corner] < 0.3 * np.median(list(differences.values()))
                corners.append((record, corner))
        assert len(set(corners)) == len({corner for _, corner in corners}) == 4  # one for each tracklet

    def test_written_to_disk_it_is_the_same(self, tmp_path: Path) -> None:
        data = SyntheticTracklets(people=2, cameras=2, tracklets=(1, 1), frames=(2, 2)).data_set(size_hw=SIZE_HW)
        write_mars(data, tmp_path / "out", {})
        assert read_tables(tmp_path / "out") == (data.train, data.test, data.query)
        records = (*data.train, *data.test)
        for record, crops in zip(records, data.read(records), strict=True):
            for frame, crop in zip(record.frames, crops, strict=True):
                with Image.open(tmp_path / "out" / frame) as image:
                    written = np.asarray(image, dtype=float)
                assert np.abs(written - crop).mean() < 6, frame

    def test_the_same_bytes_in_another_process(self) -> None:
        code = """
import hashlib
from reid.data.synthetic.tracklets import RenderedCrops
names = [f"{person}C1T0001F00{frame}.jpg" for person in ("0001", "0000", "00-1") for frame in (1, 2)]
crops = RenderedCrops(5, size_hw=(64, 32)).read(names)
digest = hashlib.sha256(b"".join(crop.tobytes() for crop in crops)).hexdigest()
"""
        here: dict[str, str] = {}
        exec(code, here)
        there = subprocess.run(
            [sys.executable, "-c", f"{code}\nprint(digest)"], capture_output=True, check=True, text=True
        )
        assert there.stdout.strip() == here["digest"]
        assert here["digest"] != hashlib.sha256(bytes(6 * 64 * 32 * 3)).hexdigest()
