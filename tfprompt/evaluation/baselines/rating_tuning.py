"""Baselines for ratings whose parameters were chosen on the validation part."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tfprompt.errors import ConfigError, DataError
from tfprompt.evaluation.baselines.rating_bias import RatingBias
from tfprompt.evaluation.baselines.rating_knn import RatingItemKNN

if TYPE_CHECKING:
    from tfprompt.data.requests import Requests
    from tfprompt.data.sequences import Sequences


def tuned_rating_bias(
    train: Sequences,
    validation: Requests,
    *,
    lambda_u: Sequence[float] = (0.5, 1.0, 2.0, 5.0, 10.0),
    lambda_i: Sequence[float] = (0.5, 1.0, 2.0, 5.0, 10.0),
    like: float | None = None,
) -> RatingBias:
    """Chooses `RatingBias`' parameters by the squared error on the validation part.

    Every combination is tried; among equal ones the first in the order given wins. With `like`
    the error is that of the probabilities against the labels 0 and 1 (the Brier score).

    Args:
        train: the training part.
        validation: the validation part, and nothing else.
        lambda_u: values to try.
        lambda_i: values to try.
        like: see `RatingBias`.

    Returns:
        The best one, fitted on `train`.

    Raises:
        ConfigError: nothing to try, or a value out of its range.
        DataError: a part without ratings.

    Example:
        ```python
        bias = tuned_rating_bias(split.train, split.validation)
        final = RatingBias(known_at(split.test), **bias.settings)
        ```
    """
    _check_grid(lambda_u=lambda_u, lambda_i=lambda_i)
    best, least = None, np.inf
    for of_users, of_items in itertools.product(lambda_u, lambda_i):
        candidate = RatingBias(train, lambda_u=of_users, lambda_i=of_items, like=like)
        error = squared_error(candidate.predictions(validation), validation, like)
        if error < least:
            best, least = candidate, error
    assert best is not None  # the grid is not empty and errors are finite
    return best


def tuned_rating_item_knn(
    train: Sequences,
    validation: Requests,
    *,
    neighbours: Sequence[int] = (10, 20, 40, 80),
    shrinkage: Sequence[float] = (30.0, 100.0, 300.0, 1000.0),
    damping: Sequence[float] = (0.0, 0.1, 0.3, 1.0),
    like: float | None = None,
) -> RatingItemKNN:
    """Chooses `RatingItemKNN`'s parameters by the squared error on the validation part.

    The biases are tuned first, as in `tuned_rating_bias`; then every combination is tried on one
    search for neighbours. Args, Returns and Raises likewise.

    Example:
        ```python
        knn = tuned_rating_item_knn(split.train, split.validation)
        judge(model, split.test, baselines=[knn])
        ```
    """
    _check_grid(neighbours=neighbours, shrinkage=shrinkage, damping=damping)
    bias = tuned_rating_bias(train, validation, like=like)
    fitted = RatingItemKNN(train, **bias.settings)
    found = fitted.find(validation)
    best, least = fitted, np.inf
    for near, shrink, damp in itertools.product(neighbours, shrinkage, damping):
        candidate = fitted.with_settings(neighbours=near, shrinkage=shrink, damping=damp)
        error = squared_error(candidate.combine(found), validation, like)
        if error < least:
            best, least = candidate, error
    return best


def squared_error(
    predictions: NDArray[np.float64], requests: Requests, like: float | None = None
) -> float:
    """Mean squared error over the targets that have a rating; of labels 0 and 1 with `like`.

    Args:
        predictions: float [E], one per target.
        requests: with ratings.
        like: from this rating on the label is 1.

    Raises:
        DataError: no target has a rating.
    """
    truth = requests.target_ratings
    known = np.zeros(0, bool) if truth is None else ~np.isnan(truth)
    if truth is None or not known.any():
        raise DataError(
            "Parameters are chosen on targets with ratings. Received: none. Pass the validation "
            "part of a data set with a column 'rating'.",
            column="rating",
        )
    values = np.asarray(truth, np.float64)[known]
    if like is not None:
        values = (values >= like).astype(np.float64)
    return float(np.square(predictions[known] - values).mean())


def _check_grid(**values: Sequence[float]) -> None:
    if not all(len(each) for each in values.values()):
        received = ", ".join(f"{name}={tuple(each)}" for name, each in values.items())
        raise ConfigError(
            f"Tuning needs at least one value of each parameter. Received: {received}."
        )
