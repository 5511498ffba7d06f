"""What Keras calls while a retriever trains, validates and predicts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from tfprompt.errors import ConfigError
from tfprompt.evaluation.keras_metrics import ranks_from_scores
from tfprompt.models.fits_parts import FitsParts
from tfprompt.models.retrieval_loss import RetrievalLoss
from tfprompt.training.distribution import total_over_replicas


class RetrievalSteps(FitsParts):
    """The steps of a model that gives queries and candidates to compare.

    A subclass sets `loss_function`, `temperature` and the metrics `_loss_mean` and `_rank_metrics`.
    """

    loss_function: RetrievalLoss
    temperature: Any
    _loss_mean: keras.metrics.Metric
    _rank_metrics: list[keras.metrics.Metric]

    def compile(self, optimizer: Any = None, **kwargs: Any) -> None:
        """As in Keras; without an optimizer, AdamW at 2e-3 with gradients clipped to length 1."""
        if kwargs.get("loss") is not None:
            raise ConfigError(
                "The loss of a Retriever is its TFRS task: choose it by `negatives`. "
                f"Received: loss={kwargs['loss']!r}."
            )
        if kwargs.get("metrics") or kwargs.get("weighted_metrics"):
            raise ConfigError(
                "A Retriever reports HR, recall and NDCG at 10 and MRR over all items; other "
                "figures come from tp.evaluate. Received: metrics to compile with."
            )
        super().compile(optimizer, **kwargs)

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """What is reset at the start of each epoch."""
        return [self._loss_mean, *self._rank_metrics]

    @property
    def _every_position(self) -> bool:
        return self.encoder.attention == "causal" and self.encoder.template.has_history

    def train_step(self, data: Any) -> dict[str, Any]:
        """One step on a batch of windows; every position of each window is a target."""
        x, y, _ = keras.utils.unpack_x_y_sample_weight(data)
        with tf.GradientTape() as tape:
            queries = self(x, every_position=self._every_position, training=True)
            penalty = self.penalty()
            total, count = self.loss_function(self, queries, y["target"])
            loss = total / total_over_replicas(count) + penalty
        self.descend(tape, loss)
        self._loss_mean.update_state(total / tf.maximum(count, 1.0), sample_weight=count)
        return {"loss": self._loss_mean.result()}

    def test_step(self, data: Any) -> dict[str, Any]:
        """One batch of requests: loss, and ranks among all items."""
        x, y, _ = keras.utils.unpack_x_y_sample_weight(data)
        queries = self(x, training=False)
        candidates = self.candidates()
        scores = ops.matmul(queries, ops.transpose(candidates))
        losses = keras.losses.sparse_categorical_crossentropy(
            y["target"], scores / self.temperature, from_logits=True
        )
        self._loss_mean.update_state(losses)
        ranks = ranks_from_scores(scores, y["target"], y["exclude"])
        for metric in self._rank_metrics:
            metric.update_state(ranks)
        return {metric.name: metric.result() for metric in self.metrics}

    def predict_queries(self, inputs: Mapping[str, Any]) -> Any:
        """Queries of every step of a batch of windows, `[B, H+1, W]`."""
        if self._query_graph is None:
            self._query_graph = tf.function(
                lambda x: self(x, every_position=True, training=False), reduce_retracing=True
            )
        return self._query_graph({name: tf.convert_to_tensor(v) for name, v in inputs.items()})

    _query_graph: Any = None

    def predict_step(self, data: Any) -> Any:
        """Queries `[B, D]` of one batch."""
        x, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        return self(x, training=False)
