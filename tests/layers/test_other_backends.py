"""The layers on Keras' other backends: the same outputs and, where there are any, gradients."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tests.layers.test_layers import EXAMPLES, built

ROOT = Path(__file__).parents[2]
# Saves what each layer gives on the backend of `KERAS_BACKEND`, and its gradients where it has any.
SCRIPT = """
import sys
import keras, numpy as np
from keras import ops, tree
from tests.layers.test_layers import EXAMPLES, built

def total(outputs):
    real = [out for out in tree.flatten(outputs) if out is not None]
    return sum(ops.sum(ops.sin(ops.cast(out, "float32"))) for out in real)

found = {}
for name in EXAMPLES:
    layer, values = built(name), EXAMPLES[name][1]
    outputs = [out for out in tree.flatten(layer(*values)) if out is not None]
    for place, out in enumerate(outputs):
        found[f"{name}/{place}"] = ops.convert_to_numpy(out)
    if not layer.trainable_variables:
        continue
    slopes = []
    if keras.backend.backend() == "torch":
        total(layer(*values)).backward()
        given = [variable.value for variable in layer.trainable_variables]
        slopes = [ops.zeros_like(v) if v.grad is None else v.grad for v in given]
    elif keras.backend.backend() == "jax":
        import jax
        held = [variable.value for variable in layer.non_trainable_variables]
        def loss(trained):
            return total(layer.stateless_call(trained, held, *values)[0])
        given = [variable.value for variable in layer.trainable_variables]
        slopes = jax.jit(jax.grad(loss))(given)
    for place, slope in enumerate(slopes):
        found[f"{name}/gradient {place}"] = ops.convert_to_numpy(slope)
np.savez(sys.argv[1], **found)
"""


@pytest.mark.parametrize("backend", ["numpy", "jax", "torch"])
def test_layers_compute_the_same_on_another_backend(backend: str, tmp_path: Path) -> None:
    # Keras' NumPy backend takes its linear algebra from SciPy and its FFT from JAX.
    for package in {"numpy": ("scipy", "jax")}.get(backend, (backend,)):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    environment = {**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": os.pathsep.join(sys.path)}
    path = tmp_path / "found.npz"
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(path)], env=environment, cwd=ROOT,
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    with np.load(path) as file:
        found = dict(file)
    for name in EXAMPLES:
        layer, values = built(name), EXAMPLES[name][1]
        trained = [variable.value for variable in layer.trainable_variables]
        with tf.GradientTape() as tape:
            outputs = [out for out in tf.nest.flatten(layer(*values)) if out is not None]
            loss = sum(tf.reduce_sum(tf.sin(tf.cast(out, tf.float32))) for out in outputs)
        for place, out in enumerate(outputs):
            np.testing.assert_allclose(found[f"{name}/{place}"], out, atol=1e-5, err_msg=name)
        if backend != "numpy" and trained:
            slopes = tape.gradient(loss, trained, unconnected_gradients="zero")
            for place, slope in enumerate(slopes):
                expected = tf.convert_to_tensor(slope)
                received = found[f"{name}/gradient {place}"]
                np.testing.assert_allclose(received, expected, atol=2e-5, err_msg=name)
