"""The items to judge, as tokens of the frozen encoder."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfprompt.errors import ConfigError


@keras.saving.register_keras_serializable("tfprompt")
class CandidateTokens(keras.layers.Layer):
    """Marks states as belonging to the item that is to be judged.

    One trained vector is added to every state of a candidate, so that the frozen layers can tell
    it from a past item. A candidate that is one projected token (`normalize=True`) also passes a
    layer norm, which puts it where the frozen layers expect states to be (`match`); word pieces
    are there already.

    Args:
        width: width D of the backbone's hidden states.
        normalize: whether the candidates are projected tokens.
        dropout: rate of dropout on the tokens.
        seed: seed of initial values and dropout.

    Call arguments:
        candidates: `[..., D]`.

    Output shape: `[..., D]`.

    Raises:
        ConfigError: a width below 1.

    Example:
        >>> marked = CandidateTokens(width=8)
        >>> tuple(marked(keras.ops.ones((2, 3, 8))).shape)
        (2, 3, 8)
    """

    def __init__(
        self,
        width: int,
        normalize: bool = True,
        dropout: float = 0.0,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if width < 1:
            raise ConfigError(f"A token has a width of 1 or more. Received: width={width}.")
        self.width = width
        self.normalize = normalize
        self.dropout_rate = dropout
        self.seed = seed
        self.norm = keras.layers.LayerNormalization(epsilon=1e-6, name="norm")
        self.dropout = keras.layers.Dropout(dropout, seed=seed)

    def build(self, input_shape: Any = None) -> None:
        """Creates the vector `[D]` and, for projected tokens, the norm."""
        # Word pieces start unchanged: an untrained cross-encoder is the frozen one.
        initializer: Any = "zeros"
        if self.normalize:
            self.norm.build((None, None, self.width))
            initializer = keras.initializers.RandomNormal(stddev=0.02, seed=self.seed)
        self.role = self.add_weight(shape=(self.width,), initializer=initializer, name="role")
        self.built = True

    def call(self, candidates: Any, training: bool | None = None) -> Any:
        """Adds the vector, normalises: `[..., D]` to the same."""
        candidates = ops.add(candidates, self.role)
        if self.normalize:
            candidates = self.norm(candidates)
        return self.dropout(candidates, training=training)

    def match(self, mean: Any, deviation: Any) -> None:
        """Starts the layer norm at the mean and deviation `[D]` of the states at the seam."""
        if self.normalize:
            self.norm.gamma.assign(deviation)
            self.norm.beta.assign(mean)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "width": self.width,
            "normalize": self.normalize,
            "dropout": self.dropout_rate,
            "seed": self.seed,
        }
