"""Items as candidates."""

from __future__ import annotations

from typing import Any

import keras

from tfprompt.errors import ConfigError
from tfprompt.layers.whitening import unit_length


@keras.saving.register_keras_serializable("tfprompt")
class ItemTower(keras.layers.Layer):
    """Projects item vectors into the space of the queries.

    Args:
        width: width D of a query.

    Call arguments:
        vectors: frozen item vectors `[n, V]` of unit length.
        ids: low-rank id embeddings `[n, R]`, or None.

    Output shape: `[n, D]`, rows of length 1.

    Raises:
        ConfigError: a width below 1.

    Example:
        >>> tuple(ItemTower(width=8)(keras.ops.ones((3, 6))).shape)
        (3, 8)
    """

    def __init__(self, width: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if width < 1:
            raise ConfigError(f"A query has a width of 1 or more. Received: {width}.")
        self.width = width
        self.projection = keras.layers.Dense(width, use_bias=False, name="projection")
        self.lift = keras.layers.Dense(width, use_bias=False, name="lift")

    def build(self, vectors_shape: Any, ids_shape: Any = None) -> None:
        """Creates the projection `[V, D]` and the lift `[R, D]`."""
        self.projection.build(vectors_shape)
        if ids_shape is not None:
            self.lift.build(ids_shape)
        self.built = True

    def call(self, vectors: Any, ids: Any = None) -> Any:
        """Projects and scales to length 1: `[n, V]` in, `[n, D]` out."""
        candidates = self.projection(vectors * vectors.shape[-1] ** 0.5)
        if ids is not None:
            candidates = candidates + self.lift(ids)
        return unit_length(candidates)

    def compute_output_shape(self, vectors_shape: Any, ids_shape: Any = None) -> Any:
        """Shape `[n, D]`."""
        return (vectors_shape[0], self.width)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), "width": self.width}
