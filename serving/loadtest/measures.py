"""What a run showed: latencies from the intended time, and what was lost."""

from __future__ import annotations

import collections
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

OK = "OK"
PERCENTILES = (50.0, 90.0, 99.0, 99.9)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One request: when it was due, left and was answered (seconds of one clock), and how.

    Args:
        due_s: when it should have been sent.
        sent_s: when it was sent.
        done_s: when its answer or its failure came.
        code: `"OK"`, a gRPC code, `"HTTP_<status>"`, or why there is no answer.
    """

    due_s: float
    sent_s: float
    done_s: float
    code: str

    @property
    def latency_s(self) -> float:
        """From the intended time: a request that waits for a stalled server waits for real."""
        return self.done_s - self.due_s


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least `percent` % of all values do not exceed (nearest rank).

    Example:
        >>> percentile([1.0, 2.0, 3.0, 4.0], 50)
        2.0
    """
    ordered = sorted(values)
    # Rounded before the ceiling: 99.9 / 100 * 1000 is a little more than 999 in floats.
    rank = max(1, math.ceil(round(percent / 100 * len(ordered), 9)))
    return ordered[rank - 1]


def summary(outcomes: Sequence[Outcome], rate: float | None = None) -> dict[str, Any]:
    """Counts and percentiles of one step, ready for JSON.

    Latencies are those of answered requests; what was lost is counted by code and never improves
    them, since a rate with losses does not count as held.

    Args:
        outcomes: one a request, at least one.
        rate: requests a second that were to be sent; None for clients that wait for answers.

    Returns:
        `requests`, `ok`, `lost`, `codes`, `offered_rate`, `achieved_rate` (answers a second, from
        the first intended time to the last answer), `latency_ms`, and `send_delay_ms`: how late
        the load test itself was. A p99 of that near the p99 of the latency means that the
        machine that sends is too slow.
    """
    answered = [o for o in outcomes if o.code == OK]
    began, ended = min(o.due_s for o in outcomes), max(o.done_s for o in outcomes)
    delays = [1000 * (o.sent_s - o.due_s) for o in outcomes]
    return {
        "offered_rate": rate,
        "achieved_rate": len(answered) / max(ended - began, 1e-9),
        "requests": len(outcomes),
        "ok": len(answered),
        "lost": len(outcomes) - len(answered),
        "codes": dict(sorted(collections.Counter(o.code for o in outcomes).items())),
        "latency_ms": _figures([1000 * o.latency_s for o in answered]),
        "send_delay_ms": {"p99": percentile(delays, 99), "max": max(delays)},
    }


def _figures(values: Sequence[float]) -> dict[str, float] | None:
    if not values:
        return None
    figures = {f"p{percent:g}": percentile(values, percent) for percent in PERCENTILES}
    return {**figures, "max": max(values), "mean": sum(values) / len(values)}


def held(step: dict[str, Any], limit_ms: float) -> bool:
    """Whether nothing was lost and 99 % of the answers came within `limit_ms`."""
    return step["lost"] == 0 and step["latency_ms"]["p99"] <= limit_ms


def highest_rate_held(steps: Sequence[dict[str, Any]], limit_ms: float) -> float | None:
    """The highest offered rate before the first that was not held; None where none was.

    Example:
        >>> fine = {"lost": 0, "latency_ms": {"p99": 20.0}}
        >>> slow = {"lost": 0, "latency_ms": {"p99": 900.0}}
        >>> steps = [{"offered_rate": 10, **fine}, {"offered_rate": 20, **slow}]
        >>> highest_rate_held(steps, limit_ms=100)
        10
    """
    best = None
    for step in sorted(steps, key=lambda step: step["offered_rate"]):
        if not held(step, limit_ms):
            break
        best = step["offered_rate"]
    return best
