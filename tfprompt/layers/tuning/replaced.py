"""Other values in place of a frozen layer's weights, for as long as it runs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import keras


class Replaced(keras.StatelessScope):
    """While it is open, some variables read as given tensors; gradients flow into those.

    The variables themselves stay as they are, so any number of models can share them. What a
    layer assigns inside, the state of its dropout, takes effect when the scope closes: a plain
    `StatelessScope` would drop it, and dropout would repeat itself in every step.

    Args:
        values: pairs of a variable and a tensor of its shape.

    Example:
        >>> import numpy as np
        >>> dense = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
        >>> dense.build((None, 2))
        >>> with Replaced([(dense.kernel, np.full((2, 1), 5.0))]):
        ...     inside = dense(np.ones((1, 2)))
        >>> float(inside[0, 0]), float(dense(np.ones((1, 2)))[0, 0])
        (10.0, 2.0)
    """

    def __init__(self, values: Iterable[tuple[keras.Variable, Any]]) -> None:
        super().__init__(list(values), initialize_variables=False)
        self._assigned: dict[int, tuple[keras.Variable, Any]] = {}

    def add_update(self, update: tuple[keras.Variable, Any]) -> None:
        """Keeps what a layer assigns until the scope closes."""
        self._assigned[id(update[0])] = update
        super().add_update(update)

    def get_current_value(self, variable: keras.Variable) -> Any:
        """What a variable reads as in here; None for its own value."""
        value = super().get_current_value(variable)
        if value is None and self.original_scope is not None:
            return self.original_scope.get_current_value(variable)
        return value

    def __exit__(self, *args: Any) -> None:
        super().__exit__(*args)
        if args and args[0] is not None:
            return
        for variable, value in self._assigned.values():
            variable.assign(value)
