"""Prompts that depend on the request, against numbers worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.layers.test_layers import EXAMPLES, built, numpy, random
from tfprompt.layers import HistoryCode, PersonalPrompt, ValueCode


def test_a_history_is_the_weighted_mean_of_its_items() -> None:
    layer = built("code, history")
    items = random(3, 5, 4, seed=8)
    mask = np.array([[1, 1, 1, 1, 1], [1, 0, 1, 0, 0], [0, 0, 0, 0, 0]], bool)
    query, projection = numpy(layer.query), numpy(layer.projection)
    expected = np.zeros((3, 3), np.float32)
    for row in (0, 1):
        seen = items[row][mask[row]]
        weights = np.exp(seen @ query)
        expected[row] = weights / weights.sum() @ seen @ projection
    np.testing.assert_allclose(layer(items, mask), expected, atol=1e-6)
    np.testing.assert_array_equal(numpy(layer(items, mask))[2], np.zeros(3))


def test_what_a_history_hides_says_nothing() -> None:
    layer = built("code, history")
    items, mask = random(2, 3, 4), np.array([[True, True, False], [False] * 3])
    other = np.where(mask[..., None], items, np.float32(1e3))
    np.testing.assert_array_equal(layer(other, mask), layer(items, mask))


def test_a_history_without_items_has_no_gradient() -> None:
    layer = built("code, history")
    items = tf.constant(random(2, 3, 4))
    with tf.GradientTape() as tape:
        tape.watch(items)
        total = tf.reduce_sum(layer(items, np.zeros((2, 3), bool)))
    sources = [items, layer.query.value, layer.projection.value]
    for gradient in tape.gradient(total, sources):
        np.testing.assert_array_equal(gradient, np.zeros(gradient.shape))


def test_the_code_of_a_number_lies_on_a_line() -> None:
    layer = built("code, number")
    level, direction = numpy(layer.table)
    codes = layer(np.array([0.0, 2.0, -0.5], "float32"))
    expected = [level, level + 2 * direction, level - 0.5 * direction]
    np.testing.assert_allclose(codes, expected, atol=1e-6)


def test_a_missing_number_is_zeros_with_a_finite_gradient() -> None:
    layer = built("code, number")
    with tf.GradientTape() as tape:
        codes = layer(tf.constant([np.nan, 2.0, np.nan]))
        total = tf.reduce_sum(codes)
    np.testing.assert_array_equal(numpy(codes)[[0, 2]], np.zeros((2, 3)))
    np.testing.assert_array_equal(tape.gradient(total, layer.table.value), [[1] * 3, [2] * 3])


def test_an_unknown_category_is_zeros_and_trains_nothing() -> None:
    layer = built("code, category")
    with tf.GradientTape() as tape:
        codes = layer(tf.constant([1, 4, 0, -7, 5, 4]))
        total = tf.reduce_sum(codes)
    table = numpy(layer.table)
    zeros = np.zeros(3)
    np.testing.assert_array_equal(codes, [table[0], table[3], zeros, zeros, zeros, table[3]])
    gradient = tf.convert_to_tensor(tape.gradient(total, layer.table.value))
    np.testing.assert_array_equal(gradient, [[1] * 3, [0] * 3, [0] * 3, [2] * 3])


@pytest.mark.parametrize("name", ["code, history", "code, category", "code, number"])
def test_an_untrained_code_is_zeros(name: str) -> None:
    make, inputs = EXAMPLES[name]
    layer: Any = make()
    codes = numpy(layer(*inputs))
    np.testing.assert_array_equal(codes, np.zeros(codes.shape))


def test_a_personal_prompt_is_the_base_and_the_lifted_code() -> None:
    layer, (codes,) = built("personal"), EXAMPLES["personal"][1]
    base, lift = numpy(layer.prompt), numpy(layer.lift)
    expected = base + (codes @ lift).reshape(3, 2, 4)
    np.testing.assert_allclose(layer(codes), expected, atol=1e-6)
    np.testing.assert_array_equal(layer(np.zeros((1, 3), "float32"))[0], base)


def test_a_person_is_hidden_at_the_rate_in_training_alone() -> None:
    layer = PersonalPrompt(1, 1, rank=1, drop_rate=0.25, initializer="zeros", seed=3)
    codes = np.ones((4000, 1), "float32")
    shown = numpy(layer(codes, training=False))
    lift = numpy(layer.lift)[0, 0]
    assert lift != 0
    np.testing.assert_array_equal(shown, np.full((4000, 1, 1), lift))
    np.testing.assert_array_equal(layer(codes), shown)
    drawn = numpy(layer(codes, training=True))
    assert set(np.unique(drawn)) == {0.0, lift}
    # Binomial: 4000 draws have a deviation of 0.007; five of them are 0.035.
    assert abs((drawn == 0).mean() - 0.25) < 0.035
    assert not np.array_equal(drawn, layer(codes, training=True))  # drawn anew


def test_without_a_rate_nobody_is_hidden() -> None:
    layer = PersonalPrompt(1, 1, rank=1, drop_rate=0.0, initializer="zeros")
    assert np.abs(numpy(layer(np.ones((1000, 1), "float32"), training=True))).min() > 0


def test_a_hidden_person_trains_the_base_alone() -> None:
    prompt = PersonalPrompt(1, 2, rank=2, drop_rate=0.5, seed=3)
    person = ValueCode(2, categories=40)
    person.build()
    rows = np.arange(1, 41)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(prompt(person(rows), training=True))
    to_base, to_codes = tape.gradient(total, [prompt.prompt.value, person.table.value])
    np.testing.assert_array_equal(to_base, [[40.0, 40.0]])
    reached = np.abs(tf.convert_to_tensor(to_codes)).max(axis=1) > 0
    # Binomial: 40 draws have a deviation of 3.2; five of them are 16.
    assert 4 < reached.sum() < 36


def test_another_seed_starts_another_lift() -> None:
    lifts = []
    for seed in (1, 1, 2):
        layer = PersonalPrompt(2, 3, rank=2, seed=seed)
        layer.build()
        lifts.append(numpy(layer.lift))
    np.testing.assert_array_equal(lifts[0], lifts[1])
    assert np.abs(lifts[0] - lifts[2]).max() > 0.1


def test_a_history_without_a_place_says_nothing() -> None:
    code = HistoryCode(rank=2, width=4)
    found = code(np.zeros((3, 0, 4), "float32"), np.zeros((3, 0), bool))
    np.testing.assert_array_equal(numpy(found), np.zeros((3, 2)))
