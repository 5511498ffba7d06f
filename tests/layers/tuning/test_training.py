"""Training changes the tuning and nothing of the backbone, and dropout goes on as without it."""

from __future__ import annotations

import functools
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.layers.tuning.by_hand import run, tuned_layers
from tests.toy import backbone, batches, dataset, retriever, trained_values
from tests.training.test_distribution import assert_same
from tfprompt.encoders.fingerprint import fingerprint
from tfprompt.encoders.seam import set_dropout
from tfprompt.layers.tuning import AdaLora, TunedLayers
from tfprompt.layers.tuning.replaced import Replaced
from tfprompt.training import strategy

SPLIT = dataset().leave_one_out()
EVERYTHING = "lora:2,adalora:1,ia3,layer_norm,adapter:2"


def seeds(layers: Any) -> list[list[int]]:
    """Where the dropout of some layers stands."""
    return [
        np.asarray(generator.state).tolist()
        for layer in layers
        for part in layer._flatten_layers()
        for generator in getattr(part, "_seed_generators", ())
    ]


def test_a_step_changes_the_tuning_and_not_the_backbone() -> None:
    frozen = fingerprint(backbone("bert").backbone)
    plain = retriever()
    model = retriever(encoder={"tuning": EVERYTHING})
    batch = batches(model)[0]
    before = np.asarray(plain(batch[0])), trained_values(model)
    model.compile(keras.optimizers.Adam(0.01), run_eagerly=True)
    for _ in range(2):  # A factor moves as soon as the other one is no longer zero.
        model.train_on_batch(*batch)
    after = trained_values(model)
    still = [name for name, value in after.items() if np.array_equal(value, before[1][name])]
    assert not [name for name in still if "tuning" in name]
    assert fingerprint(backbone("bert").backbone) == frozen
    # Another model over the same backbone has tuning of its own, or none.
    np.testing.assert_array_equal(plain(batch[0]), before[0])
    # A graph computes what eager execution does.
    graph = tf.function(lambda x: model(x, training=False))(batch[0])
    np.testing.assert_allclose(graph, model(batch[0], training=False), atol=1e-5)


def test_a_penalty_is_part_of_the_gradient_and_not_of_the_loss_that_is_shown() -> None:
    losses, moved = [], []
    for weight in (0.0, 50.0):
        model = retriever(encoder={"tuning": AdaLora(1, 2, orthogonality=weight)})
        factors = next(iter(model.encoder.tuning.tunings[0].factors.values()))
        factors[0].assign(factors[0].value * 2)  # orthogonal, and twice too long
        model.compile(keras.optimizers.SGD(1e-3), run_eagerly=True)
        losses.append(float(model.train_on_batch(*batches(model)[0])))
        moved.append(factors[0].numpy())
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)
    # ∂‖PᵀP - 1‖²/∂P = 4 P (PᵀP - 1) = 12 P where PᵀP = 4; a mean over four matrices.
    np.testing.assert_allclose(moved[1], moved[0] * (1 - 1e-3 * 50 * 12 / 4), atol=1e-5)


@pytest.mark.parametrize("graph", [False, True])
def test_dropout_draws_what_it_would_draw_without_tuning(graph: bool) -> None:
    seam, tuned = tuned_layers("lora:2,adapter:2,full")

    def drawn(with_tuning: TunedLayers | None) -> list[np.ndarray]:
        set_dropout(seam.upper_layers, 0.4, seed=3)
        values: list[np.ndarray] = []
        step: Any = functools.partial(run, seam, with_tuning, training=True)
        step = tf.function(step) if graph else step
        for _ in range(3):
            values.append(np.asarray(step()))
        return values

    expected, after = drawn(None), seeds(seam.upper_layers)
    result = drawn(tuned)
    assert seeds(seam.upper_layers) == after
    for one, other in zip(result, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    assert np.abs(result[0] - result[1]).max() > 1e-2
    assert np.abs(result[1] - result[2]).max() > 1e-2


def test_a_failed_layer_leaves_the_scope_and_its_variables_alone() -> None:
    seam, tuned = tuned_layers("full")
    expected, before = run(seam), seeds(seam.upper_layers)
    with pytest.raises(ZeroDivisionError), tuned.layer(0):
        seam.upper_layers[0]._self_attention_layer._dropout_layer.seed_generator.next()
        raise ZeroDivisionError
    assert seeds(seam.upper_layers) == before
    np.testing.assert_array_equal(run(seam), expected)


def test_an_outer_scope_is_seen_through_and_gets_what_is_assigned() -> None:
    inner, outer = keras.Variable([1.0]), keras.Variable([2.0])
    with keras.StatelessScope([(outer, np.array([5.0]))]) as scope:
        with Replaced([(inner, np.array([7.0]))]):
            assert float(inner.value[0]) == 7 and float(outer.value[0]) == 5
            outer.assign([6.0])
            assert float(outer.value[0]) == 6
        assert float(inner.value[0]) == 1 and float(outer.value[0]) == 6
    assert float(scope.get_current_value(outer)[0]) == 6 and float(outer.value[0]) == 2


@pytest.mark.slow
def test_two_replicas_train_and_prune_as_one() -> None:
    def train(kind: Any, epochs: int = 2, **options: Any) -> tuple[Any, ...]:
        with strategy(kind).scope():
            pruned = AdaLora(1, 3, warmup=0.0, cooldown=0.4, prune_every=1, orthogonality=0.1)
            model = retriever(encoder={"tuning": [pruned, "lora:2"], **options})
            model.compile(keras.optimizers.SGD(0.1, global_clipnorm=0.5))
        history = model.fit(SPLIT.train, epochs=epochs, batch_size=3, verbose=0).history
        return model, history, trained_values(model)

    one, two = train("one"), train("mirrored")
    assert_same(one, two)
    for model in (one[0], two[0]):
        assert sum(model.encoder.tuning.tunings[0].ranks.values()) == 4  # one a matrix
    before = seeds(one[0].encoder.seam.upper_layers)
    train("mirrored", epochs=1, upper_dropout=0.2)
    assert seeds(one[0].encoder.seam.upper_layers) != before
