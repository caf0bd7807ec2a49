"""The nearest of many vectors: exactly where they are few, almost always where they are very many."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.vector_index import CachedIndex


def clustered(count: int, dim: int = 32) -> np.ndarray:
    """Vectors of people: five each, scattered around a mean."""
    rng = np.random.default_rng(0)
    means = np.repeat(rng.normal(size=(count // 5, dim)), 5, axis=0)
    vectors = means + 0.3 * rng.normal(size=means.shape)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def test_few_are_all_compared_and_nothing_is_written(tmp_path: Path) -> None:
    vectors = clustered(500)
    numbers = np.arange(500) * 7 + 3
    index = CachedIndex(tmp_path / "index", 500, lambda: (numbers, vectors))
    scores = vectors @ vectors[20]
    found = index.nearest(vectors[20], 10)
    assert [number for number, _ in found] == numbers[np.argsort(-scores)[:10]].tolist()
    np.testing.assert_allclose([score for _, score in found], np.sort(scores)[::-1][:10], atol=1e-6)
    assert len(index.nearest(vectors[0], 1000)) == 500
    assert list(tmp_path.iterdir()) == []


def test_of_none_none_is_found(tmp_path: Path) -> None:
    nothing = (np.empty(0, np.int64), np.empty((0, 32), np.float32))
    assert CachedIndex(tmp_path / "index", 0, lambda: nothing).nearest(clustered(5)[0], 3) == []


def test_of_very_many_the_nearest_are_found_almost_always(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.vector_index._EXACT_BELOW", 1000)
    vectors = clustered(20_000)
    index = CachedIndex(tmp_path / "index", len(vectors), lambda: (np.arange(len(vectors)), vectors))
    assert (tmp_path / "index").is_file()
    right = 0
    for row in range(0, 20_000, 100):
        exact = set(np.argsort(-(vectors @ vectors[row]))[:5].tolist())
        right += len(exact & {number for number, _ in index.nearest(vectors[row], 5)})
    assert right / 1000 > 0.95

    def not_again() -> tuple[np.ndarray, np.ndarray]:
        raise AssertionError("it was kept")

    assert CachedIndex(tmp_path / "index", len(vectors), not_again).nearest(vectors[7], 1)[0][0] == 7
