"""A retriever as one graph of fixed shapes: catalog rows and token ids in, the best rows out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from tfprompt.encoders.texts import pooled_graph
from tfprompt.models.wishes import wish_candidates, wish_queries

if TYPE_CHECKING:
    from tfprompt.artifacts.litert.text import DeviceText
    from tfprompt.models.retriever import Retriever

# Taken off the score of what must not be recommended. Scores are of the order of 1; the lowest
# float would leave an integer graph no levels for the others.
_HIDDEN = 1e4


class Shapes(NamedTuple):
    """The sizes that are fixed in the file.

    Attributes:
        history: past items H.
        k: results, 0 where the catalog stays outside.
        exclude: further rows E that must not be recommended.
    """

    history: int
    k: int
    exclude: int = 0


class DeviceGraph(keras.Model):
    """One request at a time, without strings.

    What is a function of the catalog or of the template's words alone is computed here, once, and
    stored: the token of each item `[N, D]`, the candidates `[N, W]` and, where the template has no
    field, the states of its words at the seam. Such a file needs neither the layers below the seam
    nor the table of word vectors.

    Args:
        model: a trained retriever.
        text: the text inputs.
        shapes: the fixed sizes.

    Call arguments, each with a batch of 1:
        history: int32 `[1, H]`, catalog rows, oldest first, left-aligned; -1 is padding.
        history_ratings: float32 `[1, H]`, NaN where unknown, where the template shows them.
        exclude: int32 `[1, E]`, catalog rows, -1 is padding; where E > 0.
        text: int32 `[1, T]`, where the template has fields.
        wish: int32 `[1, T']`, where there are wishes; padding alone for none.
        each feature: int32 `[1]` (place in the vocabulary, or hour, weekday, month; -1 where
            unknown), or float32 `[1]` (NaN where unknown).

    Returns:
        `embedding` float32 `[1, W]`; with k > 0 also `items` int32 `[1, k]`, best first, -1 where
        nothing is left, and `scores` float32 `[1, k]`.
    """

    def __init__(self, model: Retriever, text: DeviceText, shapes: Shapes) -> None:
        super().__init__(name="device")
        self.retriever = model
        self.text = text
        self.shapes = shapes
        self.columns = model.catalog.columns
        model.prepare()
        table, tower = model.item_table, model.item_tower
        if model.encoder.item_tokens is not None:
            vectors, ids = table.all_items()
            self.item_tokens = self._constant("item_tokens", tower.tokens(vectors, ids))
            self.reads_vectors = bool(model.content_weight) or model.encoder.template.has_pool
            if self.reads_vectors:
                self.item_vectors = self._constant("item_vectors", vectors)
        if shapes.k:
            self.candidates = self._constant("candidates", device_candidates(model, text))
        if not text.length:
            row = text.constant()
            states = model.encoder.seam.lower_states(row["token_ids"], row["padding_mask"])
            self.states = self._constant("states", states)
            self.order = row["order"]
        self.built = True

    def _constant(self, name: str, value: Any) -> Any:
        value = np.asarray(value, np.float32)
        weight = self.add_weight(shape=value.shape, initializer="zeros", trainable=False, name=name)
        weight.assign(value)
        return weight

    def input_signature(self) -> dict[str, tf.TensorSpec]:
        """Name, type and shape of each input."""
        template, history = self.text.template, self.shapes.history
        inputs = {"history": ([1, history], tf.int32)}
        if template.shows_ratings:
            inputs["history_ratings"] = ([1, history], tf.float32)
        if self.shapes.exclude:
            inputs["exclude"] = ([1, self.shapes.exclude], tf.int32)
        if self.text.length:
            inputs["text"] = ([1, self.text.length], tf.int32)
        if self.text.wish_length:
            inputs["wish"] = ([1, self.text.wish_length], tf.int32)
        for name in template.features:
            number = name in self.columns and self.columns[name].kind == "number"
            inputs[name] = ([1], tf.float32 if number else tf.int32)
        return {name: tf.TensorSpec(*of, name=name) for name, of in inputs.items()}

    def call(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Answers one request; see the class."""
        model = self.retriever
        wish, wished = self._wish(inputs)
        request = {**self._text(inputs), **self._features(inputs)}
        if model.encoder.item_tokens is not None:
            request |= self._history(inputs, wish, wished)
        query = model(request, training=False)
        if wish is not None:
            query = wish_queries(model, query, wish)
        if not self.shapes.k:
            return {"embedding": query}
        return {"embedding": query, **self._best(query, inputs)}

    def _wish(self, inputs: Mapping[str, Any]) -> tuple[Any, Any]:
        """The wish's vector `[1, V]`, zeros for none, and whether there is one `[1, 1]`."""
        if not self.text.wish_length:
            return None, None
        mask = ops.not_equal(inputs["wish"], self.text.tokenizer.pad_id)
        wished = ops.any(mask, axis=1, keepdims=True)
        vector = pooled_graph(self.retriever.encoder.loaded)(inputs["wish"], mask)
        vector = self.retriever.item_table.from_text(ops.reshape(vector, (1, -1)))
        return vector * ops.cast(wished, vector.dtype), wished

    def _text(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """States of words and fields at the seam, and which token is the mask."""
        encoder = self.retriever.encoder
        if not self.text.length:
            states = ops.convert_to_tensor(self.states)
            return {
                "states": states,
                "states_mask": ops.ones(states.shape[:2], "bool"),
                "order": ops.convert_to_tensor(self.order),
            }
        ids = inputs["text"]
        mask = ops.not_equal(ids, self.text.tokenizer.pad_id)
        order = ops.full(ids.shape, -1, "int32")
        if encoder.text_plan.mask_order >= 0:
            # No text can hold the mask token: what is typed as one is split at its brackets.
            at_mask = ops.equal(ids, self.text.tokenizer.mask_id)
            order = ops.where(at_mask, encoder.text_plan.mask_order, order)
        return {
            "states": encoder.seam.lower_states(ids, mask),
            "states_mask": mask,
            "order": order,
        }

    def _features(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Feature values as the encoder takes them."""
        features = {}
        for name in dict.fromkeys(self.text.template.features):
            column = self.columns.get(name)
            if column is not None and column.kind == "number":
                features[name] = (inputs[name] - (column.mean or 0.0)) / (column.std or 1.0)
            else:
                features[name] = inputs[name] + 1
        return features

    def _history(self, inputs: Mapping[str, Any], wish: Any, wished: Any) -> dict[str, Any]:
        """One token an item; a wish stands behind the newest one."""
        rows = inputs["history"]
        present = rows >= 0
        request = {"items_mask": present}
        if self.text.template.shows_ratings:
            request["ratings"] = inputs["history_ratings"]
        tables = {"items": self.item_tokens}
        if self.reads_vectors:
            tables["vectors"] = self.item_vectors
        for name, table in tables.items():
            found = ops.take(table, ops.maximum(rows, 0), axis=0)
            request[name] = found * ops.expand_dims(ops.cast(present, found.dtype), -1)
        if wish is None:
            return request
        # One place more than the longest history, so that the wish always finds one.
        count = ops.sum(ops.cast(present, "int32"), axis=1, keepdims=True)
        step = ops.expand_dims(ops.arange(self.shapes.history + 1, dtype="int32"), 0)
        here = ops.logical_and(ops.equal(step, count), wished)
        place = ops.expand_dims(ops.cast(here, "float32"), -1)
        token = ops.expand_dims(wish, 1)
        tokens = {"items": self.retriever.item_tower.tokens(token), "vectors": token}
        for name in tables:
            request[name] = ops.pad(request[name], [[0, 0], [0, 1], [0, 0]]) + place * tokens[name]
        padded = ops.pad(ops.cast(present, "int32"), [[0, 0], [0, 1]])
        request["items_mask"] = ops.logical_or(padded > 0, here)
        if "ratings" in request:
            unknown = ops.full((1, 1), float("nan"), "float32")
            request["ratings"] = ops.concatenate([request["ratings"], unknown], axis=1)
        return request

    def _best(self, query: Any, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """The k best rows without those of the history."""
        hidden = inputs["history"]
        if self.shapes.exclude:
            hidden = ops.concatenate([hidden, inputs["exclude"]], axis=1)
        scores = ops.matmul(query, ops.transpose(self.candidates))
        # Only the hidden rows can push results down, so that many more always suffice.
        count = min(self.shapes.k + hidden.shape[1], self.candidates.shape[0])
        scores, rows = ops.top_k(scores, count)
        rows = ops.cast(rows, "int32")
        hit = ops.any(ops.equal(ops.expand_dims(rows, 2), ops.expand_dims(hidden, 1)), axis=2)
        scores, places = ops.top_k(scores - _HIDDEN * ops.cast(hit, scores.dtype), self.shapes.k)
        items = ops.take(ops.where(hit, -1, rows)[0], ops.cast(places, "int32"), axis=0)
        return {"items": items, "scores": scores}


def device_candidates(model: Retriever, text: DeviceText) -> np.ndarray:
    """The candidates that a device's queries are compared with, float32 `[N, W]`."""
    candidates = wish_candidates(model) if text.wish_length else model.candidates()
    return np.asarray(candidates, np.float32)
