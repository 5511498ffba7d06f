"""One step, many steps, and what they may and may not change."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.toy import ITEMS, backbone, batches, dataset, retriever, trained_values
from tfprompt.errors import ConfigError
from tfprompt.tasks import Negatives

SPLIT = dataset().leave_one_out()
KINDS = ["catalog", "in_batch", Negatives("sampled", samples=6)]
HISTORY = "{soft:2} user {age} watched {history:items}"


def fitted(epochs: int = 2, seed: int = 0, eager: bool = False, **options: Any) -> Any:
    model = retriever(seed=seed, **options)
    model.compile(run_eagerly=eager)
    history = model.fit(SPLIT.train, epochs=epochs, batch_size=3, verbose=0)
    return model, history


@pytest.mark.parametrize("negatives", KINDS)
@pytest.mark.parametrize("deep", [False, True])
def test_a_step_changes_what_is_trained_and_nothing_else(negatives: Any, deep: bool) -> None:
    template = "{soft:2} {age:feature} the {age} watched {history:items} {mask}"
    model = retriever(
        template, negatives=negatives, collaborative=3, learn_temperature=True,
        encoder={"deep": deep, "read_out": "mask"},
    )  # fmt: skip
    model.compile(keras.optimizers.Adam(1e-2), run_eagerly=True)
    model.prepare()
    model.mark_warm(SPLIT.train)
    frozen = [np.array(w.value) for w in backbone().backbone.weights]
    kept = [np.array(w.value) for w in model.non_trainable_variables]
    before = trained_values(model)
    model.train_on_batch(*batches(model)[0])
    for weight, value in zip(backbone().backbone.weights, frozen, strict=True):
        np.testing.assert_array_equal(weight.value, value)
    names = [w.path for w in model.non_trainable_variables]
    for name, weight, value in zip(names, model.non_trainable_variables, kept, strict=True):
        if "seed_generator" not in name and "mean" not in name and "loss" not in name:
            np.testing.assert_array_equal(weight.value, value, name)
    after = trained_values(model)
    still = [name for name in before if np.array_equal(before[name], after[name])]
    assert not still


def test_the_loss_falls_and_the_figures_have_names() -> None:
    model = retriever(collaborative=4)
    model.compile(keras.optimizers.Adam(1e-2))
    history = model.fit(
        SPLIT.train, validation_data=SPLIT.validation, validation_freq=12, epochs=12, batch_size=4,
        verbose=0,
    ).history  # fmt: skip
    assert history["loss"][-1] < 0.7 * history["loss"][0]
    expected = {f"val_{n}" for n in ("loss", "hr_at_10", "recall_at_10", "ndcg_at_10", "mrr")}
    assert set(history) == {"loss", *expected}


@pytest.mark.parametrize("negatives", KINDS)
def test_fit_is_decided_by_its_seed(negatives: Any) -> None:
    options = {"negatives": negatives, "collaborative": 2, "id_dropout": 0.2}
    template = "{soft:2} {age:feature} {occupation:feature} watched {history:items}"
    runs = []
    for seed in (0, 0, 1) if negatives == "catalog" else (0, 0):
        model, history = fitted(
            seed=seed,
            template=template,
            encoder={"dropout": 0.2, "seed": seed},
            eager=negatives != "catalog",
            **options,
        )
        runs.append((history.history["loss"], trained_values(model)))
    # Sums of several threads: the last bit may differ, and grows a little over two epochs.
    assert runs[1][0] == pytest.approx(runs[0][0], rel=1e-5)
    for name, value in runs[0][1].items():
        np.testing.assert_allclose(runs[1][1][name], value, atol=1e-5, err_msg=name)
    for losses, _ in runs[2:]:
        assert losses != pytest.approx(runs[0][0], rel=1e-3)


@pytest.mark.parametrize(
    ("negatives", "jit"), [*((kind, False) for kind in KINDS), ("catalog", True)]
)
def test_graph_equals_eager(negatives: Any, jit: bool) -> None:
    # XLA is what Keras chooses by itself on a GPU.
    weights = []
    for options in ({"run_eagerly": True}, {"jit_compile": jit}):
        model = retriever(negatives=negatives)
        model.compile(keras.optimizers.SGD(0.1), **options)
        for x, y in batches(model)[:2]:
            loss = model.train_on_batch(x, y)
        weights.append({**trained_values(model), "loss": np.array(loss)})
    for name, value in weights[0].items():
        # Two steps of float32 sums in another order.
        np.testing.assert_allclose(weights[1][name], value, atol=2e-5, rtol=1e-4, err_msg=name)


def test_the_training_loss_is_the_mean_over_all_targets() -> None:
    model = retriever()
    model.compile(keras.optimizers.SGD(0.0))
    losses = []
    for x, y in batches(model):
        queries = np.asarray(model(x, every_position=True)).astype("float64")
        scores = queries @ np.asarray(model.candidates()).T / float(model.temperature)
        targets = y["target"].numpy()
        log = scores - np.log(np.exp(scores).sum(axis=-1, keepdims=True))
        for row, step in zip(*np.nonzero(targets >= 0), strict=True):
            losses.append(-log[row, step, targets[row, step]])
    model.fit(tf.data.Dataset.from_generator(
        lambda: iter(batches(model)), output_signature=model.pipeline.training(
            SPLIT.train, batch_size=3, seed=0, epoch=lambda: 0).element_spec),
        epochs=1, verbose=0)  # fmt: skip
    # Every event but the first of each user is a target once; so is the first, of the start.
    assert len(losses) == len(SPLIT.train.items)
    assert model.history.history["loss"][0] == pytest.approx(np.mean(losses), rel=1e-4)


def test_items_that_training_never_shows_are_no_negatives() -> None:
    model = retriever(collaborative=3)
    model.compile(keras.optimizers.SGD(0.1))
    model.fit(SPLIT.train, epochs=1, batch_size=3, verbose=0)
    cold = SPLIT.train.counts() == 0
    assert cold[ITEMS - 1] and not cold.all()
    _, ids = model.item_table.all_items()
    assert np.abs(np.asarray(ids)[cold]).max() == 0
    assert np.abs(np.asarray(ids)[~cold]).min(axis=1).max() > 0
    # Their own vectors can be anything: no loss looks at them.
    x, y = batches(model)[0]
    before = model.loss_function(model, model(x, every_position=True), y["target"])[0]
    vectors = np.array(model.item_table.vectors.value)
    vectors[cold] = 100.0
    model.item_table.vectors.assign(vectors)
    after = model.loss_function(model, model(x, every_position=True), y["target"])[0]
    assert float(after) == pytest.approx(float(before), rel=1e-5)


@pytest.mark.parametrize("similarity", ["dot", "cosine"])
def test_gradients_stay_finite_with_zero_vectors(similarity: str) -> None:
    model = retriever(similarity=similarity)
    model.prepare()
    model.item_table.vectors.assign(np.zeros(model.item_table.vectors.shape))
    x, y = batches(model)[0]
    with tf.GradientTape() as tape:
        queries = model(x, every_position=True, training=True)
        loss, _ = model.loss_function(model, queries, y["target"])
    assert np.isfinite(float(loss))
    for gradient in tape.gradient(loss, [v.value for v in model.trainable_variables]):
        if gradient is not None:
            assert np.isfinite(tf.convert_to_tensor(gradient)).all()


def test_constant_scores_rank_at_chance_or_below() -> None:
    model = retriever()
    model.prepare()
    # No item says anything: every candidate is zero, and so is every score.
    model.item_table.vectors.assign(np.zeros(model.item_table.vectors.shape))
    model.prepare = lambda: None
    model.compile()
    figures = model.evaluate(SPLIT.validation, return_dict=True, verbose=0)
    # A tie is never a hit: the target comes last of the 12 items less the history.
    assert figures["ndcg_at_10"] == pytest.approx(figures["hr_at_10"] / np.log2(11), abs=0.2)
    ranks = [
        ITEMS - len(set(SPLIT.validation.history(row).tolist()))
        for row in range(len(SPLIT.validation))
    ]
    assert figures["mrr"] == pytest.approx(np.mean(1 / np.array(ranks)), rel=1e-5)


def test_callbacks_see_the_figures(tmp_path) -> None:
    model = retriever(collaborative=2)
    model.compile(keras.optimizers.Adam(0.05))
    path = tmp_path / "best.weights.h5"
    watched = {"monitor": "val_ndcg_at_10", "mode": "max"}
    model.fit(
        SPLIT.train, validation_data=SPLIT.validation, epochs=4, batch_size=4, verbose=0,
        callbacks=[
            keras.callbacks.ModelCheckpoint(path, save_weights_only=True, save_best_only=True,
                                            **watched),
            keras.callbacks.EarlyStopping(patience=1, restore_best_weights=True, **watched),
        ],
    )  # fmt: skip
    best = max(model.history.history["val_ndcg_at_10"])
    figures = model.evaluate(SPLIT.validation, return_dict=True, verbose=0)
    assert figures["ndcg_at_10"] == pytest.approx(best, abs=1e-6)
    # Prompts, towers, vectors of 12 items: no weight of the backbone is among them.
    other = retriever(collaborative=2)
    other.load_weights(path)
    other.compile(run_eagerly=True)
    again = other.evaluate(SPLIT.validation, return_dict=True, verbose=0)
    assert again["ndcg_at_10"] == pytest.approx(best, abs=1e-6)


def test_epochs_differ_and_go_on_where_they_stopped() -> None:
    seen: list[list[int]] = []

    class Watch(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            data = model.pipeline.training(SPLIT.train, batch_size=3, seed=0, epoch=lambda: epoch)
            seen.append([int(y["target"].numpy().sum()) for _, y in data])

    model = retriever()
    model.compile(keras.optimizers.SGD(0.1))
    model.fit(SPLIT.train, epochs=2, batch_size=3, verbose=0, callbacks=[Watch()])
    assert sorted(seen[0]) != sorted(seen[1]) or seen[0] != seen[1]
    straight = trained_values(model)
    again = retriever()
    again.compile(keras.optimizers.SGD(0.1))
    again.fit(SPLIT.train, epochs=1, batch_size=3, verbose=0)
    again.fit(SPLIT.train, epochs=2, initial_epoch=1, batch_size=3, verbose=0)
    for name, value in trained_values(again).items():
        np.testing.assert_allclose(value, straight[name], atol=1e-6, err_msg=name)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"similarity": "euclid"}, "'euclid'"),
        ({"temperature": 0.0}, "0.0"),
        ({"temperature": -1.0}, "-1.0"),
        ({"negatives": "popular"}, "'popular'"),
        ({"collaborative": -1}, "-1"),
        ({"id_dropout": 1.5, "collaborative": 2}, "1.5"),
    ],
)
def test_options_that_cannot_work_are_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        retriever(**options)


def test_another_loss_or_catalog_is_refused() -> None:
    model = retriever()
    with pytest.raises(ConfigError, match="negatives"):
        model.compile(loss="mse")
    other = dataset(items=13).leave_one_out()
    for call in (model.fit, model.evaluate, model.predict):
        with pytest.raises(ConfigError, match="12 items.*Received: 13 items"):
            call(other.train if call == model.fit else other.test)
