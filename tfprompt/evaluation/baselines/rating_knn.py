"""Ratings from the user's own ratings of similar items.

Koren 2010, "Factor in the neighbors", section 2.2: what the biases leave unexplained is averaged
over the nearest items that the user has rated; similarities are correlations, shrunken where few
users rated both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tfprompt.errors import ConfigError
from tfprompt.evaluation._flat import row_of_each, take_rows
from tfprompt.evaluation.baselines.rated import rated_histories, rated_training
from tfprompt.evaluation.baselines.rating_bias import RatingBias

if TYPE_CHECKING:
    from tfprompt.data.requests import Requests
    from tfprompt.data.sequences import Sequences

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Every rated history item of every target, whatever the number of neighbours will be.

    Attributes:
        targets: int64 [P], which target, rising.
        correlation: float64 [P], of the target item and the history item, above 0.
        common: float64 [P], users who rated both.
        rest: float64 [P], the user's rating of the history item less the biases.
        base: float64 [E], the biases' prediction of each target.
    """

    targets: NDArray[np.int64]
    correlation: Floats
    common: Floats
    rest: Floats
    base: Floats


class RatingItemKNN:
    """Corrects `RatingBias` by the user's ratings of the items that are most like the target.

    With e = rating minus biases, the correlation of two items is
    `sum(e_ui * e_uj) / sqrt(sum(e_ui²) * sum(e_uj²))` over the users u who rated both; it is
    multiplied by `n / (n + shrinkage)` for n such users. The prediction adds
    `sum(s * e) / (sum(s) + damping)` over the `neighbours` most similar rated items of the
    request's history with a similarity s above 0, so that weak evidence moves it little.

    Similarities come from training, the user's ratings from the request's history. They are
    computed for the items that are asked for; the time is about the sum over those items of the
    events of all their users. The defaults are near the best on the validation parts of
    MovieLens-100K and MovieTweetings.

    Args:
        train: the training part, with ratings.
        neighbours: history items that count for a target.
        shrinkage: pulls correlations that rest on few users towards zero.
        damping: pulls the correction towards zero where similarities are small.
        lambda_u: see `RatingBias`.
        lambda_i: see `RatingBias`.
        like: see `RatingBias`.

    Raises:
        ConfigError: a parameter out of its range.
        DataError: the training part has no ratings.

    Example:
        ```python
        judge(RatingItemKNN(split.train), split.test, baselines=[RatingBias(split.train)])
        ```
    """

    name = "rating_item_knn"

    def __init__(
        self,
        train: Sequences,
        *,
        neighbours: int = 20,
        shrinkage: float = 300.0,
        damping: float = 0.3,
        lambda_u: float = 2.0,
        lambda_i: float = 2.0,
        like: float | None = None,
    ) -> None:
        """Fits the biases and what they leave."""
        self._set(neighbours, shrinkage, damping)
        self.bias = RatingBias(train, lambda_u=lambda_u, lambda_i=lambda_i, like=like)
        self.like = self.bias.like
        rated = rated_training(train, self.like)
        self._items = rated.items
        self._offsets = np.searchsorted(rated.rows, np.arange(rated.n_rows + 1))
        self._rest = rated.values - (
            self.bias.mean + self.bias.user_bias[rated.rows] + self.bias.item_bias[rated.items]
        )
        # The transposed view: places of the events of each item.
        self._by_item = np.argsort(rated.items, kind="stable")
        counts = np.bincount(rated.items, minlength=len(train.catalog))
        self._item_offsets = np.concatenate([[0], np.cumsum(counts)])
        self._rows = rated.rows

    @property
    def settings(self) -> dict[str, Any]:
        """The parameters, as a report shows them."""
        own = {
            "neighbours": self.neighbours,
            "shrinkage": self.shrinkage,
            "damping": self.damping,
        }
        return {**own, **self.bias.settings}

    def with_settings(self, *, neighbours: int, shrinkage: float, damping: float) -> RatingItemKNN:
        """The same fit with other parameters of the neighbours, without fitting again.

        Raises:
            ConfigError: a parameter out of its range.
        """
        other = object.__new__(RatingItemKNN)
        other.__dict__.update(self.__dict__)
        other._set(neighbours, shrinkage, damping)
        return other

    def predictions(self, requests: Requests) -> Floats:
        """A rating or a probability for each target.

        Args:
            requests: E targets in all.

        Returns:
            float64 [E].
        """
        return self.combine(self.find(requests))

    def find(self, requests: Requests) -> Neighbours:
        """The rated history items of each target and how they relate to it.

        Args:
            requests: E targets in all.

        Returns:
            P pairs of a target and a history item with a positive correlation.
        """
        bias = self.bias.request_bias(requests)
        rated = rated_histories(requests, self.like)
        starts = np.searchsorted(rated.rows, np.arange(rated.n_rows + 1))
        rest = rated.values - self.bias.mean - bias[rated.rows] - self.bias.item_bias[rated.items]
        asking = row_of_each(requests.target_offsets)
        order = np.argsort(requests.targets, kind="stable")
        bounds = np.flatnonzero(np.diff(requests.targets[order], prepend=-1))
        empty = np.zeros(0)
        parts: list[tuple[NDArray[Any], ...]] = [(np.zeros(0, np.int64), empty, empty, empty)]
        for group in np.split(order, bounds)[1:]:
            item = int(requests.targets[group[0]])
            correlation, common = self._correlations(item)
            places, offsets = take_rows(np.arange(len(rest)), starts, asking[group])
            near = correlation[rated.items[places]]
            keep = near > 0
            parts.append(
                (
                    group[row_of_each(offsets)][keep],
                    near[keep],
                    common[rated.items[places]][keep],
                    rest[places][keep],
                )
            )
        targets, near, common, left = map(np.concatenate, zip(*parts, strict=True))
        rising = np.argsort(targets, kind="stable")
        return Neighbours(
            targets=targets[rising],
            correlation=near[rising],
            common=common[rising],
            rest=left[rising],
            base=self.bias.raw(requests, bias),
        )

    def combine(self, found: Neighbours) -> Floats:
        """Predictions from neighbours, by the parameters; float64 [E]."""
        similarity = found.correlation * found.common / (found.common + self.shrinkage)
        order = np.lexsort((-similarity, found.targets))
        targets = found.targets[order]
        first = np.searchsorted(targets, targets, side="left")
        order = order[np.arange(len(order)) - first < self.neighbours]
        size = len(found.base)
        weight = np.bincount(found.targets[order], similarity[order], minlength=size)
        pull = similarity[order] * found.rest[order]
        correction = np.bincount(found.targets[order], pull, minlength=size)
        divisor = np.where(weight > 0, weight + self.damping, 1.0)
        return np.clip(found.base + correction / divisor, *self.bias.range)

    def _correlations(self, item: int) -> tuple[Floats, Floats]:
        """Correlation of `item` with each item, 0 with itself, and the users of both; [N] each."""
        n_items = len(self._item_offsets) - 1
        own = self._by_item[self._item_offsets[item] : self._item_offsets[item + 1]]
        places, offsets = take_rows(np.arange(len(self._items)), self._offsets, self._rows[own])
        others = self._items[places]
        mine = self._rest[own][row_of_each(offsets)]
        theirs = self._rest[places]
        product = np.bincount(others, mine * theirs, minlength=n_items)
        mine_squared = np.bincount(others, mine**2, minlength=n_items)
        squares = mine_squared * np.bincount(others, theirs**2, minlength=n_items)
        common = np.bincount(others, minlength=n_items).astype(np.float64)
        product[item] = 0.0
        return product / np.sqrt(np.where(squares > 0, squares, 1.0)), common

    def _set(self, neighbours: int, shrinkage: float, damping: float) -> None:
        if neighbours < 1 or not 0 <= shrinkage < np.inf or not 0 <= damping < np.inf:
            raise ConfigError(
                "RatingItemKNN needs neighbours >= 1, shrinkage >= 0 and damping >= 0. Received: "
                f"neighbours={neighbours}, shrinkage={shrinkage}, damping={damping}."
            )
        self.neighbours = int(neighbours)
        self.shrinkage, self.damping = float(shrinkage), float(damping)
