"""Baselines for ratings against least squares and loops."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import polars as pl
import pytest

from tests.evaluation.toy import requests, sequences
from tfprompt.errors import ConfigError, DataError
from tfprompt.evaluation import (
    Predictor,
    RatingBias,
    RatingItemKNN,
    judge,
    known_at,
    tuned_rating_bias,
    tuned_rating_item_knn,
)

NAN = float("nan")


def random_world(seed=0, users=25, items=12, noise=0.5):
    """Training, and requests whose histories are training plus one event; generous users."""
    generator = np.random.default_rng(seed)
    taste = generator.normal(0, 1, users)[:, None] + generator.normal(0, 1, items)
    # Items of one parity rise and fall together for a user, beyond the biases.
    side = generator.normal(0, 1, users)[:, None] * np.where(np.arange(items) % 2, 1, -1)
    truth = np.clip(np.round(3 + taste + side + generator.normal(0, noise, taste.shape)), 1, 5)
    orders = [generator.permutation(items) for _ in range(users)]
    cut = generator.integers(3, items - 3, users)
    events = [order[:c].tolist() for order, c in zip(orders, cut, strict=True)]
    histories = [order[: c + 1].tolist() for order, c in zip(orders, cut, strict=True)]
    targets = [order[c + 1 :].tolist() for order, c in zip(orders, cut, strict=True)]

    def rated(rows):
        return [[float(truth[u, i]) for i in row] for u, row in enumerate(rows)]

    train = sequences(items, events, rated(events))
    asked = requests(
        items,
        histories,
        targets,
        train=train,
        history_ratings=rated(histories),
        target_ratings=rated(targets),
    )
    return train, asked


def triples(train):
    users = np.repeat(np.arange(len(train)), np.diff(train.offsets))
    return users, train.items, train.ratings.astype(float)


@pytest.mark.parametrize("lambdas", [(2.0, 3.0), (10.0, 0.5)])
def test_biases_are_the_regularised_least_squares(lambdas):
    train, _ = random_world()
    users, items, ratings = triples(train)
    n_users, n_items = len(train), len(train.catalog)
    design = np.zeros([len(ratings), n_users + n_items])
    design[np.arange(len(ratings)), users] = 1
    design[np.arange(len(ratings)), n_users + items] = 1
    penalty = np.diag([lambdas[0]] * n_users + [lambdas[1]] * n_items)
    expected = np.linalg.solve(design.T @ design + penalty, design.T @ (ratings - ratings.mean()))
    bias = RatingBias(train, lambda_u=lambdas[0], lambda_i=lambdas[1])
    np.testing.assert_allclose(bias.user_bias, expected[:n_users], atol=1e-6)
    np.testing.assert_allclose(bias.item_bias, expected[n_users:], atol=1e-6)


def test_one_turn_by_hand():
    # One user: mean 3, both items shrunken from 1 and -1; the user is average.
    train = sequences(3, [[0, 1]], [[4.0, 2.0]])
    bias = RatingBias(train, lambda_u=1, lambda_i=1)
    np.testing.assert_allclose(bias.item_bias, [0.5, -0.5, 0.0])
    np.testing.assert_allclose(bias.user_bias, [0.0], atol=1e-9)
    asked = requests(3, [[0, 1], [2]], [[0, 2], [1]], train=train, history_ratings=[[4, 2], [5]])
    # The second user is known only by the history: 5 for an average item, (5 - 3) / (1 + 1).
    np.testing.assert_allclose(bias.predictions(asked), [3.5, 3.0, 3 + 1 - 0.5])


def test_the_user_is_as_of_the_request():
    train = sequences(3, [[0, 1], [0, 1]], [[4.0, 2.0], [5.0, 3.0]])
    bias = RatingBias(train, lambda_u=1, lambda_i=1)

    def predicted(history, ratings, user="u0"):
        asked = requests(3, [history], [[2]], train=train, users=[user], history_ratings=[ratings])
        return bias.predictions(asked)[0]

    base = 3.5
    assert predicted([0, 1], [4.0, 2.0]) == pytest.approx(base + bias.user_bias[0])
    # A new rating of the same user counts, a missing one does not.
    rest = 4 - base - bias.item_bias[0] + 2 - base - bias.item_bias[1] + (5 - base)
    assert predicted([0, 1, 2], [4.0, 2.0, 5.0]) == pytest.approx(base + rest / 4)
    assert predicted([0, 1, 2], [4.0, 2.0, NAN]) == pytest.approx(base + bias.user_bias[0])
    # Without rated history: what training knows; without that too: average.
    assert predicted([2], [NAN], "u1") == pytest.approx(base + bias.user_bias[1])
    assert predicted([], [], "stranger") == pytest.approx(base)


def test_predictions_stay_in_the_range_of_training():
    train = sequences(2, [[0, 1]] * 6, [[1.0, 4.0]] * 6)
    asked = requests(2, [[1, 1]], [[1]], train=train, history_ratings=[[4.0, 4.0]])
    assert RatingBias(train, lambda_u=0, lambda_i=0).predictions(asked).tolist() == [4.0]


def knn_by_loops(bias, train, asked, neighbours, shrinkage, damping):
    users, items, ratings = triples(train)
    rest = np.full([len(train), len(train.catalog)], np.nan)
    rest[users, items] = ratings - bias.mean - bias.user_bias[users] - bias.item_bias[items]
    own, base = bias.request_bias(asked), bias.raw(asked, bias.request_bias(asked))
    found, at = [], 0
    for row in range(len(asked)):
        history = asked.history(row)
        begin = asked.history_offsets[row]
        for target in asked.target(row):
            near = []
            for place, other in enumerate(history):
                both = ~np.isnan(rest[:, target]) & ~np.isnan(rest[:, other])
                if other == target or not both.any():
                    continue
                a, b = rest[both, target], rest[both, other]
                similarity = (a @ b) / math.sqrt((a @ a) * (b @ b))
                similarity *= both.sum() / (both.sum() + shrinkage)
                left = float(asked.history_ratings[begin + place]) - bias.mean - own[row]
                if similarity > 0:
                    near.append((similarity, left - bias.item_bias[other]))
            near = sorted(near, reverse=True)[:neighbours]
            value = base[at]
            if near:
                value += sum(s * e for s, e in near) / (sum(s for s, _ in near) + damping)
            found.append(min(max(value, bias.range[0]), bias.range[1]))
            at += 1
    return found


@pytest.mark.parametrize("settings", [(2, 5.0, 0.5), (20, 0.0, 0.0)])
def test_item_knn_equals_loops(settings):
    train, asked = random_world(3)
    near, shrinkage, damping = settings
    knn = RatingItemKNN(train, neighbours=near, shrinkage=shrinkage, damping=damping)
    expected = knn_by_loops(knn.bias, train, asked, *settings)
    np.testing.assert_allclose(knn.predictions(asked), expected, rtol=1e-9)
    other = RatingItemKNN(train).with_settings(
        neighbours=near, shrinkage=shrinkage, damping=damping
    )
    np.testing.assert_array_equal(other.predictions(asked), knn.predictions(asked))
    assert other.settings == knn.settings


def test_item_knn_without_anything_similar_is_the_bias():
    train, asked = random_world()
    blank = requests(
        12, [[]] * 2, [[0], [1]], train=train, users=["x", "y"], history_ratings=[[], []]
    )
    knn = RatingItemKNN(train)
    assert knn.predictions(blank).tolist() == knn.bias.predictions(blank).tolist()
    # An item that training never saw.
    new = sequences(13, [[0, 1], [0, 1]], [[4.0, 2.0], [5.0, 1.0]])
    cold = requests(13, [[0, 1]], [[12]], train=new, history_ratings=[[4.0, 2.0]])
    assert np.isfinite(RatingItemKNN(new).predictions(cold)).all()


def test_what_users_share_beyond_biases_is_found():
    train, asked = random_world(5, users=300)
    knn, bias = RatingItemKNN(train, shrinkage=10.0), RatingBias(train)
    found = judge(knn, asked, baselines=[bias], bootstrap=0)
    assert found["rmse"] < 0.8 * found["baselines"]["rating_bias"]["rmse"]
    likes = judge(
        RatingItemKNN(train, shrinkage=10.0, like=4.0),
        asked,
        like=4.0,
        baselines=[RatingBias(train, like=4.0)],
        bootstrap=0,
    )
    assert likes["auc"] > likes["baselines"]["rating_bias"]["auc"] > 0.6


def test_likes_are_a_fit_of_labels():
    train, asked = random_world()
    labels = sequences(
        12,
        [train.items[a:b].tolist() for a, b in zip(train.offsets, train.offsets[1:], strict=False)],
        [
            (train.ratings[a:b] >= 4).astype(float).tolist()
            for a, b in zip(train.offsets, train.offsets[1:], strict=False)
        ],
    )
    np.testing.assert_array_equal(RatingBias(train, like=4).item_bias, RatingBias(labels).item_bias)
    for made in (RatingBias(train, like=4), RatingItemKNN(train, like=4)):
        values = made.predictions(asked)
        assert isinstance(made, Predictor) and made.settings["like"] == 4.0
        assert values.min() >= 0.01 and values.max() <= 0.99


def test_tuning_takes_the_least_error_of_the_grid():
    train, asked = random_world(1, users=80)

    def error(made):
        return np.square(made.predictions(asked) - asked.target_ratings).mean()

    grid = [(u, i) for u in (0.5, 30.0) for i in (0.5, 30.0)]
    errors = {g: error(RatingBias(train, lambda_u=g[0], lambda_i=g[1])) for g in grid}
    best = tuned_rating_bias(train, asked, lambda_u=(0.5, 30.0), lambda_i=(0.5, 30.0))
    assert (best.lambda_u, best.lambda_i) == min(errors, key=errors.get)
    knn = tuned_rating_item_knn(
        train, asked, neighbours=(1, 5), shrinkage=(1.0, 1000.0), damping=(0.1,)
    )
    assert knn.settings["shrinkage"] == 1.0 and knn.settings["neighbours"] == 5
    assert error(knn) < error(best)


def test_all_that_is_known_before_the_requests():
    train = sequences(4, [[0], [1], [2]], [[1.0], [2.0], [3.0]])
    asked = requests(
        4, [[2, 3], [0, 1]], [[0], [1]], train=train, users=["u2", "u0"],
        history_ratings=[[3.0, 4.0], [1.0, NAN]],
    )  # fmt: skip
    known = known_at(asked)
    assert known.user_ids.tolist() == ["u2", "u0", "u1"]
    assert known.items.tolist() == [2, 3, 0, 1, 1] and known.offsets.tolist() == [0, 2, 4, 5]
    np.testing.assert_array_equal(known.ratings, [3, 4, 1, NAN, 2])
    assert np.isfinite(RatingBias(known).predictions(asked)).all()
    assert known.users is None
    profiles = pl.DataFrame({"age": [10, 11, 12]})
    train = dataclasses.replace(train, users=profiles)
    asked = dataclasses.replace(asked, train=train, users=profiles[[2, 0]])
    assert known_at(asked).users["age"].to_list() == [12, 10, 11]
    twice = requests(4, [[2], [2, 3]], [[0], [1]], train=train, users=["u2", "u2"])
    with pytest.raises(ConfigError, match="one request per user"):
        known_at(twice)


def test_refusals():
    train, asked = random_world()
    for wrong in ({"lambda_u": -1}, {"lambda_i": NAN}, {"like": NAN}):
        with pytest.raises(ConfigError, match="Received"):
            RatingBias(train, **wrong)
    for wrong in ({"neighbours": 0}, {"shrinkage": -1}, {"damping": NAN}):
        with pytest.raises(ConfigError, match="Received"):
            RatingItemKNN(train, **wrong)
    with pytest.raises(ConfigError, match="at least one value"):
        tuned_rating_bias(train, asked, lambda_u=())
    bare = sequences(3, [[0, 1]])
    with pytest.raises(DataError, match="training events with ratings"):
        RatingBias(bare)
    with pytest.raises(DataError, match="targets with ratings"):
        tuned_rating_bias(train, requests(12, [[0]], [[1]], train=train))
