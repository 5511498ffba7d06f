"""Retrieval with a full softmax: every item of the catalog is a candidate of every query."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tfprompt.tasks._tfrs import tfrs


class CatalogRetrieval(tfrs.tasks.Retrieval):
    """The TFRS retrieval task over the whole catalog instead of the batch.

    `tfrs.tasks.Retrieval` takes row i of the candidates as the positive of query i, so a full
    softmax would have to repeat the positives beside the catalog and mask them again. Here the
    candidates are the catalog and the positives are row numbers.

    Costs `[Q, N]` logits a step; for catalogs past some 50,000 items use sampled negatives.

    Args:
        temperature: divides the scores; None when the caller has divided them.
        num_hard_negatives: keep only that many highest-scoring negatives of each query.
        label_smoothing: share of the target probability that is spread over all candidates that
            are left.

    Example:
        >>> task = CatalogRetrieval()
        >>> q, c = tf.eye(2), tf.eye(2)
        >>> round(float(task(q, c, tf.constant([0, 1]))), 4)   # 2 · log(1 + 1/e)
        0.6265
    """

    def __init__(
        self,
        temperature: float | None = None,
        num_hard_negatives: int | None = None,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(temperature=temperature, num_hard_negatives=num_hard_negatives)
        self._label_smoothing = label_smoothing

    def call(
        self,
        query_embeddings: tf.Tensor,
        candidate_embeddings: tf.Tensor,
        target_indexes: tf.Tensor,
        sample_weight: tf.Tensor | None = None,
        candidate_mask: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Sum of the softmax losses.

        Args:
            query_embeddings: `[Q, D]`.
            candidate_embeddings: `[N, D]`, the whole catalog.
            target_indexes: int `[Q]`, the positive's row among the candidates.
            sample_weight: `[Q]`, or None.
            candidate_mask: bool `[N]`, False takes a candidate out of every softmax; a positive
                must not be masked.

        Returns:
            Scalar: the weighted sum over the queries.
        """
        scores = tf.linalg.matmul(query_embeddings, candidate_embeddings, transpose_b=True)
        if self._temperature is not None:
            scores = scores / self._temperature
        if candidate_mask is not None:
            scores = tf.where(candidate_mask, scores, tfrs.layers.loss.MIN_FLOAT)
        if self._num_hard_negatives is None and not self._label_smoothing:
            # One-hot labels of [Q, N] would double the memory that the logits take.
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
                labels=target_indexes, logits=scores
            )
            return tf.reduce_sum(losses if sample_weight is None else losses * sample_weight)
        labels: Any = tf.one_hot(target_indexes, tf.shape(scores)[1])
        if self._num_hard_negatives is not None:
            scores, labels = tfrs.layers.loss.HardNegativeMining(self._num_hard_negatives)(
                scores, labels
            )
        if self._label_smoothing:
            # Not by the loss itself: a share for a masked candidate would cost 1e36.
            real = tf.cast(scores > tfrs.layers.loss.MIN_FLOAT, labels.dtype)
            spread = real / tf.reduce_sum(real, axis=1, keepdims=True)
            labels = (1 - self._label_smoothing) * labels + self._label_smoothing * spread
        return self._loss(y_true=labels, y_pred=scores, sample_weight=sample_weight)
