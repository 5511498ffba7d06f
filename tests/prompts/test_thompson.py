"""A bandit over prompts: posteriors by hand, regret in a simulation, its state on disk."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from tfprompt.errors import CheckpointError, ConfigError
from tfprompt.prompts import ThompsonSampling


def test_posterior_by_hand() -> None:
    bandit = ThompsonSampling(["a", "b"])
    for value in (1, 1, 0, 0.25):
        bandit.reward("a", value)
    assert bandit.posterior("a") == (3.25, 2.75) and bandit.posterior("b") == (1.0, 1.0)
    assert bandit.mean("a") == pytest.approx(3.25 / 6) and bandit.best == "a"
    drifting = ThompsonSampling(["a", "b"], prior=(2, 3), discount=0.5)
    for name, value in (("a", 1), ("a", 1), ("b", 0), ("a", 0)):
        drifting.reward(name, value)
    # a: ((1/2 + 1) / 2) / 2 = 0.375 successes, 1 failure; b: 1/2 failure.
    assert drifting.posterior("a") == (2.375, 4.0) and drifting.posterior("b") == (2.0, 3.5)


def test_choices_follow_the_chance_of_being_best() -> None:
    """With nothing learned in between, arms are drawn as often as they are the best."""
    bandit = ThompsonSampling(["a", "b"], seed=0)
    for name, won, lost in (("a", 6, 4), ("b", 4, 4)):
        for value in [1] * won + [0] * lost:
            bandit.reward(name, value)
    rates = np.linspace(0, 1, 20_001)
    a, b = stats.beta(7, 5), stats.beta(5, 5)
    chance = float(np.trapezoid(a.pdf(rates) * b.cdf(rates), rates))
    drawn = np.mean([bandit.choose() == "a" for _ in range(4000)])
    assert drawn == pytest.approx(chance, abs=3 * (chance * (1 - chance) / 4000) ** 0.5)


def _regret(seed: int, rounds: int, rates: dict[str, float]) -> tuple[np.ndarray, list[str]]:
    bandit, world = ThompsonSampling(list(rates), seed=seed), np.random.default_rng(1000 + seed)
    regret, chosen = np.zeros(rounds), []
    for step in range(rounds):
        name = bandit.choose()
        bandit.reward(name, float(world.random() < rates[name]))
        regret[step] = max(rates.values()) - rates[name]
        chosen.append(name)
    return np.cumsum(regret), chosen


def test_regret_grows_more_slowly_than_time() -> None:
    rates = {"default": 0.10, "kind": 0.20, "short": 0.12, "long": 0.08}
    runs = [_regret(seed, 4000, rates) for seed in range(10)]
    regret = np.mean([run[0] for run in runs], axis=0)
    # Four times the rounds: linear regret would be four times as much.
    assert regret[3999] < 2.2 * regret[999]
    # Choosing at random loses 0.075 a round.
    assert regret[3999] < 0.25 * 0.075 * 4000
    late = [np.mean([name == "kind" for name in chosen[-1000:]]) for _, chosen in runs]
    assert np.mean(late) > 0.85


def test_a_discount_follows_a_change() -> None:
    found = {}
    for discount in (1.0, 0.99):
        bandit, world = ThompsonSampling(["a", "b"], discount=discount, seed=0), None
        world = np.random.default_rng(1)
        late = 0
        for step in range(3000):
            rates = {"a": 0.3, "b": 0.1} if step < 1500 else {"a": 0.1, "b": 0.3}
            name = bandit.choose()
            bandit.reward(name, float(world.random() < rates[name]))
            late += step >= 2000 and name == "b"
        found[discount] = late / 1000
    assert found[0.99] > 0.8 and found[0.99] > found[1.0]


def test_saved_and_loaded_draws_the_same(tmp_path: Path) -> None:
    bandit = ThompsonSampling(["a", "b", "c"], discount=0.9, seed=3)
    for step in range(50):
        bandit.reward(bandit.choose(), step % 2)
    bandit.add("d")
    bandit.save(tmp_path / "bandit.json")
    again = ThompsonSampling.load(tmp_path / "bandit.json")
    assert again.to_dict() == bandit.to_dict() and str(again) == str(bandit)
    assert [again.choose() for _ in range(50)] == [bandit.choose() for _ in range(50)]
    (tmp_path / "bandit.json").write_text('{"format": 1}')
    with pytest.raises(CheckpointError):
        ThompsonSampling.load(tmp_path / "bandit.json")


def test_threads_lose_no_reward() -> None:
    bandit = ThompsonSampling(["a", "b"], seed=0)

    def work() -> None:
        for _ in range(500):
            bandit.reward(bandit.choose(among=["a"]), 1.0)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert bandit.posterior("a") == (2001.0, 1.0)


def test_what_is_refused() -> None:
    for names in ([], ["a", "a"], [1]):
        with pytest.raises(ConfigError):
            ThompsonSampling(names)  # type: ignore[arg-type]
    for options in (
        {"prior": (0, 1)},
        {"prior": (1, float("nan"))},
        {"discount": 0},
        {"discount": 1.1},
    ):
        with pytest.raises(ConfigError):
            ThompsonSampling(["a"], **options)
    bandit = ThompsonSampling(["a"])
    with pytest.raises(ConfigError, match="between 0 and 1"):
        bandit.reward("a", 2)
    with pytest.raises(ConfigError, match="one of a"):
        bandit.choose(among=["b"])
    with pytest.raises(ConfigError, match="which is one"):
        bandit.add("a")
