"""Integrated gradients of functions whose answer is known."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tfprompt.explain.integration import integrated_gradients

RNG = np.random.default_rng(0)
START, END = RNG.normal(size=(2, 3, 4)).astype("float32")


def test_a_linear_function_is_gradient_times_difference() -> None:
    weights = RNG.normal(size=(3, 4)).astype("float32")
    found = integrated_gradients(
        lambda x: tf.einsum("nsd,sd->n", x, weights)[:, None], [START], [END], steps=1
    )
    np.testing.assert_allclose(found.shares[0][0], (weights * (END - START)).sum(-1), rtol=1e-5)
    np.testing.assert_allclose(found.end[0] - found.start[0], found.shares[0].sum(), rtol=1e-5)


def test_products_are_shared_and_outputs_kept_apart() -> None:
    # Of x·y from 0 each factor gets half; of x² the whole. The second output does not touch y.
    zero, x, y = (np.array([[v]], "float32") for v in (0.0, 3.0, 4.0))

    def function(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
        return tf.concat([(a * b)[:, 0], (a * a)[:, 0]], axis=1)

    found = integrated_gradients(function, [zero, zero], [x, y], steps=2)
    np.testing.assert_allclose(found.shares[0][:, 0], [6.0, 9.0], rtol=1e-6)
    np.testing.assert_allclose(found.shares[1][:, 0], [6.0, 0.0], rtol=1e-6)
    np.testing.assert_allclose(found.end, [12.0, 9.0])
    assert (found.errors < 1e-5).all()


def test_more_steps_than_run_together_are_the_same_integral() -> None:
    def function(x: tf.Tensor) -> tf.Tensor:
        return tf.reduce_sum(tf.tanh(x), axis=[1, 2])[:, None]

    few, many = (integrated_gradients(function, [START], [END], n) for n in (8, 40))
    np.testing.assert_allclose(few.shares[0], many.shares[0], atol=1e-5)
    assert many.errors[0] < 1e-6
    # One step of the rule is the gradient in the middle: for tanh that is not enough.
    assert integrated_gradients(function, [START], [END], 1).errors[0] > 1e-2
