"""A run's people meet a gallery's: who is recognised, who is new, what is kept."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from pipeline.config import GalleryConfig
from pipeline.gallery.adding import superfluous
from pipeline.gallery.runs import add_finished_run, check_gallery
from pipeline.gallery.store import GalleryStore
from pipeline.run_directory import RunDirectory
from reid.errors import ConfigError, InputError, OutputError, RunError
from tests.pipeline.gallery.samples import CREATED, MADE_OF, stay, write_run
from tests.pipeline.test_association import unit

LIMITS = GalleryConfig()


def no_warnings(text: str) -> None:
    raise AssertionError(text)


def add(folder: Path, run: Path, limits: GalleryConfig = LIMITS) -> RunDirectory:
    return add_finished_run(folder, run, limits, warn=no_warnings)


@pytest.fixture
def first(tmp_path: Path) -> Path:
    """Person 1 at the gate and in the hall, 0 and 10 degrees; person 2 at 90; somebody unknown."""
    rows = [
        stay("gate", 1, 0, 10, identity_id=1),
        stay("gate", 2, 20, 30, identity_id=2),
        stay("gate", 3, 40, 50, identity_id=None),
        stay("hall", 1, 60, 70, identity_id=1),
    ]
    return write_run(tmp_path / "first", rows, [0, 90, 45, 10])


def test_the_first_run_founds_everyone(first: Path, tmp_path: Path) -> None:
    after = add(tmp_path / "people", first)
    assert [known.gallery_person_id for known in after.tracklets] == [1, 2, None, 1]
    assert [known.gallery_score for known in after.tracklets] == [None] * 4
    assert (after.manifest["gallery"]["recognised"], after.manifest["gallery"]["new"]) == (0, 2)
    page = after.report.read_text(encoding="utf-8")
    assert "New in the gallery, as person 1" in page and "remembers these people too" in page
    assert (first / "sightings.csv").read_text().splitlines()[1].endswith("crops/gate/1,1")
    with GalleryStore(tmp_path / "people") as store:
        assert [(person.id, person.looks, person.camera_ids) for person in store.people()] == [
            (1, 2, ("gate", "hall")),
            (2, 1, ("gate",)),
        ]
        picture = store.picture(1)
        assert picture is not None and picture.startswith(b"\xff\xd8")


def test_people_are_recognised_by_the_mean_of_all_their_vectors(first: Path, tmp_path: Path) -> None:
    """20 degrees is 20 and 10 from person 1: (0.9397 + 0.9848) / 2 = 0.962; 25 degrees, at 0.936, is nobody."""
    add(tmp_path / "people", first)
    rows = [stay("gate", 1, 0, 10, identity_id=1), stay("gate", 2, 20, 30, identity_id=2)]
    later = write_run(tmp_path / "later", rows, [20, 25], created=CREATED + timedelta(days=1))
    after = add(tmp_path / "people", later)
    assert [known.gallery_person_id for known in after.tracklets] == [1, 3]
    expected = (np.cos(np.deg2rad(20)) + np.cos(np.deg2rad(10))) / 2
    assert after.tracklets[0].gallery_score == pytest.approx(expected, abs=1e-6)
    assert "Person 1 of the gallery, likeness 0.96" in after.report.read_text(encoding="utf-8")
    with GalleryStore(tmp_path / "people") as store:
        assert {person.id: person.sightings for person in store.people()} == {1: 3, 2: 1, 3: 1}


def test_what_all_of_a_camera_have_in_common_is_taken_off(first: Path, tmp_path: Path) -> None:
    """The gate saw 0 and 90 degrees, and now 20; the hall's 10 stay: whoever is alone is their own mean."""
    add(tmp_path / "people", first)
    later = write_run(
        tmp_path / "later", [stay("gate", 1, 0, 10, identity_id=1)], [20], created=CREATED + timedelta(days=1)
    )
    manifest = json.loads((later / "run.json").read_text())
    manifest["config"]["association"].update(threshold=-1.0, camera_prior=3.0)
    (later / "run.json").write_text(json.dumps(manifest))
    after = add(tmp_path / "people", later)
    gate = unit(0, 90, 20).astype(np.float64)
    moved = gate - gate.sum(axis=0) / (3 + 3.0)
    moved /= np.linalg.norm(moved, axis=1, keepdims=True)
    expected = (moved[2] @ moved[0] + moved[2] @ unit(10)[0]) / 2
    assert after.tracklets[0].gallery_score == pytest.approx(expected, abs=1e-6)


def test_two_who_were_there_at_once_are_not_both_the_same_person(first: Path, tmp_path: Path) -> None:
    """Both look like person 1; the surer one is."""
    add(tmp_path / "people", first)
    rows = [stay("gate", 1, 0, 10, identity_id=1), stay("gate", 2, 5, 15, identity_id=2)]
    later = write_run(tmp_path / "later", rows, [12, 5], created=CREATED + timedelta(days=1))
    assert [known.gallery_person_id for known in add(tmp_path / "people", later).tracklets] == [3, 1]


