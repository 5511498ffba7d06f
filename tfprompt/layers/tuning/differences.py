"""Frozen weights, each trained as a difference from its frozen value."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfprompt.layers.tuning.base import Tuning
from tfprompt.layers.tuning.frozen_weights import FrozenWeight


class Differences(Tuning):
    """A base of methods that train some of the backbone's weights themselves: W + δ.

    The difference δ is trained, from zero, and not a copy: so weight decay draws back to the
    frozen weight instead of to zero, which would take a gain of 1 or a pretrained kernel apart.

    Args:
        name: part of the names of its weights.
    """

    exclusive = True

    def __init__(self, *, name: str | None = None, **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.differences: dict[str, keras.Variable] = {}

    def build(self, input_shape: Any = None) -> None:
        """Creates a difference for each weight."""
        for weight in self.taken:
            self.differences[weight.name] = self.add_weight(
                shape=tuple(weight.variable.shape), initializer="zeros", name=weight.name
            )
        self.built = True

    def change(self, weight: FrozenWeight, value: Any) -> Any:
        """The weight and its difference."""
        return value + ops.cast(self.differences[weight.name], value.dtype)
