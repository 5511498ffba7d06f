"""Retrieval against a drawn sample of the catalog, with the bias of the drawing taken out."""

from __future__ import annotations

import tensorflow as tf

from tfprompt.tasks._tfrs import tfrs


class SampledRetrieval(tfrs.tasks.Retrieval):
    """The TFRS retrieval task with one shared sample of negatives for all queries.

    Args:
        temperature: divides the scores; None when the caller has divided them.
        num_hard_negatives: keep only that many highest-scoring negatives of each query.

    Example:
        >>> task = SampledRetrieval()
        >>> loss = task(tf.eye(2), tf.eye(2), tf.constant([0, 1]), tf.eye(2),
        ...             tf.constant([0, 1]), tf.constant([0.5, 0.5]))
        >>> bool(loss > 0)
        True

    Reference:
        Yi et al., 2019, "Sampling-Bias-Corrected Neural Modeling for Large Corpus Item
        Recommendations".
    """

    def __init__(
        self, temperature: float | None = None, num_hard_negatives: int | None = None
    ) -> None:
        super().__init__(temperature=temperature, num_hard_negatives=num_hard_negatives)

    def call(
        self,
        query_embeddings: tf.Tensor,
        positive_embeddings: tf.Tensor,
        positive_ids: tf.Tensor,
        negative_embeddings: tf.Tensor,
        negative_ids: tf.Tensor,
        negative_probability: tf.Tensor,
        sample_weight: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Sum of the sampled softmax losses.

        Args:
            query_embeddings: `[Q, D]`.
            positive_embeddings: `[Q, D]`, row i is the positive of query i.
            positive_ids: `[Q]`.
            negative_embeddings: `[S, D]`, the shared sample.
            negative_ids: `[S]`; where one equals a query's positive it is an accidental hit and
                leaves that query's softmax.
            negative_probability: `[S]`, the expected number of times the item is in the sample;
                its logarithm is taken off the logit (logQ correction).
            sample_weight: `[Q]`, or None.

        Returns:
            Scalar: the weighted sum over the queries.
        """
        positive = tf.reduce_sum(query_embeddings * positive_embeddings, axis=1, keepdims=True)
        negative = tf.linalg.matmul(query_embeddings, negative_embeddings, transpose_b=True)
        if self._temperature is not None:
            positive, negative = positive / self._temperature, negative / self._temperature
        # Not TFRS' own correction: it takes a probability, cut to 1e-6 … 1, and a sample larger
        # than the catalog expects each item more than once.
        negative -= tf.math.log(negative_probability)
        accidental = tf.equal(positive_ids[:, tf.newaxis], negative_ids[tf.newaxis, :])
        negative = tf.where(accidental, tfrs.layers.loss.MIN_FLOAT, negative)
        scores = tf.concat([positive, negative], axis=1)
        labels = tf.concat([tf.ones_like(positive), tf.zeros_like(negative)], axis=1)
        if self._num_hard_negatives is not None:
            scores, labels = tfrs.layers.loss.HardNegativeMining(self._num_hard_negatives)(
                scores, labels
            )
        return self._loss(y_true=labels, y_pred=scores, sample_weight=sample_weight)
