"""Vectors that are kept: the same as fresh ones, never stale, and no work lost when it is stopped."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reid import embedding_cache
from reid.data.records import DataSet, TrackletRecord
from reid.embedder import Embedder
from reid.embedding_cache import embed_and_keep
from reid.errors import OutputError
from reid.evaluation import Embedded, embed_quietly
from tests.reid.benchmark.makers import files


@pytest.fixture(scope="module")
def micro() -> Embedder:
    return Embedder.untrained("dcct-micro")


@pytest.fixture
def small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding_cache, "_AT_ONCE", 8)


class Counting:
    """Counts tracklets that go through the network."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, stop_after: int = 10**9) -> None:
        self.tracklets = 0

        def counted(embedder: Embedder, records: Sequence[TrackletRecord], *given: Any) -> Embedded:
            self.tracklets += len(records)
            if self.tracklets > stop_after:
                raise KeyboardInterrupt
            return embed_quietly(embedder, records, *given)

        monkeypatch.setattr(embedding_cache, "embed_quietly", counted)


def embed(embedder: Embedder, data_set: DataSet, folder: Path | None, told: list[int] | None = None) -> Embedded:
    listener = (told if told is not None else []).append
    return embed_and_keep(
        embedder, data_set, data_set.test, variants=("base", "final"), folder=folder, on_tracklets=listener
    )


def same(a: Embedded, b: Embedded) -> bool:
    return (a.rows, a.broken) == (b.rows, b.broken) and all(
        np.allclose(a.vectors[name], b.vectors[name], atol=1e-6) for name in ("base", "final")
    )


def test_kept_vectors_are_the_fresh_ones(
    tmp_path: Path, micro: Embedder, monkeypatch: pytest.MonkeyPatch, small_files: None
) -> None:
    data_set = files(tmp_path / "set")
    fresh = embed(micro, data_set, None)
    counting = Counting(monkeypatch)
    for _ in range(2):
        told: list[int] = []
        assert same(embed(micro, data_set, tmp_path / "kept", told), fresh)
        assert (counting.tracklets, sum(told)) == (len(data_set.test), len(data_set.test))
    assert len(list((tmp_path / "kept" / "folder").iterdir())) == -(-len(data_set.test) // 8)


def test_what_cannot_be_read_is_named_every_time_and_tried_again(
    tmp_path: Path,
    micro: Embedder,
    monkeypatch: pytest.MonkeyPatch,
    small_files: None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    data_set = files(tmp_path / "set")
    whole = embed(micro, data_set, None)
    gone = [tmp_path / "set" / "5_2" / f"{frame}.png" for frame in range(4)]
    content = [path.read_bytes() for path in gone]
    for path in gone:
        path.unlink()
    last = data_set.test[-2:]  # a part by itself, of which nothing can be read
    for record in last:
        for frame in record.frames:
            (tmp_path / "set" / frame).write_bytes(b"")
    for _ in range(2):
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            found = embed(micro, data_set, tmp_path / "kept")
        assert len(found.rows) == len(data_set.test) - 3
        assert [record.getMessage().partition(" ")[0] for record in caplog.records] == [str(len(found.broken)), "3"]
        assert "of %d tracklets are left out" in caplog.records[1].msg
    for path, data in zip(gone, content, strict=True):
        path.write_bytes(data)
    again = embed(micro, data_set, tmp_path / "kept")
    assert len(again.rows) == len(data_set.test) - 2
    np.testing.assert_allclose(again.vectors["final"], whole.vectors["final"][:-2], atol=1e-6)


def test_what_was_done_before_it_was_stopped_is_not_done_again(
    tmp_path: Path, micro: Embedder, monkeypatch: pytest.MonkeyPatch, small_files: None
) -> None:
    data_set = files(tmp_path / "set")
    Counting(monkeypatch, stop_after=20)
    with pytest.raises(KeyboardInterrupt):
        embed(micro, data_set, tmp_path / "kept")
    again = Counting(monkeypatch)
    assert same(embed(micro, data_set, tmp_path / "kept"), embed(micro, data_set, None))
    assert again.tracklets == len(data_set.test) - 16


@pytest.mark.parametrize("change", ["weights", "policy", "flip", "size", "time", "variants", "damaged"])
def test_nothing_stale_is_found(tmp_path: Path, micro: Embedder, monkeypatch: pytest.MonkeyPatch, change: str) -> None:
    data_set = files(tmp_path / "set")
    embed(micro, data_set, tmp_path / "kept")
    embedder, file = micro, tmp_path / "set" / "3_1" / "0.png"
    before = file.stat()
    if change == "weights":
        embedder = Embedder.untrained("dcct-micro", seed=1)
    elif change in ("policy", "flip"):
        embedder = Embedder.untrained("dcct-micro", **{"policy": {"policy": "first"}, "flip": {"flip": True}}[change])
    elif change == "size":
        file.write_bytes(file.read_bytes() + b"x")
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    elif change == "time":
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns + 1_000_000_000))
    elif change == "damaged":
        for kept in (tmp_path / "kept" / "folder").iterdir():
            kept.write_bytes(kept.read_bytes()[:-100])
    counting = Counting(monkeypatch)
    variants = ("final",) if change == "variants" else ("base", "final")
    embed_and_keep(embedder, data_set, data_set.test, variants=variants, folder=tmp_path / "kept")
    assert counting.tracklets == len(data_set.test)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, micro: Embedder) -> None:
    (tmp_path / "kept").write_text("a file")
    with pytest.raises(OutputError, match=r"vectors cannot be kept in .*kept.*VREID_EMBEDDINGS"):
        embed(micro, files(tmp_path / "set"), tmp_path / "kept")
