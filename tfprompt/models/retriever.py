"""Retrieval: a request in, the best of the whole catalog out."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from tfprompt.data.requests import Requests
from tfprompt.data.sequences import Sequences
from tfprompt.encoders.prompted import PromptedEncoder
from tfprompt.encoders.texts import encode_texts
from tfprompt.errors import ConfigError
from tfprompt.evaluation.keras_metrics import MRR, HRAtK, NDCGAtK, RecallAtK, ranks_from_scores
from tfprompt.layers import ItemTower, unit_length
from tfprompt.models import prompt_files, retriever_config
from tfprompt.models.item_table import ItemTable
from tfprompt.models.pipeline import Pipeline
from tfprompt.models.retrieval_loss import RetrievalLoss
from tfprompt.tasks.negatives import Negatives
from tfprompt.training.distribution import shared_gradients, total_over_replicas

if TYPE_CHECKING:
    from tfprompt.data.catalog import Catalog


@keras.saving.register_keras_serializable("tfprompt")
class Retriever(keras.Model):
    """Scores every item of a catalog for a request.

    The query is the prompted encoder's read-out; a candidate is an item's frozen text vector
    through a trained projection, plus, with `collaborative`, a low-rank id embedding. Both are
    compared by cosine, or by dot product (divided by the root of the width).

    Args:
        encoder: the prompted encoder. It belongs to this model from here on.
        items: the catalog.
        similarity: "cosine", or "dot" (scaled by 1/√D).
        temperature: divides the scores before the softmax; None takes 0.1 for "cosine" and 1 for
            "dot".
        learn_temperature: trains the temperature, starting at `temperature`.
        negatives: "catalog" (full softmax), "in_batch", "sampled", or a `Negatives`.
        collaborative: rank R of the items' id embedding; 0 uses text alone.
        id_dropout: share of ids hidden in training, so that cold items stay recommendable.
        shrinkage: of the whitening of the items' text vectors, see `Whitening`; None leaves them
            as they are.
        tied: one projection for items as candidates and as tokens of a history; False trains two.
        item_text: how an item reads, e.g. "{title} ({year})"; None takes the catalog's own.
        seed: seed of initial values.

    Raises:
        TemplateError: the encoder's template does not fit the data.
        ConfigError: options that contradict each other.

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
        id_dropout: float = 0.0,
        shrinkage: float | None = 1.0,
        tied: bool = True,
        item_text: str | None = None,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if similarity not in ("cosine", "dot"):
            raise ConfigError(f"A similarity is 'cosine' or 'dot'. Received: {similarity!r}.")
        if temperature is None:
            temperature = 1.0 if similarity == "dot" else 0.1
        if temperature <= 0:
            raise ConfigError(f"A temperature is above 0. Received: {temperature}.")
        if isinstance(negatives, str):
            negatives = Negatives(kind=negatives)  # type: ignore[arg-type]  # checked in there
        self.encoder = encoder
        self.catalog = items
        self.similarity = similarity
        self.collaborative = collaborative
        self.learn_temperature = learn_temperature
        self.negatives = negatives
        self.id_dropout = id_dropout
        self.item_text = item_text or items.item_text
        self.seed = seed
        self.initial_temperature = temperature
        self.item_table = ItemTable(
            len(items), encoder.loaded.width, collaborative or None, id_dropout, shrinkage, seed,
            name="item_table",
        )  # fmt: skip
        self.item_tower = ItemTower(encoder.width, tied, seed=seed, name="item_tower")
        self.pipeline = Pipeline(encoder)
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
        self.item_table.build()
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
        """Encodes requests: queries `[B, D]` (`[B, H+1, D]` with `every_position`).

        Args:
            inputs: as for `PromptedEncoder`, with `history` int `[B, H]` (catalog rows, -1 for
                padding) in place of `items`.
            every_position: one query a step.
            training: runs dropout.
        """
        prepared = dict(inputs)
        if "history" in prepared:
            history = prepared.pop("history")
            prepared["items"] = self.item_tower.tokens(*self.item_table(history, training=training))
            prepared["items_mask"] = history >= 0
        queries = self.encoder(prepared, every_position=every_position, training=training)
        if self.similarity == "cosine":
            return unit_length(queries)
        return queries / self.encoder.width**0.5

    def candidates(self, rows: Any = None, training: bool | None = None) -> Any:
        """Items as candidates `[n, D]`.

        Args:
            rows: catalog rows `[n]`, None for all N.
            training: runs the dropping of ids.
        """
        if rows is None:
            candidates = self.item_tower(*self.item_table.all_items(training=training))
        else:
            candidates = self.item_tower(*self.item_table(rows, training=training))
        return unit_length(candidates) if self.similarity == "cosine" else candidates

    def text_items(self, vectors: Any) -> Any:
        """Items that only their text describes, such as wishes, as `items` of `call`.

        Args:
            vectors: raw text vectors `[..., V]`, as `encode_texts` gives them.

        Returns:
            `[..., D]`.
        """
        vectors = self.item_table.from_text(vectors)
        if self.item_table.rank is None:
            return self.item_tower.tokens(vectors)
        none = ops.zeros((*ops.shape(vectors)[:-1], self.item_table.rank))
        return self.item_tower.tokens(vectors, none)

    @property
    def temperature(self) -> Any:
        """The scalar that divides scores."""
        return ops.exp(self.log_temperature)

    # -- what Keras calls ---------------------------------------------------------------------

    def compile(self, optimizer: Any = None, **kwargs: Any) -> None:
        """As in Keras; without an optimizer, AdamW at 2e-3 with gradients clipped to length 1."""
        if kwargs.get("loss") is not None:
            raise ConfigError(
                "The loss of a Retriever is its TFRS task: choose it by `negatives`. "
                f"Received: loss={kwargs['loss']!r}."
            )
        super().compile(
            optimizer=optimizer or keras.optimizers.AdamW(2e-3, global_clipnorm=1.0), **kwargs
        )

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """What is reset at the start of each epoch."""
        return [self._loss_mean, *self._rank_metrics]

    @property
    def _every_position(self) -> bool:
        return self.encoder.attention == "causal" and self.encoder.template.has_history

    def _maybe_symbolic_build(self, iterator: Any = None, data_batch: Any = None) -> None:
        # Keras averages a batch over the replicas to build from it, which fails where the replicas
        # have different numbers of rows (the last batch). Here all but the optimizer is built.
        if self.compiled and not self.optimizer.built:
            with self.distribute_strategy.scope():
                self.optimizer.build(self.trainable_variables)

    def train_step(self, data: Any) -> dict[str, Any]:
        """One step on a batch of windows; every position of each window is a target."""
        x, y, _ = keras.utils.unpack_x_y_sample_weight(data)
        with tf.GradientTape() as tape:
            queries = self(x, every_position=self._every_position, training=True)
            total, count = self.loss_function(self, queries, y["target"])
            loss = total / total_over_replicas(count)
        variables = self.trainable_variables
        gradients = shared_gradients(tape.gradient(loss, variables), self.optimizer)
        self.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        self._loss_mean.update_state(total / tf.maximum(count, 1.0), sample_weight=count)
        return {"loss": self._loss_mean.result()}

    def test_step(self, data: Any) -> dict[str, Any]:
        """One batch of requests: loss, and ranks among all items."""
        x, y, _ = keras.utils.unpack_x_y_sample_weight(data)
        queries = self(x, training=False)
        candidates = self.candidates()
        scores = ops.matmul(queries, ops.transpose(candidates))
        losses = keras.losses.sparse_categorical_crossentropy(
            y["target"], scores / self.temperature, from_logits=True
        )
        self._loss_mean.update_state(losses)
        ranks = ranks_from_scores(scores, y["target"], y["exclude"])
        for metric in self._rank_metrics:
            metric.update_state(ranks)
        return {metric.name: metric.result() for metric in self.metrics}

    def predict_step(self, data: Any) -> Any:
        """Queries `[B, D]` of one batch."""
        x, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        return self(x, training=False)

    # -- what users call ----------------------------------------------------------------------

    def fit(  # type: ignore[override]  # a Sequences in place of arrays
        self,
        x: Sequences | tf.data.Dataset,
        *,
        validation_data: Requests | None = None,
        batch_size: int = 64,
        epochs: int = 1,
        initial_epoch: int = 0,
        callbacks: Any = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> keras.callbacks.History:
        """Trains the prompts; arguments as in `keras.Model.fit`.

        Args:
            x: the training part of a split.
            validation_data: the validation part; its figures appear as `val_ndcg_at_10` and so
                on, for `EarlyStopping` and `ModelCheckpoint`.
            batch_size: windows in a step, over all replicas.
            epochs: the last epoch.
            initial_epoch: epochs already done; the order of batches goes on from there.
            callbacks: any Keras callbacks.
            seed: seed of the batches' order; None takes the model's.
            **kwargs: as in `keras.Model.fit`.

        Returns:
            The history of losses and metrics by epoch.
        """
        if not self.compiled:
            self.compile()
        data: Any = x
        clock = _EpochClock(initial_epoch)
        if isinstance(x, Sequences):
            self._check_catalog(x)
            self.prepare()
            self.mark_warm(x)
            data = self.pipeline.training(
                x,
                batch_size=batch_size,
                seed=self.seed if seed is None else seed,
                epoch=lambda: clock.epoch,
            )
        if isinstance(validation_data, Requests):
            self._check_catalog(validation_data)
            self.prepare()
            validation_data = self.pipeline.requests(validation_data, batch_size=256)
        kwargs.setdefault("shuffle", False)  # the pipeline has shuffled; Keras warns that it cannot
        listed = list(callbacks) if isinstance(callbacks, list | tuple) else [callbacks]
        return super().fit(
            data,
            validation_data=validation_data,
            epochs=epochs,
            initial_epoch=initial_epoch,
            callbacks=[clock, *(callback for callback in listed if callback is not None)],
            **kwargs,
        )

    def evaluate(self, x: Any, *, batch_size: int = 256, **kwargs: Any) -> Any:
        """Keras' evaluation: loss and metrics of a part of a split; see also `tp.evaluate`."""
        if isinstance(x, Requests):
            self._check_catalog(x)
            self.prepare()
            x = self.pipeline.requests(x, batch_size=batch_size)
        return super().evaluate(x, **kwargs)

    def predict(self, x: Any, *, batch_size: int = 256, **kwargs: Any) -> np.ndarray:
        """The queries of requests, `[R, D]`, in the requests' order."""
        if not isinstance(x, Requests):
            return super().predict(x, **kwargs)
        self._check_catalog(x)
        self.prepare()
        fields = self.pipeline.fields_of(x)
        queries = np.zeros((len(x), self.encoder.width), np.float32)
        for inputs, rows in self.pipeline.request_arrays(x, fields, batch_size):
            queries[rows] = self.predict_on_batch(inputs)
        return queries

    def scores(self, requests: Requests, rows: np.ndarray) -> np.ndarray:
        """Scores of all items for some requests, `[len(rows), N]`: what `tp.evaluate` ranks."""
        # One pass serves all batches of an evaluation, as long as nothing is trained in between.
        weights = hash(b"".join(np.asarray(v.value).tobytes() for v in self.trainable_variables))
        if self._scored is None or self._scored[0] is not requests or self._scored[1] != weights:
            queries, candidates = self.predict(requests), np.asarray(self.candidates())
            self._scored = (requests, weights, queries, candidates)
        _, _, queries, candidates = self._scored
        return queries[rows] @ candidates.T

    _scored: Any = None

    # -- the catalog --------------------------------------------------------------------------

    @property
    def item_vectors(self) -> np.ndarray:
        """The frozen text vectors of all items `[N, V]` of length 1, before any whitening."""
        return encode_texts(self.encoder.loaded, self.catalog.texts(self.item_text))

    def prepare(self) -> None:
        """Encodes the catalog with the frozen backbone, once; `fit` and the like call it."""
        if not self.item_table.filled:
            self.item_table.fill(self.item_vectors)

    def mark_warm(self, sequences: Sequences) -> None:
        """Tells the collaborative ids which items training knows; the others stay at zero."""
        counts = sequences.counts()
        if self.item_table.ids is not None:
            self.item_table.ids.mark_cold(counts)
        self.loss_function.set_frequencies(counts)

    # -- what is kept -------------------------------------------------------------------------

    @property
    def trainable_parameters(self) -> int:
        """How many numbers training changes."""
        return sum(int(np.prod(variable.shape)) for variable in self.trainable_variables)

    @property
    def total_parameters(self) -> int:
        """Those of the frozen backbone and the trained ones; the catalog's vectors are data."""
        return int(self.encoder.loaded.backbone.count_params()) + self.trainable_parameters

    def options(self) -> dict[str, Any]:
        """The constructor's options, as JSON."""
        return {
            "similarity": self.similarity,
            "temperature": self.initial_temperature,
            "learn_temperature": self.learn_temperature,
            "negatives": dataclasses.asdict(self.negatives),
            "collaborative": self.collaborative,
            "id_dropout": self.id_dropout,
            "shrinkage": self.item_table.shrinkage,
            "tied": self.item_tower.tied,
            "item_text": self.item_text,
            "seed": self.seed,
        }

    def get_config(self) -> dict[str, Any]:
        """What `keras.models.load_model` needs: options, catalog, and the backbone's name.

        The frozen backbone is named and fingerprinted, not copied: a `.keras` file holds the
        prompts and the catalog's vectors.
        """
        return {"name": self.name, **retriever_config.describe(self)}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Retriever:
        """Rebuilds the model around the backbone of that name.

        Raises:
            CheckpointError: the backbone that now goes by that name is another one.
        """
        return retriever_config.rebuild(cls, config)

    def save_prompts(
        self,
        directory: str | os.PathLike[str],
        *,
        optimizer: bool = False,
        metrics: dict[str, float] | None = None,
        data: dict[str, Any] | None = None,
    ) -> Path:
        """Writes the trained tensors and a readable description, a megabyte or so.

        Args:
            directory: replaced as a whole, atomically.
            optimizer: also keeps the optimizer's state, to resume training.
            metrics: figures to keep in the description.
            data: where the data came from, to keep in the description.

        Returns:
            The directory.
        """
        return prompt_files.save(self, directory, optimizer=optimizer, metrics=metrics, data=data)

    def export(  # type: ignore[override]  # Keras exports call(); this exports requests
        self, filepath: str | os.PathLike[str], *, k: int = 100
    ) -> Path:
        """Writes a SavedModel for TensorFlow Serving; see `tfprompt.artifacts`.

        Args:
            filepath: `<name>/<version>` with an integer version; must not exist.
            k: results of each request.
        """
        # Artifacts stand above models: imported when used.
        from tfprompt.artifacts.saved_model import export_saved_model

        return export_saved_model(self, filepath, k=k)

    def load_prompts(self, directory: str | os.PathLike[str]) -> None:
        """Reads what `save_prompts` wrote; a compiled model gets the optimizer's state too.

        Raises:
            CheckpointError: another backbone, another model, or a damaged file.
        """
        prompt_files.restore(self, directory)

    def summary(self, print_fn: Any = print, **kwargs: Any) -> None:
        """Prints the trained parts and how many parameters are trained and frozen."""
        lines = [f"Retriever of {len(self.catalog):,} items: {self.encoder.template.source}", ""]
        variables = prompt_files.trained_variables(self)
        width = max(map(len, variables), default=0)
        for name, variable in variables.items():
            shape = "×".join(map(str, variable.shape)) or "scalar"
            lines.append(f"  {name:{width}}  {shape:>11}  {int(np.prod(variable.shape)):>9,}")
        frozen = self.total_parameters - self.trainable_parameters
        share = self.trainable_parameters / frozen
        lines += [
            "",
            f"trainable parameters: {self.trainable_parameters:,} ({share:.2%} of the backbone's)",
            f"frozen parameters:    {frozen:,} ({self.encoder.loaded.name}, seam at layer "
            f"{self.encoder.prompt_layer})",
        ]
        print_fn("\n".join(lines))

    def _check_catalog(self, part: Sequences | Requests) -> None:
        if part.catalog.fingerprint != self.catalog.fingerprint:
            raise ConfigError(
                "The data must have the catalog that the model was made for "
                f"({len(self.catalog)} items, {self.catalog.fingerprint[:12]}). Received: "
                f"{len(part.catalog)} items, {part.catalog.fingerprint[:12]}."
            )


class _EpochClock(keras.callbacks.Callback):
    """Tells the pipeline which epoch it shuffles."""

    def __init__(self, epoch: int) -> None:
        super().__init__()
        self.epoch = epoch

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.epoch = epoch

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.model.epochs_done = epoch + 1
