"""What past items say of a person, as a short vector."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfprompt.errors import ConfigError


@keras.saving.register_keras_serializable("tfprompt")
class HistoryCode(keras.layers.Layer):
    """An attention pool over the past items, as a code `[B, R]`; zeros without any.

    One trained query weighs the items, and their weighted mean is projected to the code.

    Args:
        rank: length R of a code.
        width: width D of the items.
        seed: seed of the query's initial values.

    Call arguments:
        items: `[B, H, D]`.
        mask: bool `[B, H]`, which of them may be seen.

    Output shape: `[B, R]`.

    Raises:
        ConfigError: a rank or width below 1.

    Example:
        >>> code = HistoryCode(rank=2, width=4)
        >>> tuple(code(keras.ops.ones((3, 5, 4)), keras.ops.ones((3, 5), "bool")).shape)
        (3, 2)
    """

    def __init__(self, rank: int, width: int, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if rank < 1 or width < 1:
            raise ConfigError(
                f"A code has a rank and items a width of 1 or more. Received: {rank}, {width}."
            )
        self.rank = rank
        self.width = width
        self.seed = seed

    def build(self, *shapes: Any) -> None:
        """Creates the query `[D]` and the projection `[D, R]`."""
        self.query = self.add_weight(
            shape=(self.width,),
            initializer=keras.initializers.RandomNormal(stddev=0.02, seed=self.seed),
            name="query",
        )
        # Zero at first: the prompt starts as the one of everybody.
        self.projection = self.add_weight(
            shape=(self.width, self.rank), initializer="zeros", name="projection"
        )
        self.built = True

    def call(self, items: Any, mask: Any) -> Any:
        """`[B, H, D]` and `[B, H]` to `[B, R]`."""
        mask = ops.cast(mask, "bool")
        logits = ops.where(mask, ops.matmul(items, self.query), -1e9)
        # A softmax by hand: that of Keras warns of a single past item, and there may be no place.
        padded = ops.pad(logits, ((0, 0), (0, 1)), constant_values=-1e9)
        highest = ops.stop_gradient(ops.max(padded, axis=-1, keepdims=True))
        weights = ops.exp(logits - highest) * ops.cast(mask, items.dtype)
        weights = weights / ops.maximum(ops.sum(weights, axis=-1, keepdims=True), 1e-9)
        pooled = ops.sum(items * ops.expand_dims(weights, -1), axis=1)
        return ops.matmul(pooled, self.projection)

    def compute_output_shape(self, items_shape: Any, mask_shape: Any = None) -> Any:
        """Shape `[B, R]`."""
        return (items_shape[0], self.rank)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "rank": self.rank,
            "width": self.width,
            "seed": self.seed,
        }
