"""What one value of a column says of a person, as a short vector."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfprompt.errors import ConfigError


@keras.saving.register_keras_serializable("tfprompt")
class ValueCode(keras.layers.Layer):
    """A code `[B, R]` of a category or number; zeros for what is missing or unknown.

    All codes start at zero, so a value that training never shows keeps that of an unknown one.

    Args:
        rank: length R of a code.
        categories: number of known categories, or None for a numeric column.

    Call arguments:
        values: `[B]`. Categorical: integers, 0 for missing or unknown, 1 … `categories`.
            Numeric: standardised floats, NaN for missing.

    Output shape: `[B, R]`.

    Raises:
        ConfigError: a rank or `categories` below 1.

    Example:
        >>> code = ValueCode(rank=2, categories=3)
        >>> keras.ops.convert_to_numpy(code(keras.ops.array([0, 3]))).tolist()
        [[0.0, 0.0], [0.0, 0.0]]
    """

    def __init__(self, rank: int, categories: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if rank < 1 or (categories is not None and categories < 1):
            raise ConfigError(
                "A code has a rank of 1 or more, and a category one value or more. "
                f"Received: rank={rank}, categories={categories}."
            )
        self.rank = rank
        self.categories = categories

    def build(self, input_shape: Any = None) -> None:
        """Creates one row a category, or level and direction for a number."""
        self.table = self.add_weight(
            shape=(2 if self.categories is None else self.categories, self.rank),
            initializer="zeros",
            name="table",
        )
        self.built = True

    def call(self, values: Any) -> Any:
        """`[B]` to `[B, R]`."""
        if self.categories is not None:
            known = ops.logical_and(values >= 1, values <= self.categories)
            rows = ops.where(known, values - 1, ops.zeros_like(values))
            codes = ops.take(self.table, rows, axis=0)
        else:
            values = ops.cast(values, self.compute_dtype)
            known = ops.logical_not(ops.isnan(values))
            # NaN must not reach the product: its gradient would be NaN though it is not chosen.
            safe = ops.where(known, values, ops.zeros_like(values))
            codes = self.table[0] + ops.expand_dims(safe, -1) * self.table[1]
        return codes * ops.expand_dims(ops.cast(known, codes.dtype), -1)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, int]:
        """Shape `[B, R]`."""
        return (input_shape[0], self.rank)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), "rank": self.rank, "categories": self.categories}
