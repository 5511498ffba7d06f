"""What Keras calls while a ranker trains, validates and predicts."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from tfprompt.errors import ConfigError
from tfprompt.models.judges_items import JudgesItems
from tfprompt.models.ranking_loss import RankingLoss
from tfprompt.models.ranking_metrics import RankingMetrics
from tfprompt.tasks.objective import Objective
from tfprompt.training.distribution import total_over_replicas


class RankingSteps(JudgesItems):
    """The steps of a model that judges the candidates of each request.

    A subclass sets `objective`, `together`, `loss_function`, `_loss_mean` and `_figures`.
    """

    objective: Objective
    together: Any
    loss_function: RankingLoss
    _loss_mean: keras.metrics.Metric
    _figures: RankingMetrics

    def compile(self, optimizer: Any = None, **kwargs: Any) -> None:
        """As in Keras; without an optimizer, AdamW with gradients clipped to length 1.

        Its rate is 2e-3, or 2e-4 for clicks on top of what is taken together: larger steps overfit
        the shortlists of training (see benchmarks/two_stage.py).
        """
        given = ("metrics", "weighted_metrics")
        if kwargs.get("loss") is not None or any(kwargs.get(name) for name in given):
            raise ConfigError(
                "The loss and the metrics of a Ranker are those of its objective. "
                f"Received: {', '.join(sorted(kwargs))}. Use Objective(kind, loss)."
            )
        rate = 2e-3 if self.together is None else 2e-4
        default = keras.optimizers.AdamW(rate, global_clipnorm=1.0)
        super().compile(default if optimizer is None else optimizer, **kwargs)

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """What is reset at the start of each epoch."""
        return [self._loss_mean, *self._figures.metrics]

    def train_step(self, data: Any) -> dict[str, Any]:
        """One step on a batch of windows and their candidates."""
        x, y, _ = keras.utils.unpack_x_y_sample_weight(data)
        with tf.GradientTape() as tape:
            outputs, penalty = self(x, training=True), self.penalty()
            total, count = self.loss_function(outputs, y["label"])
            loss = total / total_over_replicas(count) + penalty
        self.descend(tape, loss)
        self._loss_mean.update_state(total / tf.maximum(count, 1.0), sample_weight=count)
        return {"loss": self._loss_mean.result()}

    def test_step(self, data: Any) -> dict[str, Any]:
        """One batch of requests: loss and the figures of the objective."""
        x, y, _ = keras.utils.unpack_x_y_sample_weight(data)
        outputs = self(x, training=False)
        if self.objective.kind != "click":
            total, count = self.loss_function(outputs, y["label"])
            self._loss_mean.update_state(total / tf.maximum(count, 1.0), sample_weight=count)
        self._figures.update(outputs, y["label"])
        # A click's candidates in validation are no list of training: they have ranks, and no loss.
        shown = self._figures.metrics if self.objective.kind == "click" else self.metrics
        return {metric.name: metric.result() for metric in shown}

    def predict_step(self, data: Any) -> Any:
        """Ratings or logits `[B, Q]` of one batch."""
        x, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        return self(x, training=False)
