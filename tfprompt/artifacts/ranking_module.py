"""A ranker as one graph: a request and item ids in, scores out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tensorflow as tf

from tfprompt.artifacts.request_graph import RequestGraph, history_length, lookup
from tfprompt.artifacts.serving_module import NO_SCORE
from tfprompt.artifacts.wish_graph import WISH_INPUT, WishGraph
from tfprompt.prompts.template import WISH

if TYPE_CHECKING:
    from tfprompt.models.ranker import Ranker


class RankingModule(tf.Module):
    """Judges items for a request, tokenization included.

    Args:
        model: a trained ranker.

    Inputs of `score`, each with the batch as its first dimension: `candidates` string `[B, Q]`,
        the ids of the items to judge, "" for padding; all others as of `ServingModule`, `history`
        and `wish` only where the template has a history.

    Outputs: `scores` float32 `[B, Q]`: ratings, probabilities of a like, or logits of a click,
        which are comparable within a row. An id that the catalog does not hold gets the lowest
        float32.
    """

    signature_name = "score"

    def __init__(self, model: Ranker) -> None:
        super().__init__(name="ranking")
        self._model = lambda: model
        self.request = RequestGraph(model)
        self.rows = lookup(model.catalog.ids.tolist(), missing=-1)
        self.has_history = model.encoder.template.has_history
        self.wishes = WishGraph(model) if self.has_history else None

    def input_signature(self) -> dict[str, tf.TensorSpec]:
        """Name, type and shape of each input."""
        names = ("candidates", "history") if self.has_history else ("candidates",)
        ids = {name: tf.TensorSpec([None, None], tf.string, name=name) for name in names}
        wish = WISH_INPUT if self.has_history else {}
        return {**ids, **wish, **self.request.input_signature()}

    def __call__(self, **inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        """What each request will think of its candidates."""
        model: Any = self._model()
        candidates = self.rows.lookup(inputs["candidates"])
        if self.wishes is not None:
            wish, wished = self.wishes(inputs[WISH])
            request = self.request(self.rows.lookup(inputs["history"]), inputs, wish, wished)
        else:
            nobody = tf.zeros([tf.shape(candidates)[0], 0], tf.int32)
            request = self.request(nobody, inputs, nobody, nobody)
        request["candidates"] = candidates
        request["moments"] = tf.zeros_like(candidates) + history_length(request)
        scores = model(request)
        scores = tf.sigmoid(scores) if model.objective.kind == "like" else scores
        return {"scores": tf.where(candidates < 0, NO_SCORE, scores)}
