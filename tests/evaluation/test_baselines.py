"""Baselines on four users, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.evaluation.toy import requests, sequences
from tfprompt.errors import ConfigError
from tfprompt.evaluation import ContentSimilarity, ItemKNN, Popularity, Scorer, tuned_item_knn
from tfprompt.evaluation.scoring import rank_requests

# Users of the items: 0 → 2, 1 → 3, 2 → 2, 3 → 1, 4 → none. Together: 01 twice, 02 once, 12 twice.
TRAIN = [[0, 1, 2], [0, 1], [1, 2], [3]]
S01 = S12 = 2 / (math.sqrt(6) + 1)  # shrinkage 1
S02 = 1 / (2 + 1)


@pytest.fixture
def train():
    return sequences(5, TRAIN)


def test_popularity(train):
    asked = requests(5, [[0], [], [4]], [[1], [1], [1]], train=train)
    scores = Popularity(train).scores(asked, np.array([2, 0]))
    assert scores.tolist() == [[2, 3, 2, 1, 0]] * 2
    # User 0 has seen item 0; item 1 leads everywhere.
    assert rank_requests(Popularity(train), asked).ranks.tolist() == [1, 1, 1]


def test_item_knn(train):
    asked = requests(5, [[0, 2], [], [3]], [[1], [1], [1]], train=train)
    scores = ItemKNN(train, shrinkage=1, decay=1.0).scores(asked, np.arange(3))
    expected = [[S02, S01 + S12, S02, 0, 0], [0] * 5, [0] * 5]
    np.testing.assert_allclose(scores, expected, rtol=1e-6)  # float32


def test_item_knn_decay_and_repeats(train):
    asked = requests(5, [[0, 2], [2, 0, 2]], [[1], [1]], train=train)
    scores = ItemKNN(train, shrinkage=1, decay=0.5).scores(asked, np.arange(2))
    # In both item 2 is the latest (weight 1) and item 0 one event back (weight 1/2).
    expected = [[S02, S12 + S01 / 2, S02 / 2, 0, 0]] * 2
    np.testing.assert_allclose(scores, expected, rtol=1e-6)


def test_item_knn_keeps_the_nearest_and_breaks_ties_by_index(train):
    asked = requests(5, [[0], [1]], [[2], [3]], train=train)
    knn = ItemKNN(train, shrinkage=1, neighbours=1, decay=1.0)
    expected = [[0, S01, 0, 0, 0], [S01, 0, 0, 0, 0]]  # item 1 is equally near to 0 and 2
    np.testing.assert_allclose(knn.scores(asked, np.arange(2)), expected, rtol=1e-6)
    fewer = ItemKNN(train, shrinkage=1, neighbours=4).with_settings(neighbours=1, decay=1.0)
    np.testing.assert_array_equal(
        fewer.scores(asked, np.arange(2)), knn.scores(asked, np.arange(2))
    )


def test_item_knn_counts_a_user_once_per_item():
    repeated = sequences(5, [[0, 1, 2, 0, 0, 1], [0, 1], [1, 2], [3]])
    once = sequences(5, TRAIN)
    asked = requests(5, [[0, 2]], [[1]], train=once)
    np.testing.assert_array_equal(
        ItemKNN(repeated).scores(asked, np.array([0])), ItemKNN(once).scores(asked, np.array([0]))
    )


def test_item_knn_equals_a_dense_product():
    generator = np.random.default_rng(0)
    events = [generator.integers(30, size=generator.integers(1, 15)).tolist() for _ in range(60)]
    train = sequences(30, events)
    table = np.zeros([60, 30])
    for user, items in enumerate(events):
        table[user, items] = 1
    counts = table.sum(axis=0)
    similarity = (table.T @ table) / (np.sqrt(np.outer(counts, counts)) + 5)
    np.fill_diagonal(similarity, 0)
    histories = [generator.permutation(30)[:6].tolist() for _ in range(10)]
    asked = requests(30, histories, [[0]] * 10, train=train)
    expected = [similarity[history].sum(axis=0) for history in histories]
    scores = ItemKNN(train, shrinkage=5, neighbours=29, decay=1.0).scores(asked, np.arange(10))
    np.testing.assert_allclose(scores, expected, rtol=1e-5, atol=1e-7)


def test_content(train):
    vectors = [[1, 0], [2, 0], [0, 3], [0, 0], [-1, 0]]
    asked = requests(5, [[0], [0, 2], [], [3]], [[1]] * 4, train=train)
    scores = ContentSimilarity(vectors).scores(asked, np.arange(4))
    half = [1 / math.sqrt(10), 3 / math.sqrt(10)]  # direction of (1, 3)
    expected = [
        [1, 1, 0, 0, -1],
        [half[0], half[0], half[1], 0, -half[0]],
        [0] * 5,
        [0] * 5,
    ]
    np.testing.assert_allclose(scores, expected, atol=1e-6)  # the epsilon in the root
    # No history: all five tie, the target is last.
    assert rank_requests(ContentSimilarity(vectors), asked).ranks.tolist()[2] == 5


def test_all_are_scorers(train):
    for scorer in (Popularity(train), ItemKNN(train), ContentSimilarity(np.eye(5))):
        assert isinstance(scorer, Scorer)
        asked = requests(5, [[0], [1]], [[1], [2]], train=train)
        scores = scorer.scores(asked, np.array([1]))
        assert scores.shape == (1, 5) and scores.dtype == np.float32


def test_tuning_finds_the_recency_that_made_the_data():
    # The next item always follows from the last one alone: i → i + 1. Older items mislead.
    generator = np.random.default_rng(0)
    pairs = [[i, i + 1] for i in range(0, 38, 2) for _ in range(5)]
    noise = [generator.permutation(38)[:4].tolist() for _ in range(60)]
    train = sequences(40, pairs + noise)
    last = (2 * generator.integers(19, size=80)).tolist()
    histories = [[*(x for x in generator.permutation(38)[:6].tolist() if x != y + 1), y]
                 for y in last]  # fmt: skip
    validation = requests(40, histories, [[y + 1] for y in last], train=train)
    knn = tuned_item_knn(
        train, validation, shrinkage=(0.0, 10.0), decay=(1.0, 0.1), neighbours=(5,)
    )
    assert knn.settings["decay"] == 0.1 and knn.settings["neighbours"] == 5


def test_refusals(train):
    for wrong in ({"neighbours": 0}, {"shrinkage": -1}, {"decay": 0}, {"decay": 1.1}):
        with pytest.raises(ConfigError, match="Received"):
            ItemKNN(train, **wrong)
    with pytest.raises(ConfigError, match="1 to 3 neighbours"):
        ItemKNN(train, neighbours=3).with_settings(neighbours=4, decay=1.0)
    with pytest.raises(ConfigError, match="at least one value"):
        tuned_item_knn(train, requests(5, [[0]], [[1]], train=train), decay=())
    for vectors in (np.zeros(3), [[np.nan]]):
        with pytest.raises(ConfigError, match=r"finite numbers \[N, D\]"):
            ContentSimilarity(vectors)
