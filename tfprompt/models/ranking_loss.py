"""The loss of a ranker: judged candidates, alone or in lists, through the TFRS task."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tfprompt.tasks.objective import Objective, ranking_task


class RankingLoss(tf.Module):
    """Hands the judged candidates of a batch to the TFRS `Ranking` task.

    Args:
        objective: what is learned, and how.
        std: standard deviation of the ratings; divides the squared errors of ratings.
    """

    def __init__(self, objective: Objective, std: float = 1.0) -> None:
        super().__init__(name="ranking_loss")
        self.objective = objective
        self.std = std
        # In a list, since Keras refuses to track a Keras 2 layer as an attribute.
        self._task = [ranking_task(objective)]

    def __call__(self, outputs: Any, labels: Any) -> tuple[Any, Any]:
        """Sum of the losses and their number.

        Args:
            outputs: what the model says of each candidate `[B, Q]`: ratings, or else logits.
            labels: float `[B, Q]`, NaN for none.

        Returns:
            Two scalars: the sum over this replica's candidates (or lists), and how many they are.
        """
        task = self._task[0]
        known = ~tf.math.is_nan(labels)
        if self.objective.loss == "pointwise":
            # Weighed by zero, not left out: Keras makes no sum of no values.
            weights = tf.cast(known, outputs.dtype)
            labels = tf.where(known, labels, 0.0)
            if self.objective.kind == "rating":
                labels, outputs = labels / self.std, outputs / self.std
            total = task(
                labels=tf.reshape(labels, [-1, 1]),
                predictions=tf.reshape(outputs, [-1, 1]),
                sample_weight=tf.reshape(weights, [-1]),
                compute_metrics=False,
            )
            return total, tf.reduce_sum(weights)
        size = self.objective.list_size or tf.shape(labels)[1]
        labels = tf.reshape(tf.where(known, labels, -1.0), [-1, size])
        outputs = tf.reshape(outputs, [-1, size])
        # A list says something only where two of its labels differ.
        lowest = tf.reduce_min(tf.where(labels < 0, 1e9, labels), axis=1)
        useful = tf.reduce_max(labels, axis=1) > lowest
        # Padding as a whole, not left out: Keras takes no maximum over no lists.
        labels = tf.where(useful[:, None], labels, -1.0)
        total = task(labels=labels, predictions=outputs, compute_metrics=False)
        return total, tf.reduce_sum(tf.cast(useful, tf.float32))
