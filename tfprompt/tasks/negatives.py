"""Which items a query is trained to score below its positive."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Literal

import tensorflow as tf

from tfprompt.errors import ConfigError
from tfprompt.tasks._tfrs import tfrs
from tfprompt.tasks.catalog_retrieval import CatalogRetrieval
from tfprompt.tasks.sampled_retrieval import SampledRetrieval


@dataclasses.dataclass(frozen=True)
class Negatives:
    """The choice of negatives.

    Attributes:
        kind: "catalog" (full softmax), "in_batch" (the other positives of the global batch) or
            "sampled" (a shared sample of the catalog).
        samples: size S of the sample ("sampled").
        log_q: takes the logarithm of the sampling probability off the logits ("in_batch" by the
            items' training frequency, "sampled" by the drawing's).
        hard: keep only that many highest-scoring negatives of each query; None keeps all.
        remove_accidental_hits: a negative that is the query's own positive leaves the softmax
            ("in_batch"; always so for "sampled", and there are none in "catalog").
        label_smoothing: as in `CatalogRetrieval`.

    Raises:
        ConfigError: an unknown kind, a count below 1, or a share outside 0 … 1.
    """

    kind: Literal["catalog", "in_batch", "sampled"] = "catalog"
    samples: int = 512
    log_q: bool = True
    hard: int | None = None
    remove_accidental_hits: bool = True
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in ("catalog", "in_batch", "sampled"):
            raise ConfigError(
                f"Negatives are 'catalog', 'in_batch' or 'sampled'. Received: {self.kind!r}."
            )
        if self.samples < 1 or (self.hard is not None and self.hard < 1):
            raise ConfigError(
                "Numbers of negatives are 1 or more. "
                f"Received: samples={self.samples}, hard={self.hard}."
            )
        if not 0 <= self.label_smoothing < 1:
            raise ConfigError(
                "Label smoothing is a share of the probability, 0 or more and below 1. "
                f"Received: label_smoothing={self.label_smoothing}."
            )
        if self.label_smoothing and self.kind != "catalog":
            raise ConfigError(
                "Label smoothing spreads over the catalog. "
                f"Received: label_smoothing={self.label_smoothing} with negatives {self.kind!r}."
            )


def retrieval_task(negatives: Negatives) -> Callable[..., Any]:
    """The TFRS task for `negatives`, as a graph function; scores are divided by the caller.

    Keras 3 traces a training step with autograph off, and `tfrs.tasks.Retrieval` counts on
    autograph (`len` of a symbolic tensor): a `tf.function` of its own turns it on again.
    """
    if negatives.kind == "catalog":
        return CatalogRetrieval(
            num_hard_negatives=negatives.hard, label_smoothing=negatives.label_smoothing
        )
    if negatives.kind == "sampled":
        return SampledRetrieval(num_hard_negatives=negatives.hard)
    task = tfrs.tasks.Retrieval(
        num_hard_negatives=negatives.hard,
        remove_accidental_hits=negatives.remove_accidental_hits,
    )
    return tf.function(task, reduce_retracing=True)
