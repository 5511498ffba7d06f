"""The best items against a full sort."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tfprompt.artifacts.best_items import best_items

RNG = np.random.default_rng(1)
ITEMS = RNG.normal(size=(9, 5)).astype("float32")
QUERIES = RNG.normal(size=(3, 5)).astype("float32")


@pytest.mark.parametrize("k", [1, 4, 9])
@pytest.mark.parametrize(
    "excluded",
    [[[], [], []], [[0, 1], [5, -1], [-1, -1]], [[8, 8], [2, 3], [1, 0]], [list(range(9))] * 3],
)
def test_the_best_that_are_not_excluded(k: int, excluded: list[list[int]]) -> None:
    given = tf.constant(np.array(excluded, "int32").reshape(3, -1))
    scores, rows = best_items(tf.constant(QUERIES @ ITEMS.T), given, k=k)
    assert scores.shape == rows.shape == (3, k)
    for query, out, found, score in zip(QUERIES, excluded, rows, scores, strict=True):
        every = ITEMS @ query
        best = [row for row in np.argsort(-every) if row not in out][:k]
        assert found.numpy().tolist() == best + [-1] * (k - len(best))
        np.testing.assert_allclose(score[: len(best)], every[best], rtol=1e-5)
