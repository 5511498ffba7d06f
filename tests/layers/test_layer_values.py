"""Each layer against numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tests.layers.test_layers import EXAMPLES, built, numpy, random
from tfprompt.errors import ConfigError
from tfprompt.layers import ItemTokens, ItemTower, LowRankIds, SoftPrompt, Whitening, unit_length


@pytest.mark.parametrize(("length", "rows"), [(2, [0, 1]), (5, [0, 1, 2, 0, 1]), (0, [])])
def test_states_start_a_prompt_repeated_or_cut(length: int, rows: list[int]) -> None:
    states = random(3, 4)
    prompt = SoftPrompt(length, 4)
    prompt.initialize(states)
    np.testing.assert_array_equal(prompt(random(2, 1))[1], states[rows].reshape(-1, 4))


def test_a_deep_prompt_replaces_and_leaves_the_rest() -> None:
    deep, states = built("deep"), random(2, 5, 4)
    out = numpy(deep(states))
    np.testing.assert_array_equal(out[:, 2:], states[:, 2:])
    np.testing.assert_array_equal(out[:, :2], np.repeat(numpy(deep.prompt)[None], 2, 0))


def test_category_tokens() -> None:
    layer = built("category")
    table = numpy(layer.table)
    tokens = numpy(layer(np.array([2, 0, 3, 4, -7], "int32")))
    # Past the known categories, and below none, is unknown: row 0.
    np.testing.assert_array_equal(tokens[:, 0], table[[2, 0, 3, 0, 0]])


def test_number_tokens_lie_on_a_line_and_nan_has_its_own() -> None:
    layer = built("number")
    origin, direction, absent = numpy(layer.table)
    tokens = numpy(layer(np.array([0.0, 2.0, np.nan], "float32")))[:, 0]
    np.testing.assert_allclose(tokens, [origin, origin + 2 * direction, absent], atol=1e-6)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(layer(tf.constant([np.nan, np.nan])))
    gradient = tape.gradient(total, layer.table.value).numpy()
    np.testing.assert_array_equal(gradient, [[0] * 4, [0] * 4, [2] * 4])


def test_item_tokens_by_hand() -> None:
    layer, (items,) = built("items"), EXAMPLES["items"][1]
    start = np.repeat(numpy(layer.start)[None], 2, 0)
    tokens = np.concatenate([start, items], axis=1) + numpy(layer.positions)[:4]
    centred = tokens - tokens.mean(axis=-1, keepdims=True)
    unit = centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-6)
    expected = unit * numpy(layer.norm.gamma) + numpy(layer.norm.beta)
    np.testing.assert_allclose(layer(items), expected, atol=1e-4)


def test_matched_item_tokens_have_the_given_mean_and_deviation() -> None:
    layer = ItemTokens(64, 5, dropout=0.0)
    layer(random(1, 2, 64))
    layer.match(np.full(64, 3.0), np.full(64, 0.5))
    tokens = numpy(layer(random(8, 5, 64)))
    # A layer norm: exact over the width of each token, up to its epsilon.
    np.testing.assert_allclose(tokens.mean(axis=-1), 3.0, atol=1e-4)
    np.testing.assert_allclose(tokens.std(axis=-1), 0.5, atol=1e-3)


def test_dropout_of_item_tokens_acts_in_training_alone() -> None:
    layer, (vectors,) = built("items"), EXAMPLES["items"][1]
    np.testing.assert_array_equal(layer(vectors), layer(vectors, training=False))
    assert np.abs(numpy(layer(vectors, training=True)) - numpy(layer(vectors))).max() > 0


def test_candidates_by_hand() -> None:
    layer, (vectors, ids) = built("tower, ids"), EXAMPLES["tower, ids"][1]
    lifted = ids @ numpy(layer.lift.kernel)
    expected = vectors * np.sqrt(6) @ numpy(layer.projection.kernel) + lifted
    np.testing.assert_allclose(layer(vectors, ids), expected, atol=1e-5)


def test_tied_roles_share_the_text_and_not_the_ids() -> None:
    vectors, ids = random(3, 6), random(3, 2)
    for tied in (True, False):
        layer = ItemTower(4, tied=tied, initial_scale=1.0)
        layer(vectors, ids)
        same = np.allclose(layer(vectors), layer.tokens(vectors))
        assert same == tied
        assert not np.allclose(layer(vectors, ids), layer.tokens(vectors, ids))
        lifted = numpy(layer.tokens(vectors, ids)) - numpy(layer.tokens(vectors))
        np.testing.assert_allclose(lifted, ids @ numpy(layer.history_lift.kernel), atol=1e-5)


def test_a_residual_tower_starts_at_the_vectors() -> None:
    vectors, ids = random(3, 6), random(3, 2)
    layer = ItemTower(6, initial_scale=0, residual=True)
    np.testing.assert_allclose(layer(vectors, ids), 6**0.5 * vectors, rtol=1e-6)
    layer.projection.kernel.assign(np.eye(6))
    np.testing.assert_allclose(layer(vectors, ids), 2 * 6**0.5 * vectors, rtol=1e-6)
    layer = ItemTower(4, initial_scale=0)
    np.testing.assert_array_equal(layer(vectors, ids), np.zeros((3, 4)))
    with pytest.raises(ConfigError, match="width 6 for a query of width 4"):
        ItemTower(4, residual=True)(vectors)


def test_initial_candidates_are_small_and_the_seed_decides_them() -> None:
    vectors = unit_length(random(50, 64))
    first, same, other, full = (
        numpy(ItemTower(64, initial_scale=scale, seed=seed)(vectors))
        for scale, seed in ((0.05, 1), (0.05, 1), (0.05, 2), (1.0, 1))
    )
    np.testing.assert_array_equal(first, same)
    assert np.abs(first - other).max() > 0
    # 3200 entries of a normal distribution: the deviation is known to 1.3 %, times five.
    assert first.std() == pytest.approx(0.05, rel=0.07)
    np.testing.assert_allclose(full, first * 20, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["category", "items", "ids", "tower, ids"])
def test_initial_values_do_not_depend_on_the_global_seed(name: str) -> None:
    make, inputs = EXAMPLES[name]
    first, second = make(), make()
    for layer in (first, second):
        layer(*inputs)
    for one, two in zip(first.weights, second.weights, strict=True):
        np.testing.assert_array_equal(numpy(one.value), numpy(two.value), one.path)


def test_ids_of_cold_and_absent_items_are_zero_and_get_no_gradient() -> None:
    layer = built("ids")
    layer.mark_cold(np.array([3, 0, 1, 0]))
    with tf.GradientTape() as tape:
        out = layer(tf.constant([0, 1, 2, 3, -1]))
        total = tf.reduce_sum(out)
    table = numpy(layer.table)
    np.testing.assert_array_equal(out, [table[0], [0, 0], table[2], [0, 0], [0, 0]])
    gradient = tf.convert_to_tensor(tape.gradient(total, layer.table.value)).numpy()
    np.testing.assert_array_equal(gradient, [[1, 1], [0, 0], [1, 1], [0, 0]])


def test_ids_are_dropped_at_the_rate_in_training_alone() -> None:
    layer = LowRankIds(2, 1, drop_rate=0.25)
    layer.build()
    layer.table.assign([[1.0], [1.0]])
    drawn = numpy(layer(np.zeros(4000, "int32"), training=True))
    # Binomial: 4000 draws have a deviation of 0.007; five of them are 0.035.
    assert abs(drawn.mean() - 0.75) < 0.035
    assert numpy(layer(np.zeros(10, "int32"))).min() == 1.0


@pytest.mark.parametrize("shrinkage", [0.0, 0.5])
def test_whitened_vectors_have_the_announced_variances(shrinkage: float) -> None:
    mixed = random(500, 4) @ random(4, 4, seed=5) + 3
    layer = Whitening(4, shrinkage=shrinkage)
    layer.adapt(mixed)
    spread = (mixed - numpy(layer.mean)) @ numpy(layer.matrix)
    variances = np.linalg.eigvalsh(np.cov(mixed, rowvar=False))
    expected = variances / (variances + shrinkage * variances.mean())
    # float32 statistics of entries of about 3, and the layer's floor of 1e-5.
    np.testing.assert_allclose(np.cov(spread, rowvar=False), np.diag(expected), atol=2e-3)
    np.testing.assert_allclose(np.linalg.norm(layer(mixed), axis=1), 1, atol=1e-5)


def test_equal_vectors_and_zeros_stay_finite() -> None:
    layer = Whitening(3)
    layer.adapt(np.ones((5, 3)))
    assert np.isfinite(numpy(layer(np.ones((2, 3), "float32")))).all()
    rows = tf.Variable([[0.0, 0.0], [3.0, 4.0]])
    with tf.GradientTape() as tape:
        scaled = unit_length(rows)
    np.testing.assert_allclose(scaled, [[0, 0], [0.6, 0.8]], atol=1e-6)
    assert np.isfinite(tape.gradient(scaled, rows)).all()
