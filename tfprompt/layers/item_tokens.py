"""Past items as tokens of the frozen encoder."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfprompt.errors import ConfigError


@keras.saving.register_keras_serializable("tfprompt")
class ItemTokens(keras.layers.Layer):
    """Projects item vectors into the backbone's space, one token per item.

    A trained start token stands before the first item, so that an empty history has a position
    too: what it predicts is what a user without history is recommended.

    Args:
        width: width D of the backbone's hidden states.
        max_history: the longest history H.
        dropout: rate of dropout on the tokens.
        seed: seed of the dropout.

    Call arguments:
        vectors: frozen item vectors `[B, H, V]`, oldest first, left-aligned, of unit length.
        ids: low-rank id embeddings `[B, H, R]`, or None.

    Output shape: `[B, H+1, D]`; position 0 is the start token.

    Raises:
        ConfigError: a width or history below 1.

    Example:
        >>> tokens = ItemTokens(width=8, max_history=5)
        >>> tuple(tokens(keras.ops.ones((2, 3, 6))).shape)
        (2, 4, 8)
    """

    def __init__(
        self, width: int, max_history: int, dropout: float = 0.2, seed: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if width < 1 or max_history < 1:
            raise ConfigError(
                "Item tokens need a width and a history of 1 or more. "
                f"Received: width={width}, max_history={max_history}."
            )
        self.width = width
        self.max_history = max_history
        self.dropout_rate = dropout
        self.seed = seed
        self.projection = keras.layers.Dense(width, name="projection")
        self.lift = keras.layers.Dense(width, use_bias=False, name="lift")
        self.dropout = keras.layers.Dropout(dropout, seed=seed)

    def build(self, vectors_shape: Any, ids_shape: Any = None) -> None:
        """Creates the projection `[V, D]`, lift `[R, D]`, start `[1, D]`, positions `[H+1, D]`."""
        self.projection.build(vectors_shape)
        if ids_shape is not None:
            self.lift.build(ids_shape)
        normal = keras.initializers.RandomNormal(stddev=0.02, seed=self.seed)
        self.start = self.add_weight(shape=(1, self.width), initializer=normal, name="start")
        self.positions = self.add_weight(
            shape=(self.max_history + 1, self.width),
            initializer=keras.initializers.RandomNormal(stddev=0.02, seed=self.seed + 1),
            name="positions",
        )
        self.built = True

    def call(self, vectors: Any, ids: Any = None, training: bool | None = None) -> Any:
        """Projects, adds positions: `[B, H, V]` in, `[B, H+1, D]` out."""
        # A unit vector's entries are about 1/sqrt(V); hidden states have entries of about 1.
        tokens = self.projection(vectors * vectors.shape[-1] ** 0.5)
        if ids is not None:
            tokens = tokens + self.lift(ids)
        batch = ops.shape(tokens)[0]
        start = ops.broadcast_to(ops.expand_dims(self.start, 0), (batch, 1, self.width))
        tokens = ops.concatenate([start, tokens], axis=1)
        length = ops.shape(tokens)[1]
        tokens = tokens + ops.expand_dims(self.positions[:length], 0)
        return self.dropout(tokens, training=training)

    def compute_output_shape(self, vectors_shape: Any, ids_shape: Any = None) -> Any:
        """Shape `[B, H+1, D]`."""
        length = vectors_shape[1]
        return (vectors_shape[0], None if length is None else length + 1, self.width)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "width": self.width,
            "max_history": self.max_history,
            "dropout": self.dropout_rate,
            "seed": self.seed,
        }
