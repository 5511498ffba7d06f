"""Retrieval, ranking and re-ranking as one graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tensorflow as tf

from tfprompt.artifacts.request_graph import RequestGraph, history_length
from tfprompt.artifacts.serving_module import ServingModule
from tfprompt.prompts.template import WISH

if TYPE_CHECKING:
    from tfprompt.models.recommender import Recommender


class TwoStageModule(ServingModule):
    """A `Recommender` from strings to item ids; inputs and outputs as of `ServingModule`.

    Inputs are those of both stages' templates. Scores are the blended ones, which are comparable
    within one list; re-ranking may put a lower one first.

    Args:
        model: a recommender.
        k: number of results of each request, at most the recommender's `rank`.
    """

    def __init__(self, model: Recommender, k: int) -> None:
        super().__init__(model.retriever, k)
        self._recommender = lambda: model
        self.rerank_tables = [weight.value for weight in model.rerank.weights]
        self.ranker_request = None if model.ranker is None else RequestGraph(model.ranker)

    def input_signature(self) -> dict[str, tf.TensorSpec]:
        """Name, type and shape of each input."""
        inputs = super().input_signature()
        if self.ranker_request is not None:
            inputs |= self.ranker_request.input_signature()
        return inputs

    def __call__(self, **inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        """The k best items of each request."""
        model = self._recommender()
        rows = self.rows.lookup(inputs["history"])
        wish, wished = self.wishes(inputs[WISH])
        first, found = self.retrieve(rows, inputs, wish, wished, model.retrieve)
        second: Any = None
        if self.ranker_request is not None:
            request = self.ranker_request(rows, inputs, wish, wished)
            request["candidates"] = found
            request["moments"] = tf.zeros_like(found) + history_length(request)
            ranker: Any = model.ranker
            second = ranker(request)
        best, scores = model.finish(found, tf.where(found < 0, 0.0, first), second)
        return self.answer(best[:, : self.k], scores[:, : self.k])
