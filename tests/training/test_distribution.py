"""One replica and two logical CPUs: the same losses, metrics and weights."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import rated
from tests.toy import dataset, retriever, trained_values
from tfprompt.errors import ConfigError
from tfprompt.tasks import Negatives
from tfprompt.tasks.objective import Objective
from tfprompt.training import strategy
from tfprompt.training.distribution import gather_own_first

SPLIT = dataset().leave_one_out()
CLIPS: list[dict[str, float]] = [
    {"clipnorm": 0.05}, {"global_clipnorm": 0.05}, {"clipvalue": 0.01},
]  # fmt: skip


def train(kind: str, batch_size: int, epochs: int = 1, **options: Any) -> tuple[Any, ...]:
    """Losses, figures and weights after an epoch under a strategy."""
    optimizer = options.pop("optimizer", {"learning_rate": 0.1})
    eager = options.pop("run_eagerly", False)
    with strategy(kind).scope():  # type: ignore[arg-type]
        model = retriever(collaborative=2, **options)
        model.compile(keras.optimizers.SGD(**optimizer), run_eagerly=eager)
    history = model.fit(
        SPLIT.train, validation_data=SPLIT.validation, epochs=epochs, batch_size=batch_size,
        verbose=0,
    ).history  # fmt: skip
    return model, history, trained_values(model)


def assert_same(one: tuple[Any, ...], two: tuple[Any, ...]) -> None:
    for name, values in one[1].items():
        # The same sums, split in two: float32 rounding, amplified by a few steps.
        np.testing.assert_allclose(two[1][name], values, rtol=2e-4, err_msg=name)
    for name, value in one[2].items():
        np.testing.assert_allclose(two[2][name], value, atol=2e-5, rtol=1e-3, err_msg=name)


def test_there_are_two_devices() -> None:
    assert len(tf.config.list_logical_devices("CPU")) == 2
    assert strategy("auto").num_replicas_in_sync == 2
    assert strategy("mirrored").num_replicas_in_sync == 2
    assert strategy("one").num_replicas_in_sync == 1


# Some kinds are enough for a change; `make test-all` tries the others.
@pytest.mark.parametrize(
    ("negatives", "batch_size", "clip"),
    [
        # 8 windows in batches of 3: uneven halves, and a last batch of 2.
        ("in_batch", 3, {}),
        # Batches of 7, or of 1: at last one row, and a replica without any.
        ("catalog", 7, CLIPS[0]),
        *(pytest.param("catalog", 7, clip, marks=pytest.mark.slow) for clip in CLIPS[1:]),
        *(pytest.param("catalog", size, {}, marks=pytest.mark.slow) for size in (1, 3, 7)),
    ],
)
def test_two_replicas_train_as_one(negatives: str, batch_size: int, clip: dict[str, float]) -> None:
    given: dict[str, Any] = {"negatives": negatives, "batch_size": batch_size}
    one, two = (
        train(kind, optimizer={"learning_rate": 0.1, **clip}, **given)
        for kind in ("one", "mirrored")
    )
    assert_same(one, two)
    if clip:  # the bound was reached, so the comparison is about something
        free = train("one", run_eagerly=True, **given)[2]
        assert any(not np.allclose(one[2][name], free[name], atol=1e-4) for name in free)


@pytest.mark.slow
def test_sampled_negatives_train_on_two_replicas() -> None:
    # Each replica draws its own sample, so only the outcome can be judged.
    model, history, values = train(
        "mirrored", 4, epochs=4, negatives=Negatives("sampled", samples=6)
    )
    assert np.isfinite(history["loss"]).all() and history["loss"][-1] < history["loss"][0]
    assert all(np.isfinite(value).all() for value in values.values())


def test_evaluation_does_not_depend_on_replicas() -> None:
    figures = []
    for kind in ("one", "mirrored"):
        with strategy(kind).scope():  # type: ignore[arg-type]
            model = retriever()
            model.compile()
        for size in (3, 256):
            figures.append(model.evaluate(SPLIT.test, batch_size=size, return_dict=True, verbose=0))
    for other in figures[1:]:
        assert other == pytest.approx(figures[0], rel=1e-5)


def test_rows_are_gathered_own_first_with_their_gradient() -> None:
    mirrored = strategy("mirrored")
    rows = [np.array([[1.0], [2.0]], "float32"), np.array([[3.0]], "float32")]
    values = mirrored.experimental_distribute_values_from_function(
        lambda context: tf.constant(rows[context.replica_id_in_sync_group])
    )

    def step(own: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(own)
            gathered = gather_own_first(own)
            weights = tf.range(1.0, 4.0)[:, tf.newaxis]
            loss = tf.reduce_sum(weights * gathered)
        return gathered, tape.gradient(loss, own)

    gathered, gradient = tf.function(lambda: mirrored.run(step, args=(values,)))()
    first, second = mirrored.experimental_local_results(gathered)
    assert first.numpy().ravel().tolist() == [1, 2, 3]
    assert second.numpy().ravel().tolist() == [3, 1, 2]
    first, second = mirrored.experimental_local_results(gradient)
    # Row by row, what both replicas' losses say of it: places 1, 2 here and 2, 3 there.
    assert first.numpy().ravel().tolist() == [1 + 2, 2 + 3]
    assert second.numpy().ravel().tolist() == [3 + 1]


def train_ranker(kind: str, objective: Objective, form: str, **options: Any) -> tuple[Any, ...]:
    """Losses, figures and weights of a ranker after an epoch under a strategy."""
    split = rated.rated().leave_one_out()
    with strategy(kind).scope():  # type: ignore[arg-type]
        model = rated.ranker(form, objective, **options)
        model.compile(keras.optimizers.SGD(0.1, global_clipnorm=0.5))
    # 8 windows in batches of 7: halves of 4 and 3, then one row and a replica without any.
    history = model.fit(
        split.train, validation_data=split.validation, batch_size=7, epochs=1, verbose=0
    ).history
    return model, history, rated.trained_values(model)


# Each kind and each loss, not each pair: a replica's sums are the same code for all.
@pytest.mark.parametrize(
    ("kind", "loss"),
    [
        pytest.param("rating", "pointwise", marks=pytest.mark.slow),
        pytest.param("like", "pairwise", marks=pytest.mark.slow),
        ("click", "softmax"),
        pytest.param("click", "list_mle", marks=pytest.mark.slow),
    ],
)
def test_two_replicas_train_a_ranker_as_one(kind: Any, loss: Any) -> None:
    objective = Objective(kind, loss, negatives=2)
    one, two = (train_ranker(name, objective, rated.TOKEN) for name in ("one", "mirrored"))
    assert_same(one, two)


@pytest.mark.slow
@pytest.mark.parametrize("words", [None, {1: "bad", 3: "old", 5: "love"}])
def test_two_replicas_train_a_cross_encoder_as_one(words: Any) -> None:
    given = (Objective("rating"), rated.TEXT)
    one, two = (train_ranker(name, *given, verbalizer=words) for name in ("one", "mirrored"))
    assert_same(one, two)


def test_an_unknown_strategy_is_refused() -> None:
    with pytest.raises(ConfigError, match="'tpu'"):
        strategy("tpu")  # type: ignore[arg-type]
