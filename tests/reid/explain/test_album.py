"""A folder of pictures: whole or not there, one tracklet or several, and the clip that would be embedded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from reid.clips import clip_indices
from reid.errors import ConfigError, OutputError, RunError
from reid.explain import album
from reid.explain.album import Explained, write_album
from reid.explain.tracklets import CropFolder, find_crop_folders
from reid.preprocess import Preprocessing
from tests.reid.explain.conftest import model_of
from tests.reid.explain.test_tracklets import write_crops

DCCT_FILES = {"grad-cam.png", "cca-attention.png", "hta-gates.png"}


def explained(name: str = "dcct-micro", *, trained: bool = False) -> Explained:
    model = model_of(name)
    return Explained(model, Preprocessing(model.config.image_size_hw), trained, "random")


@pytest.fixture
def tracklets(tmp_path: Path) -> list[CropFolder]:
    for name in ("1", "2"):
        write_crops(tmp_path / "crops" / name, 6)
    return find_crop_folders([tmp_path / "crops"])


def test_one_tracklet_lies_in_the_folder_itself(tmp_path: Path, tracklets: list[CropFolder]) -> None:
    written = write_album(explained(), tracklets[:1], tmp_path / "a" / "out")
    assert {path.name for path in (tmp_path / "a" / "out").iterdir()} == DCCT_FILES | {"explain.json"}
    assert {each.file for each in written} == DCCT_FILES
    for each in written:
        with Image.open(tmp_path / "a" / "out" / each.file) as image:
            assert image.format == "PNG"
            assert image.width > 700
    index = json.loads((tmp_path / "a" / "out" / "explain.json").read_text())
    assert (index["format"], index["model"], index["trained"]) == ("vreid-explain/1", "dcct-micro", False)
    assert {each["file"] for each in index["pictures"]} == DCCT_FILES
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["out"]


def test_several_tracklets_lie_in_folders(tmp_path: Path, tracklets: list[CropFolder]) -> None:
    ended = []
    written = write_album(
        explained("mstat-micro"), tracklets, tmp_path / "out", on_tracklet=lambda: ended.append(len(ended))
    )
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"1", "2", "proxies-similarity.png", "explain.json"}
    files = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.png")}
    assert files == {each.file for each in written}
    assert {each.tracklet for each in written} == {None, "1", "2"}
    assert ended == [0, 1]


def test_the_clip_is_the_one_that_is_embedded(
    tmp_path: Path, tracklets: list[CropFolder], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(album, "clip_pictures", lambda model, clip: seen.append(clip) or [])
    subject = explained()
    write_album(subject, tracklets[:1], tmp_path / "out")
    (indices,) = clip_indices(6, 4)
    crops = [np.asarray(Image.open(tracklets[0].images[index])) for index in indices]
    torch.testing.assert_close(seen[0][0], subject.preprocessing(crops))


@pytest.mark.parametrize(("num_shown", "columns"), [(None, 4), (2, 2)])
def test_as_many_frames_are_shown_as_asked_for(
    tmp_path: Path, tracklets: list[CropFolder], num_shown: int | None, columns: int
) -> None:
    for trained in (False, True):
        write_album(explained(trained=trained), tracklets[:1], tmp_path / str(trained), num_shown=num_shown)
    with Image.open(tmp_path / "False" / "hta-gates.png") as image:
        pixels = np.asarray(image)
    row = pixels[200, 24 + 176 :]  # through the frames, past the label
    assert np.count_nonzero((row != 255).any(axis=1)) == pytest.approx(columns * 128, abs=8)
    assert (tmp_path / "False" / "grad-cam.png").read_bytes() != (tmp_path / "True" / "grad-cam.png").read_bytes()


@pytest.mark.parametrize("num_shown", [0, 5])
def test_more_frames_than_a_clip_has_are_refused(tmp_path: Path, tracklets: list[CropFolder], num_shown: int) -> None:
    with pytest.raises(ConfigError, match=f"expected 1 to 4, the clip of dcct-micro, got {num_shown}"):
        write_album(explained(), tracklets, tmp_path / "out", num_shown=num_shown)


class TestPlace:
    def test_pictures_are_replaced_only_when_asked(self, tmp_path: Path, tracklets: list[CropFolder]) -> None:
        write_album(explained("mstat-micro"), tracklets[:1], tmp_path / "out")
        with pytest.raises(OutputError, match=r"already holds a folder of pictures; .* add --overwrite"):
            write_album(explained(), tracklets[:1], tmp_path / "out")
        write_album(explained(), tracklets[:1], tmp_path / "out", overwrite=True)
        assert {path.name for path in (tmp_path / "out").iterdir()} == DCCT_FILES | {"explain.json"}
        assert {path.name for path in tmp_path.iterdir()} == {"crops", "out"}

    def test_anything_else_is_never_replaced(self, tmp_path: Path, tracklets: list[CropFolder]) -> None:
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "letter.txt").touch()
        (tmp_path / "file").touch()
        (tmp_path / "link").symlink_to(tmp_path / "nowhere")
        for name in ("mine", "file", "link"):
            with pytest.raises(OutputError, match="is not a folder of pictures of vreid"):
                write_album(explained(), tracklets, tmp_path / name, overwrite=True)
        for name in ("file/out", "file/a/out"):
            with pytest.raises(OutputError, match="cannot be written"):
                write_album(explained(), tracklets, tmp_path / name)

    def test_an_empty_folder_is_filled(self, tmp_path: Path, tracklets: list[CropFolder]) -> None:
        (tmp_path / "out").mkdir()
        write_album(explained(), tracklets[:1], tmp_path / "out")
        assert (tmp_path / "out" / "grad-cam.png").is_file()

    @pytest.mark.parametrize(
        ("failure", "becomes"), [(OSError(28, "No space left on device"), RunError), (KeyboardInterrupt(), None)]
    )
    def test_a_failure_leaves_nothing_and_keeps_what_was_there(
        self,
        tmp_path: Path,
        tracklets: list[CropFolder],
        monkeypatch: pytest.MonkeyPatch,
        failure: BaseException,
        becomes: type[Exception] | None,
    ) -> None:
        write_album(explained(), tracklets[:1], tmp_path / "out")
        before = (tmp_path / "out" / "grad-cam.png").read_bytes()

        def fails(*_: Any) -> Any:
            raise failure

        monkeypatch.setattr(album, "draw", fails)
        with pytest.raises(becomes or type(failure)):
            write_album(explained("mstat-micro"), tracklets, tmp_path / "out", overwrite=True)
        assert (tmp_path / "out" / "grad-cam.png").read_bytes() == before
        assert {path.name for path in tmp_path.iterdir()} == {"crops", "out"}
