"""One's own tracklets: folders of any names, halves drawn or given, tables; and what is not understood."""

from __future__ import annotations

from pathlib import Path

import pytest

from reid.data.folder import read_folder
from reid.data.records import Counts, DataSet
from reid.errors import InputError
from tests.reid.data.makers import make_own, picture

PEOPLE = ("anna", "ben", "eve", "Zoe")


def people(data_set: DataSet) -> tuple[set[int], set[int]]:
    return {each.person_id for each in data_set.train}, {each.person_id for each in data_set.test}


class TestFolders:
    def test_names_get_numbers_which_are_kept(self, tmp_path: Path) -> None:
        reading = read_folder(make_own(tmp_path))
        assert reading.names is not None
        assert reading.names.people == {1: "Zoe", 2: "anna", 3: "ben", 4: "eve"}
        assert reading.names.cameras == {1: "gate", 2: "hall"}
        for record in (*reading.data_sets[0].train, *reading.data_sets[0].test):
            person, camera = record.frames[0].split("/")[:2]
            assert reading.names.people[record.person_id] == person
            assert reading.names.cameras[record.camera_id] == camera

    def test_numbers_stay_what_they_are(self, tmp_path: Path) -> None:
        reading = read_folder(make_own(tmp_path, ("0007", "12", "3")))
        assert reading.names is not None
        assert reading.names.people == {3: "3", 7: "0007", 12: "12"}

    @pytest.mark.parametrize("names", [("1", "01", "2"), ("0", "1", "2"), ("1", "2", "x")])
    def test_names_that_are_no_numbers_for_all_are_counted(self, tmp_path: Path, names: tuple[str, ...]) -> None:
        reading = read_folder(make_own(tmp_path, names))
        assert reading.names is not None
        assert sorted(reading.names.people) == [1, 2, 3]
        assert set(reading.names.people.values()) == set(names)

    def test_numbers_too_long_for_a_table_are_counted(self, tmp_path: Path) -> None:
        reading = read_folder(make_own(tmp_path, ("2147483647", "2147483648", "1")))
        assert reading.names is not None
        assert reading.names.people == {1: "1", 2: "2147483647", 3: "2147483648"}

    def test_the_folder_one_stands_in(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(make_own(tmp_path / "mine"))
        for root in (Path(), Path("../mine"), Path("anna/..")):
            reading = read_folder(root)
            assert str(reading.splits) == "split drawn from the 4 people of mine, seed 0"
            assert reading.data_sets[0].train[0].frames[0].count("/") == 3

    def test_unusual_names_links_and_what_systems_leave_behind(self, tmp_path: Path) -> None:
        root = make_own(tmp_path / "my föld er", ("Änna Müller", "陈", "o'b [b]"))
        picture(root / "陈" / "gate" / "9" / "11.JPEG")
        for litter in ("Thumbs.db", "desktop.ini", ".DS_Store", "._2.jpg"):
            (root / "陈" / "gate" / "9" / litter).write_text("no picture")
        picture(root / "__MACOSX" / "陈" / "gate" / "9" / "._2.jpg")
        picture(root / "@eaDir" / "gate" / "9" / "2.jpg")
        make_own(tmp_path / "elsewhere", ("eve",))
        (root / "eve").symlink_to(tmp_path / "elsewhere" / "eve")
        reading = read_folder(root)
        assert reading.names is not None
        assert sorted(reading.names.people.values()) == ["eve", "o'b [b]", "Änna Müller", "陈"]
        assert (reading.missing, reading.extra) == ((), ())
        (data_set,) = reading.data_sets
        records = (*data_set.train, *data_set.test)
        assert sum(map(len, data_set.read(records))) == Counts.of(records).images == 4 * 8 + 1

    def test_tracklets_and_images_come_in_order_of_their_numbers(self, tmp_path: Path) -> None:
        records = read_folder(make_own(tmp_path)).data_sets[0].train[:2]
        assert [each.frames[0].split("/")[2] for each in records] == ["9", "10"]
        assert [name.rpartition("/")[2] for name in records[0].frames] == ["2.jpg", "10.jpg"]

    def test_pictures_can_be_read(self, tmp_path: Path) -> None:
        root = make_own(tmp_path)
        picture(root / "anna" / "gate" / "9" / "11.PNG", 200)
        (data_set,) = read_folder(root).data_sets
        record = next(each for each in (*data_set.train, *data_set.test) if len(each.frames) == 3)
        assert data_set.read([record])[0][2].tolist() == [[[200] * 3] * 4] * 8

    def test_halves_are_drawn_alike_every_time(self, tmp_path: Path) -> None:
        names = [f"p{number}" for number in range(20)]
        one, again, other = (
            read_folder(make_own(tmp_path / str(number), names[: 20 - number // 2])) for number in range(3)
        )
        assert one.splits is not None and one.splits.splits == again.splits.splits  # type: ignore[union-attr]
        assert str(one.splits) == "split drawn from the 20 people of 0, seed 0"
        train, test = people(one.data_sets[0])
        assert len(train) == len(test) == 10 and not train & test
        assert train != set(range(1, 11))
        assert people(again.data_sets[0]) == (train, test)
        assert len(people(other.data_sets[0])[0]) == 9

    def test_both_halves_have_people_of_two_cameras(self, tmp_path: Path) -> None:
        root = make_own(tmp_path, ("a", "b"))
        for person in "cdefgh":
            picture(root / person / "gate" / "1" / "1.jpg")
        (data_set,) = read_folder(root).data_sets
        train, test = people(data_set)
        assert len(train) == len(test) == 4
        assert len(train & {1, 2}) == len(test & {1, 2}) == 1
        assert len(data_set.query) == 2

    def test_the_first_tracklet_in_each_camera_searches(self, tmp_path: Path) -> None:
        root = make_own(tmp_path, ("a", "b"), part="train")
        make_own(root, ("c", "d"), part="test")
        picture(root / "test" / "alone" / "gate" / "1" / "1.jpg")
        reading = read_folder(root)
        (data_set,) = reading.data_sets
        assert reading.splits is None
        assert [each.frames[0] for each in data_set.queries] == [
            f"test/{person}/{camera}/9/2.jpg" for person in "cd" for camera in ("gate", "hall")
        ]
        assert data_set.gallery == tuple(range(9))

    @pytest.mark.parametrize("train", [True, False])
    def test_queries_and_gallery_of_ones_own(self, tmp_path: Path, train: bool) -> None:
        root = make_own(tmp_path, ("b", "d"), part="gallery")
        if train:
            make_own(root, ("a",), part="train")
        for image in ("2.jpg", "10.jpg"):  # a copy of a tracklet of the gallery
            picture(root / "query" / "d" / "hall" / "9" / image)
        picture(root / "query" / "d" / "roof" / "1" / "1.jpg")
        (data_set,) = read_folder(root).data_sets
        assert len(data_set.train) == (4 if train else 0)
        assert [each.frames[0] for each in data_set.queries] == ["query/d/hall/9/2.jpg", "query/d/roof/1/1.jpg"]
        assert len(data_set.test) == 9
        assert len(data_set.gallery) == 8 and set(data_set.query) & set(data_set.gallery) == {0}
        searched_in = [data_set.test[row].frames[0] for row in data_set.gallery]
        assert searched_in[0] == "gallery/b/gate/9/2.jpg" and searched_in[6] == "query/d/hall/9/2.jpg"

    def test_what_does_not_belong_there_is_named(self, tmp_path: Path) -> None:
        root = make_own(tmp_path)
        for stray in ("anna/list.txt", "anna/gate/list.txt", "anna/gate/9/list.txt", "anna/gate/9/more/1.jpg", "1.jpg"):
            (root / stray).parent.mkdir(exist_ok=True)
            (root / stray).write_text("")
        (root / "anna" / "gate" / "11").mkdir()
        (root / "notes.txt").write_text("beside the people, and so nobody's")
        reading = read_folder(root)
        assert set(reading.extra) == {
            "anna/list.txt",
            "anna/gate/list.txt",
            "anna/gate/9/list.txt",
            "anna/gate/9/more",
            "1.jpg",
        }
        assert reading.missing == ("anna/gate/11 (no images)",)

    def test_images_that_lie_too_high_are_named(self, tmp_path: Path) -> None:
        root = make_own(tmp_path)
        picture(root / "anna" / "gate" / "1.jpg")
        with pytest.raises(
            InputError, match=r"anna/gate/1\.jpg lies too high.*below anna/gate, <tracklet> is missing$"
        ):
            read_folder(root)
        picture(root / "anna" / "0.jpg")
        with pytest.raises(InputError, match=r"anna/0\.jpg lies too high.*<camera>/<tracklet> is missing"):
            read_folder(root)

    @pytest.mark.parametrize(
        ("parts", "message"),
        [
            ({"train": "a"}, "has train; expected test, or query and gallery, and train beside them"),
            ({"train": "a", "query": "b"}, "has train, query; expected"),
            ({"test": "a", "query": "b", "gallery": "b"}, "has test, query, gallery; expected"),
            ({"train": "ab", "test": "bc"}, r"b is among those who train and those who test \(1 such people\)"),
            (
                {"train": "a", "others": "b"},
                "has others beside train; expected people's folders, or train, test, query",
            ),
        ],
    )
    def test_parts_that_make_no_whole(self, tmp_path: Path, parts: dict[str, str], message: str) -> None:
        for part, names in parts.items():
            make_own(tmp_path, tuple(names), part=part)
        with pytest.raises(InputError, match=message):
            read_folder(tmp_path)

    def test_empty_folders_are_refused(self, tmp_path: Path) -> None:
        (tmp_path / "anna" / "gate").mkdir(parents=True)
        with pytest.raises(InputError, match="holds no images in <person>/<camera>/<tracklet>"):
            read_folder(tmp_path)

    def test_one_camera_is_not_enough(self, tmp_path: Path) -> None:
        for person in "abc":
            picture(tmp_path / person / "gate" / "1" / "1.jpg")
        with pytest.raises(InputError, match="0 people can be searched for"):
            read_folder(tmp_path)
        for person in "abc":
            picture(tmp_path / "sorted" / "test" / person / "gate" / "1" / "1.jpg")
        with pytest.raises(InputError, match="nothing to search for, nobody of those who test is seen by two cameras"):
            read_folder(tmp_path / "sorted")

    def test_of_one_camera_those_seen_twice_can_be_searched_for(self, tmp_path: Path) -> None:
        for person, tracklets in (("a", 3), ("b", 2), ("c", 1)):
            for number in range(tracklets):
                picture(tmp_path / "test" / person / "gate" / str(number) / "1.jpg")
        (data_set,) = read_folder(tmp_path).data_sets
        assert [record.frames[0] for record in data_set.queries] == ["test/a/gate/0/1.jpg", "test/b/gate/0/1.jpg"]


class TestTables:
    def table(self, folder: Path, text: str) -> Path:
        path = folder / "mine.csv"
        path.write_text(text, encoding="utf-8")
        return path

    def test_rows_become_tracklets_in_the_order_of_the_table(self, tmp_path: Path) -> None:
        rows = ["person,image,camera,tracklet"]
        rows += [f"{person},x/{person}{camera}{n}.jpg,{camera},t" for person in "ab" for n in (2, 1) for camera in "uv"]
        reading = read_folder(self.table(tmp_path, "\n".join(rows)))
        (data_set,) = reading.data_sets
        both = {each.frames for each in (*data_set.train, *data_set.test)}
        assert both == {(f"x/{person}{camera}2.jpg", f"x/{person}{camera}1.jpg") for person in "ab" for camera in "uv"}
        assert (len(data_set.train), len(data_set.test), reading.from_lists) == (2, 2, True)
        assert reading.splits is not None and "of mine.csv" in str(reading.splits)

    def test_splits_given_and_paths_of_all_kinds(self, tmp_path: Path) -> None:
        picture(tmp_path / "b" / "1.jpg", 50)
        rows = [
            "\ufeffimage,person,camera,split",
            "a\\1.jpg,anna,gate,train",
            f"{tmp_path}/b/1.jpg,ben,gate,query",
            "b/1.jpg,ben,gate,gallery",
            "b/2.jpg,ben,hall,gallery",
        ]
        (data_set,) = read_folder(self.table(tmp_path, "\r\n".join(rows))).data_sets
        assert data_set.train[0].frames == ("a/1.jpg",)
        assert [each.frames for each in data_set.test] == [("b/1.jpg",), ("b/2.jpg",)]
        assert (data_set.query, data_set.gallery) == ((0,), (0, 1))
        assert data_set.read(data_set.queries)[0][0].tolist() == [[[50] * 3] * 4] * 8

    def test_spaces_around_names_are_no_part_of_them(self, tmp_path: Path) -> None:
        rows = ["image, person,camera ", "1.jpg, a, u", "2.jpg,a ,u ", " 3.jpg,a,v", "4.jpg,b c,u", "5.jpg, b c ,v"]
        reading = read_folder(self.table(tmp_path, "\n".join(rows)))
        assert reading.names == ({1: "a", 2: "b c"}, {1: "u", 2: "v"})
        (data_set,) = reading.data_sets
        frames = {each.frames for each in (*data_set.train, *data_set.test)}
        assert frames == {("1.jpg", "2.jpg"), ("3.jpg",), ("4.jpg",), ("5.jpg",)}

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "its first line has no column image; expected image, person, camera, tracklet, split"),
            ("image,person\n", "its first line has no column camera"),
            ("image;person;camera\n", "no column image; expected image, .* with commas between them"),
            ("image,person,camera,image\n", "its first line names a column twice"),
            ("image,person,camera,colour\n", "column 'colour' is not understood"),
            ("image,person,camera\n", r"holds no images"),
            ("image,person,camera\na.jpg,,gate\n", "line 2: image, person and camera must not be empty"),
            ("image,person,camera\na.jpg,anna\n", "line 2: image, person and camera must not be empty"),
            ("image,person,camera\na.jpg,anna,gate,9\n", "line 2 has more values than there are columns"),
            (
                "image,person,camera,split\na.jpg,anna,gate,val\n",
                "line 2: split is one of train, test, query, gallery, not val",
            ),
            ("image,person,camera\na.jpg, ,gate\n", "line 2: image, person and camera must not be empty"),
            ("image,person,camera\na.jpg,a,g\na.jpg,b,g\n", r"line 3: a\.jpg is of b, but of a further up"),
            ("image,person,camera\n../a.jpg,anna,gate\n", "line 2: ../a.jpg does not lie below the table's folder"),
            ("image,person,camera\n/etc/a.jpg,anna,gate\n", "line 2: /etc/a.jpg does not lie below the table's folder"),
            (
                "image,person,camera,split\na.jpg,a,g,train\nb.jpg,b,g,\n",
                "some tracklets have a split and some have none",
            ),
            ('image,person,camera\n"a.jpg,anna,gate', "is not a CSV file in UTF-8"),
        ],
    )
    def test_tables_that_are_not_understood(self, tmp_path: Path, text: str, message: str) -> None:
        with pytest.raises(InputError, match=message):
            read_folder(self.table(tmp_path, text))

    def test_other_files_are_refused(self, tmp_path: Path) -> None:
        picture(tmp_path / "image.jpg")
        with pytest.raises(InputError, match=r"image\.jpg is not a CSV file in UTF-8"):
            read_folder(tmp_path / "image.jpg")
