"""What a stream did to a model, read off the matrix of all stages by all stages.

`R[i, j]` is the figure on stage j's requests after training stage i, `[T, T]`; more is better.
"""

from __future__ import annotations

import numpy as np


def average(matrix: np.ndarray) -> float:
    """Mean over all stages after the last one.

    Example:
        >>> average(np.array([[0.5, 0.1], [0.25, 0.75]]))
        0.5
    """
    return float(np.mean(matrix[-1]))


def forgetting(matrix: np.ndarray) -> float:
    """How far the stages but the last fell from the best they ever were; 0 is none.

    `mean over j < T of max over i < T of R[i, j] - R[T, j]`. It is negative where later stages
    made all earlier ones better.

    Example:
        >>> forgetting(np.array([[0.5, 0.1], [0.25, 0.75]]))
        0.25

    Reference:
        Chaudhry et al., 2018, "Riemannian Walk for Incremental Learning", equation 3.
    """
    return float(np.mean(np.max(matrix[:-1, :-1], axis=0) - matrix[-1, :-1]))


def backward_transfer(matrix: np.ndarray) -> float:
    """What later stages did to earlier ones, against just after their own training.

    `mean over j < T of R[T, j] - R[j, j]`.

    Example:
        >>> backward_transfer(np.array([[0.5, 0.1], [0.25, 0.75]]))
        -0.25

    Reference:
        Lopez-Paz and Ranzato, 2017, "Gradient Episodic Memory", equation 3.
    """
    return float(np.mean(matrix[-1, :-1] - np.diag(matrix)[:-1]))


def forward_transfer(matrix: np.ndarray, untrained: np.ndarray) -> float:
    """What earlier stages did to those that had not come yet, against the untrained model.

    `mean over j > 1 of R[j - 1, j] - untrained[j]`.

    Example:
        >>> forward_transfer(np.array([[0.5, 0.125], [0.25, 0.75]]), np.array([0.0, 0.0625]))
        0.0625

    Reference:
        Lopez-Paz and Ranzato, 2017, equation 4.
    """
    return float(np.mean(np.diag(matrix, k=1) - untrained[1:]))
