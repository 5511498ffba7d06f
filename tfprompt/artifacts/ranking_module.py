"""A ranker as one graph: a request and item ids in, scores out."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from tfprompt.artifacts.item_ids import ItemIds
from tfprompt.artifacts.module_parts import (
    NO_SCORE,
    ExportOptions,
    Signature,
    finite,
    values_of,
)
from tfprompt.artifacts.request_graph import RequestGraph, history_length
from tfprompt.artifacts.retrieval_module import Tensors, strings
from tfprompt.artifacts.text_inputs import TextInputs
from tfprompt.artifacts.wish_graph import WishGraph

if TYPE_CHECKING:
    from tfprompt.models.ranker import Ranker


class RankingModule(tf.Module):
    """Judges items for a request, tokenization included.

    Args:
        model: a trained ranker.
        options: what the artifact is like; of those, `tokens` alone concerns a ranker.
        folder: where assets are written, which must exist until the module is saved.

    Inputs of `score`, each with the batch as its first dimension: `candidates` string `[B, Q]`,
        the ids of the items to judge, "" for padding; all others as of `RetrievalModule`,
        `history` only where the template reads one, `wish` only where it has one of tokens.

    Outputs: `scores` float32 `[B, Q]`: ratings, probabilities of a like, or logits of a click,
        which are comparable within a row. An id that the catalog does not hold gets the lowest
        float32.
    """

    def __init__(
        self, model: Ranker, options: ExportOptions, folder: str | os.PathLike[str]
    ) -> None:
        super().__init__(name="ranking")
        self._model = lambda: model
        self.backbone = values_of(model.encoder.loaded.backbone.weights)
        self.trained = values_of(model.weights)
        texts = TextInputs(model.encoder.loaded.tokenizer, options.tokens)
        self.request = RequestGraph(model, texts, model.item_table)
        self.item_ids = ItemIds(model.catalog.ids.tolist(), folder)
        template = model.encoder.template
        self.reads_history = template.reads_history
        self.wishes = WishGraph(model, texts) if template.has_history else None

    def signatures(self) -> dict[str, Signature]:
        """The one signature, `score`."""
        names = ("candidates", "history") if self.reads_history else ("candidates",)
        ids = {name: strings(name, 2) for name in names}
        wish = {} if self.wishes is None else self.wishes.input_signature()
        return {"score": (self.score, {**ids, **wish, **self.request.input_signature()})}

    def score(self, **inputs: tf.Tensor) -> Tensors:
        """What each request will think of its candidates."""
        model: Any = self._model()
        candidates = self.item_ids.row_of(inputs["candidates"])
        nobody = tf.zeros([tf.shape(candidates)[0], 0], tf.int32)
        history = self.item_ids.row_of(inputs["history"]) if self.reads_history else nobody
        wish, wished = (nobody, nobody) if self.wishes is None else self.wishes(inputs)
        request = self.request(history, inputs, wish, wished)
        request["candidates"] = candidates
        request["moments"] = tf.zeros_like(candidates) + history_length(request)
        scores = model(request)
        scores = tf.sigmoid(scores) if model.objective.kind == "like" else scores
        return {"scores": finite(tf.where(candidates < 0, NO_SCORE, scores), NO_SCORE)}
