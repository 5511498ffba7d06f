"""A wish as a differentiable function of its words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from tfprompt.encoders.seam import Seam
from tfprompt.encoders.texts import encode_texts, pooled_graph
from tfprompt.explain.request_text import blank_ids, pieces, words
from tfprompt.layers.whitening import unit_length
from tfprompt.models.wish_reading import chunks, sentence_weights

if TYPE_CHECKING:
    from tfprompt.models.retriever import Retriever


class WishText:
    """What is wanted, as an input that can be moved from "nothing said" to the wish.

    A wish that the encoder reads in one piece is moved word by word, as embeddings below the
    first layer; a longer one sentence by sentence, as their vectors, each counting as much as in
    the wish itself.

    Args:
        model: a retriever whose item table is filled.
        text: what is wanted.

    Attributes:
        labels: the word of each piece, or the sentences `[n]`.
        units: pieces of one word have the same number `[n]`.
        start: float32 `[n, D]`, where every word is masked.
        end: float32 `[n, D]`, the wish.
    """

    def __init__(self, model: Retriever, text: str) -> None:
        self._table = model.item_table
        loaded = model.encoder.loaded
        tokenizer = loaded.tokenizer
        parts = chunks(tokenizer, text)
        tokens = tokenizer(parts)
        ids, mask = np.asarray(tokens["token_ids"]), np.asarray(tokens["padding_mask"])
        blank = blank_ids(tokenizer, ids)
        self.long = len(parts) > 1
        if self.long:
            raw = encode_texts(loaded, parts, cache=False, progress=False)
            self._weights = sentence_weights(model, raw)
            self.start = np.asarray(pooled_graph(loaded)(blank, mask), np.float32)
            self.end = np.asarray(raw, np.float32)
            self.labels, self.units = parts, list(range(len(parts)))
            return
        self._seam = Seam(loaded.backbone, 0)
        self._last = loaded.causal
        self.start = np.asarray(self._seam.lower_states(blank, mask), np.float32)[0]
        self.end = np.asarray(self._seam.lower_states(ids, mask), np.float32)[0]
        inside = [int(i) not in (tokenizer.cls_id, tokenizer.sep_id) for i in ids[0]]
        named = iter(words(pieces(tokenizer, ids[0][inside])))
        every = [next(named) if real else None for real in inside]
        written = pieces(tokenizer, ids[0])
        self.labels = [w if e is None else e[1] for w, e in zip(written, every, strict=True)]
        # Special tokens stay apart from each other and from all words.
        self.units = [-1 - n if e is None else e[0] for n, e in enumerate(every)]

    def vector(self, points: Any) -> Any:
        """Points on the way `[B, n, D]` as vectors in the item table's space `[B, V]`."""
        if self.long:
            raw = tf.einsum("n,bnd->bd", tf.constant(self._weights), points)
        else:
            batch, length = points.shape[:2]
            states = self._seam.apply_upper(points, tf.ones((batch, length, length), tf.bool))
            raw = states[:, -1] if self._last else tf.reduce_mean(states, axis=1)
        return self._table.from_text(unit_length(raw))
