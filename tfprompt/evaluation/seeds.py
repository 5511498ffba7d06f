"""The spread of training: one number per seed is not a result, several are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tfprompt.errors import ConfigError
from tfprompt.evaluation.report import Report

# 97.5 % points of Student's t for 1 to 30 degrees of freedom (Abramowitz and Stegun, table 26.10).
_T = (
    12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281,
    2.2010, 2.1788, 2.1604, 2.1448, 2.1314, 2.1199, 2.1098, 2.1009, 2.0930, 2.0860,
    2.0796, 2.0739, 2.0687, 2.0639, 2.0595, 2.0555, 2.0518, 2.0484, 2.0452, 2.0423,
)  # fmt: skip
_Z = 1.959964


def summarise_seeds(reports: Sequence[Report]) -> dict[str, Any]:
    """Mean, standard deviation and interval over training runs that differ in their seed.

    The interval is Student's: mean ± t(0.975, n - 1) * sd / sqrt(n), which takes the runs as
    independent and about normal. It is about the luck of training; the bootstrap interval of a
    single report is about the luck of who was asked. Neither contains the other.

    Args:
        reports: one per seed, of the same model on the same requests.

    Returns:
        `{"name", "n_seeds", "n_items", "n_requests", "protocol", "fingerprint", "measures"}`;
        each measure is `{"mean", "sd", "low", "high", "values"}`, where `sd` is the sample's
        (n - 1) and `sd`, `low`, `high` are None for a single run.

    Raises:
        ConfigError: no report, or reports about different requests.

    Example:
        ```python
        summary = summarise_seeds([tp.evaluate(train(seed), split.test) for seed in range(5)])
        summary["measures"]["ndcg@10"]["mean"]
        ```
    """
    if not reports or len({report.fingerprint for report in reports}) != 1:
        raise ConfigError(
            "summarise_seeds needs one or more reports about the same requests. Received: "
            f"{len(reports)} reports about {len({r.fingerprint for r in reports})} sets of "
            "requests. Keep the split fixed and vary only the training seed."
        )
    first = reports[0]
    shared = [name for name in first.measures if all(name in r.measures for r in reports)]
    return {
        "name": first.name,
        "n_seeds": len(reports),
        "n_items": first.n_items,
        "n_requests": first.n_requests,
        "protocol": first.protocol,
        "fingerprint": first.fingerprint,
        "measures": {
            name: summarise_values([r.measures[name] for r in reports]) for name in shared
        },
    }


def summarise_values(values: list[float]) -> dict[str, Any]:
    """Mean, sample deviation and Student interval of one measure over seeds; None for one run."""
    mean, n = float(np.mean(values)), len(values)
    if n == 1:
        return {"mean": mean, "sd": None, "low": None, "high": None, "values": values}
    sd = float(np.std(values, ddof=1))
    half = _t_point(n - 1) * sd / math.sqrt(n)
    return {"mean": mean, "sd": sd, "low": mean - half, "high": mean + half, "values": values}


def _t_point(freedom: int) -> float:
    """The 97.5 % point of Student's t; past the table its expansion in 1 / freedom (error < 1e-4).

    Abramowitz and Stegun, 26.7.5, first two terms.
    """
    if freedom <= len(_T):
        return _T[freedom - 1]
    z = _Z
    first = (z**3 + z) / 4 / freedom
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96 / freedom**2
    return z + first + second
