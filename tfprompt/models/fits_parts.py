"""fit, evaluate and predict on the parts of a split, as on any Keras data."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from tfprompt.data.requests import Requests
from tfprompt.data.sequences import Sequences
from tfprompt.errors import ConfigError
from tfprompt.models.kept_model import KeptModel
from tfprompt.training.distribution import replicas, shared_gradients, total_gradients
from tfprompt.training.memory import keeps_memory

if TYPE_CHECKING:
    from tfprompt.models.pipeline import Pipeline


class FitsParts(KeptModel):
    """A base of models that take `Sequences` and `Requests` where Keras takes arrays.

    A subclass sets `pipeline` and `seed`, and gives `mark_warm()` and `candidates()`.
    """

    pipeline: Pipeline
    seed: int
    epochs_done = 0
    # Requests in a batch of validation: a ranker's hold many candidates each.
    request_batch = 256

    def mark_warm(self, sequences: Sequences) -> None:
        """Learns which items training knows."""
        raise NotImplementedError

    def candidates(self) -> Any:
        """All items as candidates `[N, W]`."""
        raise NotImplementedError

    @property
    def query_width(self) -> int:
        """Width W of a query."""
        raise NotImplementedError

    def penalty(self) -> Any:
        """What layers add to the loss of the last call; the replicas' shares sum up to it once.

        To be asked right after the call: what exchanges values between replicas lets another
        one's call come between.
        """
        return sum(self.losses) / replicas()

    def descend(self, tape: tf.GradientTape, loss: Any) -> None:
        """Moves what is trained down the gradient of this replica's share of the loss."""
        variables = self.trainable_variables
        gradients = shared_gradients(tape.gradient(loss, variables), self.optimizer)
        self.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        if self.encoder.tuning.observes:
            totals = total_gradients(gradients, variables)
            pairs = zip(variables, totals, strict=True)
            self.encoder.tuning.observe({id(variable): total for variable, total in pairs})

    def compile(self, optimizer: Any = None, **kwargs: Any) -> None:
        """As in Keras; without an optimizer, AdamW at 2e-3 with gradients clipped to length 1."""
        if (policy := keras.config.dtype_policy().name) != "float32":
            raise ConfigError(
                f"A model is trained in float32. Received: the dtype policy {policy!r}. Call "
                "keras.config.set_dtype_policy('float32') before the model is made."
            )
        super().compile(
            optimizer=optimizer or keras.optimizers.AdamW(2e-3, global_clipnorm=1.0), **kwargs
        )
        self._trains = None

    def get_compile_config(self) -> dict[str, Any]:
        """The optimizer, for `keras.models.load_model`."""
        return {"optimizer": keras.optimizers.serialize(self.optimizer)} if self.compiled else {}

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compiles as `get_compile_config` says."""
        self.compile(optimizer=keras.optimizers.deserialize(config["optimizer"]))
        self.optimizer.build(self.trainable_variables)

    def _maybe_symbolic_build(self, iterator: Any = None, data_batch: Any = None) -> None:
        # Keras averages a batch over the replicas to build from it, which fails where the replicas
        # have different numbers of rows (the last batch). Here all but the optimizer is built.
        if self.compiled and not self.optimizer.built:
            with self.distribute_strategy.scope():
                self.optimizer.build(self.trainable_variables)

    def _get_metrics_result_or_logs(self, logs: dict[str, Any]) -> dict[str, Any]:
        # A training step reports the loss alone. Keras would then show the first replica's figure
        # instead of the metric, which sums over all of them.
        return {m.name: float(m.result()) for m in self.metrics if m.name in logs}

    @keeps_memory
    def fit(
        self,
        x: Sequences | tf.data.Dataset,
        *,
        validation_data: Requests | None = None,
        batch_size: int = 64,
        epochs: int = 1,
        initial_epoch: int = 0,
        callbacks: Any = None,
        seed: int | None = None,
        hard: np.ndarray | None = None,
        shortlist: np.ndarray | None = None,
        **kwargs: Any,
    ) -> keras.callbacks.History:
        """Trains the prompts; arguments as in `keras.Model.fit`.

        Args:
            x: the training part of a split.
            validation_data: the validation part; its figures appear as `val_ndcg_at_10` and so
                on, for `EarlyStopping` and `ModelCheckpoint`. Of a request with several targets
                the first counts here; `tp.evaluate` counts all.
            batch_size: windows in a step, over all replicas.
            epochs: the last epoch.
            initial_epoch: epochs already done; the order of batches goes on from there.
            callbacks: any Keras callbacks.
            seed: seed of the batches' order; None takes the model's.
            hard: of a ranker, see `RankingPipeline.training`.
            shortlist: of a ranker, see `RankingPipeline.requests`.
            **kwargs: as in `keras.Model.fit`.

        Returns:
            The history of losses and metrics by epoch.
        """
        if not self.compiled:
            self.compile()
        self._check_compiled()
        data: Any = x
        clock = _EpochClock(initial_epoch)
        if isinstance(x, Sequences):
            self.check_catalog(x)
            self.prepare()
            self.mark_warm(x)
            data = self.pipeline.training(
                x,
                batch_size=batch_size,
                seed=self.seed if seed is None else seed,
                epoch=lambda: clock.epoch,
                **({} if hard is None else {"hard": hard}),
            )
        if isinstance(validation_data, Requests):
            self.check_catalog(validation_data)
            self.prepare()
            validation_data = self.pipeline.requests(
                validation_data,
                batch_size=min(256, self.request_batch),
                **({} if shortlist is None else {"shortlist": shortlist}),
            )
        kwargs.setdefault("shuffle", False)  # the pipeline has shuffled; Keras warns that it cannot
        listed = list(callbacks) if isinstance(callbacks, list | tuple) else [callbacks]
        self.validating_on = validation_data
        try:
            return super().fit(
                data,
                validation_data=validation_data,
                epochs=epochs,
                initial_epoch=initial_epoch,
                callbacks=[clock, *(callback for callback in listed if callback is not None)],
                **kwargs,
            )
        finally:
            self.validating_on = None

    def _check_compiled(self) -> None:
        """Refuses a step that was made for other variables: it would train those on and on."""
        trained = {id(variable) for variable in self.trainable_variables}
        if self._trains is not None and self._trains != trained:
            raise ConfigError(
                "A compiled model trains what was trainable when it was first fitted. Received: "
                f"{len(trained)} trained tensors now and {len(self._trains)} then. Call "
                "model.compile(...) inside `training_only`, and again behind it."
            )
        self._trains = trained

    _trains: Any = None

    def training_only(self, *parts: str) -> AbstractContextManager[None]:
        """Trains some parts and nothing else while a block runs.

        A further prompt of one model is made so: it shares with the others all but its vectors,
        which is what a bank of prompts (`model.prompts`) and an artifact of several ask for. What
        is saved inside the block is whole; afterwards everything is trained again.

        Args:
            *parts: of "prompts", "items", "temperature" and "network" (see
                `tfprompt.models.parts.part_of`), or "soft": the prompts of `{soft:P}` alone, which
                is what one model may have several of. Compile the model inside the block, and
                again behind it to train on.

        Raises:
            ConfigError: an unknown part, or the model trains nothing of these.

        Example:
            german = tp.load("prompts/shop", data.items)
            with german.training_only("soft"):
                german.compile()
                german.fit(split_of_germany.train, epochs=3)
                german.save_prompts("prompts/de")
            model.prompts.add("de", "prompts/de")
        """
        from tfprompt.models.parts import only

        return only(self, *parts)

    # While `fit` runs, what it validates on: callbacks that measure too need the same candidates.
    validating_on: Any = None

    @keeps_memory
    def evaluate(self, x: Any, *, batch_size: int = 256, **kwargs: Any) -> Any:
        """Keras' evaluation: loss and metrics of a part of a split; see also `tp.evaluate`."""
        if not self.compiled:
            self.compile()
        if isinstance(x, Requests):
            self.check_catalog(x)
            self.prepare()
            x = self.pipeline.requests(x, batch_size=min(batch_size, self.request_batch))
        return super().evaluate(x, **kwargs)

    @keeps_memory
    def predict(self, x: Any, *, batch_size: int = 256, **kwargs: Any) -> np.ndarray:
        """The queries of requests, `[R, W]`, in the requests' order."""
        if not isinstance(x, Requests):
            return super().predict(x, **kwargs)
        self.check_catalog(x)
        self.prepare()
        fields = self.pipeline.fields_of(x)
        queries = np.zeros((len(x), self.query_width), np.float32)
        for inputs, rows in self.pipeline.request_arrays(x, fields, batch_size):
            queries[rows] = self.predict_on_batch(inputs)
        return queries

    def scores(self, requests: Requests, rows: np.ndarray) -> np.ndarray:
        """Scores of all items for some requests, `[len(rows), N]`: what `tp.evaluate` ranks."""
        # One pass serves all batches of an evaluation, as long as nothing is trained in between.
        weights = self.weights_hash()
        if self._scored is None or self._scored[0] is not requests or self._scored[1] != weights:
            queries, candidates = self.predict(requests), np.asarray(self.candidates())
            self._scored = (requests, weights, queries, candidates)
        _, _, queries, candidates = self._scored
        return queries[rows] @ candidates.T

    _scored: Any = None

    def weights_hash(self) -> int:
        """Tells whether anything was trained since it was asked last."""
        return hash(b"".join(np.asarray(v.value).tobytes() for v in self.trainable_variables))

    def check_catalog(self, part: Sequences | Requests) -> None:
        """Refuses data of another catalog.

        Raises:
            ConfigError: the catalogs differ.
        """
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

    def on_train_begin(self, logs: Any = None) -> None:
        if self.params.get("steps"):
            self.model.encoder.tuning.plan(self.params["steps"] * self.params["epochs"])

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.epoch = epoch

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.model.epochs_done = epoch + 1
