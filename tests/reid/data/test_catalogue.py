"""Data sets by name: found, read, told apart, and refused with advice."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from reid.data.catalogue import CATALOGUE, find_root, fingerprint, load_data_set, read_data_set
from reid.data.packing import pack
from reid.errors import ConfigError, InputError
from tests.reid.data.makers import MAKERS, make_duke, make_ilids, make_mars, make_own, make_synthetic

DOWNLOADED = [name for name, entry in CATALOGUE.items() if entry.usual_folders]


@pytest.fixture(autouse=True)
def no_folder_of_data_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VREID_DATA", raising=False)


def test_every_data_set_has_a_maker_here() -> None:
    assert set(MAKERS) == set(CATALOGUE)


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_data_set_is_read_by_its_name(tmp_path: Path, name: str) -> None:
    root = MAKERS[name](tmp_path / "set")
    loaded = load_data_set(name, root)
    assert find_root(name, root) == root
    assert loaded.data_set.name == name
    assert loaded.data_set.train and loaded.data_set.query and loaded.data_set.gallery
    for record in (loaded.data_set.train[0], loaded.data_set.queries[0]):
        for frame, crop in zip(record.frames, loaded.data_set.read([record])[0], strict=True):
            assert (root / frame).is_file() and crop.shape == (8, 4, 3)
    assert (loaded.splits is not None) == (name in ("ilids", "prid", "folder"))
    assert (loaded.names is not None) == (name == "folder")


class TestFinding:
    @pytest.mark.parametrize("name", DOWNLOADED)
    def test_in_a_folder_of_data_sets(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        for number, usual in enumerate(CATALOGUE[name].usual_folders):
            above = tmp_path / str(number)
            made = MAKERS[name](above / usual)
            (above / "other").mkdir()
            assert find_root(name, above) == made
            monkeypatch.setenv("VREID_DATA", str(above))
            assert find_root(name, None) == made

    @pytest.mark.parametrize(
        ("name", "place"),
        [
            ("mars", "mars"),
            ("ilids", "ilids-vid"),
            ("prid", "prid2011"),
            ("dukemtmc", "dukemtmc-vidreid/DukeMTMC-VideoReID"),
            ("dukemtmc", "dukemtmc-vidreid/dukemtmc_videoReID"),
        ],
    )
    def test_where_other_toolkits_have_them(self, tmp_path: Path, name: str, place: str) -> None:
        made = MAKERS[name](tmp_path / place)
        assert find_root(name, tmp_path) == made

    def test_all_beside_each_other(self, tmp_path: Path) -> None:
        made = {name: MAKERS[name](tmp_path / CATALOGUE[name].usual_folders[0]) for name in DOWNLOADED}
        assert {name: find_root(name, tmp_path) for name in DOWNLOADED} == made

    @pytest.mark.parametrize("name", CATALOGUE)
    def test_nowhere(self, name: str) -> None:
        with pytest.raises(InputError, match="Name it with --root") as raised:
            find_root(name, None)
        assert ("VREID_DATA" in str(raised.value)) == (name != "folder")
        assert CATALOGUE[name].advice in str(raised.value)

    def test_ones_own_is_not_whatever_the_variable_names(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("VREID_DATA", str(make_own(tmp_path)))
        with pytest.raises(InputError, match=r"where is a folder of one's own tracklets\? Name it with --root\."):
            find_root("folder", None)

    def test_other_names(self) -> None:
        with pytest.raises(ConfigError, match="no data set is called 'market1501'; there are mars, dukemtmc, ilids"):
            find_root("market1501", None)


class TestNoDataSet:
    @pytest.mark.parametrize("name", CATALOGUE)
    def test_no_such_path(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(InputError, match="nowhere does not exist; expected ") as raised:
            load_data_set(name, tmp_path / "nowhere")
        assert CATALOGUE[name].advice in str(raised.value)

    def test_the_variable_names_no_such_path(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("VREID_DATA", str(tmp_path / "nowhere"))
        with pytest.raises(
            InputError, match="/nowhere, which VREID_DATA names, does not exist; expected the folder of"
        ):
            load_data_set("mars", None)

    def test_a_path_that_no_disk_takes(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="does not exist"):
            load_data_set("mars", tmp_path / ("x" * 5_000))

    @pytest.mark.parametrize("name", DOWNLOADED)
    def test_something_else_at_the_path(self, tmp_path: Path, name: str) -> None:
        (tmp_path / "holiday.jpg").write_bytes(b"")
        with pytest.raises(
            InputError, match=re.escape(f"{tmp_path} is not the folder of {CATALOGUE[name].title}, which")
        ):
            load_data_set(name, tmp_path)
        with pytest.raises(InputError, match=r"holiday\.jpg is a file, expected the folder of"):
            load_data_set(name, tmp_path / "holiday.jpg")

    def test_the_withdrawal_of_dukemtmc_is_said(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="withdrawn by its makers in 2019 over the privacy of the people in it"):
            load_data_set("dukemtmc", tmp_path)


class TestHalfADataSet:
    @pytest.mark.parametrize(
        ("name", "without", "message"),
        [
            (
                "mars",
                "bbox_test",
                "holds only a part of MARS: bbox_train, info/.* and 3 more, but not bbox_test. MARS is had",
            ),
            ("mars", "info", "bbox_train, bbox_test, but not info/train_name.txt, info/test_name.txt, .* and 2 more"),
            (
                "dukemtmc",
                "gallery",
                "a part of DukeMTMC-VideoReID: train, query, but not gallery. DukeMTMC was withdrawn",
            ),
            ("ilids", "i-LIDS-VID/sequences/cam2", "but not i-LIDS-VID/sequences/cam2. iLIDS-VID is had"),
            ("prid", "prid_2011/multi_shot/cam_a", "cam_b, but not prid_2011/multi_shot/cam_a. PRID-2011 is had"),
            ("synthetic", "bbox_train", "a part of made-up people: .* but not bbox_train. vreid synth tracklets --out"),
        ],
    )
    def test_what_is_missing_is_said(self, tmp_path: Path, name: str, without: str, message: str) -> None:
        root = MAKERS[name](tmp_path / "set")
        shutil.rmtree(root / without)
        with pytest.raises(InputError, match=message):
            load_data_set(name, root)

    def test_one_table(self, tmp_path: Path) -> None:
        root = make_mars(tmp_path / "set")
        (root / "info" / "query_IDX.mat").unlink()
        with pytest.raises(InputError, match=r"but not info/query_IDX\.mat"):
            load_data_set("mars", root)

    @pytest.mark.parametrize(("half", "verb"), [("bbox_train", "train"), ("bbox_test", "test")])
    def test_empty_folders_of_images(self, tmp_path: Path, half: str, verb: str) -> None:
        root = make_mars(tmp_path / "set")
        shutil.rmtree(root / half)
        (root / half).mkdir()
        message = (
            rf"nor can other images to {verb} with be read in .*/set: half of MARS is not there\. MARS is had from"
        )
        with pytest.raises(InputError, match=message):
            load_data_set("mars", root)

    def test_a_few_missing_images_are_no_half(self, tmp_path: Path) -> None:
        root = make_mars(tmp_path / "set")
        for image in sorted((root / "bbox_test").rglob("*.jpg"))[:-1]:
            image.unlink()
        assert load_data_set("mars", root).data_set.test

    def test_only_the_training_images(self, tmp_path: Path) -> None:
        (tmp_path / "bbox_train" / "0001").mkdir(parents=True)
        with pytest.raises(InputError, match=r"a part of MARS: bbox_train, but not bbox_test, info/train_name\.txt"):
            load_data_set("mars", tmp_path)


class TestWrongSet:
    @pytest.mark.parametrize("there", [name for name in CATALOGUE if name != "folder"])
    @pytest.mark.parametrize("asked", CATALOGUE)
    def test_it_is_named(self, tmp_path: Path, asked: str, there: str) -> None:
        root = MAKERS[there](tmp_path / "set")
        if asked == there:
            return
        with pytest.raises(InputError) as raised:
            load_data_set(asked, root)
        if (asked, there) == ("folder", "dukemtmc"):  # both have train, query and gallery
            assert "in DukeMTMC-VideoReID images lie so, that is the data set dukemtmc" in str(raised.value)
        else:
            named = (
                f"not {CATALOGUE[asked].title} but looks like {CATALOGUE[there].title}, which is called {there} here"
            )
            assert named in str(raised.value)

    def test_a_part_of_another(self, tmp_path: Path) -> None:
        root = make_ilids(tmp_path)
        shutil.rmtree(root / "i-LIDS-VID" / "sequences" / "cam1")
        with pytest.raises(
            InputError, match="is not PRID-2011 but looks like a part of iLIDS-VID, which is called ilids"
        ):
            load_data_set("prid", root)

    def test_under_the_right_name(self, tmp_path: Path) -> None:
        make_ilids(tmp_path / "mars")
        with pytest.raises(InputError, match=r"/mars is not MARS but looks like iLIDS-VID, which is called ilids here"):
            load_data_set("mars", tmp_path)

    def test_made_up_people_are_not_mars(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="is not MARS but looks like made-up people, which is called synthetic"):
            load_data_set("mars", make_synthetic(tmp_path / "set"))


class TestPacks:
    @pytest.mark.parametrize("name", CATALOGUE)
    def test_a_pack_is_read_as_what_was_packed(self, tmp_path: Path, name: str) -> None:
        reading = read_data_set(name, MAKERS[name](tmp_path / "set"))
        pack(reading, tmp_path / "packed")
        loaded = load_data_set(name, tmp_path / "packed")
        assert loaded.fingerprint == fingerprint(reading.data_sets[0])
        assert (loaded.splits, loaded.names) == (reading.splits, reading.names)
        train = loaded.data_set.train[:1]
        for crop, original in zip(loaded.data_set.read(train)[0], reading.data_sets[0].read(train)[0], strict=True):
            assert (crop == original).all()

    def test_under_a_usual_name_and_of_something_else(self, tmp_path: Path) -> None:
        pack(read_data_set("mars", make_mars(tmp_path / "set")), tmp_path / "mars")
        assert find_root("mars", tmp_path) == tmp_path / "mars"
        with pytest.raises(InputError, match=r"/mars is a pack of mars, not of ilids$"):
            load_data_set("ilids", tmp_path / "mars")


class TestSplitsAndFingerprints:
    def test_each_split_is_another_set(self, tmp_path: Path) -> None:
        root = make_ilids(tmp_path)
        loaded = [load_data_set("ilids", root, split=number) for number in (0, 1, 2)]
        assert len({each.fingerprint for each in loaded}) == 3
        assert len({each.data_set.train for each in loaded}) == 3
        assert loaded[0].splits == loaded[1].splits

    @pytest.mark.parametrize(("name", "split"), [("ilids", 10), ("ilids", -1), ("mars", 1)])
    def test_splits_that_are_not(self, tmp_path: Path, name: str, split: int) -> None:
        has = "splits 0 to 9" if name == "ilids" else "only split 0"
        with pytest.raises(ConfigError, match=f"{name} has {has}, not {split}"):
            load_data_set(name, tmp_path, split=split)

    def test_a_file_with_fewer_splits(self, tmp_path: Path) -> None:
        root = make_ilids(tmp_path, splits=False)
        (root / "splits.json").write_text('[{"train": ["person001"], "test": ["person002"]}]')
        assert load_data_set("ilids", root).data_set.train[0].person_id == 1
        with pytest.raises(InputError, match=r"split of splits\.json: there is no split 4"):
            load_data_set("ilids", root, split=4)

    def test_the_place_does_not_matter_and_the_tracklets_do(self, tmp_path: Path) -> None:
        first, again = (load_data_set("dukemtmc", make_duke(tmp_path / place)) for place in ("a", "b"))
        assert first.fingerprint == again.fingerprint and re.fullmatch(r"[0-9a-f]{64}", first.fingerprint)
        for image in sorted((tmp_path / "b" / "train").rglob("*.jpg"))[:1]:
            image.unlink()
        assert load_data_set("dukemtmc", tmp_path / "b").fingerprint != first.fingerprint

    def test_every_field_counts(self, tmp_path: Path) -> None:
        from dataclasses import replace

        data_set = load_data_set("mars", make_mars(tmp_path / "set")).data_set
        moved = replace(data_set.train[0], camera_id=9)
        renamed = replace(data_set.train[0], person_id=9)
        others = [
            replace(data_set, name="other"),
            replace(data_set, train=(moved, *data_set.train[1:])),
            replace(data_set, train=(renamed, *data_set.train[1:])),
            replace(data_set, train=data_set.train[:-1]),
            replace(data_set, query=data_set.query[:-1]),
            replace(data_set, gallery=data_set.gallery[:-1]),
        ]
        assert len({fingerprint(each) for each in (data_set, *others)}) == 1 + len(others)
        last = data_set.train[-1]
        whole = replace(data_set, query=(), gallery=())
        assert fingerprint(whole) != fingerprint(replace(whole, train=whole.train[:-1], test=(last, *whole.test)))
