"""What `fit` shows of a ranker while it trains."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from tfprompt.evaluation.keras_metrics import MRR, HRAtK, NDCGAtK
from tfprompt.tasks.objective import Objective

# A target that is not among the candidates: behind every list.
_ABSENT = 1_000_000


class RankingMetrics:
    """The Keras metrics of an objective: RMSE and MAE, AUC and log-loss, or ranks.

    Args:
        objective: what is predicted.
    """

    def __init__(self, objective: Objective) -> None:
        self.objective = objective
        self.metrics: list[Any] = {
            "rating": lambda: [
                keras.metrics.RootMeanSquaredError(name="rmse"),
                keras.metrics.MeanAbsoluteError(name="mae"),
            ],
            "like": lambda: [
                keras.metrics.AUC(name="auc", from_logits=True, num_thresholds=1000),
                keras.metrics.BinaryCrossentropy(name="log_loss", from_logits=True),
            ],
            "click": lambda: [HRAtK(10), NDCGAtK(10), MRR()],
        }[objective.kind]()

    def update(self, outputs: Any, labels: Any) -> None:
        """Counts a batch: outputs and labels `[B, Q]`, NaN where there is none."""
        known = ~tf.math.is_nan(labels)
        if self.objective.kind == "click":
            value = ranks_in_lists(outputs, labels)
            for metric in self.metrics:
                metric.update_state(value)
            return
        labels, outputs = tf.boolean_mask(labels, known), tf.boolean_mask(outputs, known)
        for metric in self.metrics:
            metric.update_state(labels[:, None], outputs[:, None])


def ranks_in_lists(outputs: Any, labels: Any) -> Any:
    """Pessimistic rank of the one candidate labelled 1 in each list, int32 `[B]`.

    Args:
        outputs: scores `[B, C]`.
        labels: float `[B, C]`, NaN for padding; without a 1 the target is absent and ranks last.

    Example:
        >>> outputs = tf.constant([[0.3, 0.9, 0.3], [0.1, 0.2, 0.3]])
        >>> labels = tf.constant([[1.0, 0.0, 0.0], [0.0, 0.0, float("nan")]])
        >>> ranks_in_lists(outputs, labels).numpy().tolist()
        [3, 1000000]
    """
    known = ~tf.math.is_nan(labels)
    target = tf.logical_and(known, labels > 0.5)
    own = tf.reduce_sum(tf.where(target, outputs, 0.0), axis=1, keepdims=True)
    ahead = tf.logical_and(known, tf.logical_and(~target, ~(outputs < own)))
    ranks = 1 + tf.reduce_sum(tf.cast(ahead, tf.int32), axis=1)
    return tf.where(tf.reduce_any(target, axis=1), ranks, _ABSENT)
