"""`judge` end to end: what is measured, left out, refused, and how judgements are compared."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.evaluation.toy import requests
from tfprompt.errors import ConfigError, DataError
from tfprompt.evaluation import Judgement, Predictor, compare_judgements, judge
from tfprompt.evaluation.intervals import resampled_means

NAN = float("nan")


class Given:
    """Says what it was given, and remembers what it was asked."""

    def __init__(self, values, name="given", **settings):
        self.values, self.name, self.settings = np.asarray(values), name, settings

    def predictions(self, requests):
        self.asked = requests
        return self.values


def asked(target_ratings=((4.0, 2.0), (NAN,), (5.0,)), users=None, **options):
    return requests(
        6,
        [[0], [1], [2]],
        [[1, 2], [3], [4]],
        users=users,
        history_ratings=[[3.0], [4.0], [5.0]],
        target_ratings=target_ratings,
        **options,
    )


def sample(seed=0, users=60, each=6):
    """Many users with six targets; predictions that know something."""
    generator = np.random.default_rng(seed)
    ratings = generator.integers(1, 6, [users, each]).astype(float)
    made = requests(
        each + 1,
        [[each]] * users,
        [list(range(each))] * users,
        history_ratings=[[3.0]] * users,
        target_ratings=ratings,
    )
    good = np.clip(ratings.ravel() + generator.normal(0, 1.0, users * each), 1, 5)
    bad = np.clip(ratings.ravel() + generator.normal(0, 2.0, users * each), 1, 5)
    return made, good, bad


def test_ratings_by_hand():
    model = Given([3.0, 2.0, 9.0, 3.0], shape=(2, 3))
    found = judge(model, asked())
    assert found["rmse"] == pytest.approx((5 / 3) ** 0.5) and found["mae"] == pytest.approx(1.0)
    assert found["ndcg"] == 1.0
    assert (found.n_pairs, found.n_users, found.n_requests) == (3, 2, 2)
    assert found.without_rating == 1 and found.like is None and found.liked is None
    assert found.predictions.tolist() == [3.0, 2.0, 9.0, 3.0]
    assert found.settings == {"shape": "(2, 3)"}
    assert "1 without a rating left out" in str(found) and "rmse ↓" in str(found)


def test_likes_by_hand():
    found = judge(Given([0.8, 0.4, 0.9, 0.2]), asked(), like=4.0)
    assert found["auc"] == 0.5 and found["user_auc"] == 1.0
    assert found.liked == pytest.approx(2 / 3)
    assert "rated 4 or more (66.7% of the pairs)" in str(found) and "auc ↑" in str(found)


def test_a_predictor_never_sees_what_comes_out():
    model, made = Given([3.0] * 4), asked()
    judge(model, made)
    assert model.asked.target_ratings is None
    assert model.asked.history_ratings.tolist() == [3.0, 4.0, 5.0]
    assert made.target_ratings is not None and isinstance(model, Predictor)


def test_the_words_about_ranking_are_left_out():
    made = asked()
    object.__setattr__(made, "protocol", "last, all 6 items ranked, seen items excluded")
    assert judge(Given([3.0] * 4), made).protocol == "last"


def test_intervals_are_those_of_a_plain_bootstrap_over_users():
    made, good, _ = sample()
    found = judge(Given(good), made, bootstrap=200, seed=3)
    squares = np.square(good - made.target_ratings)
    means = resampled_means(
        squares[:, None], np.repeat(made.user_ids, 6), resamples=200, seed=3
    )  # the same draws
    expected = np.percentile(np.sqrt(means[:, 0]), [2.5, 97.5])
    np.testing.assert_allclose(found.interval["rmse"], expected)
    assert judge(Given(good), made, bootstrap=0).interval == {}
    # The interval of the area holds the area, and a resample's area is that of the drawn pairs.
    liked = judge(Given((good - 1) / 4), made, like=4.0, bootstrap=200)
    for name in ("auc", "user_auc", "log_loss", "calibration_error", "ndcg"):
        low, high = liked.interval[name]
        assert low < high
        if name != "calibration_error":  # resampling noise only ever adds to it
            assert low < liked[name] < high


def test_baselines_stand_beside_and_can_be_compared():
    made, good, bad = sample()
    found = judge(Given(good, "good"), made, baselines=[Given(bad, "bad", noise=2.0)])
    assert found["baselines"]["bad"]["rmse"] > found["rmse"]
    assert "bad: noise=2.0" in str(found)
    compared = compare_judgements(found, found.baselines["bad"])
    for name in ("rmse", "mae"):
        assert compared[name]["high"] < 0, "an error is better where it is lower"
        assert compared[name]["probability"] == 1.0
    assert compared["ndcg"]["low"] > 0 and compared["ndcg"]["probability"] == 1.0
    assert "good minus bad, 60 requests" in str(compared)
    json.dumps(compared.to_dict())


def test_comparisons_are_paired_also_for_the_area():
    made, good, _ = sample()
    probabilities = (good - 1) / 4
    first = judge(Given(probabilities, "a"), made, like=4.0)
    # Squares keep the order: the area is the same in every resample.
    second = judge(Given(probabilities**2, "b"), made, like=4.0)
    compared = compare_judgements(first, second, bootstrap=300)
    assert compared["auc"] == {"difference": 0, "low": 0, "high": 0, "probability": 0.5}
    assert compared["user_auc"]["probability"] == 0.5
    assert compared["log_loss"]["difference"] != 0
    # A little noise: the paired interval is far narrower than the two alone.
    noise = np.random.default_rng(1).normal(0, 0.02, len(good))
    third = judge(Given(np.clip(probabilities + noise, 0, 1), "c"), made, like=4.0)
    compared = compare_judgements(first, third)
    low, high = first.interval["auc"]
    assert compared["auc"]["high"] - compared["auc"]["low"] < 0.5 * (high - low)


def test_only_the_same_pairs_are_compared():
    made, good, _ = sample()
    first = judge(Given(good), made)
    changed = np.array(made.target_ratings)
    changed[0] = 6 - changed[0]
    object.__setattr__(made, "target_ratings", changed)
    with pytest.raises(ConfigError, match="about the same pairs"):
        compare_judgements(first, judge(Given(good), made))
    with pytest.raises(ConfigError, match="same `like`"):
        compare_judgements(
            judge(Given(good / 5), made, like=4), judge(Given(good / 5), made, like=3)
        )
    with pytest.raises(ConfigError, match="at least one resample"):
        compare_judgements(first, first, bootstrap=0)


def test_the_fingerprint_has_the_ratings():
    def fingerprint(**options):
        return judge(Given([3.0] * 4), asked(**options)).fingerprint

    assert fingerprint() == fingerprint()
    assert fingerprint() != fingerprint(target_ratings=[[4.0, 2.0], [NAN], [4.0]])
    assert fingerprint() != fingerprint(users=["a", "b", "c"])


def test_written_and_read(tmp_path):
    made, good, bad = sample()
    found = judge(Given(good, "good"), made, baselines=[Given(bad, "bad")])
    found.save(tmp_path / "j.json")
    read = json.loads((tmp_path / "j.json").read_text())
    assert read["rmse"] == found["rmse"] and read["baselines"]["bad"]["mae"] > 0
    assert read["interval"]["rmse"] == list(found.interval["rmse"])
    assert read["fingerprint"] == found.fingerprint and read["n_pairs"] == 360
    assert isinstance(found, Judgement) and len(found) == len(list(found)) == len(read)
    with pytest.raises(KeyError, match="Received: 'auc'.*undefined is left out"):
        found["auc"]


def test_users_are_drawn_with_all_their_requests():
    made = asked(((4.0, 2.0), (3.0,), (5.0,)), users=["a", "b", "a"])
    found = judge(Given([4.0, 2.0, 1.0, 5.0]), made, bootstrap=100)
    assert found.n_users == 2 and found.n_requests == 3
    # a alone has no error, b alone errs by 2, both by 2 on one of four.
    samples = resampled_means(
        np.array([[0.0], [0.0], [4.0], [0.0]]), ["a", "a", "b", "a"], resamples=100
    )
    assert set(np.sqrt(samples[:, 0])) == {0.0, 1.0, 2.0}
    assert found.interval["rmse"] == (0.0, 2.0)


@pytest.mark.parametrize(
    "model, options, error, said",
    [
        (Given([3.0, NAN, 3.0, 3.0]), {}, DataError, r"nan from `given` for target 1 \(user 'u0'"),
        (Given([3.0, 3.0, 3.0, np.inf]), {}, DataError, "target 3 .user 'u2', item 'i4'"),
        (Given([3.0] * 3), {}, ConfigError, r"shape \(4,\). Received: shape \(3,\)"),
        (Given([0.1, 0.2, 1.2, 0.1]), {"like": 4}, ConfigError, "from 0 to 1. Received: 1.2"),
        (Given([0.1, 0.2, -0.2, 0.1]), {"like": 4}, ConfigError, "Received: -0.2"),
        (Given([0.1] * 4), {"like": NAN}, ConfigError, "`like` must be a rating"),
        (Given([0.1] * 4), {"bootstrap": -1}, ConfigError, "number of resamples"),
        (Given([0.1] * 4), {"baselines": [Given([1.0] * 4)]}, ConfigError, "different names"),
        (object(), {}, ConfigError, "method `predictions"),
    ],
)
def test_refusals(model, options, error, said):
    with pytest.raises(error, match=said):
        judge(model, asked(), **options)


def test_requests_without_ratings_are_refused():
    with pytest.raises(DataError, match="target_ratings=None"):
        judge(Given([3.0] * 4), asked(None))
    with pytest.raises(DataError, match="none of which"):
        judge(Given([3.0] * 4), asked([[NAN, NAN], [NAN], [NAN]]))
    with pytest.raises(DataError, match="one rating for each target"):
        judge(Given([3.0] * 4), asked([[3.0]]))
