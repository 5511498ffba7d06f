"""Schedules and percentiles, against numbers worked out by hand and against numpy."""

from __future__ import annotations

import numpy as np
import pytest
from loadtest.measures import Outcome, held, highest_rate_held, percentile, summary
from loadtest.schedule import MAX_REQUESTS, arrivals

from tfprompt.errors import ConfigError


def test_fixed_gaps() -> None:
    assert arrivals(4, seconds=1, spacing="fixed").tolist() == [0, 0.25, 0.5, 0.75]
    assert arrivals(10, count=3, spacing="fixed").tolist() == [0, 0.1, 0.2]
    # 0.1 * 30 is above 3 in floats; it is three requests all the same.
    assert len(arrivals(0.1, seconds=30, spacing="fixed")) == 3


def test_poisson_gaps_are_exponential() -> None:
    due = arrivals(200, seconds=60, seed=1)
    gaps = np.diff(due)
    # 12,000 are expected; a Poisson count strays by 110 (one standard deviation), 4 are allowed.
    assert abs(len(due) - 12_000) < 440
    assert (gaps > 0).all() and due[-1] < 60
    # Of exponential gaps the deviation equals the mean, and 1/e are longer than it.
    assert np.std(gaps) == pytest.approx(np.mean(gaps), rel=0.05)
    assert np.mean(gaps > np.mean(gaps)) == pytest.approx(np.exp(-1), abs=0.02)


def test_a_schedule_depends_on_its_seed_alone() -> None:
    assert arrivals(5, count=50).tolist() == arrivals(5, count=50).tolist()
    assert arrivals(5, count=50).tolist() != arrivals(5, count=50, seed=1).tolist()
    assert len(arrivals(5, count=50)) == 50


@pytest.mark.parametrize(
    ("rate", "options"),
    [
        (0, {"seconds": 1}),
        (float("nan"), {"seconds": 1}),
        (1, {}),
        (1, {"seconds": 1, "count": 1}),
        (1, {"count": 0}),
        (1e6, {"count": MAX_REQUESTS + 1}),
        (1e6, {"seconds": 10}),
        (0.01, {"seconds": 4000}),
        (0.001, {"count": 5}),
        (1, {"seconds": 1, "spacing": "bursts"}),
    ],
)
def test_too_much_or_nothing_is_refused(rate: float, options: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="Received"):
        arrivals(rate, **options)  # type: ignore[arg-type]


def test_percentiles_are_the_nearest_rank() -> None:
    values = list(range(1, 1001))
    assert [percentile(values, p) for p in (50, 90, 99, 99.9, 100)] == [500, 900, 990, 999, 1000]
    assert percentile([7.0], 50) == percentile([7.0], 99.9) == 7
    rng = np.random.default_rng(0)
    for size in (2, 10, 99, 101, 997):
        drawn = rng.normal(size=size)
        for p in (50, 90, 99, 99.9):
            expected = np.percentile(drawn, p, method="inverted_cdf")
            assert percentile(drawn.tolist(), p) == expected


def test_latency_counts_from_the_intended_time() -> None:
    on_time = [Outcome(i, i, i + 0.010, "OK") for i in range(9)]
    # Due at 9, but the load test itself came late; answered 10 ms after it was sent.
    late = Outcome(9.0, 9.5, 9.51, "OK")
    step = summary([*on_time, late], rate=1)
    assert step["latency_ms"]["p50"] == pytest.approx(10)
    assert step["latency_ms"]["max"] == pytest.approx(510)
    assert step["send_delay_ms"]["max"] == pytest.approx(500)
    assert step["achieved_rate"] == pytest.approx(10 / 9.51)


def test_what_is_lost_is_counted_and_never_held() -> None:
    fast = [Outcome(0.0, 0.0, 0.001, "OK")] * 99
    step = summary([*fast, Outcome(0.0, 0.0, 0.0001, "RESOURCE_EXHAUSTED")], rate=1)
    assert (step["ok"], step["lost"]) == (99, 1)
    assert step["codes"] == {"OK": 99, "RESOURCE_EXHAUSTED": 1}
    assert step["latency_ms"]["p50"] == pytest.approx(1)
    assert not held(step, limit_ms=1000)
    assert held(summary(fast, rate=1), limit_ms=1000)
    nothing = summary([Outcome(0.0, 0.0, 5.0, "UNAVAILABLE")], rate=1)
    assert nothing["latency_ms"] is None and not held(nothing, limit_ms=10_000)


def test_a_rate_above_one_that_was_not_held_does_not_count() -> None:
    def step(rate: float, p99: float) -> dict[str, object]:
        return {"offered_rate": rate, "lost": 0, "latency_ms": {"p99": p99}}

    assert highest_rate_held([step(10, 5), step(20, 6), step(40, 200), step(80, 7)], 100) == 20
    assert highest_rate_held([step(10, 101)], 100) is None
