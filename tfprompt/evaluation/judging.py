"""`judge`: what users thought of items, against what a model says they think."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tfprompt.data.requests import ranking_words
from tfprompt.errors import ConfigError, DataError
from tfprompt.evaluation._describing import ratings_fingerprint_of, settings_of
from tfprompt.evaluation._flat import check_rows, row_of_each
from tfprompt.evaluation.intervals import user_codes
from tfprompt.evaluation.judged_measures import Pairs, like_statistics, rating_statistics
from tfprompt.evaluation.judged_resampling import statistic_intervals
from tfprompt.evaluation.judgement import Judgement
from tfprompt.evaluation.predictor import Predictor, check_predictor, checked_predictions

if TYPE_CHECKING:
    from tfprompt.data.requests import Requests


def judge(
    model: Predictor,
    requests: Requests,
    *,
    like: float | None = None,
    baselines: Sequence[Predictor] = (),
    bootstrap: int = 1000,
    seed: int = 0,
) -> Judgement:
    """Compares predictions with the ratings that users gave to the targets of requests.

    Only pairs that a user has judged are looked at; how well a model finds items among all is
    what `evaluate` says. Targets without a rating are left out and counted. The predictor is
    asked once for all targets, with `target_ratings` taken away.

    Args:
        model: a `Predictor`: `name` and `predictions(requests)`, one number per target.
        requests: `split.validation` or `split.test`, with ratings.
        like: None judges predicted ratings: `rmse`, `mae`, `ndcg`. A number judges predicted
            probabilities that the rating is at least that: `auc`, `user_auc`, `log_loss`,
            `calibration_error`, `ndcg`. See `judged_measures` for what each is.
        baselines: other predictors to set beside it, for example
            `[RatingBias(split.train), RatingItemKNN(split.train)]`.
        bootstrap: resamples for the 95 % intervals over users; 0 for none.
        seed: of the bootstrap.

    Returns:
        The judgement: `print` it, read it as a dictionary, `save` it.

    Raises:
        ConfigError: an argument or a predictor's answer breaks a rule.
        DataError: there are no ratings, or predictions that are not finite.

    Example:
        ```python
        split = tp.data.load("movielens-100k").ratio()
        judgement = judge(RatingBias(split.train), split.test)
        judgement["rmse"], judgement["interval"]["rmse"]
        ```
    """
    if isinstance(bootstrap, bool) or bootstrap < 0:
        raise ConfigError(
            f"`bootstrap` must be a number of resamples, or 0 for none. Received: {bootstrap}. "
            "1000 is enough for 95 % intervals."
        )
    models = [model, *baselines]
    for each in models:
        check_predictor(each)
    names = [each.name for each in models]
    if len(set(names)) < len(names):
        raise ConfigError(
            f"Model and baselines must have different names. Received: {', '.join(names)}. Set "
            "`name` on one of them."
        )
    judged, ratings = _judged(requests, like)
    rows = row_of_each(requests.target_offsets)[judged]
    users = np.asarray(requests.user_ids)[rows]
    truth = ratings if like is None else (ratings >= like).astype(np.float64)
    pairs = Pairs(truth, rows, user_codes(users))
    fingerprint = ratings_fingerprint_of(requests)
    unseen = dataclasses.replace(requests, target_ratings=None)
    statistics_of = rating_statistics if like is None else like_statistics

    def judgement(predictor: Predictor, beside: dict[str, Judgement]) -> Judgement:
        predictions = checked_predictions(predictor, unseen, probabilities=like is not None)
        statistics = statistics_of(pairs, predictions[judged])
        measures, interval = statistic_intervals(
            statistics, int(pairs.users.max()) + 1, resamples=bootstrap, seed=seed
        )
        return Judgement(
            name=predictor.name,
            measures=measures,
            interval=interval,
            n_pairs=len(truth),
            n_users=int(pairs.users.max()) + 1,
            n_requests=len(np.unique(rows)),
            without_rating=len(requests.targets) - len(truth),
            like=None if like is None else float(like),
            liked=None if like is None else float(truth.mean()),
            protocol=requests.protocol.removesuffix(ranking_words(requests.catalog)),
            resamples=bootstrap,
            seed=seed,
            fingerprint=fingerprint,
            settings=settings_of(predictor),
            statistics=statistics,
            predictions=predictions,
            baselines=beside,
        )

    return judgement(model, {each.name: judgement(each, {}) for each in baselines})


def _judged(
    requests: Requests, like: float | None
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The places of the targets that have a rating, and their ratings, float64."""
    check_rows(
        "targets",
        requests.targets,
        requests.target_offsets,
        len(requests.user_ids),
        len(requests.catalog),
    )
    ratings = requests.target_ratings
    if ratings is None:
        raise DataError(
            "Only requests with ratings can be judged. Received: target_ratings=None. Read "
            "interactions with a column 'rating' (columns={'rating': '<name in the file>'}), or "
            "use evaluate() for events without ratings.",
            column="rating",
        )
    if np.shape(ratings) != requests.targets.shape:
        raise DataError(
            "`target_ratings` must have one rating for each target. Received: shape "
            f"{np.shape(ratings)} for {len(requests.targets)} targets.",
            column="rating",
        )
    if like is not None and (isinstance(like, bool) or not math.isfinite(like)):
        raise ConfigError(f"`like` must be a rating or None. Received: {like!r}. Pass like=4.0.")
    judged = np.flatnonzero(~np.isnan(ratings))
    if not len(judged):
        raise DataError(
            f"There must be at least one rated target. Received: {len(ratings)} targets, none of "
            "which has a rating.",
            column="rating",
        )
    return judged, np.asarray(ratings, np.float64)[judged]
