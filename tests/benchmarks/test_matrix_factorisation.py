"""The wrapped matrix factorisation: places, unknown users, ranges."""

from __future__ import annotations

import numpy as np
import pytest

from tests.evaluation.toy import requests
from tests.evaluation.toy import sequences as training
from tfprompt.evaluation import Predictor, RatingBias, judge

pytest.importorskip("cornac", reason="the extra `benchmarks` is not installed")


@pytest.fixture(scope="module")
def world():
    """Two kinds of users and of items that like their own kind; places are no cornac order."""
    generator = np.random.default_rng(0)
    kinds = generator.integers(0, 2, 80), generator.integers(0, 2, 30)
    truth = np.where(kinds[0][:, None] == kinds[1], 5.0, 1.0)
    orders = [generator.permutation(30) for _ in range(80)]
    events, targets = [o[:20].tolist() for o in orders], [o[20:].tolist() for o in orders]
    rated = [
        [[truth[u, i] for i in row] for u, row in enumerate(rows)] for rows in (events, targets)
    ]
    train = training(31, events, rated[0])  # item 30 is never rated
    asked = requests(
        31, events, targets, train=train, history_ratings=rated[0], target_ratings=rated[1]
    )
    return train, asked


def test_it_finds_what_biases_cannot(world):
    from matrix_factorisation import MatrixFactorisation

    train, asked = world
    model = MatrixFactorisation(train, factors=4, epochs=100, penalty=0.02)
    assert isinstance(model, Predictor)
    found = judge(model, asked, baselines=[RatingBias(train)], bootstrap=0)
    assert found["rmse"] < 0.5 < 1.5 < found["baselines"]["rating_bias"]["rmse"]
    likes = MatrixFactorisation(train, factors=4, epochs=100, penalty=0.02, like=4.0)
    assert judge(likes, asked, like=4.0, bootstrap=0)["auc"] > 0.95
    again = MatrixFactorisation(train, factors=4, epochs=100, penalty=0.02)
    np.testing.assert_array_equal(again.predictions(asked), model.predictions(asked))


def test_unknown_users_and_items_are_average(world):
    from matrix_factorisation import MatrixFactorisation

    train, _ = world
    strangers = requests(31, [[], []], [[30], [3, 30]], train=train, users=["x", "u0"])
    values = MatrixFactorisation(train, factors=4, epochs=5).predictions(strangers)
    assert values[0] == pytest.approx(train.ratings.mean())
    assert np.isfinite(values).all() and values.min() >= 1 and values.max() <= 5
