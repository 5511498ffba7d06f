"""SASRec with ids, trained as well as we can: the bar for models that read text.

Kang and McAuley 2018, with what has since been found to matter more than the architecture: the
full softmax instead of binary cross-entropy with one negative (Klenitskiy and Vasilev 2023;
Petrov and Macdonald 2023), pre-norm blocks and wider feed-forward layers. Windows, events, order
of batches and the choice on validation are those of the prompted models.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import tfprompt  # isort: skip  # noqa: F401  (before keras: it sets the environment)

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from tfprompt.data import Requests, Split, number_of_batches, request_batches, training_batches
from tfprompt.evaluation import evaluate


class SASRec(keras.Model):
    """Causal self-attention over item ids.

    Args:
        count: number of items N.
        width: width D of everything.
        heads: attention heads.
        blocks: transformer blocks.
        dropout: rate on inputs, attention weights and sublayers.
        window: longest history H.
        seed: seed of initial values and dropout.

    Call arguments:
        history: int `[B, L]`, catalog index + 1, left-aligned, 0 = padding.

    Output shape: `[B, L, D]`; position l has seen items 0 … l. Padding stands at the end, where
    no real position looks.
    """

    def __init__(
        self,
        count: int,
        width: int = 64,
        heads: int = 2,
        blocks: int = 2,
        dropout: float = 0.3,
        window: int = 50,
        seed: int = 0,
    ) -> None:
        super().__init__(name="sasrec")
        keras.utils.set_random_seed(seed)
        self.width, self.window = width, window
        normal = keras.initializers.RandomNormal(stddev=0.02, seed=seed)
        # Row 0 is padding; it is no candidate.
        self.items = layers.Embedding(count + 1, width, embeddings_initializer=normal, name="items")
        self.positions = layers.Embedding(window, width, embeddings_initializer=normal, name="pos")
        self.dropout = layers.Dropout(dropout)
        self.blocks = [_Block(width, heads, dropout, name=f"block_{n}") for n in range(blocks)]
        self.norm = layers.LayerNormalization(epsilon=1e-6, name="norm")
        self(np.zeros((1, window), np.int32))

    def call(self, history: Any, training: bool | None = None) -> Any:
        """States of every position, `[B, L]` to `[B, L, D]`."""
        places = ops.expand_dims(ops.arange(ops.shape(history)[1]), 0)
        # The scale brings items to about the size of a normalised state (Vaswani et al. 2017).
        x = self.items(history) * self.width**0.5 + self.positions(places)
        x = self.dropout(x, training=training)
        for block in self.blocks:
            x = block(x, training=training)
        return self.norm(x)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, **_: Any
    ) -> Any:
        """Cross-entropy over all N items at the positions that have a target."""
        real = y > 0
        # Only real positions meet the catalog: [B, L, N] logits would be mostly padding.
        states, targets = tf.boolean_mask(y_pred, real), tf.boolean_mask(y, real)
        logits = tf.matmul(states, self.items.embeddings[1:], transpose_b=True)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(targets - 1, logits)
        return tf.reduce_mean(losses)


class _Block(layers.Layer):
    """Attention, then feed-forward, each behind a norm and beside a shortcut: `[B, L, D]`."""

    def __init__(self, width: int, heads: int, dropout: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.before_attention = layers.LayerNormalization(epsilon=1e-6)
        self.attention = layers.MultiHeadAttention(heads, width // heads, dropout=dropout)
        self.before_dense = layers.LayerNormalization(epsilon=1e-6)
        self.wide = layers.Dense(4 * width, activation="gelu")
        self.narrow = layers.Dense(width)
        self.dropouts = [layers.Dropout(dropout) for _ in range(3)]

    def call(self, x: Any, training: bool | None = None) -> Any:
        normed = self.before_attention(x)
        seen = self.attention(normed, normed, use_causal_mask=True, training=training)
        x = x + self.dropouts[0](seen, training=training)
        wide = self.dropouts[1](self.wide(self.before_dense(x)), training=training)
        return x + self.dropouts[2](self.narrow(wide), training=training)


class SASRecScorer:
    """A trained SASRec as `tp.evaluate` takes it.

    Attributes:
        name: "sasrec".
        settings: how it was made.
        parameters: trained numbers by part; "id table" is the items' embedding.
        seconds: of training, validation included.
        epoch_seconds: of each epoch's training, validation not included.
        history: validation NDCG@10 after each epoch.
    """

    name = "sasrec"

    def __init__(self, model: SASRec, settings: dict[str, Any] | None = None) -> None:
        self.model = model
        self.settings = settings or {}
        total, table = model.count_params(), int(np.prod(model.items.embeddings.shape))
        self.parameters = {"network": total - table, "id table": table}
        self.seconds = 0.0
        self.epoch_seconds: list[float] = []
        self.history: list[float] = []
        self._queries: tuple[Requests, np.ndarray] | None = None

    def scores(self, requests: Requests, rows: np.ndarray) -> np.ndarray:
        """Scores of all items, float32 `[len(rows), N]`."""
        if self._queries is None or self._queries[0] is not requests:
            self._queries = (requests, self._encode(requests))
        return self._queries[1][rows] @ np.asarray(self.model.items.embeddings)[1:].T

    def forget(self) -> None:
        """Drops what was computed with earlier weights."""
        self._queries = None

    def _encode(self, requests: Requests) -> np.ndarray:
        queries = np.zeros((len(requests), self.model.width), np.float32)
        for batch in request_batches(requests, window=self.model.window, batch_size=256):
            history = batch["history"]
            states = np.asarray(self.model.predict_on_batch(history))
            last = np.maximum((history > 0).sum(axis=1) - 1, 0)
            queries[batch["row"]] = states[np.arange(len(last)), last]
        return queries


class _Validation(keras.callbacks.Callback):
    """Adds validation NDCG@10 to the logs, by the same code as the final figures."""

    def __init__(self, scorer: SASRecScorer, requests: Requests) -> None:
        super().__init__()
        self.scorer, self.requests, self.epoch, self.began = scorer, requests, 0, 0.0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.epoch, self.began = epoch, time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.scorer.epoch_seconds.append(time.perf_counter() - self.began)
        self.scorer.forget()
        report = evaluate(
            self.scorer, self.requests, k=10, baselines=False, bootstrap=0, progress=False
        )
        logs["val_ndcg_at_10"] = report["ndcg@10"]
        self.scorer.history.append(report["ndcg@10"])


def train_sasrec(
    split: Split,
    *,
    width: int = 64,
    heads: int = 2,
    blocks: int = 2,
    dropout: float = 0.3,
    window: int = 50,
    batch_size: int = 64,
    rate: float = 1e-3,
    epochs: int = 40,
    patience: int = 5,
    seed: int = 0,
    verbose: int | str = 2,
) -> SASRecScorer:
    """Trains SASRec and returns it with the weights of its best epoch on validation.

    Args:
        split: training and validation are used; test is not looked at.
        width: width D.
        heads: attention heads.
        blocks: transformer blocks.
        dropout: see `SASRec`.
        window: longest history.
        batch_size: windows in a step.
        rate: learning rate of Adam, after a linear warm-up over the first epoch.
        epochs: at most.
        patience: epochs without a better NDCG@10 before training stops.
        seed: of initial values, dropout and the order of batches.
        verbose: as in Keras.
    """
    settings = {"width": width, "heads": heads, "blocks": blocks, "dropout": dropout}
    model = SASRec(len(split.train.catalog), window=window, seed=seed, **settings)
    scorer = SASRecScorer(model, {**settings, "window": window, "seed": seed})
    steps = number_of_batches(split.train, window=window, batch_size=batch_size)
    # A decay of alpha=1 is none: warm up, then stay.
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, epochs * steps, alpha=1.0, warmup_target=rate, warmup_steps=steps
    )
    model.compile(
        keras.optimizers.Adam(schedule, beta_2=0.98, global_clipnorm=1.0), jit_compile=False
    )
    validation = _Validation(scorer, split.validation)

    def batches() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for batch in training_batches(
            split.train, window=window, batch_size=batch_size, seed=seed, epoch=validation.epoch
        ):
            yield batch["history"], batch["target"]

    spec = tf.TensorSpec([None, None], tf.int32)
    data = tf.data.Dataset.from_generator(batches, output_signature=(spec, spec))
    stop = keras.callbacks.EarlyStopping(
        "val_ndcg_at_10", mode="max", patience=patience, restore_best_weights=True
    )
    began = time.perf_counter()
    model.fit(
        data.apply(tf.data.experimental.assert_cardinality(steps)).prefetch(2),
        epochs=epochs,
        callbacks=[validation, stop],
        verbose=verbose,
    )
    scorer.seconds = time.perf_counter() - began
    scorer.forget()
    return scorer
