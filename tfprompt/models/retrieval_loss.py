"""The loss of a retriever: queries of every position against the chosen negatives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from tfprompt.tasks.negatives import Negatives, retrieval_task
from tfprompt.training.distribution import gather_own_first

if TYPE_CHECKING:
    from tfprompt.models.retriever import Retriever


class RetrievalLoss(tf.Module):
    """Flattens the positions of a batch and hands them to the TFRS task.

    Args:
        negatives: the choice of negatives.
        count: number of items N.
        seed: seed of the drawing of sampled negatives.
    """

    def __init__(self, negatives: Negatives, count: int, seed: int = 0) -> None:
        super().__init__(name="retrieval_loss")
        self.negatives = negatives
        self.count = count
        # In a list, since Keras refuses to track a Keras 2 layer as an attribute.
        self._task = [retrieval_task(negatives)]
        self._frequency = tf.Variable(
            tf.fill([count], 1.0 / count), trainable=False, name="frequency"
        )
        # Catalog rows, those that training knows first, and how many they are.
        self._known_first = tf.Variable(tf.range(count), trainable=False, name="known_first")
        self._known = tf.Variable(count, trainable=False, name="known")
        self._generator = tf.random.Generator.from_seed(seed)

    def set_frequencies(self, counts: np.ndarray) -> None:
        """Sets how often training shows each item, `[N]`.

        The shares serve the logQ correction. An item that is never shown is no negative either:
        nobody has been seen to pass it over, and pushing it down would hurt cold items most.
        """
        known = counts > 0
        self._frequency.assign((counts / max(counts.sum(), 1)).astype("float32"))
        self._known_first.assign(np.argsort(~known, kind="stable").astype("int32"))
        self._known.assign(int(known.sum()))

    def __call__(self, model: Retriever, queries: Any, targets: Any) -> tuple[Any, Any]:
        """Sum of the losses of all positions that have a target, and their number.

        Args:
            model: gives candidates and temperature.
            queries: `[B, Q, D]`, or `[B, D]` where one query answers for all targets.
            targets: int `[B, Q']`, catalog rows, -1 for none.

        Returns:
            Two scalars: the sum over this replica's positions, and how many they are.
        """
        if len(queries.shape) == 2:
            queries = tf.repeat(queries[:, tf.newaxis], tf.shape(targets)[1], axis=1)
        real = targets >= 0
        queries, targets = tf.boolean_mask(queries, real), tf.boolean_mask(targets, real)
        count = tf.cast(tf.shape(targets)[0], tf.float32)
        # Divided here, on the smaller side, so that a learned temperature gets its gradient.
        queries = queries / model.temperature
        task = self._task[0]
        if self.negatives.kind == "catalog":
            candidates = model.candidates(training=True)
            known = self._frequency > 0
            return task(queries, candidates, targets, candidate_mask=known), count
        positives = model.candidates(targets, training=True)
        if self.negatives.kind == "sampled":
            samples = self.negatives.samples
            known = self._known.value()
            places = self._generator.uniform([samples], maxval=known, dtype=tf.int32)
            drawn = tf.gather(self._known_first, places)
            expected = samples / tf.cast(known, tf.float32) if self.negatives.log_q else 1.0
            probability = tf.fill([samples], tf.cast(expected, tf.float32))
            negatives = model.candidates(drawn, training=True)
            return task(queries, positives, targets, negatives, drawn, probability), count
        candidates, ids = gather_own_first(positives), gather_own_first(targets)
        probability = tf.gather(self._frequency, ids) if self.negatives.log_q else None
        loss = task(
            queries,
            candidates,
            candidate_sampling_probability=probability,
            candidate_ids=ids,
            compute_metrics=False,
        )
        return loss, count
