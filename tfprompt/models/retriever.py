"""Retrieval: a request in, the best of the whole catalog out."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

import keras
import numpy as np
from keras import ops

from tfprompt.encoders.prompted import PromptedEncoder
from tfprompt.errors import ConfigError
from tfprompt.evaluation.keras_metrics import MRR, HRAtK, NDCGAtK, RecallAtK
from tfprompt.layers import history_content, unit_length
from tfprompt.models.fits_parts import FitsParts
from tfprompt.models.item_vectors import item_vector_options
from tfprompt.models.pipeline import Pipeline
from tfprompt.models.prompt_bank import PromptBank
from tfprompt.models.retrieval_loss import RetrievalLoss
from tfprompt.models.retrieval_steps import RetrievalSteps
from tfprompt.models.retriever_start import check_start
from tfprompt.models.sharing import item_parts
from tfprompt.tasks.negatives import Negatives

if TYPE_CHECKING:
    from tfprompt.data.catalog import Catalog
    from tfprompt.data.sequences import Sequences


@keras.saving.register_keras_serializable("tfprompt")
class Retriever(RetrievalSteps):
    """Scores every item of a catalog for a request.

    The query is the prompted encoder's read-out; a candidate is an item's frozen text vector
    through a trained projection, plus, with `collaborative`, a low-rank id embedding. Both are
    compared by cosine, or by dot product (divided by the root of the width). With
    `content_weight`, what is trained is a correction of the untrained content similarity.

    Args:
        encoder: the prompted encoder. It belongs to this model from here on.
        items: the catalog.
        similarity: "cosine", or "dot" (scaled by 1/√D).
        temperature: divides the scores before the softmax; None takes 0.1 for "cosine" and 1 for
            "dot".
        learn_temperature: trains the temperature, starting at `temperature`.
        negatives: "catalog" (full softmax), "in_batch", "sampled", or a `Negatives`.
        collaborative: rank R of the items' id embedding; 0 uses text alone.
        content_weight: weight of the untrained similarity between an item's text and the history's,
            added to the trained score from the first step on. It keeps cold items in reach.
        wish_weight: weight of the untrained similarity between an item's text and a wish's, in
            recommendations; training sees no wishes.
        id_dropout: share of ids hidden in training, so that cold items stay recommendable.
        shrinkage: of the whitening of the items' text vectors, see `Whitening`; None leaves them
            as they are.
        tied: one projection for items as candidates and as tokens of a history; False trains two.
        start: where training starts. "random": at random projections. "text": at the similarity
            of texts, which is a model of its own before any training; what is trained corrects
            it, from exactly zero. Without {history:items} the query is the mean over the
            template's text, so that with no prompts a score is the cosine between the sentence
            vector of the rendered template and that of the item (in the space of the whitening,
            if any). With {history:items} the similarity is that of `content_weight`.
        item_text: how an item reads, e.g. "{title} ({year})"; None takes the catalog's own.
        item_vectors: vectors of the catalog that are read beside the text, as of images: names, or
            weights by name; an item's text weighs 1. See `Dataset.with_item_vectors`.
        seed: seed of initial values.
        share: another retriever or ranker over the same catalog and backbone, whose item table,
            ids and projections this model takes as its own: what one trains, the other has. See
            `MultiTask`. Saved alone, the model is whole.

    Raises:
        TemplateError: the encoder's template does not fit the data.
        ConfigError: options that contradict each other, or those of the model to share with.

    Example:
        model = tp.Retriever(encoder, data.items)
        model.compile()
        model.fit(split.train, validation_data=split.validation, epochs=10)
        model.evaluate(split.test, return_dict=True)["ndcg_at_10"]
    """

    def __init__(
        self,
        encoder: PromptedEncoder,
        items: Catalog,
        *,
        similarity: Literal["cosine", "dot"] = "cosine",
        temperature: float | None = None,
        learn_temperature: bool = True,
        negatives: str | Negatives = "catalog",
        collaborative: int = 0,
        content_weight: float = 0.0,
        wish_weight: float = 1.0,
        id_dropout: float = 0.0,
        shrinkage: float | None = 1.0,
        tied: bool = True,
        start: Literal["random", "text"] = "random",
        item_text: str | None = None,
        item_vectors: Sequence[str] | Mapping[str, Any] | None = None,
        seed: int = 0,
        share: FitsParts | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if similarity not in ("cosine", "dot"):
            raise ConfigError(f"A similarity is 'cosine' or 'dot'. Received: {similarity!r}.")
        if temperature is None:
            temperature = 1.0 if similarity == "dot" else 0.1
        if temperature <= 0:
            raise ConfigError(f"A temperature is above 0. Received: {temperature}.")
        if encoder.template.candidate is not None:
            raise ConfigError(
                "A template with an item to judge belongs to a tp.Ranker; a Retriever compares the "
                f"request with every item. Received: {encoder.template.source!r}."
            )
        if content_weight and not encoder.template.has_history:
            raise ConfigError(
                "A content weight compares items with the history, so the template must hold "
                f"{{history:items}}. Received: {encoder.template.source!r}."
            )
        check_start(start, encoder, similarity, content_weight)
        if isinstance(negatives, str):
            negatives = Negatives(kind=negatives)  # type: ignore[arg-type]  # checked in there
        self.encoder = encoder
        self.catalog = items
        self.similarity = similarity
        self.content_weight = content_weight
        self.start = start
        self.wish_weight = wish_weight
        self.collaborative = collaborative
        self.learn_temperature = learn_temperature
        self.negatives = negatives
        self.id_dropout = id_dropout
        self.item_text = item_text or items.item_text
        self.vector_options = item_vector_options(items, item_vectors)
        self.seed = seed
        self.initial_temperature = temperature
        self.item_table, self.item_tower = item_parts(
            encoder, items, share, collaborative=collaborative, id_dropout=id_dropout,
            shrinkage=shrinkage, item_text=self.item_text, tied=tied, start=start, seed=seed,
            item_vectors=self.vector_options,
        )  # fmt: skip
        self.pipeline = Pipeline(encoder, items.columns, self.item_text)
        self.epochs_done = 0
        self._build_all()
        self.loss_function = RetrievalLoss(negatives, len(items), seed)
        self._loss_mean = keras.metrics.Mean(name="loss")
        self._rank_metrics = [HRAtK(10), RecallAtK(10), NDCGAtK(10), MRR()]

    def _build_all(self) -> None:
        """Creates every weight, so that checkpoints can be loaded before any data is seen."""
        rank = self.collaborative or None
        self.encoder.fit_columns(self.catalog.columns)
        self.encoder.build()
        if not self.item_table.built:  # else shared
            self.item_table.build()
        if not self.item_tower.built:
            self.item_tower.build((None, self.item_table.width), rank and (None, rank))
        self.log_temperature = self.add_weight(
            shape=(),
            initializer=keras.initializers.Constant(float(np.log(self.initial_temperature))),
            trainable=self.learn_temperature,
            name="log_temperature",
        )
        self.built = True

    # -- the forward pass ---------------------------------------------------------------------

    def call(
        self, inputs: Mapping[str, Any], every_position: bool = False, training: bool | None = None
    ) -> Any:
        """Encodes requests: queries `[B, W]` (`[B, H+1, W]` with `every_position`).

        W is D, or D + V with `content_weight`: then the last V columns hold the history's text.

        Args:
            inputs: as for `PromptedEncoder`, with `history` int `[B, H]` (catalog rows, -1 for
                padding) in place of `items`; or with `vectors` `[B, H, V]` (in the table's
                space, see `ItemTable.from_text`), `ids` `[B, H, R]` where there are any, and
                `items_mask`; or with `items` as the encoder takes them, and `vectors` where
                there is a `content_weight`.
            every_position: one query a step.
            training: runs dropout.
        """
        prepared = dict(inputs)
        if "history" in prepared:
            history = prepared.pop("history")
            prepared["vectors"], prepared["ids"] = self.item_table(history, training=training)
            prepared["items_mask"] = history >= 0
        vectors, ids = prepared.pop("vectors", None), prepared.pop("ids", None)
        if self.encoder.item_tokens is not None and "items" not in prepared:
            prepared["items"] = self.item_tower.tokens(vectors, ids)
        if vectors is not None:
            prepared["content"] = vectors
        queries = self.encoder(prepared, every_position=every_position, training=training)
        queries = self.trained_queries(queries)
        if not self.content_weight:
            return queries
        content = history_content(vectors, prepared["items_mask"], every_position)
        return ops.concatenate([queries, self.content_weight * content], axis=-1)

    def trained_queries(self, read: Any) -> Any:
        """What the encoder reads `[..., D]` as the trained part of queries `[..., D]`.

        Where scores start at the similarity of texts (`start="text"` without a content weight),
        it is moved to the space of the items' texts.
        """
        if self.similarity != "cosine":
            return read / self.encoder.width**0.5
        queries = unit_length(read)
        if self.start == "text" and not self.content_weight:
            return self.item_table.from_text(queries)
        return queries

    def candidates(self, rows: Any = None, training: bool | None = None) -> Any:
        """Items as candidates `[n, W]`.

        Args:
            rows: catalog rows `[n]`, None for all N.
            training: runs the dropping of ids.
        """
        if rows is None:
            vectors, ids = self.item_table.all_items(training=training)
        else:
            vectors, ids = self.item_table(rows, training=training)
        candidates = self.trained_candidates(vectors, ids)
        if not self.content_weight:
            return candidates
        return ops.concatenate([candidates, vectors], axis=-1)

    def trained_candidates(self, vectors: Any, ids: Any = None) -> Any:
        """The trained part of candidates `[n, D]` of vectors `[n, V]` and ids `[n, R]`."""
        candidates = self.item_tower(vectors, ids)
        if self.start == "text" and self.content_weight:
            # A correction that starts at zero has no direction yet.
            return candidates / self.encoder.width**0.5
        return unit_length(candidates) if self.similarity == "cosine" else candidates

    @property
    def prompts(self) -> PromptBank:
        """Further prompts of this process by name, see `PromptBank`."""
        if self._bank is None:
            self._bank = PromptBank(self)
        return self._bank

    _bank: PromptBank | None = None

    @property
    def query_width(self) -> int:
        """Width W of queries and candidates."""
        return self.encoder.width + (self.item_table.width if self.content_weight else 0)

    @property
    def temperature(self) -> Any:
        """The scalar that divides scores."""
        return ops.exp(self.log_temperature)

    def options(self) -> dict[str, Any]:
        """The constructor's options, as JSON."""
        return {
            "similarity": self.similarity,
            "temperature": self.initial_temperature,
            "learn_temperature": self.learn_temperature,
            "negatives": dataclasses.asdict(self.negatives),
            "collaborative": self.collaborative,
            "content_weight": self.content_weight,
            "wish_weight": self.wish_weight,
            "id_dropout": self.id_dropout,
            "shrinkage": self.item_table.shrinkage,
            "tied": self.item_tower.tied,
            "start": self.start,
            "item_text": self.item_text,
            "item_vectors": self.vector_options,
            "seed": self.seed,
        }

    @classmethod
    def from_options(
        cls, encoder: PromptedEncoder, items: Catalog, options: dict[str, Any], **kwargs: Any
    ) -> Self:
        """The model that `options` described."""
        options = {**options, "negatives": Negatives(**options["negatives"])}
        return cls(encoder, items, **options, **kwargs)

    def mark_warm(self, sequences: Sequences) -> None:
        """Tells the collaborative ids which items training knows; the others stay at zero."""
        counts = sequences.counts()
        ids = self.item_table.ids
        if ids is not None and ids.table.trainable:  # else new rows would stay at random
            ids.mark_cold(counts)
        self.loss_function.set_frequencies(counts)
