"""A spring between a tensor and the value that it had."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops


class Pull(keras.regularizers.Regularizer):
    """Adds `weight / 2 · Σ importance · (value - anchor)²` to the loss.

    Args:
        anchor: the value that is held on to.
        importance: of each number, same shape; 0 lets it go.
        weight: of the whole beside the loss.

    Example:
        >>> pull = Pull(np.array([1.0, 2.0]), np.array([3.0, 4.0]), weight=2.0)
        >>> float(pull(keras.ops.array([2.0, 4.0])))
        19.0

    Reference:
        Kirkpatrick et al., 2017, "Overcoming catastrophic forgetting in neural networks",
        equation 3.
    """

    def __init__(self, anchor: np.ndarray, importance: np.ndarray, weight: float) -> None:
        self.anchor = np.asarray(anchor, np.float32)
        self.importance = np.asarray(importance, np.float32)
        self.weight = weight

    def __call__(self, x: Any) -> Any:
        """The penalty of a tensor, a scalar."""
        away = x - ops.convert_to_tensor(self.anchor)
        return 0.5 * self.weight * ops.sum(self.importance * ops.square(away))
