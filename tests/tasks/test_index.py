"""The searchable catalog against a full sort."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tfprompt.tasks import CatalogIndex

RNG = np.random.default_rng(1)
ITEMS = RNG.normal(size=(9, 5)).astype("float32")
QUERIES = RNG.normal(size=(3, 5)).astype("float32")


@pytest.mark.parametrize("k", [1, 4, 9])
@pytest.mark.parametrize(
    "excluded",
    [[[], [], []], [[0, 1], [5, -1], [-1, -1]], [[8, 8], [2, 3], [1, 0]], [list(range(9))] * 3],
)
def test_the_best_that_are_not_excluded(k: int, excluded: list[list[int]]) -> None:
    index = CatalogIndex(ITEMS)
    given = tf.constant(np.array(excluded, "int32").reshape(3, -1))
    scores, rows = index(tf.constant(QUERIES), given, k=k)
    assert scores.shape == rows.shape == (3, k)
    for query, out, found, score in zip(QUERIES, excluded, rows, scores, strict=True):
        every = ITEMS @ query
        best = [row for row in np.argsort(-every) if row not in out][:k]
        assert found.numpy().tolist() == best + [-1] * (k - len(best))
        np.testing.assert_allclose(score[: len(best)], every[best], rtol=1e-5)


def test_it_saves(tmp_path) -> None:
    index = CatalogIndex(ITEMS)
    module = tf.Module()
    module.index = index
    module.call = tf.function(
        lambda q, e: index(q, e, k=2),
        input_signature=[tf.TensorSpec([None, 5]), tf.TensorSpec([None, None], tf.int32)],
    )
    tf.saved_model.save(module, str(tmp_path))
    loaded = tf.saved_model.load(str(tmp_path))
    excluded = tf.constant([[0], [1], [2]])
    for expected, received in zip(
        index(tf.constant(QUERIES), excluded, k=2), loaded.call(QUERIES, excluded), strict=True
    ):
        np.testing.assert_array_equal(received, expected)
