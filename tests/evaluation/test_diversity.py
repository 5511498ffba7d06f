"""Diversity of lists by hand."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from tfprompt.errors import ConfigError
from tfprompt.evaluation import list_diversity

# Unit vectors at 0, 60 and 90 degrees, of several lengths, and one of no length.
VECTORS = [[2.0, 0.0], [0.5, math.sqrt(3) / 2], [0.0, 3.0], [0.0, 0.0]]


def test_distances_by_hand():
    found = list_diversity([[0, 1, 2], [0, 2, -1], [3, 0, -1], [1, -1, -1], [-1, -1, -1]], VECTORS)
    cosines = [math.cos(math.radians(angle)) for angle in (60, 30, 90)]
    expected = [1 - sum(cosines) / 3, 1.0, 1.0, math.nan, math.nan]
    np.testing.assert_allclose(found.distance, expected)
    assert found.to_dict()["distance"] == pytest.approx(np.mean(expected[:3]))
    assert found.coverage == 1.0 and found.novelty is None


def test_distances_equal_a_loop_over_pairs():
    generator = np.random.default_rng(0)
    vectors = generator.normal(size=[30, 5])
    lists = np.stack([generator.permutation(30)[:8] for _ in range(20)])
    found = list_diversity(lists, vectors).distance
    for row, list_ in zip(found, lists, strict=True):
        pairs = [
            1 - vectors[a] @ vectors[b] / np.linalg.norm(vectors[a]) / np.linalg.norm(vectors[b])
            for a, b in itertools.combinations(list_, 2)
        ]
        assert row == pytest.approx(np.mean(pairs))


def test_novelty_by_hand():
    # Of 8 users 4 have item 0, 1 has item 1, nobody items 2 and 3 (as if half a user had them).
    found = list_diversity(
        [[0, 1], [0, -1], [2, -1], [-1, -1]], VECTORS, counts=[4, 1, 0, 0], n_users=8
    )
    np.testing.assert_allclose(found.novelty, [(1 + 3) / 2, 1, 4, math.nan])
    assert found.to_dict()["novelty"] == pytest.approx((2 + 1 + 4) / 3)


def test_exposure_by_hand():
    # Shown 3, 1, 0, 0 times: sum over i of (2i - n - 1) x_i / (n * total) for 0, 0, 1, 3.
    found = list_diversity([[0, 1], [0, -1], [0, -1]], VECTORS)
    assert found.gini == pytest.approx((1 * 1 + 3 * 3) / (4 * 4))
    assert found.coverage == 0.5
    assert list_diversity([[0, 1], [2, 3]], VECTORS).gini == 0.0
    assert list_diversity([[0], [0]], VECTORS).gini == pytest.approx(1 - 1 / 4)
    # The mean difference of two draws, over twice the mean.
    shown = np.array([3, 1, 0, 0])
    differences = np.abs(shown[:, None] - shown[None]).mean()
    assert found.gini == pytest.approx(differences / (2 * shown.mean()))


def test_nothing_shown():
    found = list_diversity([[-1, -1]], VECTORS)
    assert found.coverage == 0.0 and math.isnan(found.gini)
    assert math.isnan(found.to_dict()["distance"])


@pytest.mark.parametrize(
    "lists, vectors, options, said",
    [
        ([0, 1], VECTORS, {}, r"lists of integers \[R, k\]"),
        ([[0.5]], VECTORS, {}, "type float64"),
        ([[0]], [[np.nan]], {}, "finite vectors"),
        ([[4]], VECTORS, {}, "from 0 to 3, or -1"),
        ([[-2]], VECTORS, {}, "from -2"),
        ([[0, 1], [1, 1]], VECTORS, {}, "twice in list 1"),
        ([[0]], VECTORS, {"counts": [1, 2, 3, 9]}, "n_users=None"),
        ([[0]], VECTORS, {"counts": [1, 2, 3, 9], "n_users": 5}, "no count exceeds"),
        ([[3]], VECTORS, {"counts": [1], "n_users": 5}, "one number per item"),
    ],
)
def test_refusals(lists, vectors, options, said):
    with pytest.raises(ConfigError, match=said):
        list_diversity(lists, vectors, **options)
