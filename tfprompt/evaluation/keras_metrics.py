"""Keras metrics over the whole catalog by item id, for use inside `fit`.

Ranks are computed in the graph by `ranks_from_scores`; the metrics take ranks. Every metric is a
sum and a count, summed over replicas, so that two replicas report what one does.

```python
ranks = ranks_from_scores(scores, targets, exclude)     # [B]
for metric in (HRAtK(10), NDCGAtK(10), MRR()):
    metric.update_state(ranks)                          # hr_at_10, ndcg_at_10, mrr
```

They agree with `measures` for one target per request; there recall@k is the hit rate.
"""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from tfprompt.errors import ConfigError


def ranks_from_scores(scores: Any, targets: Any, exclude_mask: Any = None) -> Any:
    """Pessimistic rank of one target per row among all items; graph-safe.

    Every candidate whose score is not below the target's is ahead of it. So constant scores put
    the target last, and a NaN, which no comparison would count, costs a place instead of
    giving one: a diverged model ranks last rather than first.

    Args:
        scores: float [B, N].
        targets: int [B], catalog indexes from 0 to N-1.
        exclude_mask: bool [B, N], True where an item is no candidate; the target always is one.

    Returns:
        int32 [B], 1 = best.

    Example:
        >>> ranks = ranks_from_scores(ops.array([[0.9, 0.5, 0.5, 0.1]]), ops.array([1]))
        >>> int(ranks[0])
        3
    """
    scores = ops.convert_to_tensor(scores)
    targets = ops.expand_dims(ops.cast(targets, "int32"), axis=1)  # [B, 1]
    own = ops.take_along_axis(scores, targets, axis=1)  # [B, 1]
    ahead = ops.logical_not(ops.less(scores, own))  # [B, N]
    if exclude_mask is not None:
        ahead = ops.logical_and(ahead, ops.logical_not(ops.cast(exclude_mask, "bool")))
    items = ops.expand_dims(ops.arange(ops.shape(scores)[1], dtype="int32"), axis=0)  # [1, N]
    ahead = ops.logical_and(ahead, ops.not_equal(items, targets))
    return 1 + ops.sum(ops.cast(ahead, "int32"), axis=1)


class _RankMetric(keras.metrics.Mean):
    """Mean over requests of a function of the rank."""

    def update_state(self, ranks: Any, sample_weight: Any = None) -> None:
        """Adds a batch.

        Args:
            ranks: int [B], from `ranks_from_scores`.
            sample_weight: float [B]; 0 leaves a padded row out.
        """
        super().update_state(self._values(ops.cast(ranks, self.dtype)), sample_weight)

    def _values(self, ranks: Any) -> Any:
        raise NotImplementedError


class _CutMetric(_RankMetric):
    """A rank metric that looks at the first k places."""

    _prefix = ""

    def __init__(self, k: int, name: str | None = None, dtype: Any = None) -> None:
        if isinstance(k, bool) or not isinstance(k, int) or k < 1:
            raise ConfigError(
                f"`k` must be a positive whole number. Received: {k!r}. Use for example 10."
            )
        super().__init__(name=name or f"{self._prefix}_at_{k}", dtype=dtype)
        self.k = k

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {**super().get_config(), "k": self.k}


@keras.saving.register_keras_serializable(package="tfprompt")
class HRAtK(_CutMetric):
    """Hit rate: share of requests whose target is among the first k. Named `hr_at_<k>`.

    Args:
        k: length of the list.
        name: of the metric.
        dtype: of the sums.

    Example:
        >>> metric = HRAtK(5)
        >>> metric.update_state(ops.array([1, 6]))
        >>> metric.name, float(metric.result())
        ('hr_at_5', 0.5)
    """

    _prefix = "hr"

    def _values(self, ranks: Any) -> Any:
        return ops.cast(ops.less_equal(ranks, self.k), self.dtype)


@keras.saving.register_keras_serializable(package="tfprompt")
class RecallAtK(HRAtK):
    """Recall with one target per request, which is the hit rate. Named `recall_at_<k>`.

    Args:
        k: length of the list.
        name: of the metric.
        dtype: of the sums.

    Example:
        >>> RecallAtK(5).name
        'recall_at_5'
    """

    _prefix = "recall"


@keras.saving.register_keras_serializable(package="tfprompt")
class NDCGAtK(_CutMetric):
    """NDCG with one target per request: 1 / log2(1 + rank), 0 past k. Named `ndcg_at_<k>`.

    Args:
        k: length of the list.
        name: of the metric.
        dtype: of the sums.

    Example:
        >>> metric = NDCGAtK(5)
        >>> metric.update_state(ops.array([3]))
        >>> float(metric.result())
        0.5
    """

    _prefix = "ndcg"

    def _values(self, ranks: Any) -> Any:
        gains = math.log(2.0) / ops.log(1.0 + ranks)
        return ops.where(ops.less_equal(ranks, self.k), gains, ops.zeros_like(gains))


@keras.saving.register_keras_serializable(package="tfprompt")
class MRR(_RankMetric):
    """Mean reciprocal rank over the whole list. Named `mrr`.

    Args:
        name: of the metric.
        dtype: of the sums.

    Example:
        >>> metric = MRR()
        >>> metric.update_state(ops.array([4]))
        >>> float(metric.result())
        0.25
    """

    def __init__(self, name: str = "mrr", dtype: Any = None) -> None:
        """See the class."""
        super().__init__(name=name, dtype=dtype)

    def _values(self, ranks: Any) -> Any:
        return 1.0 / ranks
