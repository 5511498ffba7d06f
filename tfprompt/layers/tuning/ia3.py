"""Scales of keys, values and the inner activations of the feed-forward part."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfprompt.layers.tuning.base import Tuning
from tfprompt.layers.tuning.frozen_weights import FrozenWeight

_ROLES = ("key", "value", "output")


@keras.saving.register_keras_serializable("tfprompt")
class IA3(Tuning):
    """Multiplies keys, values and feed-forward activations by trained vectors.

    A key (x W + b) ∘ l is x (W ∘ l) + b ∘ l, and the activations before the last projection
    scale the rows of its kernel: so all three are changes of weights, and cost no step more. What
    is trained is l - 1, from zero: weight decay draws to the frozen layer.

    Args:
        name: part of the names of its weights.

    Example:
        encoder = tp.PromptedEncoder(loaded, template, tuning=IA3())

    Reference:
        Liu et al., 2022, "Few-Shot Parameter-Efficient Fine-Tuning is Better and Cheaper than
        In-Context Learning", section 3.3.
    """

    method = "ia3"
    order = 1

    def __init__(self, *, name: str | None = None, **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.differences: dict[str, keras.Variable] = {}

    def takes(self, weight: FrozenWeight) -> bool:
        """True for keys and values with their biases, and for the last kernel."""
        return weight.role in _ROLES and (weight.kind == "kernel" or weight.role != "output")

    def needs(self) -> str:
        """Attention and a feed-forward part."""
        return "keys, values and a feed-forward part"

    def build(self, input_shape: Any = None) -> None:
        """Creates a vector for each kernel."""
        for weight in self.taken:
            if weight.kind == "kernel":
                inputs, outputs = weight.matrix
                self.differences[_key(weight)] = self.add_weight(
                    shape=(inputs if weight.role == "output" else outputs,),
                    initializer="zeros",
                    name=_key(weight),
                )
        self.built = True

    def change(self, weight: FrozenWeight, value: Any) -> Any:
        """The weight with its inputs or outputs scaled."""
        scale = ops.cast(1 + self.differences[_key(weight)], value.dtype)
        if weight.role == "output":
            return value * ops.expand_dims(scale, -1)
        # Behind the inputs stand the heads and their width.
        heads = tuple(weight.variable.shape)[-2:]
        return value * ops.reshape(scale, heads)


def _key(weight: FrozenWeight) -> str:
    return weight.name.rsplit("_", 1)[0]
