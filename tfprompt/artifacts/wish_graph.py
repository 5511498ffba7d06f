"""Wishes as vectors, in graph operations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import tensorflow as tf

from tfprompt.encoders.texts import pooled_graph
from tfprompt.prompts.template import WISH

if TYPE_CHECKING:
    from tfprompt.models.ranker import Ranker
    from tfprompt.models.retriever import Retriever

WISH_INPUT = {WISH: tf.TensorSpec([None], tf.string, name=WISH)}


class WishGraph(tf.Module):
    """Reads wishes as the model reads the texts of items.

    Args:
        model: a retriever or ranker.
    """

    def __init__(self, model: Retriever | Ranker) -> None:
        super().__init__(name="wish")
        self._model = lambda: model
        self.tokenizer = model.encoder.loaded.tokenizer
        self.text_graph = pooled_graph(model.encoder.loaded)

    def __call__(self, texts: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Text vectors of strings `[B]`, `[B, V]`, zeros for none, and which there are `[B]`."""
        wished = tf.strings.length(tf.strings.strip(texts)) > 0
        tokens = self.tokenizer(texts)
        vectors = self.text_graph(tokens["token_ids"], tokens["padding_mask"])
        vectors = self._model().item_table.from_text(vectors)
        return tf.where(wished[:, None], vectors, 0.0), wished
