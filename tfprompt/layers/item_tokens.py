"""Past items as tokens of the frozen encoder."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfprompt.errors import ConfigError


@keras.saving.register_keras_serializable("tfprompt")
class ItemTokens(keras.layers.Layer):
    """Makes one token of each past item.

    A trained start token stands before the first item, so that an empty history has a position
    too: what it predicts is what a user without history is recommended. A layer norm at the end
    puts the tokens where the frozen layers expect states to be (`match`).

    Args:
        width: width D of the backbone's hidden states.
        max_history: the longest history H.
        dropout: rate of dropout on the tokens.
        seed: seed of the dropout.

    Call arguments:
        items: projected items `[B, H, D]`, oldest first, left-aligned.

    Output shape: `[B, H+1, D]`; position 0 is the start token.

    Raises:
        ConfigError: a width or history below 1, or a history longer than that.

    Example:
        >>> tokens = ItemTokens(width=8, max_history=5)
        >>> tuple(tokens(keras.ops.ones((2, 3, 8))).shape)
        (2, 4, 8)
    """

    def __init__(
        self, width: int, max_history: int, dropout: float = 0.3, seed: int = 0, **kwargs: Any
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
        self.norm = keras.layers.LayerNormalization(epsilon=1e-6, name="norm")
        self.dropout = keras.layers.Dropout(dropout, seed=seed)

    def build(self, items_shape: Any = None) -> None:
        """Creates the start `[1, D]`, the positions `[H+1, D]` and the norm."""
        self.norm.build((None, None, self.width))
        normal = keras.initializers.RandomNormal(stddev=0.02, seed=self.seed)
        self.start = self.add_weight(shape=(1, self.width), initializer=normal, name="start")
        self.positions = self.add_weight(
            shape=(self.max_history + 1, self.width),
            initializer=keras.initializers.RandomNormal(stddev=0.02, seed=self.seed + 1),
            name="positions",
        )
        self.built = True

    def call(self, items: Any, training: bool | None = None) -> Any:
        """Adds start and positions, normalises: `[B, H, D]` in, `[B, H+1, D]` out."""
        if items.shape[1] is not None and items.shape[1] > self.max_history:
            raise ConfigError(
                f"There are positions for at most {self.max_history} items. "
                f"Received: {items.shape[1]}; cut the history or raise max_history."
            )
        batch = ops.shape(items)[0]
        start = ops.broadcast_to(ops.expand_dims(self.start, 0), (batch, 1, self.width))
        tokens = ops.concatenate([start, items], axis=1)
        length = ops.shape(tokens)[1]
        tokens = tokens + ops.expand_dims(self.positions[:length], 0)
        return self.dropout(self.norm(tokens), training=training)

    def match(self, mean: Any, deviation: Any) -> None:
        """Starts the layer norm at the mean and deviation `[D]` of the states at the seam."""
        self.norm.gamma.assign(deviation)
        self.norm.beta.assign(mean)

    def compute_output_shape(self, items_shape: Any) -> Any:
        """Shape `[B, H+1, D]`."""
        length = items_shape[1]
        return (items_shape[0], None if length is None else length + 1, self.width)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "width": self.width,
            "max_history": self.max_history,
            "dropout": self.dropout_rate,
            "seed": self.seed,
        }
