"""Is one model's judgement better than another's on the same pairs, and by how much?"""

from __future__ import annotations

import numpy as np

from tfprompt.errors import ConfigError
from tfprompt.evaluation.comparison import Comparison
from tfprompt.evaluation.judged_measures import LOWER_IS_BETTER
from tfprompt.evaluation.judged_resampling import middle, resampled_statistics
from tfprompt.evaluation.judgement import Judgement


def compare_judgements(
    judgement_a: Judgement, judgement_b: Judgement, *, bootstrap: int = 1000, seed: int = 0
) -> Comparison:
    """Compares two models on the same judged pairs by a paired bootstrap over users.

    Both are measured on the same drawn users in every resample, so that what makes a user easy or
    hard for both cancels out; that holds for the AUC over all pairs too.

    Args:
        judgement_a: of the first model.
        judgement_b: of the second, or a baseline: `judgement_a.baselines["rating_bias"]`.
        bootstrap: number of resamples.
        seed: of the resamples.

    Returns:
        For each measure that both have: the difference (first minus second), its 95 % interval,
        and the share of resamples in which the first is better: lower for errors, higher for the
        rest, a draw counting half.

    Raises:
        ConfigError: the judgements are about different pairs or labels, or there is no resample.

    Example:
        ```python
        judgement = tp.judge(model, split.test, baselines=[RatingBias(split.train)])
        compare_judgements(judgement, judgement.baselines["rating_bias"])["rmse"]["high"] < 0
        ```
    """
    if judgement_a.fingerprint != judgement_b.fingerprint or judgement_a.like != judgement_b.like:
        described = (f"{j.n_pairs:,} pairs ({j._truth()})" for j in (judgement_a, judgement_b))
        raise ConfigError(
            "A comparison needs two judgements about the same pairs, with the same `like`. "
            f"Received: {' and '.join(described)}. Judge both models on one split."
        )
    if isinstance(bootstrap, bool) or bootstrap < 1:
        raise ConfigError(
            f"A comparison needs at least one resample. Received: bootstrap={bootstrap}."
        )
    names = [name for name in judgement_a.measures if name in judgement_b.measures]
    first, second = (
        resampled_statistics(
            {name: each.statistics[name] for name in names},
            each.n_users,
            resamples=bootstrap,
            seed=seed,
        )
        for each in (judgement_a, judgement_b)
    )
    differences = {}
    for name in names:
        samples = first[name] - second[name]
        low, high = middle(samples)
        known = samples[~np.isnan(samples)] * (-1.0 if name in LOWER_IS_BETTER else 1.0)
        better = (known > 0).mean() + 0.5 * (known == 0).mean() if len(known) else np.nan
        differences[name] = {
            "difference": judgement_a.measures[name] - judgement_b.measures[name],
            "low": low,
            "high": high,
            "probability": float(better),
        }
    return Comparison(
        name=judgement_a.name,
        other=judgement_b.name,
        differences=differences,
        n_requests=judgement_a.n_requests,
        resamples=bootstrap,
    )
