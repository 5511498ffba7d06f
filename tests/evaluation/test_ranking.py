"""Ranks against hand-computed places and against a full sort."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.evaluation.toy import flat, ranks_by_sorting
from tfprompt.errors import ConfigError, DataError
from tfprompt.evaluation.ranking import candidate_scores, target_ranks
from tfprompt.evaluation.toplists import top_lists


def ranks(scores, targets, seen, **kwargs):
    return target_ranks(np.asarray(scores), *flat(targets), *flat(seen), **kwargs).tolist()


def test_by_hand():
    scores = [[0.9, 0.8, 0.7, 0.6]]
    assert ranks(scores, [[2]], [[]]) == [3]
    assert ranks(scores, [[2]], [[0]]) == [2]
    assert ranks(scores, [[2]], [[0]], exclude_seen=False) == [3]
    # A target that was seen stays a candidate, and a repeated history item leaves only once.
    assert ranks(scores, [[2]], [[2, 0, 0]]) == [2]


def test_a_tie_counts_against_the_target():
    assert ranks([[0.5, 0.5, 0.5, 0.1]], [[0]], [[]]) == [3]
    assert ranks([[0.5, 0.5, 0.5, 0.1]], [[0]], [[1]]) == [2]


def test_targets_never_share_a_place():
    # Tied at 0.5: item 1 (no target) first, then targets 3 and 0 as listed; target 2 leads.
    assert ranks([[0.5, 0.5, 0.9, 0.5]], [[3, 0, 2]], [[]]) == [3, 4, 1]


@pytest.mark.parametrize("value", [0.0, -1.5, -math.inf, math.inf])
def test_constant_scores_put_targets_last(value):
    scores = np.full([3, 50], value, np.float32)
    assert ranks(scores, [[4], [7, 9], [0]], [[], [1, 2], []]) == [50, 47, 48, 50]


@pytest.mark.parametrize("exclude_seen", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_equals_a_full_sort_with_many_ties(seed, exclude_seen):
    generator = np.random.default_rng(seed)
    # 7 distinct values over 60 items; up to 40 targets, so both ways of counting are taken.
    scores = generator.integers(7, size=[30, 60]).astype(np.float32)
    targets = [generator.permutation(60)[: generator.integers(1, 40)].tolist() for _ in scores]
    seen = [generator.integers(60, size=generator.integers(0, 30)).tolist() for _ in scores]
    expected = ranks_by_sorting(scores, targets, seen, exclude_seen)
    assert ranks(scores, targets, seen, exclude_seen=exclude_seen) == expected


def test_the_order_of_the_catalog_does_not_matter():
    generator = np.random.default_rng(0)
    scores = generator.integers(9, size=[20, 40]).astype(np.float32)
    targets = [generator.permutation(40)[:3].tolist() for _ in scores]
    seen = [generator.permutation(40)[:5].tolist() for _ in scores]
    new = generator.permutation(40)  # the item at place i moves to new[i]
    moved = np.empty_like(scores)
    moved[:, new] = scores
    assert ranks(scores, targets, seen) == ranks(
        moved, [new[t].tolist() for t in targets], [new[s].tolist() for s in seen]
    )


def test_the_scores_are_left_alone():
    scores = np.arange(6.0).reshape(1, 6)
    ranks(scores, [[0]], [[3]])
    assert scores.tolist() == [[0, 1, 2, 3, 4, 5]]


def test_refusals():
    good = np.zeros([1, 4])
    with pytest.raises(DataError, match="NaN.*Received: 1 of 4 in row 0"):
        ranks([[0.0, np.nan, 0.0, 0.0]], [[0]], [[]])
    with pytest.raises(DataError, match="from 0 to 3. Received: -1"):
        ranks(good, [[-1]], [[]])
    with pytest.raises(DataError, match="from 0 to 3. Received: 4"):
        ranks(good, [[0]], [[4]])
    with pytest.raises(DataError, match="each target once"):
        ranks(good, [[2, 2]], [[]])
    with pytest.raises(DataError, match="offsets of `targets`"):
        target_ranks(good, np.array([0]), np.array([0, 2]), exclude_seen=False)
    with pytest.raises(ConfigError, match=r"\[B, N\].*shape \(4,\)"):
        target_ranks(np.zeros(4), np.array([0]), np.array([0, 1]), exclude_seen=False)
    with pytest.raises(ConfigError, match="Received: None"):
        target_ranks(good, np.array([0]), np.array([0, 1]))


def test_top_lists_equal_a_full_sort():
    generator = np.random.default_rng(3)
    scores = generator.integers(6, size=[40, 30]).astype(np.float32)
    targets = [[int(generator.integers(30))] for _ in scores]
    seen = [generator.permutation(30)[: generator.integers(0, 27)].tolist() for _ in scores]
    candidates = candidate_scores(scores, *flat(targets), *flat(seen))
    for k in (1, 7, 30, 35):
        for row, list_ in enumerate(top_lists(candidates, k).tolist()):
            rest = [i for i in range(30) if i in targets[row] or i not in seen[row]]
            rest.sort(key=lambda i: (-scores[row, i], i))
            assert list_ == (rest + [-1] * k)[:k]
