"""Retrieval, ranking and re-ranking as the signatures of an artifact."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import tensorflow as tf
from keras import ops

from tfprompt.artifacts.module_parts import (
    NO_SCORE,
    ExportOptions,
    Signature,
    finite,
    values_of,
)
from tfprompt.artifacts.request_graph import RequestGraph, history_length
from tfprompt.artifacts.retrieval_module import RetrievalModule, Tensors
from tfprompt.layers.blend_scores import blend_scores

if TYPE_CHECKING:
    from tfprompt.models.recommender import Recommender


class TwoStageModule(RetrievalModule):
    """A `Recommender` from strings to item ids; inputs and outputs as of `RetrievalModule`.

    Inputs are those of both stages' templates; `prompt` chooses the retriever's. Scores of
    `recommend` and `score` are the blended ones, which are comparable within one list;
    re-ranking may put a lower one first. `encode_query` and `encode_item` are the retriever's.

    Args:
        model: a recommender.
        options: what the artifact is like, `k` at most the recommender's `rank`.
        folder: as of `RetrievalModule`.
    """

    def __init__(
        self, model: Recommender, options: ExportOptions, folder: str | os.PathLike[str]
    ) -> None:
        super().__init__(model.retriever, options, folder)
        self._recommender = lambda: model
        self.rerank_tables = values_of(model.rerank.weights)
        self.ranker_request = None
        if model.ranker is not None:
            # Stages that share a network, or an item table, share its variables too.
            loaded = model.ranker.encoder.loaded
            self.ranker_weights = values_of([*loaded.backbone.weights, *model.ranker.weights])
            self.ranker_request = RequestGraph(
                model.ranker, self.wishes.texts, model.ranker.item_table
            )

    def signatures(self) -> dict[str, Signature]:
        """Functions and inputs by name, those of the ranker's template among them."""
        found = super().signatures()
        if self.ranker_request is None:
            return found
        ranker = self.ranker_request.input_signature()
        return {
            name: (function, {**inputs, **ranker} if name in ("recommend", "score") else inputs)
            for name, (function, inputs) in found.items()
        }

    def recommend(self, **inputs: tf.Tensor) -> Tensors:
        """The final list of each request; see `RetrievalModule.recommend`."""
        model = self._recommender()
        history, excluded = self._ids(inputs)
        k = self._wanted(inputs["k"])
        wishes = self.wishes(inputs)  # both stages read them
        queries = self.queries(history, inputs, wishes)
        first, found = self.retrieve(queries, excluded, model.retrieve)
        second = self._judged(history, inputs, wishes, found)
        best, scores = model.finish(found, tf.where(found < 0, 0.0, first), second)
        most = tf.reduce_max(k)
        return self.answer(best[:, :most], finite(scores[:, :most], NO_SCORE), k)

    def score(self, **inputs: tf.Tensor) -> Tensors:
        """Blended scores of given items; see `RetrievalModule.score`."""
        model = self._recommender()
        history = self.catalog.item_ids.row_of(inputs["history"])
        candidates = self.catalog.item_ids.row_of(inputs["candidates"])
        wishes = self.wishes(inputs)
        queries = self.queries(history, inputs, wishes)
        first = tf.einsum("bw,bqw->bq", queries, self.catalog.take(candidates))
        second = self._judged(history, inputs, wishes, candidates)
        weight = 0.0 if second is None else model.blend
        second = first if second is None else second
        scores = blend_scores(first, second, weight, ops.greater_equal(candidates, 0))
        return {"scores": finite(tf.where(candidates < 0, NO_SCORE, scores), NO_SCORE)}

    def _judged(
        self,
        history: tf.Tensor,
        inputs: Tensors,
        wishes: tuple[tf.Tensor, tf.Tensor],
        rows: tf.Tensor,
    ) -> Any:
        """The ranker's scores of catalog rows `[B, C]`, None without a ranker."""
        if self.ranker_request is None:
            return None
        request = self.ranker_request(history, inputs, *wishes)
        request["candidates"] = rows
        request["moments"] = tf.zeros_like(rows) + history_length(request)
        ranker: Any = self._recommender().ranker
        return ranker(request)
