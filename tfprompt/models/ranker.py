"""Ranking: a request and some items in, what the user will think of each out."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import keras
import tensorflow as tf
from keras import ops

from tfprompt.encoders.prompted import PromptedEncoder
from tfprompt.encoders.texts import lower_states
from tfprompt.layers import Interaction
from tfprompt.models.calibration import calibrate
from tfprompt.models.item_states import ItemStates
from tfprompt.models.item_vectors import item_vector_options
from tfprompt.models.known_start import KnownStart
from tfprompt.models.parts import holds_items
from tfprompt.models.ranker_parts import checked, score_head
from tfprompt.models.ranking_loss import RankingLoss
from tfprompt.models.ranking_metrics import RankingMetrics
from tfprompt.models.ranking_pipeline import RankingPipeline
from tfprompt.models.ranking_steps import RankingSteps
from tfprompt.models.sharing import item_parts, reads_text, uses_tower
from tfprompt.models.shortlist import shortlists
from tfprompt.prompts.verbalizer import Verbalizer
from tfprompt.tasks.objective import Objective

if TYPE_CHECKING:
    from tfprompt.data.catalog import Catalog
    from tfprompt.data.requests import Requests
    from tfprompt.data.sequences import Sequences
    from tfprompt.models.fits_parts import FitsParts
    from tfprompt.models.retriever import Retriever


@keras.saving.register_keras_serializable("tfprompt")
class Ranker(KnownStart, RankingSteps):
    """Judges items for a request: a rating, whether it will be liked, or clicked.

    The template says how the item to judge is read. `{item:text}` makes a cross-encoder: the
    item's word pieces run through the frozen upper layers beside the request. `{item:token}` makes
    a late interaction: one token of the item's cached vector does, which costs about a quarter.

    Args:
        encoder: the prompted encoder, with `{item:text}` or `{item:token}` in its template. It
            belongs to this model from here on.
        items: the catalog.
        objective: "rating", "like", "click", or an `Objective` with a loss of your choice.
        verbalizer: words for the answers, instead of a linear head: [no, yes] or {1: "terrible",
            …, 5: "great"}, or a `Verbalizer`, which may train the words' vectors too (`soft`) or
            take off what they are told without content (`calibrated`). Else only their scale and
            bias are trained: with `bias=False` such a ranker judges without any training.
        bias: lets the prompts correct what is known without them: of a rating or a like, how user
            and item rate (see `RatingBias`) and, where the template shows the ratings of the
            history, what the user thought of similar items (see `RatedNeighbours`); of a click,
            what the users of past items took too (see `TakenTogether`).
        collaborative: rank R of the items' id embedding; 0 uses text alone. A cross-encoder sees
            ids in the history alone.
        id_dropout: share of ids hidden in training.
        shrinkage: of the whitening of the items' text vectors, see `Whitening`.
        steps: targets of a window that are judged in one step of training; None takes all with
            `{item:token}`, 8 with `{item:text}`, whose memory grows with them.
        max_item_tokens: word pieces of a candidate's text, special tokens included.
        item_text: how an item reads, e.g. "{title} ({year})"; None takes the catalog's own.
        item_vectors: vectors of the catalog that are read beside the text, as of images: names, or
            weights by name; an item's text weighs 1. See `Dataset.with_item_vectors`.
        seed: seed of initial values.
        share: another ranker or retriever, see `Retriever`.

    Raises:
        TemplateError: the encoder's template does not fit the data.
        ConfigError: options that contradict each other, or those of the model to share with.

    Example:
        encoder = tp.PromptedEncoder.from_preset(
            "all-minilm-l6-v2", "{soft:8} {history:items rating} would rate {item:token}")
        model = tp.Ranker(encoder, data.items, "rating", collaborative=32)
        model.fit(split.train, validation_data=split.validation, epochs=8)
        print(tp.judge(model, split.test))
    """

    request_batch = 64

    def __init__(
        self,
        encoder: PromptedEncoder,
        items: Catalog,
        objective: str | Objective = "rating",
        *,
        verbalizer: Any = None,
        bias: bool = True,
        collaborative: int = 0,
        id_dropout: float = 0.0,
        shrinkage: float | None = 1.0,
        steps: int | None = None,
        max_item_tokens: int = 24,
        item_text: str | None = None,
        item_vectors: Sequence[str] | Mapping[str, Any] | None = None,
        seed: int = 0,
        share: FitsParts | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        objective, verbalizer = checked(
            encoder, objective, verbalizer, collaborative, max_item_tokens, steps
        )
        self.encoder = encoder
        self.catalog = items
        self.objective = objective
        self.verbalizer = verbalizer
        self.collaborative = collaborative
        self.id_dropout = id_dropout
        self.reads_text = reads_text(encoder)
        self.steps = steps
        self.max_item_tokens = max_item_tokens
        self.item_text = item_text or items.item_text
        self.vector_options = item_vector_options(items, item_vectors)
        self.seed = seed
        self.item_table, self.item_tower = item_parts(
            encoder, items, share, collaborative=collaborative, id_dropout=id_dropout,
            shrinkage=shrinkage, item_text=self.item_text, seed=seed,
            item_vectors=self.vector_options,
        )  # fmt: skip
        self.item_states = (
            ItemStates(len(items), max_item_tokens, encoder.width, name="item_states")
            if self.reads_text
            else None
        )
        self._make_known(items, encoder.template, bias, seed)
        self.with_bias = bias
        self.pipeline: RankingPipeline = RankingPipeline(
            encoder, items.columns, objective, 8 if steps is None and self.reads_text else steps,
            self.item_text,
        )  # fmt: skip
        self.epochs_done = 0
        self._build_all()
        self.loss_function = RankingLoss(objective, self.std)
        self._loss_mean = keras.metrics.Mean(name="loss")
        self._figures = RankingMetrics(objective)

    def _build_all(self) -> None:
        """Creates every weight, so that checkpoints can be loaded before any data is seen."""
        rank = self.collaborative or None
        self.encoder.fit_columns(self.catalog.columns)
        self.encoder.build()
        if not self.item_table.built:  # else shared
            self.item_table.build()
        if uses_tower(self.encoder) and not self.item_tower.built:
            self.item_tower.build((None, self.item_table.width), rank and (None, rank))
            # A cross-encoder's candidates are words, which have no id to lift.
            self.item_tower.lift.trainable = not self.reads_text
        if self.item_states is not None:
            self.item_states.build()
        self._build_known(self.item_table.width, rank)
        self.head = score_head(self.encoder, self.verbalizer)
        self.head.build((None, self.encoder.width))
        self.interaction = None
        if not self.reads_text and self.verbalizer is None:
            self.interaction = Interaction(seed=self.seed, name="interaction")
            self.interaction.build((None, self.encoder.width))
        self.built = True

    def prepare(self) -> None:
        """Encodes the catalog with the frozen backbone, once; `fit` and the like call it."""
        super().prepare()
        if self.item_states is not None and not self.item_states.filled:
            texts = self.catalog.texts(self.item_text)
            self.item_states.fill(
                *lower_states(
                    self.encoder.loaded, self.encoder.seam, texts,
                    sequence_length=self.max_item_tokens, dtype="float16",
                )
            )  # fmt: skip
        if not self.head.is_calibrated:
            calibrate(self)

    # -- the forward pass ---------------------------------------------------------------------

    def call(
        self,
        inputs: Mapping[str, Any],
        training: bool | None = None,
        states_only: bool = False,
    ) -> Any:
        """Judges candidates: ratings, or else logits, `[B, Q]`.

        Args:
            inputs: as for `PromptedEncoder`, with `history` int `[B, H]` (catalog rows, -1 for
                padding) in place of `items`, or with `vectors` `[B, H, V]`, `ids` and
                `items_mask`; and with `candidates` int `[B, Q]` (catalog rows, -1 for padding).
            training: runs dropout.
            states_only: gives what is read of each candidate instead, `[B, Q, D]`.
        """
        prepared = dict(inputs)
        past = prepared.pop("rows", prepared.get("history"))
        item_bias, own = prepared.pop("item_bias", None), prepared.pop("own", None)
        if "history" in prepared:
            history = prepared.pop("history")
            prepared["vectors"], prepared["ids"] = self.item_table(history, training=training)
            prepared["items_mask"] = history >= 0
        vectors, ids = prepared.pop("vectors", None), prepared.pop("ids", None)
        if self.encoder.item_tokens is not None:
            prepared["items"], prepared["content"] = self.item_tower.tokens(vectors, ids), vectors
        rows, ratings = prepared["candidates"], prepared.get("ratings")
        if self.bias is not None and ratings is not None:
            # What the tokens show is what user and item leave unexplained.
            prepared["ratings"] = self.bias.residuals(past, ratings)
        about = self.item_table(rows, training=training)
        if self.item_states is not None:
            prepared["candidates"], prepared["candidates_mask"] = self.item_states(rows)
        else:
            tokens = self.item_tower(*about)
            prepared["candidates"] = ops.expand_dims(tokens, 2)
            prepared["candidates_mask"] = ops.expand_dims(ops.ones_like(rows, "bool"), 2)
        states = self.encoder(prepared, training=training)
        if states_only:
            return states
        outputs = self.head(states)
        if self.interaction is not None:
            outputs = outputs + self.interaction(states, tokens)
        return self._corrected(
            outputs, rows, prepared["moments"], words=self.verbalizer is not None, past=past,
            ratings=ratings, residuals=prepared.get("ratings"), item_bias=item_bias, own=own,
            about=about, history=(vectors, ids), training=training,
        )  # fmt: skip

    def fit(  # type: ignore[override]
        self,
        x: Sequences | tf.data.Dataset,
        *,
        validation_data: Requests | None = None,
        shortlist: Retriever | None = None,
        shortlist_size: int = 200,
        batch_size: int = 64,
        seed: int | None = None,
        **kwargs: Any,
    ) -> keras.callbacks.History:
        """Trains the prompts; see `Retriever.fit`.

        Args:
            x: the training part of a split.
            validation_data: the validation part. Of a click's figures the candidates are the
                shortlist's; a target that is not among them is a miss.
            shortlist: for clicks, the retriever whose best items this ranker will be given: its
                negatives and its candidates in validation come from there. Without one they are
                drawn at random, and validation ranks the target among 99 others.
            shortlist_size: items of a shortlist.
            batch_size: windows in a step, over all replicas.
            seed: seed of order, steps and negatives; None takes the model's.
            **kwargs: as in `FitsParts.fit`.
        """
        if shortlist is not None:
            kwargs |= shortlists(self, shortlist, x, validation_data, shortlist_size)
        return super().fit(
            x, validation_data=validation_data, batch_size=batch_size, seed=seed, **kwargs
        )

    # -- what is kept -------------------------------------------------------------------------

    def options(self) -> dict[str, Any]:
        """The constructor's options, as JSON."""
        return {
            "objective": dataclasses.asdict(self.objective),
            "verbalizer": None if self.verbalizer is None else self.verbalizer.to_dict(),
            "bias": self.with_bias,
            "collaborative": self.collaborative,
            "id_dropout": self.id_dropout,
            "shrinkage": self.item_table.shrinkage,
            "steps": self.steps,
            "max_item_tokens": self.max_item_tokens,
            "item_text": self.item_text,
            "item_vectors": self.vector_options,
            "seed": self.seed,
        }

    @classmethod
    def from_options(
        cls, encoder: PromptedEncoder, items: Catalog, options: dict[str, Any], **kwargs: Any
    ) -> Self:
        """The model that `options` described."""
        options = {**options, "objective": Objective(**options["objective"])}
        if options["verbalizer"] is not None:
            options["verbalizer"] = Verbalizer.from_dict(options["verbalizer"])
        return cls(encoder, items, **options, **kwargs)

    def mark_warm(self, sequences: Sequences) -> None:
        """Tells the collaborative ids which items training knows; the others stay at zero."""
        ids = self.item_table.ids
        if ids is not None and ids.table.trainable:  # else new rows would stay at random
            ids.mark_cold(sequences.counts())
        self._measure_known(sequences, keep=holds_items(self))
