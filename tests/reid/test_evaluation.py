"""From a data set to scores: what is read, what stands in for broken pictures, and several processes."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reid.clips import clip_indices
from reid.colour_histograms import centred, crop_histograms, tracklet_histograms
from reid.data import read_ahead
from reid.data.records import DISTRACTOR_ID, JUNK_ID, DataSet, TrackletRecord
from reid.distributed import World
from reid.embedder import Embedder
from reid.errors import ConfigError, ImageError, InputError
from reid.evaluation import colour_histogram_scores, embed_records, evaluate_data_set, scored_rows
from reid.metrics import score_ranking
from reid.preprocess import Crop


class Painted:
    """Pictures painted from their names, "person/camera/number"; remembers what it was asked for. Some are broken."""

    def __init__(self, broken: Sequence[str] = ()) -> None:
        self.broken = set(broken)
        self.asked: Counter[str] = Counter()
        self._lock = threading.Lock()

    def read(self, frames: Sequence[str]) -> list[Crop]:
        with self._lock:
            self.asked.update(frames)
        for name in frames:
            if name in self.broken:
                raise ImageError(f"{name}: cannot be decoded")
        return [self._paint(*map(int, name.split("/"))) for name in frames]

    def _paint(self, person: int, camera: int, number: int) -> Crop:
        own = np.random.default_rng(person + 10).integers(0, 256, (4, 2, 3))
        light = np.random.default_rng(100 + camera).uniform(0.5, 1, 3)
        noise = np.random.default_rng([person + 10, camera, number]).integers(0, 60, (4, 2, 3))
        return np.kron(np.clip(own * light + noise, 0, 255), np.ones((16, 16, 1))).astype(np.uint8)


def tracklet(person: int, camera: int, length: int, first: int = 0) -> TrackletRecord:
    return TrackletRecord(
        person, camera, tuple(f"{person}/{camera}/{number}" for number in range(first, first + length))
    )


def painted_set(broken: Sequence[str] = ()) -> DataSet:
    """Make 12 people in 3 cameras, with junk and distractors between them."""
    test: list[TrackletRecord] = []
    for person in range(1, 13):
        test += [tracklet(person, camera, 1 + 3 * person) for camera in (1, 2, 3)]
        test += [tracklet(JUNK_ID, 1, 2, 10 * person), tracklet(DISTRACTOR_ID, 2, 3, 10 * person)]
    query = tuple(row for row, each in enumerate(test) if each.person_id >= 1 and each.camera_id < 3)
    return DataSet("painted", (), tuple(test), query, tuple(range(len(test))), Painted(broken))


def asked(data_set: DataSet) -> Counter[str]:
    source = data_set.source
    assert isinstance(source, Painted)
    return source.asked


@pytest.fixture(scope="module")
def micro() -> Embedder:
    return Embedder.untrained("dcct-micro")


@pytest.fixture(autouse=True)
def small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_ahead, "_PICTURES_AT_ONCE", 20)  # many groups even of few tracklets
    monkeypatch.setattr(read_ahead, "_THREADS", 3)


def test_vectors_are_those_of_the_embedder(micro: Embedder) -> None:
    data = painted_set()
    progress: list[int] = []
    found = embed_records(micro, data.test, data.source, variants=("final", "base"), on_tracklets=progress.append)
    alone = micro.embed_variants(data.read(data.test))
    assert list(found.vectors) == ["final", "base"]
    for name, vectors in found.vectors.items():
        np.testing.assert_allclose(vectors, alone[name], atol=1e-5)
    assert found.rows == tuple(range(len(data.test)))
    assert found.broken == {}
    assert sum(progress) == len(data.test)
    assert len(progress) > 5
    own = embed_records(micro, data.test[:2], data.source)
    np.testing.assert_allclose(own.vectors[micro.variant], alone[micro.variant][:2], atol=1e-5)


def test_only_the_pictures_that_the_policy_picks_are_read_each_once(micro: Embedder) -> None:
    data = painted_set()
    embed_records(micro, data.test, data.source)
    picked = {
        each.frames[index]
        for each in data.test
        for index in clip_indices(len(each.frames), micro.clip_length, micro.policy).ravel()
    }
    assert asked(data) == Counter(picked)
    assert len(picked) < sum(len(each.frames) for each in data.test)


def test_a_broken_picture_is_replaced_by_its_nearest_neighbour_and_named(
    micro: Embedder, caplog: pytest.LogCaptureFixture
) -> None:
    record = tracklet(5, 2, 40)
    indices = clip_indices(40, micro.clip_length)[0].tolist()
    second, last = indices[1], indices[-1]
    # The second picked picture is broken, and so is the one before it; of the last all later ones are.
    broken = [record.frames[index] for index in (second, second - 1, *range(last, 40))]
    repaired = list(record.frames)
    repaired[second], repaired[last] = record.frames[second + 1], record.frames[last - 1]
    with caplog.at_level(logging.WARNING, "reid"):
        found = embed_records(micro, [record], Painted(broken))
    [expected] = (Painted().read(repaired),)
    np.testing.assert_allclose(found.vectors[micro.variant], micro.embed([expected]), atol=1e-6)
    assert record.frames[second] in found.broken
    assert set(found.broken) <= set(broken)
    assert [line.getMessage() for line in caplog.records] == [
        f"{len(found.broken)} pictures cannot be read, their neighbours stand in: " + "; ".join(found.broken.values())
    ]


def test_broken_pictures_are_not_tried_again_and_again(micro: Embedder) -> None:
    record = tracklet(5, 2, 60)
    source = Painted(record.frames[1:])
    embed_records(micro, [record], source)
    assert max(source.asked.values()) == 2  # with others, and alone to know that it is this one


def test_many_broken_pictures_make_one_line(micro: Embedder, caplog: pytest.LogCaptureFixture) -> None:
    records = [tracklet(person, 1, 2) for person in range(1, 10)]
    with caplog.at_level(logging.WARNING, "reid"):
        embed_records(micro, records, Painted([each.frames[0] for each in records]))
    [line] = caplog.records
    assert line.getMessage().startswith("9 pictures cannot be read, their neighbours stand in: 1/1/0: cannot")
    assert line.getMessage().endswith("; and 4 more")


def test_a_tracklet_without_a_readable_picture_is_left_out(micro: Embedder, caplog: pytest.LogCaptureFixture) -> None:
    whole = painted_set()
    row = 5  # person 2 in camera 1: a query
    damaged = painted_set(whole.test[row].frames)
    with caplog.at_level(logging.WARNING, "reid"):
        found = embed_records(micro, damaged.test, damaged.source)
        scores = evaluate_data_set(micro, damaged)[micro.variant]
    assert found.rows == tuple(each for each in range(len(whole.test)) if each != row)
    assert set(found.broken) == set(whole.test[row].frames)
    assert f"1 of {len(whole.test)} tracklets are left out" in caplog.text
    vectors = micro.embed(whole.read(whole.test))
    query, gallery = ([each for each in rows if each != row] for rows in (whole.query, whole.gallery))
    expected = score_ranking(
        vectors[query], [whole.test[each] for each in query], vectors[gallery], [whole.test[each] for each in gallery]
    )
    assert scores.queries == len(whole.query) - 1
    assert scores.mean_ap == pytest.approx(expected.mean_ap, abs=1e-6)


def test_when_no_picture_can_be_read_the_first_is_named(micro: Embedder) -> None:
    records = [tracklet(1, 1, 3), tracklet(2, 1, 3)]
    with pytest.raises(ImageError, match=r"^1/1/.: cannot be decoded; none of the 2 tracklets"):
        embed_records(micro, records, Painted([name for each in records for name in each.frames]))


def test_no_tracklets_give_no_rows(micro: Embedder) -> None:
    assert embed_records(micro, [], Painted()).vectors[micro.variant].shape == (0, micro.dim)


def test_an_unknown_variant_is_refused_before_anything_is_read(micro: Embedder) -> None:
    data = painted_set()
    with pytest.raises(ConfigError, match="has no 'nose'"):
        evaluate_data_set(micro, data, variants=("final", "nose"))
    assert not asked(data)


def test_scores_are_those_of_ranking_all_vectors_and_junk_is_never_read(micro: Embedder) -> None:
    data = painted_set()
    progress: list[int] = []
    scores = evaluate_data_set(micro, data, variants=("final", "all"), on_tracklets=progress.append)
    vectors = micro.embed_variants(data.read(data.test))
    rows, gallery = list(data.query), list(data.gallery)
    for name in ("final", "all"):
        expected = score_ranking(
            vectors[name][rows], data.queries, vectors[name][gallery], [data.test[row] for row in gallery]
        )
        assert scores[name].mean_ap == pytest.approx(expected.mean_ap, abs=1e-6)
        assert scores[name].queries == expected.queries == 24
    assert sum(progress) == len(scored_rows(data)) == 12 * 4
    fresh = painted_set()
    evaluate_data_set(micro, fresh)
    assert not any(name.startswith("-1/") for name in asked(fresh))
    assert any(name.startswith("0/") for name in asked(fresh))


def test_an_error_of_the_source_comes_through(micro: Embedder) -> None:
    class Gone:
        def read(self, frames: Sequence[str]) -> list[Crop]:
            raise InputError("the pack is gone")

    with pytest.raises(InputError, match="the pack is gone"):
        embed_records(micro, painted_set().test, Gone())


def test_reading_stays_a_few_groups_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_ahead, "_PICTURES_AT_ONCE", 5)
    data = painted_set()
    groups = read_ahead.read_ahead(data.test, range(len(data.test)), data.source, lambda length: [0])
    next(groups)
    time.sleep(0.2)  # were there more to read, the threads would have read it
    # Of groups of 5 pictures one was given, and each of three threads may have read another.
    assert 5 <= asked(data).total() <= 4 * 5 < len(data.test)


def test_histograms_by_hand() -> None:
    crop = np.zeros((6, 2, 3), np.uint8)
    crop[3:] = (255, 0, 40)  # bins 7, 0 and 1
    [whole] = crop_histograms(crop, 1)
    assert (whole[0], whole[7 * 64 + 1], whole.sum()) == (0.5, 0.5, 1)
    upper, lower = crop_histograms(crop, 2)
    assert (upper[0], lower[7 * 64 + 1]) == (1, 1)
    assert crop_histograms(crop[:1], 2)[1].sum() == 0


def test_a_tracklet_has_the_mean_histogram_of_its_crops_and_unreadable_ones_have_none() -> None:
    records = [tracklet(1, 1, 3), tracklet(2, 1, 5), tracklet(3, 2, 30)]
    found = tracklet_histograms(records, Painted(records[1].frames), (1, 6))
    crops = Painted().read(records[0].frames)
    for stripes, vectors in found.items():
        expected = np.mean([crop_histograms(crop, stripes).ravel() for crop in crops], axis=0)
        np.testing.assert_allclose(vectors[0], expected, atol=1e-6)
        assert not vectors[1].any()
        assert vectors[2].sum() == pytest.approx(stripes, abs=1e-5)


def test_centring_takes_each_cameras_mean_away() -> None:
    histograms = np.array([[0.25, 0.75], [0.81, 0.19], [0.49, 0.51]], np.float32)
    found = centred(histograms, np.array([4, 4, 9]))
    np.testing.assert_allclose(found[:2].sum(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(found[0, 0], (0.5 - 0.9) / 2, atol=1e-6)
    np.testing.assert_allclose(found[2], 0, atol=1e-6)


def test_colours_find_people_by_their_clothes_and_stripes_find_more() -> None:
    scores = colour_histogram_scores(painted_set())
    assert 0.1 < scores["whole"].mean_ap < scores["striped"].mean_ap < 1
    assert scores["whole"].queries == scores["striped"].queries == 24


def test_colours_that_cannot_be_read_are_left_out_of_the_scores() -> None:
    whole = painted_set()
    rows = [row for row in range(len(whole.test)) if row not in (5, 6)]
    smaller = DataSet(
        "painted",
        (),
        tuple(whole.test[row] for row in rows),
        tuple(rows.index(row) for row in whole.query if row in rows),
        tuple(range(len(rows))),
        whole.source,
    )
    damaged = painted_set([*whole.test[5].frames, *whole.test[6].frames])
    assert {5, 6} <= set(whole.query)
    assert colour_histogram_scores(damaged) == colour_histogram_scores(smaller)


BROKEN = ("3/1/0", "3/1/1")

_PROCESS = """
import json, logging, sys
from tests.reid.test_evaluation import together
from reid.distributed import start_world
from reid.embedder import Embedder

