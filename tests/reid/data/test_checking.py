"""Checks of data sets: counts beside the published ones, and what is missing, extra or unreadable, by name."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from reid.data import checking, entries
from reid.data.catalogue import CATALOGUE
from reid.data.checking import CheckReport, check_data_set, queries_without_match
from reid.data.reading import Published
from reid.data.records import Counts
from reid.errors import ConfigError, InputError
from tests.reid.data.makers import MAKERS, make_duke, make_mars, make_own, make_prid, picture, small_mars


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, dict[str, Published]], None]:
    """Let a data set be published with other numbers, so that small folders can be whole."""

    def publish(name: str, numbers: dict[str, Published]) -> None:
        monkeypatch.setitem(entries.CATALOGUE, name, replace(CATALOGUE[name], published=numbers))

    return publish


def found(report: CheckReport) -> dict[str, tuple[int, int, int]]:
    return {each.name.strip(): (each.found.people, each.found.tracklets, each.found.images) for each in report.parts}


MARS = {"train": Published(2, 4, 12), "test": Published(2, 6, 14), "  queries": Published(2, 3, 6)}


@pytest.mark.parametrize("name", CATALOGUE)
@pytest.mark.parametrize("images", [False, True])
def test_a_whole_data_set(tmp_path: Path, name: str, images: bool) -> None:
    """Nothing is missing of the small folders but most of what was published."""
    done: list[int] = []
    report = check_data_set(name, MAKERS[name](tmp_path / "set"), images=images, on_images=done.append)
    assert (report.extra, report.unreadable) == ((), {})
    assert report.usable
    assert report.as_published == (name in ("synthetic", "folder"))
    assert (report.missing != ()) == (name == "prid")  # whose people are known by name
    assert report.images_read == (sum(done) if images else None)
    assert (sum(done) == len(report.images)) == images
    assert len(report.images) > 10


def test_published_numbers_that_are_found(tmp_path: Path, published: Callable[..., None]) -> None:
    published("mars", MARS)
    report = check_data_set("mars", make_mars(tmp_path / "set"))
    assert report.as_published
    assert found(report) == {
        "train": (2, 4, 12),
        "test": (2, 6, 14),
        "queries": (2, 3, 6),
        "distractors": (0, 1, 2),
        "junk": (0, 1, 2),
    }


@pytest.mark.parametrize("field", Published._fields)
@pytest.mark.parametrize("part", MARS)
def test_every_published_number_is_compared(
    tmp_path: Path, published: Callable[..., None], part: str, field: str
) -> None:
    root = make_mars(tmp_path / "set")
    number = getattr(MARS[part], field)
    published("mars", {**MARS, part: MARS[part]._replace(**{field: number + 1})})
    assert not check_data_set("mars", root).as_published
    published("mars", {**MARS, part: MARS[part]._replace(**{field: None})})
    assert check_data_set("mars", root).as_published


def test_a_published_part_that_is_not_there(tmp_path: Path, published: Callable[..., None]) -> None:
    data_set = small_mars()
    root = make_mars(
        tmp_path / "set", replace(data_set, test=data_set.test[1:], query=(1, 3, 4), gallery=(0, 1, 2, 3, 4))
    )
    published("mars", {"  junk": Published(0, 1, 2)})
    report = check_data_set("mars", root)
    assert found(report)["junk"] == (0, 0, 0)
    assert not report.as_published


class TestMissingImages:
    def test_single_ones_are_named_and_not_counted(self, tmp_path: Path) -> None:
        root = make_mars(tmp_path / "set")
        for name in ("0001C1T0001F002.jpg", "0001C2T0002F001.jpg", "0001C2T0002F002.jpg", "0001C2T0002F003.jpg"):
            (root / "bbox_train" / "0001" / name).unlink()
        report = check_data_set("mars", root, images=True)
        assert report.missing == (
            "bbox_train/0001/0001C1T0001F002.jpg",
            "bbox_train/0001/0001C2T0002F001.jpg",
            "bbox_train/0001/0001C2T0002F002.jpg",
            "bbox_train/0001/0001C2T0002F003.jpg",
        )
        assert found(report)["train"] == (2, 3, 8)
        assert report.absent == set(report.missing) and not report.absent & set(report.images)
        assert (report.images_read, report.unreadable) == (22, {})  # what is missing is not unreadable as well
        assert report.usable and not report.as_published

    def test_whole_folders_are_one_line(self, tmp_path: Path) -> None:
        root = make_mars(tmp_path / "set")
        shutil.rmtree(root / "bbox_test" / "0002")
        report = check_data_set("mars", root)
        assert report.missing == ("bbox_test/0002 (all 6 images)",)
        assert (len(report.absent), found(report)["test"]) == (6, (1, 4, 8))

    @pytest.mark.parametrize("half", ["bbox_train", "bbox_test"])
    def test_a_half_without_images_is_of_no_use(self, tmp_path: Path, half: str) -> None:
        root = make_mars(tmp_path / "set")
        for folder in (root / half).iterdir():
            shutil.rmtree(folder)
        assert not check_data_set("mars", root).usable

    def test_images_of_a_table(self, tmp_path: Path) -> None:
        rows = ["image,person,camera", "gone/1.jpg,a,u"]
        for person in "ab":
            for camera in "uv":
                picture(tmp_path / f"{person}{camera}.jpg")
                rows += [f"{person}{camera}.jpg,{person},{camera}", f"lost/{person}.jpg,{person},{camera}"]
        (tmp_path / "mine.csv").write_text("\n".join(rows))
        report = check_data_set("folder", tmp_path / "mine.csv", images=True)
        assert report.missing == ("gone/1.jpg", "lost (all 2 images)")
        assert (report.extra, report.images_read) == ((), 4)

    def test_gaps_matter_only_where_images_are_too_few(self, tmp_path: Path, published: Callable[..., None]) -> None:
        root = make_duke(tmp_path)
        (root / "train" / "0001" / "0001" / "0001_C1_F0002_X30024.jpg").unlink()
        published("dukemtmc", {"train": Published(2, 4, 11)})
        assert check_data_set("dukemtmc", root).missing == ()
        published("dukemtmc", {"train": Published(2, 4, 12)})
        assert check_data_set("dukemtmc", root).missing == ("train/0001/0001/F0002 (skipped by its tracklet)",)


def test_what_is_extra_is_named(tmp_path: Path) -> None:
    root = make_mars(tmp_path / "set")
    picture(root / "bbox_train" / "0001" / "0001C1T0001F009.jpg")
    picture(root / "bbox_test" / "0003" / "0003C1T0001F001.jpg")
    picture(root / "preview.jpg")  # beside the folders of images, where anything may lie
    report = check_data_set("mars", root)
    assert report.extra == ("bbox_train/0001/0001C1T0001F009.jpg", "bbox_test/0003")
    assert report.usable and not report.as_published


def test_unreadable_images_are_named_with_the_reason(tmp_path: Path) -> None:
    root = make_own(tmp_path)
    places = [
        root / "anna" / "gate" / "9" / "2.jpg",
        root / "ben" / "hall" / "10" / "10.jpg",
        root / "eve/gate/9/2.jpg",
    ]
    places[0].write_bytes(b"")
    places[1].write_bytes(places[1].read_bytes()[:200])
    places[2].write_text("no picture")
    assert check_data_set("folder", root).as_published  # they are there
    report = check_data_set("folder", root, images=True)
    assert not report.as_published and report.usable
    names = [str(each.relative_to(root)) for each in places]
    assert sorted(report.unreadable) == names
    for name, reason in zip(names, ("empty", "cut off", "not an image"), strict=True):
        assert report.unreadable[name].startswith(f"{name}: ") and reason in report.unreadable[name]
    assert report.images_read == 32


@pytest.mark.parametrize("half", ["train", "test"])
def test_a_half_that_cannot_be_read_is_of_no_use(tmp_path: Path, half: str) -> None:
    root = make_own(make_own(tmp_path, ("a", "b"), part="train"), ("c", "d"), part="test")
    for image in (root / half).rglob("*.jpg"):
        image.write_text("no picture")
    assert check_data_set("folder", root).usable
    report = check_data_set("folder", root, images=True)
    assert len(report.unreadable) == 16 and not report.usable


def test_an_interrupt_ends_it(tmp_path: Path) -> None:
    def stop(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check_data_set("folder", make_own(tmp_path), images=True, on_images=stop)


class TestRemarks:
    def test_queries_whose_matches_are_queries(self, tmp_path: Path) -> None:
        (remark,) = check_data_set("mars", make_mars(tmp_path / "set")).remarks
        assert remark == (
            "2 of the 3 queries have their matches among the queries only: a gallery without queries (2 tracklets "
            "beside junk) loses them."
        )

    def test_queries_without_any_match(self, tmp_path: Path) -> None:
        root = make_duke(tmp_path)
        shutil.rmtree(root / "gallery" / "0007" / "0002")
        assert "1 of the 2 queries have no match in another camera." in check_data_set("dukemtmc", root).remarks

    def test_splits(self, tmp_path: Path) -> None:
        (standard,) = check_data_set("ilids", MAKERS["ilids"](tmp_path / "set")).remarks
        assert standard == "Who trains and who tests: 10 splits of train_test_splits_ilidsvid.mat."
        (drawn,) = check_data_set("prid", make_prid(tmp_path / "other")).remarks
        assert drawn.startswith("No file with the standard splits was found: 10 splits drawn from the 6 people of PRID")
        (own,) = check_data_set("folder", make_own(tmp_path / "mine")).remarks
        assert own == "Who trains and who tests: split drawn from the 4 people of mine, seed 0."


def test_queries_without_match_by_hand() -> None:
    data_set = small_mars()
    assert queries_without_match(data_set, data_set.gallery) == ()
    assert queries_without_match(data_set, (3,)) == (4, 5)
    assert queries_without_match(data_set, (2, 4)) == (2, 4)  # one's own camera does not count
    assert queries_without_match(data_set, ()) == data_set.query


def test_what_cannot_be_used_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        check_data_set("mars", tmp_path / "nowhere")
    with pytest.raises(ConfigError, match="no data set is called 'duke'"):
        check_data_set("duke", tmp_path)


def test_counts_without_what_is_missing() -> None:
    data_set = small_mars()
    frames = [frame for record in data_set.test for frame in record.frames]
    assert checking._count(data_set.test, set(frames)) == Counts(0, 0, 0)
    assert checking._count(data_set.test, {frames[0]}) == Counts(2, 6, 13)
    assert checking._count(data_set.test, set()) == Counts.of(data_set.test)
