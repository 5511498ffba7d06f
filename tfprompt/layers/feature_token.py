"""One column of the request as one trained token."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfprompt.errors import ConfigError


@keras.saving.register_keras_serializable("tfprompt")
class FeatureToken(keras.layers.Layer):
    """Turns a categorical or numeric value into a token `[B, 1, D]`.

    A category looks its vector up; a number moves along one trained direction from a trained
    origin. A missing value has a vector of its own in both cases.

    Args:
        width: width D of the token.
        categories: number of known categories, or None for a numeric column.
        seed: seed of initial values.

    Call arguments:
        values: `[B]`. Categorical: integers, 0 for missing or unknown, 1 … `categories`.
            Numeric: standardised floats, NaN for missing.

    Output shape: `[B, 1, D]`.

    Raises:
        ConfigError: a width or `categories` below 1.

    Example:
        >>> token = FeatureToken(width=8, categories=24)
        >>> tuple(token(keras.ops.array([3, 0])).shape)
        (2, 1, 8)
    """

    def __init__(
        self, width: int, categories: int | None = None, seed: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if width < 1:
            raise ConfigError(f"A token has a width of 1 or more. Received: width={width}.")
        if categories is not None and categories < 1:
            raise ConfigError(
                f"A categorical feature has 1 or more categories. Received: {categories}."
            )
        self.width = width
        self.categories = categories
        self.seed = seed

    def build(self, input_shape: Any = None) -> None:
        """Creates one row a category, or origin, direction and missing for a number."""
        rows = 3 if self.categories is None else self.categories + 1
        self.table = self.add_weight(
            shape=(rows, self.width),
            initializer=keras.initializers.RandomNormal(stddev=0.1, seed=self.seed),
            name="table",
        )
        self.built = True

    def call(self, values: Any) -> Any:
        """Looks up or interpolates: `[B]` in, `[B, 1, D]` out."""
        if self.categories is not None:
            known = ops.logical_and(values >= 0, values <= self.categories)
            rows = ops.where(known, values, ops.zeros_like(values))
            return ops.expand_dims(ops.take(self.table, rows, axis=0), 1)
        values = ops.cast(values, self.compute_dtype)
        missing = ops.expand_dims(ops.isnan(values), -1)
        # NaN must not reach the product: its gradient would be NaN even where it is not chosen.
        safe = ops.where(ops.isnan(values), ops.zeros_like(values), values)
        origin, direction, absent = self.table[0], self.table[1], self.table[2]
        token = origin + ops.expand_dims(safe, -1) * direction
        return ops.expand_dims(ops.where(missing, absent, token), 1)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, int, int]:
        """Shape `[B, 1, D]`."""
        return (input_shape[0], 1, self.width)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "width": self.width,
            "categories": self.categories,
            "seed": self.seed,
        }
