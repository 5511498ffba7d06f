"""Trained vectors that stand in a sequence as if they were tokens."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfprompt.errors import ConfigError


@keras.saving.register_keras_serializable("tfprompt")
class SoftPrompt(keras.layers.Layer):
    """A soft prompt: `length` trained vectors, the same for every row.

    Args:
        length: number of vectors P, 0 or more.
        width: their width D, that of the backbone's hidden states.
        initializer: a Keras initializer for the `[P, D]` matrix; `initialize` replaces it by the
            states of words.

    Call arguments:
        like: any tensor `[B, ...]`; only its first dimension is used.

    Output shape: `[B, P, D]`.

    Raises:
        ConfigError: a negative length, or a width below 1.

    Example:
        >>> prompt = SoftPrompt(length=8, width=384)
        >>> tuple(prompt(keras.ops.zeros((2, 5))).shape)
        (2, 8, 384)

    Reference:
        Lester et al., 2021, "The Power of Scale for Parameter-Efficient Prompt Tuning".
    """

    def __init__(
        self,
        length: int,
        width: int,
        initializer: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if length < 0 or width < 1:
            raise ConfigError(
                "A soft prompt has 0 or more vectors of width 1 or more. "
                f"Received: length={length}, width={width}."
            )
        self.length = length
        self.width = width
        # 0.5 is about the scale of one hidden state of a BERT-family layer norm's output.
        self.initializer = keras.initializers.get(
            initializer or keras.initializers.RandomNormal(stddev=0.5)
        )

    def build(self, input_shape: Any = None) -> None:
        """Creates the `[P, D]` matrix."""
        self.prompt = self.add_weight(
            shape=(self.length, self.width), initializer=self.initializer, name="prompt"
        )
        self.built = True

    def initialize(self, states: Any) -> None:
        """Starts the vectors from given states, repeated or cut to `length`.

        Args:
            states: `[n, D]` with n ≥ 1, e.g. the states of words at the seam.
        """
        if not self.built:
            self.build()
        if self.length == 0:
            return
        rows = ops.arange(self.length) % ops.shape(states)[0]
        self.prompt.assign(ops.take(ops.convert_to_tensor(states), rows, axis=0))

    def call(self, like: Any) -> Any:
        """Repeats the vectors for every row of `like`: `[B, P, D]`."""
        batch = ops.shape(like)[0]
        prompt = ops.expand_dims(self.prompt, 0)
        return ops.broadcast_to(prompt, (batch, self.length, self.width))

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, int, int]:
        """Shape `[B, P, D]`."""
        return (input_shape[0], self.length, self.width)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "length": self.length,
            "width": self.width,
            "initializer": keras.initializers.serialize(self.initializer),
        }
