"""Measures by hand and against an independent library."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tfprompt.errors import ConfigError, DataError
from tfprompt.evaluation import measures

RANKS = np.array([1, 2, 9, 4, 12])
OFFSETS = np.array([0, 1, 4, 5])  # three requests: {1}, {2, 9, 4}, {12}


def test_by_hand():
    assert measures.hr_at(RANKS, OFFSETS, 5).tolist() == [1, 1, 0]
    assert measures.recall_at(RANKS, OFFSETS, 5).tolist() == pytest.approx([1, 2 / 3, 0])
    assert measures.mrr(RANKS, OFFSETS).tolist() == pytest.approx([1, 1 / 2, 1 / 12])
    gain = 1 / math.log2(3) + 1 / math.log2(5)
    ideal = 1 + 1 / math.log2(3) + 1 / math.log2(4)
    assert measures.ndcg_at(RANKS, OFFSETS, 5).tolist() == pytest.approx([1, gain / ideal, 0])


def test_the_ideal_list_is_cut_at_k():
    # Three targets at 1, 2, 3 fill a list of two: it cannot be better than that.
    ranks, offsets = np.array([1, 2, 3]), np.array([0, 3])
    assert measures.ndcg_at(ranks, offsets, 2).tolist() == pytest.approx([1.0])
    assert measures.recall_at(ranks, offsets, 2).tolist() == pytest.approx([2 / 3])


def test_coverage_by_hand():
    lists = np.array([[0, 1], [0, 2], [1, -1]], np.int32)
    assert measures.coverage_at(lists, 1, 8) == 2 / 8
    assert measures.coverage_at(lists, 2, 8) == 3 / 8


def test_names_and_shapes():
    found = measures.per_request(RANKS, OFFSETS, (5, 10))
    assert list(found) == [
        "hr@5", "recall@5", "ndcg@5", "hr@10", "recall@10", "ndcg@10", "mrr",
    ]  # fmt: skip
    assert all(values.shape == (3,) for values in found.values())


def test_refusals():
    with pytest.raises(DataError, match="none in request 1"):
        measures.hr_at(RANKS, np.array([0, 1, 1, 5]), 5)
    for k in ([], [0], [2.5], [True]):
        with pytest.raises(ConfigError, match="positive whole numbers"):
            measures.check_k(k)
    assert measures.check_k(np.int64(3)) == (3,)
    assert measures.check_k([10, 5, 5]) == (5, 10)


def test_ndcg_equals_scikit_learn():
    reason = "scikit-learn is no dependency; where it is installed, its ndcg_score is compared"
    sklearn = pytest.importorskip("sklearn.metrics", reason=reason)
    generator = np.random.default_rng(0)
    for _ in range(20):
        scores = generator.permutation(50).astype(float)
        relevant = generator.permutation(50)[: generator.integers(1, 20)]
        truth = np.isin(np.arange(50), relevant).astype(float)
        ranks = 50 - scores[relevant].astype(int)  # no ties: the highest score is 49
        for k in (1, 5, 10):
            expected = sklearn.ndcg_score(truth[None], scores[None], k=k)
            found = measures.ndcg_at(ranks, np.array([0, len(ranks)]), k)[0]
            assert found == pytest.approx(expected, abs=1e-12)
