"""The layers of a ranker against numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tests.layers.test_layers import EXAMPLES, built, numpy, random
from tfprompt.errors import ConfigError
from tfprompt.layers import CandidateTokens, RatingBias, ScoreHead
from tfprompt.models.item_states import ItemStates


def test_a_marked_candidate_by_hand() -> None:
    layer, (states,) = built("candidate"), EXAMPLES["candidate"][1]
    moved = states + numpy(layer.role)
    centred = moved - moved.mean(axis=-1, keepdims=True)
    unit = centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-6)
    expected = unit * numpy(layer.norm.gamma) + numpy(layer.norm.beta)
    np.testing.assert_allclose(layer(states), expected, atol=1e-4)
    text, (pieces,) = built("candidate, text"), EXAMPLES["candidate, text"][1]
    np.testing.assert_allclose(text(pieces), pieces + numpy(text.role), atol=1e-6)
    # Untrained, word pieces are left as the frozen layers know them.
    np.testing.assert_array_equal(CandidateTokens(4, normalize=False)(pieces), pieces)
    assert np.abs(numpy(layer(states, training=True)) - numpy(layer(states))).max() > 0


def test_rated_tokens_by_hand() -> None:
    layer, (items, ratings) = built("ratings"), EXAMPLES["ratings"][1]
    (up, square, absent), scale = numpy(layer.table), numpy(layer.scale)
    rated = numpy(layer(items, ratings))
    for place, z in (((0, 0), 1.0), ((1, 0), -1.0), ((1, 1), 0.5)):
        expected = items[place] * (1 + z * scale) + z * up + (z * z - 1) * square
        np.testing.assert_allclose(rated[place], expected, atol=1e-5)
    np.testing.assert_allclose(rated[0, 1], items[0, 1] + absent, atol=1e-6)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(layer(items, tf.fill([2, 2], np.nan)))
    slopes = tape.gradient(total, [layer.table.value, layer.scale.value])
    np.testing.assert_array_equal(slopes[0], [[0] * 4, [0] * 4, [4] * 4])
    np.testing.assert_array_equal(slopes[1], [0] * 4)


def test_a_linear_head_and_an_interaction_by_hand() -> None:
    head, (states,) = built("head"), EXAMPLES["head"][1]
    expected = states @ numpy(head.kernel) + float(head.bias.value)
    np.testing.assert_allclose(head(states), expected, atol=1e-5)
    fits, (left, right) = built("interaction"), EXAMPLES["interaction"][1]
    table = numpy(fits.of_state) @ numpy(fits.of_candidate).T
    expected = np.einsum("bqd,de,bqe->bq", left, table, right)
    np.testing.assert_allclose(fits(left, right), expected, atol=1e-4)


def test_a_verbalizer_by_hand() -> None:
    # Classes at right angles; a state at 60 and 30 degrees to them: cosines 0.5 and √0.75.
    classes, state = [[1.0, 0, 0, 0], [0, 0, 1.0, 0]], np.array([[3.0, 0, 27**0.5, 0]], "float32")
    logit = 10 * (0.75**0.5 - 0.5)
    assert numpy(ScoreHead(classes)(state)) == pytest.approx(logit, rel=1e-5)
    worth = numpy(ScoreHead(classes, [1.0, 5.0])(state))
    assert worth == pytest.approx(1 + 4 / (1 + np.exp(-logit)), rel=1e-5)
    trained = ScoreHead(classes, [1.0, 5.0], scale=2.0)
    trained(state)
    trained.log_scale.assign(np.log(3.0))
    trained.bias.assign([0.7, -0.4])
    logit = 6 * (0.75**0.5 - 0.5) - 1.1
    assert numpy(trained(state)) == pytest.approx(1 + 4 / (1 + np.exp(-logit)), rel=1e-5)
    # A state of nothing fits no class: the middle.
    assert numpy(ScoreHead(classes, [1.0, 5.0])(0 * state)) == pytest.approx(3.0)


def test_soft_words_start_as_they_are_and_are_trained() -> None:
    classes, state = np.eye(2, 4, dtype="float32"), random(3, 4)
    soft, fixed = ScoreHead(classes, soft=True), ScoreHead(classes)
    np.testing.assert_allclose(soft(state), fixed(state), atol=1e-6)
    assert len(fixed.trainable_weights) == 2
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(soft(state))
    slopes = tape.gradient(total, [w.value for w in soft.trainable_weights])
    assert len(slopes) == 3 and np.abs(slopes[2]).max() > 0
    # Only their direction counts: a longer vector says nothing else.
    soft.vectors.assign(5 * classes)
    np.testing.assert_allclose(soft(state), fixed(state), atol=1e-5)


def test_calibration_by_its_formula() -> None:
    # Zhao et al., equation 1: W p with W = diag(q)⁻¹, and probabilities of that made to sum to 1.
    classes, state, empty = np.eye(3, 4, dtype="float32"), random(2, 4), random(1, 4)
    worth = [1.0, 3.0, 5.0]
    head = ScoreHead(classes, worth, calibrated=True)
    head(state)
    assert not head.is_calibrated

    def probabilities(states: np.ndarray) -> np.ndarray:
        unit = states / np.linalg.norm(states, axis=-1, keepdims=True)
        raised = np.exp(10 * unit @ classes.T)
        return raised / raised.sum(axis=-1, keepdims=True)

    np.testing.assert_allclose(head(state), probabilities(state) @ worth, rtol=1e-5)
    head.calibrate(empty)
    weighed = probabilities(state) / probabilities(empty)
    weighed /= weighed.sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(head(state), weighed @ worth, rtol=1e-4)
    # What says nothing is answered by no class more than by another.
    np.testing.assert_allclose(head(empty), 3.0, rtol=1e-5)
    head.log_scale.assign(np.log(2.0))
    np.testing.assert_allclose(head(empty), 3.0, rtol=1e-5)
    assert head.is_calibrated and len(head.trainable_weights) == 2


def test_a_linear_head_has_no_words_to_train() -> None:
    with pytest.raises(ConfigError, match="soft=True.*linear head"):
        ScoreHead(soft=True)


def test_item_states_are_looked_up_with_their_lengths() -> None:
    table, states = ItemStates(3, 4, 2), random(3, 3, 2).astype("float16").astype("float32")
    assert not table.built
    table.fill(states, np.array([[1, 1, 1], [1, 0, 0], [1, 1, 0]], bool))
    found, mask = table(np.array([[1, -1], [0, 2]], "int32"))
    assert numpy(mask).sum(axis=-1).tolist() == [[1, 0], [3, 2]]
    np.testing.assert_array_equal(numpy(found)[1, 0, :3], states[0])
    assert table.filled and numpy(found).dtype == "float32"


def test_a_rating_bias_by_hand() -> None:
    # Mean 3. Items 0, 1, 2 stand 1, 0 and -0.5 above it; the user rated item 0 with 5, item 1
    # not at all, item 2 with 4: 1 and 1.5 above the items; two ratings of 0 come on top.
    bias, history = RatingBias(3, mean=3.0, std=2.0), np.array([[0, 1, 2]], "int32")
    ratings, moments = np.array([[5.0, np.nan, 4.0]], "float32"), np.arange(4, dtype="int32")[None]
    bias.build()
    bias.items.assign([1.0, 0.0, -0.5])
    person = np.array([0, 1 / 3, 1 / 3, 2.5 / 4])
    rows = np.array([[0, 1, 2, -1]], "int32")
    item = np.array([1.0, 0.0, -0.5, 0.0])
    received = numpy(bias(rows, moments, history, ratings))[0]
    np.testing.assert_allclose(received, (item + person) / 2, atol=1e-6)
    np.testing.assert_allclose(bias(rows, moments)[0], item / 2, atol=1e-6)
    left = numpy(bias.residuals(history, ratings))[0]
    np.testing.assert_allclose(left, [3 + 1 - 1 / 3, np.nan, 3 + 1.5 - 2.5 / 4], atol=1e-6)


def test_a_rating_is_not_part_of_its_own_bias() -> None:
    bias = RatingBias(3, mean=3.0)
    users, items = np.array([0, 0, 1, 1, 2]), np.array([0, 1, 0, 2, 0])
    ratings = np.array([5.0, 4.0, 2.0, np.nan, 4.0])
    # Users and items in turn until they settle: a ridge regression, each with its own weight.
    design, known = np.zeros((4, 6)), ratings[[0, 1, 2, 4]] - 3
    design[np.arange(4), [0, 0, 1, 2]] = design[np.arange(4), [3, 4, 3, 3]] = 1
    weights = np.diag([2.0, 2, 2, 4, 4, 4])
    settled = np.linalg.solve(design.T @ design + weights, design.T @ known)
    without = bias.fit_items(users, items, ratings)
    np.testing.assert_allclose(bias.items, settled[3:], atol=1e-4)
    person = settled[:3]
    # Item 0 without user 0: what users 1 and 2 left over, two ratings and four of nothing.
    rest = (-1 - person[1]) + (1 - person[2])
    assert without[0] == pytest.approx(rest / 6, abs=1e-4)
    assert without[1] == 0 and without[3] == 0


def test_rated_neighbours_by_hand() -> None:
    layer = built("neighbours")
    (texts, ids), (past, past_ids), residuals, moments = EXAMPLES["neighbours"][1]
    layer.log_shrinkage.assign(np.log(2.0))
    layer.text_weight.assign(0.7)
    layer.id_weight.assign(2.0)
    layer.gain.assign(1.5)
    received = numpy(layer((texts, ids), (past, past_ids), residuals, moments))
    plain = numpy(layer((texts, None), (past, None), residuals, moments))

    def unit(vector: np.ndarray) -> np.ndarray:
        projected = vector @ numpy(layer.projection)
        return projected / np.linalg.norm(projected)

    for row, place in np.ndindex(2, 3):
        sums = {True: [0.0, 2.0], False: [0.0, 2.0]}
        for step in range(moments[row, place]):
            if np.isnan(residuals[row, step]):
                continue
            alike = 0.7 * unit(texts[row, place]) @ unit(past[row, step])
            for with_ids, pair in sums.items():
                own = 2.0 * ids[row, place] @ past_ids[row, step] if with_ids else 0
                weight = np.exp(alike + own)
                pair[0] += weight * residuals[row, step]
                pair[1] += weight
        assert received[row, place] == pytest.approx(1.5 * np.divide(*sums[True]), abs=1e-5)
        assert plain[row, place] == pytest.approx(1.5 * np.divide(*sums[False]), abs=1e-5)


def test_missing_residuals_leave_the_gradient_finite() -> None:
    layer = built("neighbours")
    given, (past, past_ids), residuals, moments = EXAMPLES["neighbours"][1]
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(layer(given, (0 * past, past_ids), residuals * np.nan, moments))
    for slope in tape.gradient(total, [v.value for v in layer.trainable_variables]):
        assert slope is None or np.isfinite(np.asarray(slope)).all()
