"""A request's strings and numbers as what one model takes, in graph operations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from tfprompt.artifacts.calendar import CALENDAR
from tfprompt.artifacts.text_inputs import TextInputs
from tfprompt.models.request_fields import history_texts

if TYPE_CHECKING:
    from tfprompt.encoders.prompted import PromptedEncoder
    from tfprompt.models.ranker import Ranker
    from tfprompt.models.retriever import Retriever


class RequestGraph(tf.Module):
    """Tokenizes fields, looks categories up, and lays the history out for one model.

    Args:
        model: a retriever or ranker.
        texts: how texts come in.
        item_table: rows of items `[B, H]` to their text vectors `[B, H, V]` and ids
            `[B, H, R]` (or None), as the model's `ItemTable`.
    """

    def __init__(
        self,
        model: Retriever | Ranker,
        texts: TextInputs,
        item_table: Callable[[tf.Tensor], tuple[Any, Any]],
    ) -> None:
        super().__init__(name="request")
        # Behind a function, since SavedModel would otherwise try to write the Keras objects too.
        self._model = lambda: model
        self.columns = model.catalog.columns
        self.template = model.encoder.template
        self.texts = texts
        self._item_table = lambda rows: item_table(rows)
        self.vocabularies = {
            name: lookup(list(self.columns[name].vocabulary or ()), missing=-1)
            for name in self.template.features
            if name in self.columns and self.columns[name].kind == "category"
        }
        names = history_texts(self.template, model.catalog, model.item_text)
        self.history_words = texts.item_words(names) if names else None

    def input_signature(self) -> dict[str, tf.TensorSpec]:
        """Name, type and shape of each input that the template asks for."""
        inputs: dict[str, tf.TensorSpec] = {}
        if self.template.shows_ratings:
            inputs["history_ratings"] = tf.TensorSpec(
                [None, None], tf.float32, name="history_ratings"
            )
        for name in self.template.fields:
            inputs |= self.texts.input_signature(name)
        for name in self.template.features:
            if name not in self.columns:
                inputs["timestamp"] = tf.TensorSpec([None], tf.int64, name="timestamp")
            elif name not in inputs:
                number = self.columns[name].kind == "number"
                inputs[name] = tf.TensorSpec([None], tf.float32 if number else tf.string, name=name)
        return inputs

    def __call__(
        self, rows: tf.Tensor, inputs: Mapping[str, tf.Tensor], wish: tf.Tensor, wished: tf.Tensor
    ) -> dict[str, Any]:
        """What the model's `call` takes.

        Args:
            rows: int `[B, H]`, catalog rows of the history, negative ones are skipped.
            inputs: the request's other inputs by name.
            wish: `[B, V]`, the wish's text vector in the item table's space, zeros for none.
            wished: bool `[B]`, whether there is a wish.
        """
        encoder = self._model().encoder
        request: dict[str, Any] = {**self._text(inputs, rows)}
        request |= self._features(inputs)
        if not self.template.has_history:
            return request
        newest, ratings = self._newest(
            rows, inputs.get("history_ratings"), encoder.max_history - tf.cast(wished, tf.int32)
        )
        counts = tf.cast(newest.row_lengths(), tf.int32)
        # One column more than the longest history, so that a wish always finds a place, but
        # never more than there are positions: a wish's row keeps one item less. The place
        # holds padding, whose vector and id are zero.
        history = tf.pad(newest.to_tensor(-1), [[0, 0], [0, 1]], constant_values=-1)
        history = history[:, : encoder.max_history]
        vectors, ids = self._item_table(history)
        place = tf.one_hot(counts, tf.shape(history)[1]) * tf.cast(wished, tf.float32)[:, None]
        request["vectors"] = vectors + place[:, :, None] * wish[:, None, :]
        request["ids"] = ids
        request["items_mask"] = (history >= 0) | (place > 0)
        request["rows"] = history
        if self.template.shows_ratings:
            nan = tf.constant(float("nan"))
            request["ratings"] = tf.pad(
                ratings.to_tensor(nan), [[0, 0], [0, 1]], constant_values=nan
            )[:, : encoder.max_history]
        return request

    def _text(self, inputs: Mapping[str, tf.Tensor], rows: tf.Tensor) -> dict[str, tf.Tensor]:
        """States at the seam of the template's words, fields and past items, `[B, T, D]`."""
        encoder, batch = self._model().encoder, tf.shape(rows)[0]
        fields = {name: self.texts.pieces(name, inputs) for name in self.template.fields}
        if self.history_words is not None:
            past = self.history_words(tf.ragged.boolean_mask(rows, rows >= 0))
            return text_states(encoder, fields, batch, past)
        if fields:
            return text_states(encoder, fields, batch)
        # Words alone are the same for every request: they ran through the lower layers once.
        with tf.init_scope():
            words = {name: value.numpy() for name, value in text_states(encoder, {}, 1).items()}
        return {
            name: tf.tile(tf.constant(value), [batch, *[1] * (value.ndim - 1)])
            for name, value in words.items()
        }

    def _newest(
        self, rows: tf.Tensor, ratings: tf.Tensor | None, room: tf.Tensor
    ) -> tuple[tf.RaggedTensor, tf.RaggedTensor]:
        """The newest known items of each history, `room` `[B]` of them at most, and ratings."""
        known = rows >= 0
        left = tf.cumsum(tf.cast(known, tf.int32), axis=1, reverse=True)
        kept = known & (left <= room[:, None])
        if ratings is None:
            ratings = tf.fill(tf.shape(rows), float("nan"))
        ratings = tf.where(tf.math.is_finite(ratings), ratings, float("nan"))
        return tf.ragged.boolean_mask(rows, kept), tf.ragged.boolean_mask(ratings, kept)

    def _features(self, inputs: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Feature values as the encoder takes them."""
        features: dict[str, tf.Tensor] = {}
        for name in self.template.features:
            if name not in self.columns:
                moment = inputs["timestamp"]
                features[name] = tf.where(moment < 0, 0, CALENDAR[name](moment) + 1)
            elif name in self.vocabularies:
                features[name] = self.vocabularies[name].lookup(inputs[name]) + 1
            else:
                column = self.columns[name]
                number = inputs[name]
                if number.dtype == tf.string:  # a column that is read as text too
                    number = _number(number)
                scaled = (number - (column.mean or 0.0)) / (column.std or 1.0)
                # Missing numbers, NaN, have a trained token of their own; infinite ones are none.
                features[name] = tf.where(tf.math.is_finite(scaled), scaled, float("nan"))
        return features


def text_states(
    encoder: PromptedEncoder,
    fields: Mapping[str, tf.RaggedTensor],
    batch: tf.Tensor | int,
    history: tf.RaggedTensor | None = None,
) -> dict[str, tf.Tensor]:
    """A template's text through the lower layers: `states` `[B, T, D]`, its mask and order."""
    plan = encoder.text_plan(fields, batch, history)
    return {
        "states": encoder.seam.lower_states(plan["token_ids"], plan["padding_mask"]),
        "states_mask": plan["padding_mask"],
        "order": plan["order"],
    }


def _number(texts: tf.Tensor) -> tf.Tensor:
    """Strings as float32, NaN for what is no number: one row must not fail the others."""
    texts = tf.strings.strip(texts)
    numeric = tf.strings.regex_full_match(texts, r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,2})?")
    return tf.strings.to_number(tf.where(numeric, texts, "nan"))


def lookup(keys: list[str], missing: int) -> tf.lookup.StaticHashTable:
    """Strings to their places in `keys`, int32."""
    pairs = tf.lookup.KeyValueTensorInitializer(
        tf.constant(keys, tf.string), tf.range(len(keys), dtype=tf.int32)
    )
    return tf.lookup.StaticHashTable(pairs, default_value=missing)


def history_length(request: Mapping[str, tf.Tensor]) -> tf.Tensor:
    """How many items each history holds, a wish included: int32 `[B, 1]`, or 0 without one."""
    if "items_mask" not in request:
        return tf.zeros([1, 1], tf.int32)
    return tf.reduce_sum(tf.cast(request["items_mask"], tf.int32), axis=1, keepdims=True)
