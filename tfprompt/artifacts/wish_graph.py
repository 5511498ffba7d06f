"""Wishes as vectors, in graph operations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import tensorflow as tf

from tfprompt.artifacts.text_inputs import TextInputs
from tfprompt.encoders.texts import pooled_graph
from tfprompt.prompts.segments import WISH

if TYPE_CHECKING:
    from tfprompt.models.ranker import Ranker
    from tfprompt.models.retriever import Retriever


class WishGraph(tf.Module):
    """Reads wishes as the model reads the texts of items.

    Args:
        model: a retriever or ranker.
        texts: how texts come in.
    """

    def __init__(self, model: Retriever | Ranker, texts: TextInputs) -> None:
        super().__init__(name="wish")
        self._model = lambda: model
        self.texts = texts
        self.text_graph = pooled_graph(model.encoder.loaded)

    def input_signature(self) -> dict[str, tf.TensorSpec]:
        """The input that carries the wish."""
        return self.texts.input_signature(WISH)

    def __call__(self, inputs: Mapping[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        """Text vectors of wishes `[B, V]`, zeros for none, and whether there is one `[B]`."""
        return self.vectors(WISH, inputs), self.texts.given(WISH, inputs)

    def vectors(self, name: str, inputs: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Vectors of the text `name` in the space of the items' texts `[B, V]`, zeros for none."""
        given = self.texts.given(name, inputs)
        width = self._model().item_table.text_width

        def encode() -> tf.Tensor:
            tokens = self.texts.sequence(name, inputs)
            return self.text_graph(tokens["token_ids"], tokens["padding_mask"])

        # A batch without a text, as most requests are, passes neither tokenizer nor network.
        nothing = tf.zeros([tf.shape(given)[0], width])
        vectors = tf.cond(tf.reduce_any(given), encode, lambda: nothing)
        vectors = self._model().item_table.from_text(vectors)
        return tf.where(given[:, tf.newaxis], vectors, 0.0)
