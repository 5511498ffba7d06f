"""What a ranker learns, and the TFRS `Ranking` task that teaches it."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

import keras
import keras_rs
from keras import ops

from tfprompt.errors import ConfigError
from tfprompt.tasks._tfrs import tfrs

Kind = Literal["rating", "like", "click"]
LossName = Literal["pointwise", "pairwise", "softmax", "list_mle"]
KINDS = ("rating", "like", "click")
LOSSES = ("pointwise", "pairwise", "softmax", "list_mle")


@dataclasses.dataclass(frozen=True)
class Objective:
    """What a ranker predicts of an item, and how it is compared with others.

    Args:
        kind: "rating" (the rating itself), "like" (whether the rating reaches `like`) or "click"
            (whether the item is the next one; other items are drawn as its negatives).
        loss: "pointwise" (squared error, or cross-entropy), "pairwise" (BPR: Rendle et al., 2009),
            "softmax" (Cao et al., 2007, ListNet's top one) or "list_mle" (Xia et al., 2008). The
            list is a click and its negatives, or all that a user has judged in a window. All but
            "pointwise" learn an order alone: the level of their ratings, and what their likes
            promise, are not calibrated.
        like: the lowest rating that counts as liked.
        negatives: how many a click is compared with.

    Raises:
        ConfigError: an unknown name, or a number out of range.

    Example:
        >>> Objective("click", "softmax", negatives=7).list_size
        8
    """

    kind: Kind = "rating"
    loss: LossName = "pointwise"
    like: float = 4.0
    negatives: int = 7

    def __post_init__(self) -> None:
        for name, value, known in (("kind", self.kind, KINDS), ("loss", self.loss, LOSSES)):
            if value not in known:
                raise ConfigError(
                    f"An objective's {name} is one of {', '.join(known)}. Received: {value!r}."
                )
        if not isinstance(self.negatives, int) or self.negatives < 1:
            raise ConfigError(
                f"A click is compared with 1 negative or more. Received: {self.negatives}."
            )

    @property
    def list_size(self) -> int | None:
        """Candidates that are compared with each other; None for all of a window."""
        return 1 + self.negatives if self.kind == "click" else None


class ListSoftmax(keras.losses.Loss):
    """Cross-entropy between the labels of a list and the softmax of its scores.

    Call arguments: labels `[L, S]`, -1 for padding, and scores `[L, S]`.

    Example:
        >>> loss = ListSoftmax(reduction="sum")
        >>> round(float(loss(ops.array([[1.0, 0.0, -1.0]]), ops.array([[0.0, 0.0, 9.0]]))), 4)
        0.6931
    """

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """`[L, S]` and `[L, S]` to `[L]`."""
        real = y_true >= 0
        labels = ops.where(real, y_true, ops.zeros_like(y_true))
        share = labels / ops.maximum(ops.sum(labels, axis=-1, keepdims=True), 1e-6)
        scores = ops.where(real, y_pred, ops.full_like(y_pred, -1e9))
        return -ops.sum(share * ops.log_softmax(scores, axis=-1), axis=-1)


def ranking_task(objective: Objective) -> tfrs.tasks.Ranking:
    """The TFRS task: `task(labels=…, predictions=…)` is the sum of the losses.

    A sum, so that the caller can divide by the number over all replicas.
    """
    if objective.loss == "pointwise":
        loss: Any = (
            keras.losses.MeanSquaredError(reduction="sum")
            if objective.kind == "rating"
            else keras.losses.BinaryCrossentropy(from_logits=True, reduction="sum")
        )
    else:
        loss = {
            "pairwise": keras_rs.losses.PairwiseLogisticLoss,
            "softmax": ListSoftmax,
            "list_mle": keras_rs.losses.ListMLELoss,
        }[objective.loss](reduction="sum")
    return tfrs.tasks.Ranking(loss=loss)
