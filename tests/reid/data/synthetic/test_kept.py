"""Made-up tracklets that are kept: rendered once, found again, replaced when not whole or made by other code."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from reid.data.catalogue import load_data_set
from reid.data.synthetic import kept
from reid.data.synthetic.kept import keep_tracklets, kept_tracklets, world_digest
from reid.data.synthetic.tracklets import SyntheticTracklets
from reid.errors import OutputError

PROTOCOL = SyntheticTracklets(people=4, cameras=2, tracklets=(1, 1), frames=(2, 3), seed=1)
SIZE = (64, 32)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where they are kept here."""
    monkeypatch.setenv("VREID_TRACKLETS", str(tmp_path / "tracklets"))
    return tmp_path / "tracklets"


def test_rendered_once_and_found_again(place: Path) -> None:
    assert kept_tracklets(PROTOCOL, SIZE) is None
    done: list[int] = []
    folder = keep_tracklets(PROTOCOL, SIZE, on_images=done.append)
    assert folder.parent == place and kept_tracklets(PROTOCOL, SIZE) == folder
    made = PROTOCOL.data_set(size_hw=SIZE)
    assert sum(done) == sum(len(record.frames) for record in (*made.train, *made.test))
    times = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert keep_tracklets(PROTOCOL, SIZE, on_images=done.append) == folder
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == times
    data_set = load_data_set("synthetic", folder).data_set
    assert (data_set.train, data_set.test, data_set.query) == (made.train, made.test, made.query)
    crops, rendered = (each.read(made.train[:1])[0] for each in (data_set, made))
    for crop, original in zip(crops, rendered, strict=True):
        assert crop.shape == (*SIZE, 3) and np.abs(crop.astype(int) - original).mean() < 4


def test_other_options_are_kept_beside(place: Path) -> None:
    folders = {
        keep_tracklets(PROTOCOL, SIZE),
        keep_tracklets(PROTOCOL, (32, 16)),
        keep_tracklets(SyntheticTracklets(people=4, cameras=2, tracklets=(1, 1), frames=(2, 3), seed=2), SIZE),
    }
    assert len(folders) == 3 and set(place.iterdir()) == folders


@pytest.mark.parametrize("damage", ["image", "empty image", "table", "index", "folder"])
def test_what_is_not_whole_does_not_count_and_is_replaced(damage: str) -> None:
    folder = keep_tracklets(PROTOCOL, SIZE)
    image = next((folder / "bbox_test").rglob("*.jpg"))
    content = image.read_bytes()
    match damage:
        case "image":
            image.unlink()
        case "empty image":
            image.write_bytes(b"")
        case "table":
            (folder / "info" / "query_IDX.mat").write_bytes(b"")
        case "index":
            (folder / "tracklets.json").write_text("{")
        case _:
            shutil.rmtree(folder / "bbox_train")
    assert kept_tracklets(PROTOCOL, SIZE) is None
    assert keep_tracklets(PROTOCOL, SIZE) == folder == kept_tracklets(PROTOCOL, SIZE)
    assert image.read_bytes() == content


def test_other_code_makes_another_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world, maker = tmp_path / "world", tmp_path / "maker.py"
    (world / "bodies").mkdir(parents=True)
    for path in (world / "__init__.py", world / "bodies" / "gait.py", maker):
        path.write_text("legs = 2\n")
    monkeypatch.setattr(kept.synthetic, "__file__", str(world / "__init__.py"))
    names = [world_digest(PROTOCOL, [maker]), world_digest(PROTOCOL, []), world_digest(None, [maker])]
    assert names[0] == world_digest(PROTOCOL, [maker])
    for path in (world / "bodies" / "gait.py", maker):
        path.write_text("legs = 3\n")
        names.append(world_digest(PROTOCOL, [maker]))
    assert len(set(names)) == len(names) == 5
    assert all(len(name) == 16 for name in names)


def test_the_usual_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VREID_TRACKLETS")
    assert kept.tracklets_folder() == Path.home() / ".cache" / "vreid" / "tracklets"


def test_a_place_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("VREID_TRACKLETS", str(tmp_path / "file" / "tracklets"))
    with pytest.raises(
        OutputError, match=r"cannot be kept in .*file/tracklets; name another folder .* VREID_TRACKLETS"
    ):
        keep_tracklets(PROTOCOL, SIZE)


def test_what_is_not_vreids_is_not_replaced(place: Path) -> None:
    folder = keep_tracklets(PROTOCOL, SIZE)
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / "letter").write_text("dear")
    with pytest.raises(OutputError, match="VREID_TRACKLETS"):
        keep_tracklets(PROTOCOL, SIZE)
    assert (folder / "letter").read_text() == "dear"
