"""Bootstrap intervals: shapes, pairing, and whether 95 % means 95 %."""

from __future__ import annotations

import numpy as np
import pytest

from tfprompt.errors import ConfigError
from tfprompt.evaluation import intervals


def test_the_interval_covers_a_known_rate():
    # 400 samples of 200 users who hit with probability 0.3. A binomial count of covered samples
    # at 0.95 has a standard deviation of 1.1 %; below 0.92 or above 0.98 is not 95 %.
    generator = np.random.default_rng(0)
    covered = 0
    for trial in range(400):
        hits = (generator.random(200) < 0.3).astype(float)
        low, high = intervals.bootstrap_interval(hits[:, None], resamples=400, seed=trial)
        covered += low[0] <= 0.3 <= high[0]
    assert 0.92 <= covered / 400 <= 0.98


def test_width_matches_the_normal_approximation():
    hits = np.repeat([0.0, 1.0], 2000)[:, None]
    low, high = intervals.bootstrap_interval(hits, resamples=4000)
    expected = 2 * 1.96 * np.sqrt(0.25 / 4000)
    assert high[0] - low[0] == pytest.approx(expected, rel=0.06)  # 4,000 resamples: about 2 %


def test_seeded():
    values = np.random.default_rng(0).random([100, 2])
    first = intervals.resampled_means(values, resamples=130, seed=1)
    assert first.shape == (130, 2)
    assert (first == intervals.resampled_means(values, resamples=130, seed=1)).all()
    assert (first != intervals.resampled_means(values, resamples=130, seed=2)).any()


def test_the_requests_of_one_user_are_drawn_together():
    # Two users, one always hit over 3 requests, one never over 1: a resample draws (a, a), (a, b)
    # or (b, b), whose means over requests are 1, 3/4 and 0. Drawing requests would give others.
    values = np.array([1.0, 1.0, 0.0, 1.0])[:, None]
    means = intervals.resampled_means(values, ["a", "a", "b", "a"], resamples=200)
    assert set(means[:, 0]) == {0.0, 0.75, 1.0}


def test_distinct_users_change_nothing():
    values = np.random.default_rng(0).random([50, 1])
    names = [f"u{i}" for i in np.random.default_rng(1).permutation(50)]
    plain = intervals.resampled_means(values, resamples=20)
    # Equal up to the order of summation.
    np.testing.assert_allclose(plain, intervals.resampled_means(values, names, resamples=20))


def test_pairing_cancels_what_users_share():
    generator = np.random.default_rng(0)
    easy = generator.random(500)
    found = intervals.paired_bootstrap((easy + 0.01)[:, None], easy[:, None])
    assert found["difference"][0] == pytest.approx(0.01)
    assert found["low"][0] == pytest.approx(0.01) and found["high"][0] == pytest.approx(0.01)
    assert found["probability"][0] == 1.0
    same = intervals.paired_bootstrap(easy[:, None], easy[:, None])
    assert same["probability"][0] == 0.5


def test_refusals():
    with pytest.raises(ConfigError, match="shape"):
        intervals.resampled_means(np.zeros(3))
    with pytest.raises(ConfigError, match="one user per request"):
        intervals.resampled_means(np.zeros([3, 1]), ["a"])
    with pytest.raises(ConfigError, match="same requests and measures"):
        intervals.paired_bootstrap(np.zeros([3, 1]), np.zeros([4, 1]))