def test_two_who_could_be_one_may_both_be_the_person(first: Path, tmp_path: Path) -> None:
    add(tmp_path / "people", first)
    rows = [stay("gate", 1, 0, 10, identity_id=1), stay("gate", 2, 15, 25, identity_id=2)]
    later = write_run(tmp_path / "later", rows, [12, 5], created=CREATED + timedelta(days=1))
    assert [known.gallery_person_id for known in add(tmp_path / "people", later).tracklets] == [1, 1]


def test_a_run_is_added_once(first: Path, tmp_path: Path) -> None:
    add(tmp_path / "people", first)
    before = (first / "run.json").read_bytes()
    with pytest.raises(ConfigError, match="in the gallery already"):
        add(tmp_path / "people", first)
    assert (first / "run.json").read_bytes() == before
    with GalleryStore(tmp_path / "people") as store:
        assert len(store.sightings()) == 3


def test_of_many_vectors_the_least_telling_go(first: Path, tmp_path: Path) -> None:
    rows = [stay("gate", number, 20.0 * number, 20.0 * number + 9, identity_id=1) for number in range(1, 7)]
    many = write_run(tmp_path / "many", rows, [0, 1, 8, 9, 16, 15.5])
    add(tmp_path / "people", many, GalleryConfig(most_looks=3))
    with GalleryStore(tmp_path / "people") as store:
        assert len(store.sightings(1)) == 6
        np.testing.assert_allclose(store.looks(1)[2], unit(1, 9, 15.5), atol=1e-6)


def test_the_newest_vector_always_stays() -> None:
    vectors = np.repeat(unit(5), 4, axis=0)
    assert superfluous(np.array([3, 4, 7, 9]), vectors, 1) == [3, 4, 7]
    assert superfluous(np.array([3, 4]), unit(0, 1), 2) == []


def test_what_is_too_old_is_forgotten_with_the_next_run(first: Path, tmp_path: Path) -> None:
    """The first run's people were seen in 2024."""
    add(tmp_path / "people", first)
    now = datetime.now(UTC).replace(microsecond=0)
    later = write_run(tmp_path / "later", [stay("gate", 1, 0, 10, identity_id=1)], [0], created=now)
    after = add(tmp_path / "people", later, GalleryConfig(max_age_days=7))
    assert after.manifest["gallery"]["expired_sightings"] == 3
    with GalleryStore(tmp_path / "people") as store:
        assert [(person.id, person.sightings) for person in store.people()] == [(1, 1)]
        assert [run.path for run in store.runs()] == [first, later]


def test_a_run_that_is_too_old_itself_adds_nobody(first: Path, tmp_path: Path) -> None:
    after = add(tmp_path / "people", first, GalleryConfig(max_age_days=7))
    assert after.manifest["gallery"]["new"] == 0
    assert [known.gallery_person_id for known in after.tracklets] == [None] * 4
    with GalleryStore(tmp_path / "people") as store:
        assert store.people() == []


def test_a_run_that_moved_is_known_again(first: Path, tmp_path: Path) -> None:
    add(tmp_path / "people", first)
    moved = first.rename(tmp_path / "moved")
    with pytest.raises(ConfigError, match=f"is in the gallery already, from when it stood at {first}"):
        add(tmp_path / "people", moved)


def test_a_gallery_that_was_made_in_vain_goes_again(
    first: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pipeline.gallery.runs.write_tracklets", fails)
    before = (first / "run.json").read_bytes()
    with pytest.raises(RunError, match="No space left on device; nothing was changed"):
        add(tmp_path / "people", first)
    assert not (tmp_path / "people").exists()
    assert (first / "run.json").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("run.json", b"[]"),
        ("run.json", b'{"format": "vreid-run/1", "cameras": [{}]}'),
        ("run.json", b'{"format": "vreid-run/1", "cameras": [], "embedder": 3}'),
        ("run.json", b'{"format": "vreid-run/1", "cameras": []}'),
        ("embeddings.npy", b""),
        ("tracklets.parquet", b"no table"),
        ("corrections.json", b"{"),
    ],
)
def test_a_damaged_run_is_refused_and_leaves_no_gallery(first: Path, tmp_path: Path, name: str, content: bytes) -> None:
    (first / name).write_bytes(content)
    with pytest.raises(InputError):
        add(tmp_path / "people", first)
    assert not (tmp_path / "people").exists()


def test_vectors_that_are_none_are_refused(first: Path, tmp_path: Path) -> None:
    for wrong in (unit(0, 1, 2, 3) * 50, unit(0, 1, 2, 3).astype("U9"), np.ones((4, 3), np.float32) / np.sqrt(3)):
        np.save(first / "embeddings.npy", wrong)
        with pytest.raises(InputError, match="is not whole"):
            add(tmp_path / "people", first)


def test_what_cannot_be_a_gallery_is_refused(first: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="exists and is no gallery of vreid"):
        check_gallery(first, MADE_OF)
    with pytest.raises(OutputError, match="is not a folder"):
        check_gallery(first / "run.json" / "people", MADE_OF)
    add(tmp_path / "people", first)
    other = write_run(tmp_path / "other", [stay("gate", 1, 0, 10, identity_id=1)], [0], fingerprint="another")
    before = (other / "run.json").read_bytes()
    with pytest.raises(InputError, match="cannot be compared"):
        add(tmp_path / "people", other)
    assert (other / "run.json").read_bytes() == before
