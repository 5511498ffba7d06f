"""What clicks know about an item and its text does not."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from tfprompt.errors import ConfigError


@keras.saving.register_keras_serializable("tfprompt")
class LowRankIds(keras.layers.Layer):
    """A low-rank id embedding that is exactly zero for cold items.

    A cold item is one that training never shows as a positive. As a negative of a softmax it
    would still be trained, into a vector that says "never": its row is therefore masked.

    Args:
        count: number of items N.
        rank: width R of the table.
        drop_rate: share of lookups that are zeroed in training as if the item were cold, so that
            the model stays able to work from text alone.
        seed: seed of the dropping.

    Call arguments:
        indexes: integers `[...]`, 0 … N-1; a negative one (padding, unknown) gives zeros.

    Output shape: `[..., R]`.

    Raises:
        ConfigError: a count or rank below 1, or a drop rate outside 0 … 1.

    Example:
        >>> ids = LowRankIds(count=3, rank=2)
        >>> tuple(ids(keras.ops.array([[0, 2], [1, -1]])).shape)
        (2, 2, 2)
    """

    def __init__(
        self, count: int, rank: int, drop_rate: float = 0.0, seed: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if count < 1 or rank < 1:
            raise ConfigError(
                f"An id table has 1 or more rows and columns. Received: count={count}, rank={rank}."
            )
        if not 0 <= drop_rate < 1:
            raise ConfigError(
                "A drop rate is 0 or more and below 1, where no id would be left. "
                f"Received: drop_rate={drop_rate}."
            )
        self.count = count
        self.rank = rank
        self.drop_rate = drop_rate
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, input_shape: Any = None) -> None:
        """Creates the `[N, R]` table and the `[N]` mask of warm items (all warm at first)."""
        self.table = self.add_weight(
            shape=(self.count, self.rank),
            initializer=keras.initializers.RandomNormal(stddev=0.02, seed=self.seed),
            name="table",
        )
        self.warm = self.add_weight(
            shape=(self.count,), initializer="ones", trainable=False, name="warm"
        )
        self.built = True

    def mark_cold(self, counts: np.ndarray) -> None:
        """Masks the items that occur `counts[i] == 0` times in training; `counts` is `[N]`."""
        if not self.built:
            self.build()
        self.warm.assign(np.asarray(counts > 0, dtype="float32"))

    def call(self, indexes: Any, training: bool | None = None) -> Any:
        """Looks up: `[...]` in, `[..., R]` out."""
        present = indexes >= 0
        rows = ops.where(present, indexes, ops.zeros_like(indexes))
        keep = ops.cast(present, self.compute_dtype) * ops.take(self.warm, rows, axis=0)
        if training and self.drop_rate:
            draw = keras.random.uniform(ops.shape(keep), seed=self.seed_generator)
            keep = keep * ops.cast(draw >= self.drop_rate, keep.dtype)
        return ops.take(self.table, rows, axis=0) * ops.expand_dims(keep, -1)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Shape `[..., R]`."""
        return (*input_shape, self.rank)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "count": self.count,
            "rank": self.rank,
            "drop_rate": self.drop_rate,
            "seed": self.seed,
        }
