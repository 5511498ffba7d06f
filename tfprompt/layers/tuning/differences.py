"""Frozen weights, each trained as a difference from its frozen value."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfprompt.errors import ConfigError
from tfprompt.layers.tuning.base import Tuning
from tfprompt.layers.tuning.frozen_weights import FrozenWeight


class Differences(Tuning):
    """A base of methods that train some of the backbone's weights themselves: W + s·δ.

    The difference δ is trained, from zero, and not a copy: so weight decay draws back to the
    frozen weight instead of to zero, which would take a gain of 1 or a pretrained kernel apart.

    Args:
        speed: how far a step moves these weights, as a share of how far the optimizer moves the
            others. Pretrained kernels want smaller steps than new prompts.
        name: part of the names of its weights.

    Raises:
        ConfigError: a speed of 0 or less.
    """

    exclusive = True

    def __init__(self, speed: float = 1.0, *, name: str | None = None, **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        if not speed > 0:
            raise ConfigError(f"A speed is above 0. Received: {speed}.")
        self.speed = float(speed)
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
        return value + self.speed * ops.cast(self.differences[weight.name], value.dtype)

    def options(self) -> dict[str, Any]:
        """The constructor's arguments, as JSON."""
        return {**super().options(), "speed": self.speed}
