"""A retriever as the signatures of an artifact."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import tensorflow as tf

from tfprompt.artifacts.best_items import best_items
from tfprompt.artifacts.catalog_graph import CatalogGraph
from tfprompt.artifacts.module_parts import (
    NO_SCORE,
    ExportOptions,
    Signature,
    finite,
    trained_weights,
    values_of,
)
from tfprompt.artifacts.prompt_bank import PromptBank
from tfprompt.artifacts.request_graph import RequestGraph
from tfprompt.artifacts.text_inputs import TextInputs
from tfprompt.artifacts.wish_graph import WishGraph
from tfprompt.models.wishes import wish_queries

if TYPE_CHECKING:
    from tfprompt.models.retriever import Retriever

Tensors = dict[str, tf.Tensor]


class RetrievalModule(tf.Module):
    """Everything that a request passes on its way to item ids, tokenization included.

    Inputs that all signatures but `encode_item` share, each with the batch first:
        history: string `[B, H]`, item ids, oldest first; "" is padding, unknown ids are skipped.
        history_ratings: float32 `[B, H]`, NaN where unknown, where the template shows them.
        wish: string `[B]`, free text, "" for none.
        prompt: string `[B]`, the name of a prompt of the artifact; "" and unknown names take the
            model's own.
        one input for each column that the template names: string `[B]` for text and categories,
            float32 `[B]` for numbers (NaN where unknown) that are not read as text too,
            `timestamp` int64 `[B]` in seconds, negative where unknown, where the template asks
            for an hour, weekday or month.

    With `tokens`, a text comes as token ids: see `TextInputs`.

    Args:
        model: a trained retriever.
        options: what the artifact is like.
        folder: where assets are written, which must exist until the module is saved.
    """

    def __init__(
        self, model: Retriever, options: ExportOptions, folder: str | os.PathLike[str]
    ) -> None:
        super().__init__(name="retrieval")
        self.k = min(options.k, len(model.catalog))
        # Behind a function, since SavedModel would otherwise try to write the Keras objects too.
        self._model = lambda: model
        # SavedModel follows the variables that a module holds, and names them by the way to them.
        self.backbone = values_of(model.encoder.loaded.backbone.weights)
        self.trained = values_of(trained_weights(model))
        self.catalog = CatalogGraph(model, folder, options.catalog, options.titles)
        self.prompts = PromptBank(model, options.prompts, folder)
        texts = TextInputs(model.encoder.loaded.tokenizer, options.tokens)
        self.request = RequestGraph(model, texts, self.catalog.lookup)
        self.wishes = WishGraph(model, texts)
        # Traced once for all signatures.
        self._query_graph = tf.function(self._queries)

    def request_signature(self) -> dict[str, tf.TensorSpec]:
        """The inputs that say who asks for what."""
        own = {"history": strings("history", 2), "prompt": strings("prompt")}
        return {**own, **self.wishes.input_signature(), **self.request.input_signature()}

    def signatures(self) -> dict[str, Signature]:
        """Functions and inputs by name; the first one is the default."""
        ids = {name: strings(name, 2) for name in ("exclude", "candidates")}
        request = self.request_signature()
        k = {"k": tf.TensorSpec([None], tf.int32, name="k")}
        item = {"item_id": strings("item_id"), **self.wishes.texts.input_signature("text")}
        for name, of in self._model().item_table.extra.items():
            item[name] = tf.TensorSpec([None, int(of["width"])], tf.float32, name=name)
        return {
            "recommend": (self.recommend, {**request, **k, "exclude": ids["exclude"]}),
            "encode_query": (self.encode_query, request),
            "encode_item": (self.encode_item, item),
            "score": (self.score, {**request, "candidates": ids["candidates"]}),
        }

    # -- signatures ---------------------------------------------------------------------------

    def recommend(self, **inputs: tf.Tensor) -> Tensors:
        """The best items of each request.

        Further inputs: `k` int32 `[B]`, the results wanted, 0 for as many as the artifact gives,
        which is the most; `exclude` string `[B, E]`, ids that must not be recommended.

        Outputs: `item_ids` string and `scores` float32 `[B, K]`, best first, without items of the
        history; `titles` string `[B, K]` where the artifact has them. K is the largest k of the
        batch; where a row wants or has fewer items, the id is "" and the score the lowest float32.
        """
        history, excluded = self._ids(inputs)
        k = self._wanted(inputs["k"])
        queries = self.queries(history, inputs, self.wishes(inputs))
        scores, rows = self.retrieve(queries, excluded, tf.reduce_max(k))
        return self.answer(rows, scores, k)

    def encode_query(self, **inputs: tf.Tensor) -> Tensors:
        """Requests as vectors: `embedding` float32 `[B, D+V]`.

        Its product with an item's `embedding` of `encode_item` is the item's score.
        """
        history = self.catalog.item_ids.row_of(inputs["history"])
        queries = self.queries(history, inputs, self.wishes(inputs))
        return {"embedding": finite(queries, 0.0)}

    def encode_item(self, **inputs: tf.Tensor) -> Tensors:
        """Items as vectors: `embedding` float32 `[B, D+V]`, for a vector store.

        Inputs: `text` string `[B]`, as the model card's `item_text` writes it, "" for the
        catalog's own; `item_id` string `[B]`, which gives a known item what clicks say of it, ""
        for a new item; and one input for each further vector of an item, as `image` float32
        `[B, width]`: NaN for the catalog's own, which a new item lacks, zeros for none.
        """
        table = self._model().item_table
        rows = self.catalog.item_ids.row_of(inputs["item_id"])
        vectors, ids = self.catalog.lookup(rows)
        text, further = table.parts(vectors)
        written = self.wishes.texts.given("text", inputs)[:, tf.newaxis]
        new_text, _ = table.parts(self.wishes.vectors("text", inputs))
        parts = [tf.where(written, new_text, text)]
        for name, own in further.items():
            given = tf.reduce_all(tf.math.is_finite(inputs[name]), axis=1, keepdims=True)
            new = table.from_vector(name, tf.where(given, inputs[name], 0.0))
            parts.append(tf.where(given, new, own))
        vectors = tf.concat(parts, axis=1)
        trained = self._model().trained_candidates(vectors, ids)
        return {"embedding": finite(tf.concat([trained, vectors], axis=1), 0.0)}

    def score(self, **inputs: tf.Tensor) -> Tensors:
        """Scores of given items: `scores` float32 `[B, Q]`.

        Further input: `candidates` string `[B, Q]`; an id that the catalog does not hold, as "",
        gets the lowest float32.
        """
        history = self.catalog.item_ids.row_of(inputs["history"])
        candidates = self.catalog.item_ids.row_of(inputs["candidates"])
        queries = self.queries(history, inputs, self.wishes(inputs))
        scores = tf.einsum("bw,bqw->bq", queries, self.catalog.take(candidates))
        return {"scores": finite(tf.where(candidates < 0, NO_SCORE, scores), NO_SCORE)}

    # -- parts of them ------------------------------------------------------------------------

    def queries(
        self, history: tf.Tensor, inputs: Tensors, wishes: tuple[tf.Tensor, tf.Tensor]
    ) -> tf.Tensor:
        """Queries `[B, D+V]`, which the wish's own text has a say in.

        Args:
            history: catalog rows `[B, H]`.
            inputs: of the signature.
            wishes: the wishes' vectors `[B, V]`, and whether there is one `[B]`.
        """
        own = {name: inputs[name] for name in self.request_signature() if name != "history"}
        return self._query_graph(history, own, *wishes)

    def _queries(
        self, history: tf.Tensor, inputs: Tensors, wish: tf.Tensor, wished: tf.Tensor
    ) -> tf.Tensor:
        request = self.request(history, inputs, wish, wished)
        request |= self.prompts(inputs["prompt"])
        return wish_queries(self._model(), self._model()(request), wish)

    def retrieve(
        self, queries: tf.Tensor, excluded: tf.Tensor, count: tf.Tensor | int
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Scores and catalog rows `[B, count]` of the best items, -1 where none is left."""
        scores = finite(self.catalog.scores(queries), NO_SCORE)
        return best_items(scores, excluded, tf.minimum(count, tf.shape(scores)[1]))

    def answer(self, rows: tf.Tensor, scores: tf.Tensor, k: tf.Tensor) -> Tensors:
        """Catalog rows and scores `[B, K]` as outputs, k `[B]` of them in each row."""
        unwanted = tf.range(tf.shape(rows)[1])[tf.newaxis] >= k[:, tf.newaxis]
        rows = tf.where(unwanted, -1, rows)
        outputs = {
            "item_ids": self.catalog.item_ids.id_of(rows),
            "scores": tf.where(rows < 0, NO_SCORE, scores),
        }
        if self.catalog.titles is not None:
            outputs["titles"] = self.catalog.title_of(rows)
        return outputs

    def _ids(self, inputs: Tensors) -> tuple[tf.Tensor, tf.Tensor]:
        """Rows of the history `[B, H]`, and of everything that is no candidate `[B, H+E]`."""
        history = self.catalog.item_ids.row_of(inputs["history"])
        exclude = self.catalog.item_ids.row_of(inputs["exclude"])
        return history, tf.concat([history, exclude], axis=1)

    def _wanted(self, k: tf.Tensor) -> tf.Tensor:
        """How many results each row gets, int32 `[B]`, 1 to the artifact's k."""
        return tf.where(k <= 0, self.k, tf.minimum(k, self.k))


def strings(name: str, rank: int = 1) -> tf.TensorSpec:
    """An input of strings `[B]`, or `[B, …]` of a rank."""
    return tf.TensorSpec([None] * rank, tf.string, name=name)
