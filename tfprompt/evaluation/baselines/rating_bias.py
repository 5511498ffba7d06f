"""Ratings from how generous the user is and how liked the item: hard to beat by much.

Koren 2010, "Factor in the neighbors", section 2.1 (baseline estimates); the regularised least
squares are solved by turns, each turn in closed form.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tfprompt.errors import ConfigError
from tfprompt.evaluation._flat import row_of_each
from tfprompt.evaluation.baselines.rated import (
    Rated,
    check_like,
    rated_histories,
    rated_training,
)

if TYPE_CHECKING:
    from tfprompt.data.requests import Requests
    from tfprompt.data.sequences import Sequences

Floats = NDArray[np.float64]

_TURNS = 200
_CLOSE = 1e-9
# A least squares fit of labels says 0 or 1 where it means "nearly"; a logarithmic loss would
# punish that without end.
_SURE = 0.01


class RatingBias:
    """Predicts `mean + b_user + b_item`, shrunken towards the mean where ratings are few.

    Minimises the squared error plus `lambda_u * sum(b_user²) + lambda_i * sum(b_item²)`. Items
    are as in training. The user is as of the request: `b_user` comes from the ratings of the
    request's history, or from training if the history has none; an unknown user or item is
    average. Ratings are cut to the range of the training ratings.

    Args:
        train: the training part, with ratings.
        lambda_u: as many ratings at the mean are added to each user's. The defaults are near the
            best on the validation parts of MovieLens-100K (1, 2) and MovieTweetings (2, 2).
        lambda_i: likewise to each item's.
        like: None predicts ratings. A number predicts the probability that the rating is at
            least that, by the same fit of labels 0 and 1, cut to [0.01, 0.99].

    Raises:
        ConfigError: a parameter out of its range.
        DataError: the training part has no ratings.

    Example:
        ```python
        judge(RatingBias(split.train), split.test)["rmse"]
        ```
    """

    name = "rating_bias"

    def __init__(
        self,
        train: Sequences,
        *,
        lambda_u: float = 2.0,
        lambda_i: float = 2.0,
        like: float | None = None,
    ) -> None:
        """Fits the biases."""
        if not (0 <= lambda_u < np.inf and 0 <= lambda_i < np.inf):
            raise ConfigError(
                "RatingBias needs lambda_u >= 0 and lambda_i >= 0. Received: "
                f"lambda_u={lambda_u}, lambda_i={lambda_i}."
            )
        self.lambda_u, self.lambda_i = float(lambda_u), float(lambda_i)
        self.like = check_like(like)
        rated = rated_training(train, self.like)
        self.mean = float(rated.values.mean())
        self.range = (float(rated.values.min()), float(rated.values.max()))
        if self.like is not None:
            self.range = (_SURE, 1 - _SURE)
        self._user_ids = train.user_ids
        self.user_bias, self.item_bias = _fit(  # [U], [N]
            rated, len(train.catalog), self.mean, self.lambda_u, self.lambda_i
        )

    @property
    def settings(self) -> dict[str, Any]:
        """The parameters, as a report shows them."""
        found: dict[str, Any] = {"lambda_u": self.lambda_u, "lambda_i": self.lambda_i}
        return found if self.like is None else {**found, "like": self.like}

    def request_bias(self, requests: Requests) -> Floats:
        """The bias of each request's user, from what was rated before it; float64 [R]."""
        rated = rated_histories(requests, self.like)
        rest = rated.values - self.mean - self.item_bias[rated.items]
        number = np.bincount(rated.rows, minlength=rated.n_rows)
        known = dict(zip(self._user_ids.tolist(), self.user_bias.tolist(), strict=True))
        trained = np.array([known.get(user, 0.0) for user in requests.user_ids.tolist()])
        fresh = _shrunken(rated.rows, rest, rated.n_rows, self.lambda_u)
        return np.where(number > 0, fresh, trained)

    def raw(self, requests: Requests, bias: Floats) -> Floats:
        """`mean + b_user + b_item` of every target, not cut; float64 [E].

        Args:
            requests: E targets in all.
            bias: float [R], as `request_bias` gives it.
        """
        rows = row_of_each(requests.target_offsets)
        return self.mean + bias[rows] + self.item_bias[requests.targets]

    def predictions(self, requests: Requests) -> Floats:
        """A rating or a probability for each target.

        Args:
            requests: E targets in all.

        Returns:
            float64 [E].
        """
        return np.clip(self.raw(requests, self.request_bias(requests)), *self.range)


def _fit(
    rated: Rated, n_items: int, mean: float, lambda_u: float, lambda_i: float
) -> tuple[Floats, Floats]:
    """Biases of users [U] and items [N], by turns until none moves."""
    of_users, of_items = np.zeros(rated.n_rows), np.zeros(n_items)
    for _ in range(_TURNS):
        rest = rated.values - mean - of_users[rated.rows]
        moved = _shrunken(rated.items, rest, n_items, lambda_i)
        change = np.abs(moved - of_items).max()
        of_items = moved
        rest = rated.values - mean - of_items[rated.items]
        of_users = _shrunken(rated.rows, rest, rated.n_rows, lambda_u)
        if change < _CLOSE:
            break
    return of_users, of_items


def _shrunken(groups: NDArray[Any], values: Floats, size: int, shrinkage: float) -> Floats:
    """Sum over number plus shrinkage of each group; 0 where a group is empty."""
    number = np.bincount(groups, minlength=size)
    total = np.bincount(groups, values, minlength=size)
    return total / np.where(number > 0, number + shrinkage, 1.0)
