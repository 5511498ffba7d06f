"""The word pieces of every item at the seam: what a cross-encoder reads of a candidate."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from tfprompt.errors import ConfigError


@keras.saving.register_keras_serializable("tfprompt")
class ItemStates(keras.layers.Layer):
    """Frozen states of all items' texts in half precision: about 20 kB an item of MiniLM.

    Args:
        count: number of items N.
        length: word pieces T of the longest item, special tokens included.
        width: width D of a state.

    Call arguments:
        indexes: int `[...]`, 0 … N-1; a negative one gives zeros and no token.

    Output: states `[..., T, D]` and mask bool `[..., T]`.

    Example:
        >>> states = ItemStates(count=3, length=4, width=8)
        >>> found, mask = states(keras.ops.array([[2, -1]]))
        >>> tuple(found.shape), tuple(mask.shape)
        ((1, 2, 4, 8), (1, 2, 4))
    """

    def __init__(self, count: int, length: int, width: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.count = count
        self.length = length
        self.width = width

    def build(self, input_shape: Any = None) -> None:
        """Creates the states `[N, T, D]` and the lengths `[N]`."""
        self.states = self.add_weight(
            shape=(self.count, self.length, self.width),
            dtype="float16",
            initializer="zeros",
            trainable=False,
            autocast=False,
            name="states",
        )
        self.lengths = self.add_weight(
            shape=(self.count,), dtype="int32", initializer="zeros", trainable=False, name="lengths"
        )
        self.built = True

    def fill(self, states: np.ndarray, mask: np.ndarray) -> None:
        """Sets the states `[N, T', D]` and mask `[N, T']`, T' ≤ T, of all items."""
        if states.shape[::2] != (self.count, self.width) or states.shape[1] > self.length:
            raise ConfigError(
                f"Item states have shape {(self.count, self.length, self.width)}. "
                f"Received: {states.shape}."
            )
        if not self.built:
            self.build()
        padded = np.zeros((self.count, self.length, self.width), np.float16)
        padded[:, : states.shape[1]] = states
        self.states.assign(padded)
        self.lengths.assign(mask.sum(axis=1).astype(np.int32))

    @property
    def filled(self) -> bool:
        """Whether the table holds states yet."""
        return bool(ops.any(self.lengths > 0))

    def call(self, indexes: Any) -> tuple[Any, Any]:
        """Looks up: `[...]` in, `[..., T, D]` and `[..., T]` out."""
        present = indexes >= 0
        rows = ops.where(present, indexes, ops.zeros_like(indexes))
        states = ops.cast(ops.take(self.states, rows, axis=0), "float32")
        lengths = ops.where(present, ops.take(self.lengths, rows, axis=0), 0)
        mask = ops.arange(self.length, dtype="int32") < ops.expand_dims(lengths, -1)
        return states, mask

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "count": self.count,
            "length": self.length,
            "width": self.width,
        }
