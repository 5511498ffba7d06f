"""Re-ranking in graphs, files, other types and on other backends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import pytest
import tensorflow as tf

from tests.layers.reranking import DIVERSE, EVERYTHING, assert_same, case
from tfprompt.layers import Rerank

SPEC = [tf.TensorSpec([None, None], tf.float32), tf.TensorSpec([None, None], tf.int32)]


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("arguments", [{}, {"strict": True}, {"caps": None}, {"diversity": 0.0}])
def test_the_graph_computes_what_eager_does(jit: bool, arguments: dict[str, Any]) -> None:
    layer, scores, rows = case(**arguments)
    graph = tf.function(lambda s, r: layer(s, r), jit_compile=jit)
    assert_same(graph(scores, rows), layer(scores, rows))


@pytest.mark.parametrize("batch", [4, None])
@pytest.mark.parametrize("length", [12, 13, None])
def test_dynamic_sizes(batch: int | None, length: int | None) -> None:
    layer, scores, rows = case(length=length or 12)
    spec = [tf.TensorSpec([batch, length], s.dtype) for s in SPEC]
    graph = tf.function(lambda s, r: layer(s, r), input_signature=spec)
    assert [out.shape.as_list() for out in graph.get_concrete_function().outputs] == [
        [batch, 6]
    ] * 2
    assert_same(graph(scores, rows), layer(scores, rows))
    if length is None:
        for fewer in (0, 1, 2, 7):
            given = scores[:, :fewer], rows[:, :fewer]
            assert_same(graph(*given), layer(*given))
    if batch is None:
        assert graph(scores[:0], rows[:0])[0].shape == (0, 6)


@pytest.mark.parametrize("arguments", [DIVERSE, EVERYTHING])
def test_a_saved_model_gives_the_same_lists(arguments: dict[str, Any], tmp_path: Path) -> None:
    layer, scores, rows = case(**arguments)
    module = tf.Module()
    module.layer = layer
    module.call = tf.function(lambda s, r: layer(s, r), input_signature=SPEC)
    tf.saved_model.save(module, str(tmp_path))
    loaded = tf.saved_model.load(str(tmp_path))
    for given in ((scores, rows), (scores[:1, :5], rows[:1, :5])):
        assert_same(loaded.call(*map(tf.constant, given)), layer(*given))


def test_a_keras_file_gives_the_same_lists(tmp_path: Path) -> None:
    layer, scores, rows = case()
    inputs = [keras.Input((None,)), keras.Input((None,), dtype="int32")]
    model = keras.Model(inputs, layer(*inputs))
    assert [(out.shape, out.dtype) for out in model.outputs] == [
        ((None, 6), "int32"),
        ((None, 6), "float32"),
    ]
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert_same(loaded([scores, rows]), layer(scores, rows))
    assert_same(loaded.predict([scores, rows], verbose=0), layer(scores, rows))
    assert not model.trainable_variables


def test_config_makes_an_equal_layer() -> None:
    layer, scores, rows = case()
    again = Rerank.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    again(scores, rows)
    assert [(w.shape, w.dtype) for w in again.weights] == [
        (w.shape, w.dtype) for w in layer.weights
    ]


def test_half_precision_leaves_the_scores_alone() -> None:
    layer, scores, rows = case(dtype="mixed_float16")
    plain, _, _ = case()
    assert_same(layer(scores, rows), plain(scores, rows))


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_other_types_of_input(dtype: str) -> None:
    layer, scores, rows = case()
    given = scores.astype("float64"), rows.astype(dtype)
    assert_same(layer(*given), layer(scores, rows))
    assert [out.dtype for out in layer(*given)] == [tf.int32, tf.float32]


def test_it_runs_on_another_backend() -> None:
    # Keras' NumPy backend takes its linear algebra from one and its FFT from the other.
    pytest.importorskip("scipy")
    pytest.importorskip("jax")
    script = (
        "import keras, numpy as np, os\n"
        "from tests.layers import test_rerank as tests\n"
        "assert keras.backend.backend() == os.environ['KERAS_BACKEND']\n"
        "for seed in range(10):\n"
        "    tests.test_exact_numbers_with_ties_equal_the_definition(seed)\n"
        "print('ran')\n"
    )
    environment = {**os.environ, "KERAS_BACKEND": "numpy", "PYTHONPATH": os.pathsep.join(sys.path)}
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, cwd=root, capture_output=True, text=True
    )
    assert done.stdout.strip() == "ran", done.stderr[-2000:]
