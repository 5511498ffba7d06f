"""A retriever as one graph: strings in, item ids and scores out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from tfprompt.artifacts.request_graph import RequestGraph, lookup
from tfprompt.artifacts.wish_graph import WISH_INPUT, WishGraph
from tfprompt.models.wishes import wish_candidates, wish_queries
from tfprompt.prompts.template import WISH
from tfprompt.tasks.index import CatalogIndex

if TYPE_CHECKING:
    from tfprompt.models.retriever import Retriever

# What stands in the results where fewer than k items are left to recommend.
NO_ITEM, NO_SCORE = "", float(np.finfo(np.float32).min)


class ServingModule(tf.Module):
    """Everything that a request passes on its way to item ids, tokenization included.

    Args:
        model: a trained retriever.
        k: number of results of each request, at most N.

    Inputs of `recommend`, each with the batch as its first dimension:
        history: string `[B, H]`, item ids, oldest first; "" is padding, unknown ids are skipped.
        history_ratings: float32 `[B, H]`, NaN where unknown, where the template shows them.
        wish: string `[B]`, free text, "" for none.
        one input for each column that the template names: string `[B]` for text and categories,
            float32 `[B]` for numbers (NaN where unknown) that are not read as text too,
            `timestamp` int64 `[B]` in seconds where the template asks for an hour, weekday or
            month.

    Outputs: `item_ids` string `[B, k]`, best first, without items of the history; `scores`
        float32 `[B, k]`. Where fewer than k items are left, the id is "" and the score the lowest
        float32.
    """

    signature_name = "recommend"

    def __init__(self, model: Retriever, k: int) -> None:
        super().__init__(name="serving")
        self.k = min(k, len(model.catalog))
        self._model = lambda: model
        self.request = RequestGraph(model)
        self.wishes = WishGraph(model)
        self.index = CatalogIndex(np.asarray(wish_candidates(model)))
        self.item_ids = tf.Variable(
            [*model.catalog.ids.tolist(), NO_ITEM], trainable=False, name="item_ids"
        )
        self.rows = lookup(model.catalog.ids.tolist(), missing=-1)

    def input_signature(self) -> dict[str, tf.TensorSpec]:
        """Name, type and shape of each input."""
        history = tf.TensorSpec([None, None], tf.string, name="history")
        return {"history": history, **WISH_INPUT, **self.request.input_signature()}

    def __call__(self, **inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        """The k best items of each request; see the class for inputs and outputs."""
        rows = self.rows.lookup(inputs["history"])
        wish, wished = self.wishes(inputs[WISH])
        scores, best = self.retrieve(rows, inputs, wish, wished, self.k)
        return self.answer(best, scores)

    def retrieve(
        self,
        rows: tf.Tensor,
        inputs: dict[str, tf.Tensor],
        wish: tf.Tensor,
        wished: tf.Tensor,
        count: int,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Scores and catalog rows `[B, count]` of the best items, -1 where none is left."""
        model = self._model()
        query = model(self.request(rows, inputs, wish, wished))
        return self.index(wish_queries(model, query, wish), excluded=rows, k=count)

    def answer(self, rows: tf.Tensor, scores: tf.Tensor) -> dict[str, tf.Tensor]:
        """Catalog rows and scores `[B, k]` as outputs."""
        none = rows < 0
        return {
            "item_ids": tf.gather(self.item_ids, tf.where(none, self.index.count, rows)),
            "scores": tf.where(none, NO_SCORE, scores),
        }
