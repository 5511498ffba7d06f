"""What is known of a rating before anybody looks at taste: who rates, and what."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from tfprompt.errors import ConfigError


@keras.saving.register_keras_serializable("tfprompt")
class RatingBias(keras.layers.Layer):
    """How far a user and an item stand from the mean, as a start for a prompted correction.

    The item's part is measured on the training events (`fit_items`); the user's part is computed
    from the ratings in the history, so it serves users that training never saw. Two trained
    numbers weigh them.

    Args:
        count: number of items N.
        mean: mean rating of the data.
        std: standard deviation of the ratings, the unit of the result.
        user_shrinkage: ratings of mean height that every user is taken to have given besides.
        item_shrinkage: the same for items.

    Call arguments:
        rows: int `[B, Q]`, the candidates' catalog rows, negative for padding.
        moments: int `[B, Q]`, how many items of the history each may use.
        history: int `[B, H]`, catalog rows, negative for padding; None without a history.
        ratings: float `[B, H]`, NaN where unknown; None where none is known.
        item_bias: `[B, Q]`, in place of the items' own (training leaves each event out of it).

    Output shape: `[B, Q]`, in standard deviations.

    Example:
        >>> bias = RatingBias(count=3, mean=3.0, user_shrinkage=1.0)
        >>> row, history = ops.array([[2]]), ops.array([[0, 1]])
        >>> moments, ratings = ops.array([[2]]), ops.array([[5.0, 4.0]])
        >>> ops.convert_to_numpy(bias(row, moments, history, ratings)).tolist()
        [[1.0]]

    Reference:
        Koren, Bell and Volinsky, 2009, "Matrix Factorization Techniques", equation 3.
    """

    def __init__(
        self,
        count: int,
        mean: float = 0.0,
        std: float = 1.0,
        user_shrinkage: float = 2.0,
        item_shrinkage: float = 4.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if count < 1 or std <= 0 or user_shrinkage <= 0 or item_shrinkage <= 0:
            raise ConfigError(
                "A bias needs 1 item or more, a deviation and shrinkages above 0. Received: "
                f"count={count}, std={std}, {user_shrinkage} and {item_shrinkage}."
            )
        self.count = count
        self.mean = mean
        self.std = std
        self.user_shrinkage = user_shrinkage
        self.item_shrinkage = item_shrinkage

    def build(self, *_: Any) -> None:
        """Creates the items' table `[N]` and the two weights."""
        self.items = self.add_weight(
            shape=(self.count,), initializer="zeros", trainable=False, name="items"
        )
        self.scale = self.add_weight(shape=(2,), initializer="ones", name="scale")
        self.built = True

    def fit_items(self, users: np.ndarray, items: np.ndarray, ratings: np.ndarray) -> np.ndarray:
        """Measures the items on events, and sets the table.

        Args:
            users: int `[E]`, who rated.
            items: int `[E]`, what.
            ratings: float `[E]`, NaN where missing.

        Returns:
            float32 `[E]`: the bias of each event's item as it would be without that event.
        """
        known = ~np.isnan(ratings)
        users, items = users[known], items[known]
        centred = ratings[known].astype(np.float64) - self.mean
        by_item = np.zeros(self.count)
        people = int(users.max(initial=0)) + 1
        user_count = np.bincount(users, minlength=people) + self.user_shrinkage
        item_count = np.bincount(items, minlength=self.count) + self.item_shrinkage
        for _ in range(10):
            rest = np.bincount(users, centred - by_item[items], people)
            left = centred - (rest / user_count)[users]
            sums = np.bincount(items, left, self.count)
            by_item = sums / item_count
        if not self.built:
            self.build()
        self.items.assign(by_item.astype(np.float32))
        without = np.zeros(len(ratings), np.float32)
        without[known] = (sums[items] - left) / (item_count[items] - 1)
        return without

    def call(
        self,
        rows: Any,
        moments: Any,
        history: Any = None,
        ratings: Any = None,
        item_bias: Any = None,
    ) -> Any:
        """The bias of each candidate `[B, Q]`."""
        if item_bias is None:
            item_bias = self._of(rows)
        result = self.scale[1] * item_bias
        if history is not None and ratings is not None:
            _, person = self._person(history, ratings)
            person = ops.pad(person, [[0, 0], [1, 0]])  # [B, H+1], nothing known at first
            result = result + self.scale[0] * ops.take_along_axis(person, moments, axis=1)
        return result / self.std

    def residuals(self, history: Any, ratings: Any) -> Any:
        """What taste adds to the ratings of the past, on the data's scale around its mean.

        Args:
            history: int `[B, H]`, catalog rows, negative for padding.
            ratings: float `[B, H]`, NaN where unknown.

        Returns:
            `[B, H]`: less what item and, up to that event, user explain; NaN where unknown.
        """
        above, person = self._person(history, ratings)
        left = self.mean + above - person
        return ops.where(ops.isnan(ratings), ratings, left)

    def _person(self, history: Any, ratings: Any) -> tuple[Any, Any]:
        """Ratings above the item's level, 0 where unknown, and their shrunk mean so far."""
        rated = ops.logical_not(ops.isnan(ratings))
        # NaN must not reach the sum.
        above = ops.where(rated, ratings, self.mean) - self.mean - self._of(history)
        real = ops.cast(rated, above.dtype)
        above = above * real
        return above, ops.cumsum(above, axis=1) / (ops.cumsum(real, axis=1) + self.user_shrinkage)

    def _of(self, rows: Any) -> Any:
        """The items' own bias, 0 for padding: `[...]` to the same."""
        known = ops.cast(rows >= 0, self.items.dtype)
        return ops.take(self.items, ops.maximum(rows, 0), axis=0) * known

    def compute_output_shape(self, rows_shape: Any, *_: Any) -> Any:
        """Shape `[B, Q]`."""
        return rows_shape

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "count": self.count,
            "mean": self.mean,
            "std": self.std,
            "user_shrinkage": self.user_shrinkage,
            "item_shrinkage": self.item_shrinkage,
        }
