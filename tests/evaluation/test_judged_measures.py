"""Measures of judged pairs against their definitions, in the slowest form."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tfprompt.evaluation.judged_measures import (
    Pairs,
    equal_count_bins,
    like_statistics,
    rating_statistics,
    request_ndcg,
    user_areas,
)
from tfprompt.evaluation.statistics import GlobalAUC, RatioOfSums


def area(predictions, labels, weights=None):
    """Every positive against every negative; a pair counts the product of its weights."""
    weights = np.ones(len(labels)) if weights is None else weights
    won = total = 0.0
    for p, a, w in zip(predictions, labels, weights, strict=True):
        for q, b, v in zip(predictions, labels, weights, strict=True):
            if a and not b:
                won += w * v * (1.0 if p > q else 0.5 if p == q else 0.0)
                total += w * v
    return won / total if total else math.nan


def random_pairs(seed, users=12, size=150):
    generator = np.random.default_rng(seed)
    owners = np.sort(generator.integers(0, users, size))
    owners = np.searchsorted(np.unique(owners), owners)
    # Eleven different predictions, so that ties are common.
    predictions = generator.integers(0, 11, size) / 10
    return owners, predictions, generator


def once(statistic, users):
    return statistic(np.ones([1, users]))[0]


@pytest.mark.parametrize("seed", range(5))
def test_the_area_under_weights_is_that_of_its_definition(seed):
    owners, predictions, generator = random_pairs(seed)
    labels = generator.random(len(owners)) < 0.4
    auc = GlobalAUC(predictions, labels, owners)
    weights = generator.integers(0, 4, [3, owners.max() + 1]).astype(float)
    expected = [area(predictions, labels, weight[owners]) for weight in weights]
    np.testing.assert_allclose(auc(weights), expected, rtol=1e-12)
    # Drawing a user twice is the same as having their pairs twice.
    twice = np.repeat(np.arange(len(owners)), weights[0][owners].astype(int))
    assert auc(weights)[0] == pytest.approx(area(predictions[twice], labels[twice]))


def test_the_area_where_one_label_is_not_drawn():
    auc = GlobalAUC([0.2, 0.7], np.array([False, True]), np.array([0, 1]))
    assert np.isnan(auc(np.array([[1.0, 0.0], [0.0, 2.0]]))).all()


@pytest.mark.parametrize("seed", range(5))
def test_areas_of_users_are_those_of_their_definition(seed):
    owners, predictions, generator = random_pairs(seed, users=30)
    labels = generator.random(len(owners)) < 0.4
    order = generator.permutation(len(owners))  # a user's pairs need not be together
    areas, both = user_areas(predictions[order], labels[order], owners[order])
    for user in range(owners.max() + 1):
        own = owners == user
        expected = area(predictions[own], labels[own])
        assert both[user] == (not math.isnan(expected))
        assert areas[user] == pytest.approx(0.0 if math.isnan(expected) else expected)


def test_errors_by_hand():
    pairs = Pairs(np.array([4.0, 2.0, 5.0]), np.array([0, 0, 1]), np.array([0, 0, 1]))
    found = rating_statistics(pairs, np.array([3.0, 2.0, 3.0]))
    assert once(found["rmse"], 2) == pytest.approx(math.sqrt(5 / 3))
    assert once(found["mae"], 2) == pytest.approx(1.0)
    # The second user three times, the first never: errors of 2 alone.
    assert found["rmse"](np.array([[0.0, 3.0]]))[0] == pytest.approx(2.0)
    assert list(found) == ["rmse", "mae", "ndcg"]


def test_ndcg_by_hand():
    # Gains 7, 1, 0 in the order given by the predictions: 1 first, then 7, then 0.
    truth, predictions = np.array([3.0, 1.0, 0.0]), np.array([0.5, 0.9, 0.1])
    rows, values = request_ndcg(truth, predictions, np.zeros(3, int))
    second, third = 1 / math.log2(3), 0.5
    assert rows.tolist() == [0]
    assert values[0] == pytest.approx((1 + 7 * second) / (7 + second))
    # All alike: the worst order, 0 then 1 then 7.
    _, values = request_ndcg(truth, np.zeros(3), np.zeros(3, int))
    assert values[0] == pytest.approx((second + 7 * third) / (7 + second))
    # Three requests; the middle one has a single rating, the last one is in perfect order.
    rows, values = request_ndcg(
        np.array([3.0, 1.0, 4.0, 4.0, 1.0, 2.0]),
        np.array([0.0, 0.1, 0.0, 1.0, 0.1, 0.2]),
        np.array([0, 0, 2, 2, 5, 5]),
    )
    assert rows.tolist() == [0, 5] and values[1] == pytest.approx(1.0)
    assert values[0] == pytest.approx((1 + 7 * second) / (7 + second))
    # A scale that 2 ** rating would overflow: 2000 counts, 1000 next to nothing.
    _, values = request_ndcg(np.array([1000.0, 2000.0]), np.array([1.0, 0.0]), np.zeros(2, int))
    assert values[0] == pytest.approx(second)


def test_ndcg_is_left_out_where_nothing_can_be_ordered():
    one = Pairs(np.array([4.0, 2.0]), np.array([0, 1]), np.array([0, 1]))
    assert list(rating_statistics(one, np.zeros(2))) == ["rmse", "mae"]
    below = Pairs(np.array([-1.0, 1.0]), np.array([0, 0]), np.array([0, 0]))
    assert list(rating_statistics(below, np.zeros(2))) == ["rmse", "mae"]


def test_likes_by_hand():
    pairs = Pairs(np.array([1.0, 0.0, 1.0, 1.0]), np.array([0, 0, 1, 1]), np.array([0, 0, 1, 1]))
    found = like_statistics(pairs, np.array([0.8, 0.4, 0.2, 1.0]))
    # Positives 0.8, 0.2 and 1 against the negative 0.4: two of three.
    assert once(found["auc"], 2) == pytest.approx(2 / 3)
    assert once(found["user_auc"], 2) == 1.0, "only the first user has both labels"
    expected = -(math.log(0.8) + math.log(0.6) + math.log(0.2) + math.log(1 - 1e-7)) / 4
    assert once(found["log_loss"], 2) == pytest.approx(expected)
    # Four predictions in 15 bins: one each, so the mean distance of label and prediction.
    assert once(found["calibration_error"], 2) == pytest.approx((0.2 + 0.4 + 0.8 + 0) / 4)
    assert once(found["ndcg"], 2) == 1.0
    # Sure and wrong: cut to 1e-7.
    one = Pairs(np.array([0.0]), np.array([0]), np.array([0]))
    wrong = like_statistics(one, np.array([1.0]))
    assert once(wrong["log_loss"], 1) == pytest.approx(-math.log(1e-7))
    assert list(wrong) == ["log_loss", "calibration_error"], "one label orders nothing"


def test_calibration_against_a_loop_over_bins():
    generator = np.random.default_rng(0)
    predictions = generator.random(600)
    labels = (generator.random(600) < predictions**2).astype(float)
    users = np.repeat(np.arange(60), 10)
    order = np.argsort(predictions)
    expected = sum(
        abs(labels[part].sum() - predictions[part].sum()) / 600 for part in np.split(order, 15)
    )
    found = like_statistics(Pairs(labels, users, users), predictions)["calibration_error"]
    assert once(found, 60) == pytest.approx(expected)
    assert 0.1 < expected < 0.25, "E |p - p²| = 1/6"


def test_equal_predictions_share_a_bin():
    values = np.array([0.5] * 10 + [0.1, 0.2, 0.8, 0.9])
    bins = equal_count_bins(values, 7)
    assert len(set(bins[:10].tolist())) == 1
    assert bins[10:].tolist() == [0, 0, 6, 6] and bins[0] == 1
    for seed in range(5):
        _, predictions, _ = random_pairs(seed)
        bins = equal_count_bins(predictions, 15)
        assert bins.min() == 0 and bins.max() < 15
        for value in np.unique(predictions):
            assert len(np.unique(bins[predictions == value])) == 1


def test_a_ratio_without_anything_below_is_undefined():
    ratio = RatioOfSums(np.array([0.0, 1.0]), np.array([0.0, 2.0]))
    found = ratio(np.array([[1.0, 0.0], [1.0, 1.0]]))
    assert np.isnan(found[0]) and found[1] == 0.5
