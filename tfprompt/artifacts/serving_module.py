"""A retriever as one graph: strings in, item ids and scores out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from tfprompt.artifacts.calendar import CALENDAR
from tfprompt.encoders.texts import pooled_graph
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
        wish: string `[B]`, free text, "" for none.
        one input for each column that the template names: string `[B]` for text and categories,
            float32 `[B]` for numbers (NaN where unknown) that are not read as text too,
            `timestamp` int64 `[B]` in seconds where the template asks for an hour, weekday or
            month.

    Outputs: `item_ids` string `[B, k]`, best first, without items of the history; `scores`
        float32 `[B, k]`. Where fewer than k items are left, the id is "" and the score the lowest
        float32.
    """

    def __init__(self, model: Retriever, k: int) -> None:
        super().__init__(name="serving")
        self.k = min(k, len(model.catalog))
        # Behind a function, since SavedModel would otherwise try to write the Keras objects too.
        self._model = lambda: model
        encoder = model.encoder
        self.columns = model.catalog.columns
        self.template = encoder.template
        self.tokenizer = encoder.loaded.tokenizer
        self.text_graph = pooled_graph(encoder.loaded)
        # SavedModel follows the tf.Variables that a module holds.
        weights = [*encoder.loaded.backbone.weights, *model.weights]
        self.frozen_and_trained = [weight.value for weight in weights]
        self.index = CatalogIndex(np.asarray(wish_candidates(model)))
        self.item_ids = tf.Variable(
            [*model.catalog.ids.tolist(), NO_ITEM], trainable=False, name="item_ids"
        )
        self.rows = _lookup(model.catalog.ids.tolist(), missing=-1)
        self.vocabularies = {
            name: _lookup(list(self.columns[name].vocabulary or ()), missing=-1)
            for name in self.template.features
            if name in self.columns and self.columns[name].kind == "category"
        }

    def input_signature(self) -> dict[str, tf.TensorSpec]:
        """Name, type and shape of each input."""
        inputs = {
            "history": tf.TensorSpec([None, None], tf.string, name="history"),
            WISH: tf.TensorSpec([None], tf.string, name=WISH),
        }
        for name in self.template.fields:
            inputs[name] = tf.TensorSpec([None], tf.string, name=name)
        for name in self.template.features:
            if name not in self.columns:
                inputs["timestamp"] = tf.TensorSpec([None], tf.int64, name="timestamp")
            elif name not in inputs:
                number = self.columns[name].kind == "number"
                inputs[name] = tf.TensorSpec([None], tf.float32 if number else tf.string, name=name)
        return inputs

    def recommend(self, **inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        """The k best items of each request; see the class for inputs and outputs."""
        rows = self.rows.lookup(inputs["history"])
        scores, best = self.index(self.query(rows, inputs), excluded=rows, k=self.k)
        none = best < 0
        return {
            "item_ids": tf.gather(self.item_ids, tf.where(none, self.index.count, best)),
            "scores": tf.where(none, NO_SCORE, scores),
        }

    def query(self, rows: tf.Tensor, inputs: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Queries `[B, D+V]` from catalog rows `[B, H]` (negative = skip) and the other inputs."""
        model = self._model()
        encoder = model.encoder
        batch = tf.shape(rows)[0]
        plan = encoder.text_plan({name: inputs[name] for name in self.template.fields}, batch)
        request: dict[str, Any] = {
            "states": encoder.seam.lower_states(plan["token_ids"], plan["padding_mask"]),
            "states_mask": plan["padding_mask"],
            "order": plan["order"],
            **self._features(inputs),
        }
        wished = tf.strings.length(tf.strings.strip(inputs[WISH])) > 0
        wish = model.item_table.from_text(self._wish_vectors(inputs[WISH]))
        wish = tf.where(wished[:, None], wish, 0.0)
        if self.template.has_history:
            kept = self._newest(rows, encoder.max_history - tf.cast(wished, tf.int32))
            counts = tf.cast(kept.row_lengths(), tf.int32)
            # One column more than the longest history, so that a wish always finds a place, but
            # never more than there are positions: a wish's row keeps one item less. The place
            # holds padding, whose vector and id are zero.
            history = tf.pad(kept.to_tensor(-1), [[0, 0], [0, 1]], constant_values=-1)
            history = history[:, : encoder.max_history]
            vectors, ids = model.item_table(history)
            place = tf.one_hot(counts, tf.shape(history)[1]) * tf.cast(wished, tf.float32)[:, None]
            request["vectors"] = vectors + place[:, :, None] * wish[:, None, :]
            request["ids"] = ids
            request["items_mask"] = (history >= 0) | (place > 0)
        return wish_queries(model, model(request), wish)

    def _newest(self, rows: tf.Tensor, room: tf.Tensor) -> tf.RaggedTensor:
        """The newest known items of each history: `room` `[B]` of them at most."""
        known = tf.ragged.boolean_mask(rows, rows >= 0)
        counts = tf.cast(known.row_lengths(), tf.int32)
        dense = known.to_tensor(-1)
        place = tf.range(tf.shape(dense)[1])[None]
        newest = (place >= (counts - room)[:, None]) & (place < counts[:, None])
        return tf.ragged.boolean_mask(dense, newest)

    def _wish_vectors(self, wish: tf.Tensor) -> tf.Tensor:
        tokens = self.tokenizer(wish)
        return self.text_graph(tokens["token_ids"], tokens["padding_mask"])

    def _features(self, inputs: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Feature values as the encoder takes them."""
        features: dict[str, tf.Tensor] = {}
        for name in self.template.features:
            if name not in self.columns:
                features[name] = CALENDAR[name](inputs["timestamp"]) + 1
            elif name in self.vocabularies:
                features[name] = self.vocabularies[name].lookup(inputs[name]) + 1
            else:
                column = self.columns[name]
                number = inputs[name]
                if number.dtype == tf.string:  # a column that is read as text too
                    given = tf.where(tf.strings.strip(number) == "", "nan", number)
                    number = tf.strings.to_number(given)
                scaled = (number - (column.mean or 0.0)) / (column.std or 1.0)
                features[name] = scaled  # NaN, for missing, has a trained token of its own
        return features


def _lookup(keys: list[str], missing: int) -> tf.lookup.StaticHashTable:
    """Strings to their places in `keys`, int32."""
    pairs = tf.lookup.KeyValueTensorInitializer(
        tf.constant(keys, tf.string), tf.range(len(keys), dtype=tf.int32)
    )
    return tf.lookup.StaticHashTable(pairs, default_value=missing)
