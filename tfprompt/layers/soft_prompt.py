"""Trained vectors that stand in a sequence as if they were tokens."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
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
        reparameterized: trains the vectors through a small network with a residual,
            `prompt + tanh(prompt A) B`. It starts at zero, smooths the way of training, and is
            folded into the vectors when they are kept.
        members: number of such prompts M, for an ensemble; the matrix is then `[M, P, D]`.

    Call arguments:
        like: any tensor `[B, ...]`; only its first dimension is used.

    Output shape: `[B, P, D]`, of an ensemble the first member's.

    Raises:
        ConfigError: a negative length, a width below 1, or no member.

    Example:
        >>> prompt = SoftPrompt(length=8, width=384)
        >>> tuple(prompt(keras.ops.zeros((2, 5))).shape)
        (2, 8, 384)

    References:
        Lester et al., 2021, "The Power of Scale for Parameter-Efficient Prompt Tuning"; Liu et al.,
        2021, "GPT Understands, Too" (P-tuning) and Razdaibiedina et al., 2023, "Residual Prompt
        Tuning" (the network).
    """

    def __init__(
        self,
        length: int,
        width: int,
        initializer: Any = None,
        reparameterized: bool = False,
        members: int = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if length < 0 or width < 1 or members < 1:
            raise ConfigError(
                "A soft prompt has 0 or more vectors of width 1 or more, and 1 member or more. "
                f"Received: length={length}, width={width}, members={members}."
            )
        self.length = length
        self.width = width
        self.reparameterized = reparameterized
        self.members = members
        # 0.5 is about the scale of one hidden state of a BERT-family layer norm's output.
        self.initializer = keras.initializers.get(
            initializer or keras.initializers.RandomNormal(stddev=0.5)
        )

    def build(self, input_shape: Any = None) -> None:
        """Creates the `[P, D]` matrix, and the network's `[D, D/4]` and `[D/4, D]`."""
        shape: tuple[int, ...] = (self.length, self.width)
        if self.members > 1:
            shape = (self.members, *shape)
        self.prompt = self.add_weight(shape=shape, initializer=self.initializer, name="prompt")
        self.network: list[Any] = []
        if self.reparameterized:
            inner = max(1, self.width // 4)
            self.network = [
                self.add_weight(
                    shape=(self.width, inner), initializer=_first_matrix(), name="network_in"
                ),
                self.add_weight(shape=(inner, self.width), initializer="zeros", name="network_out"),
            ]
        self.built = True

    def initialize(self, states: Any) -> None:
        """Starts the vectors from given states, repeated or cut to `length`.

        Args:
            states: `[n, D]` with n ≥ 1, e.g. the states of words at the seam. Members of an
                ensemble take one piece of them after the other where there are enough for all.
        """
        if not self.built:
            self.build()
        if self.length == 0:
            return
        states = np.asarray(states, np.float32)
        own = self.length * self.members
        places = np.arange(own) if len(states) >= own else np.arange(own) % self.length
        self.assign(states[places % len(states)].reshape(self.prompt.shape))

    def assign(self, vectors: Any) -> None:
        """Sets the vectors to `[P, D]` (`[M, P, D]`); the network starts anew from there."""
        self.prompt.assign(vectors)
        if self.network:
            first, second = self.network
            first.assign(_first_matrix()(first.shape, first.dtype))
            second.assign(np.zeros(second.shape, np.float32))

    def vectors(self) -> Any:
        """The vectors `[P, D]` (`[M, P, D]`), the network folded in."""
        prompt = ops.convert_to_tensor(self.prompt)
        if not self.network:
            return prompt
        first, second = self.network
        return prompt + ops.matmul(ops.tanh(ops.matmul(prompt, first)), second)

    def call(self, like: Any) -> Any:
        """Repeats the vectors for every row of `like`: `[B, P, D]`."""
        batch = ops.shape(like)[0]
        vectors = self.vectors()
        prompt = ops.expand_dims(vectors if self.members == 1 else vectors[0], 0)
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
            "reparameterized": self.reparameterized,
            "members": self.members,
        }


def _first_matrix() -> keras.initializers.Initializer:
    """Of a network; seeded, so that one that starts anew is one that was never trained."""
    return keras.initializers.GlorotUniform(seed=0)
