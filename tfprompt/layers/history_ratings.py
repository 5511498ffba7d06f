"""How past items were rated, shown on their tokens."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfprompt.errors import ConfigError


@keras.saving.register_keras_serializable("tfprompt")
class HistoryRatings(keras.layers.Layer):
    """Turns the token of a past item into that of a rated one.

    A rating z in standard deviations scales the token, so that what was disliked points away from
    where what was liked points, and moves it along two trained directions, z and z² - 1, so that
    "hated" is not merely the opposite of "loved". A missing rating has a vector of its own.

    Args:
        width: width D of the token.
        mean: mean rating of the data.
        std: standard deviation of the ratings.
        seed: seed of initial values.

    Call arguments:
        items: the tokens `[B, H, D]`.
        ratings: float `[B, H]`, on the data's own scale; NaN where missing.

    Output shape: `[B, H, D]`.

    Raises:
        ConfigError: a width below 1, or a deviation that is not above 0.

    Example:
        >>> shown = HistoryRatings(width=8, mean=3.5, std=1.1)
        >>> tuple(shown(keras.ops.ones((1, 2, 8)), keras.ops.array([[5.0, float("nan")]])).shape)
        (1, 2, 8)
    """

    def __init__(
        self, width: int, mean: float = 0.0, std: float = 1.0, seed: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if width < 1 or std <= 0:
            raise ConfigError(
                "Ratings need a width of 1 or more and a deviation above 0. "
                f"Received: width={width}, std={std}."
            )
        self.width = width
        self.mean = mean
        self.std = std
        self.seed = seed

    def build(self, items_shape: Any = None, ratings_shape: Any = None) -> None:
        """Creates the rows for z, z² - 1 and a missing rating, and the scale `[D]`."""
        self.table = self.add_weight(
            shape=(3, self.width),
            initializer=keras.initializers.RandomNormal(stddev=0.1, seed=self.seed),
            name="table",
        )
        self.scale = self.add_weight(
            shape=(self.width,), initializer=keras.initializers.Constant(0.5), name="scale"
        )
        self.built = True

    def call(self, items: Any, ratings: Any) -> Any:
        """The tokens as rated `[B, H, D]`."""
        ratings = ops.cast(ratings, self.compute_dtype)
        missing = ops.expand_dims(ops.isnan(ratings), -1)
        # NaN must not reach the product: its gradient would be NaN even where it is not chosen.
        z = (ratings - self.mean) / self.std
        z = ops.expand_dims(ops.where(ops.isnan(ratings), ops.zeros_like(ratings), z), -1)
        moved = z * self.table[0] + (ops.square(z) - 1) * self.table[1]
        return items * (1 + ops.multiply(z, self.scale)) + ops.where(missing, self.table[2], moved)

    def compute_output_shape(self, items_shape: Any, ratings_shape: Any = None) -> Any:
        """Shape `[B, H, D]`."""
        return items_shape

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "width": self.width,
            "mean": self.mean,
            "std": self.std,
            "seed": self.seed,
        }