logging.basicConfig()
with start_world("cpu", init_method=sys.argv[1]) as world:
    print(json.dumps(together(Embedder.untrained("dcct-micro"), world)))
"""


def together(micro: Embedder, world: World | None) -> dict[str, Any]:
    """Embed and score the painted set, by all processes of a group."""
    data, told = painted_set(BROKEN), list[int]()
    found = embed_records(micro, data.test, data.source, world=world, on_tracklets=told.append)
    scores = evaluate_data_set(micro, data, variants=("final", "base"), world=world)
    return {
        "rows": list(found.rows),
        "broken": sorted(found.broken),
        "told": sum(told),
        "vectors": {name: values.tolist() for name, values in found.vectors.items()},
        "scores": {name: [each.mean_ap, *each.cmc] for name, each in scores.items()},
    }


def test_two_processes_come_to_what_one_does(tmp_path: Path, micro: Embedder) -> None:
    alone = together(micro, None)
    meeting = f"file://{tmp_path / 'meeting'}"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _PROCESS, meeting],
            env=os.environ | {"WORLD_SIZE": "2", "OMP_NUM_THREADS": "1", "RANK": rank, "LOCAL_RANK": rank},
            cwd=Path(__file__).parents[2],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in ("0", "1")
    ]
    try:
        printed = [process.communicate(timeout=120) for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0, 0], printed
    first = json.loads(printed[0][0])
    assert json.loads(printed[1][0]) == first
    for key in ("rows", "broken", "told"):
        assert first[key] == alone[key], key
    for key in ("vectors", "scores"):
        for name, expected in alone[key].items():
            np.testing.assert_allclose(first[key][name], expected, atol=1e-5)
    # Broken pictures are said by the first process alone.
    assert "cannot be read" in printed[0][1]
    assert "cannot be read" not in printed[1][1]
