"""Each layer against numbers worked out by hand, and through a `.keras` file."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfprompt import layers
from tfprompt.errors import ConfigError
from tfprompt.layers import (
    DeepPrompt,
    FeatureToken,
    ItemTokens,
    ItemTower,
    LowRankIds,
    SoftPrompt,
    Whitening,
    unit_length,
)
from tfprompt.models.item_table import ItemTable

ROOM = Path(layers.__file__).parent


def numpy(tensor: object) -> np.ndarray:
    return keras.ops.convert_to_numpy(tensor)


def random(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


# One working example of each layer: constructor, and what it is called with.
EXAMPLES = {
    "soft": (lambda: SoftPrompt(3, 4), (random(2, 5),)),
    "soft, empty": (lambda: SoftPrompt(0, 4), (random(2, 5),)),
    "deep": (lambda: DeepPrompt(2, 4, initializer="ones"), (random(2, 5, 4),)),
    "category": (lambda: FeatureToken(4, 3), (np.array([0, 3, 9], "int32"),)),
    "number": (lambda: FeatureToken(4), (np.array([0.5, np.nan], "float32"),)),
    "items": (lambda: ItemTokens(4, 5, dropout=0.1, seed=3), (random(2, 3, 4),)),
    "tower": (lambda: ItemTower(4), (random(3, 6),)),
    "tower, ids": (lambda: ItemTower(4), (random(3, 6), random(3, 2))),
    "ids": (lambda: LowRankIds(4, 2, drop_rate=0.5), (np.array([[0, 3], [-1, 2]], "int32"),)),
    "whitening": (lambda: Whitening(4, shrinkage=0.5), (random(3, 4),)),
    "table": (lambda: ItemTable(4, 3, rank=2), (np.array([[0, 3], [-1, 2]], "int32"),)),
}


def built(name: str) -> keras.layers.Layer:
    make, inputs = EXAMPLES[name]
    layer = make()
    layer(*inputs)
    for number, weight in enumerate(layer.weights):
        if weight.dtype == "float32":
            weight.assign(random(*weight.shape, seed=number))
    return layer


@pytest.mark.parametrize("name", EXAMPLES)
def test_config_makes_an_equal_layer(name: str) -> None:
    layer = built(name)
    config = layer.get_config()
    again = type(layer).from_config(config)
    assert again.get_config() == config
    again(*EXAMPLES[name][1])
    assert [w.shape for w in again.weights] == [w.shape for w in layer.weights]
    assert [w.trainable for w in again.weights] == [w.trainable for w in layer.weights]


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_keras_file_gives_the_same_output(name: str, tmp_path: Path) -> None:
    layer, values = built(name), EXAMPLES[name][1]
    inputs = [keras.Input(v.shape[1:], dtype=v.dtype) for v in values]
    outputs = [out for out in tf.nest.flatten(layer(*inputs)) if out is not None]
    model = keras.Model(inputs, outputs)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for expected, received in zip(model(values), loaded(values), strict=True):
        np.testing.assert_array_equal(received, expected)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_announced_shape_is_the_shape(name: str) -> None:
    layer, values = built(name), EXAMPLES[name][1]
    outputs = [out for out in tf.nest.flatten(layer(*values)) if out is not None]
    symbolic = layer(*[keras.Input(v.shape[1:], dtype=v.dtype) for v in values])
    announced = [out for out in tf.nest.flatten(symbolic) if out is not None]
    for real, expected in zip(outputs, announced, strict=True):
        assert tuple(real.shape[1:]) == tuple(expected.shape[1:])


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_graph_computes_what_eager_does(name: str) -> None:
    layer, values = built(name), EXAMPLES[name][1]
    eager = tf.nest.flatten(layer(*values))
    graph = tf.nest.flatten(tf.function(lambda *v: layer(*v))(*values))
    for expected, received in zip(eager, graph, strict=True):
        if expected is not None:
            # The same kernels; fused multiply-adds may differ in the last bit.
            np.testing.assert_allclose(received, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: SoftPrompt(-1, 4), "length=-1"),
        (lambda: SoftPrompt(1, 0), "width=0"),
        (lambda: FeatureToken(4, 0), "Received: 0"),
        (lambda: ItemTokens(0, 3), "width=0"),
        (lambda: ItemTokens(4, 0), "max_history=0"),
        (lambda: ItemTower(0), "width=0"),
        (lambda: LowRankIds(0, 2), "count=0"),
        (lambda: LowRankIds(2, 0), "rank=0"),
        (lambda: LowRankIds(2, 2, drop_rate=1.0), "drop_rate=1.0"),
        (lambda: LowRankIds(2, 2, drop_rate=-0.1), "drop_rate=-0.1"),
        (lambda: Whitening(3).adapt(random(1, 3)), r"\(1, 3\)"),
        (lambda: Whitening(3).adapt(random(5, 4)), r"\(5, 4\)"),
        (lambda: ItemTable(3, 4).fill(random(3, 5)), r"\(3, 5\)"),
        (lambda: ItemTable(3, 4).fill(np.full((3, 4), np.nan)), "NaN"),
        (lambda: ItemTokens(4, 2)(random(1, 3, 4)), "at most 2 items. Received: 3"),
    ],
)
def test_what_cannot_work_is_refused(make: object, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        make()  # type: ignore[operator]


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


def test_initial_candidates_are_small_and_the_seed_decides_them() -> None:
    vectors = unit_length(random(50, 64))
    first, same, other, full = (
        numpy(ItemTower(64, scale, seed)(vectors))
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


@pytest.mark.parametrize("path", sorted(ROOM.glob("*.py")), ids=lambda path: path.name)
def test_layers_import_no_tensorflow(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert not [name for name in names if name.split(".")[0] in ("tensorflow", "tf_keras")]


def test_layers_run_on_another_backend() -> None:
    # Keras' NumPy backend takes its linear algebra from one and its FFT from the other.
    pytest.importorskip("scipy")
    pytest.importorskip("jax")
    script = (
        "import numpy as np, keras\n"
        "from tests.layers.test_layers import EXAMPLES\n"
        "assert keras.backend.backend() == 'numpy'\n"
        "for name in EXAMPLES:\n"
        "    make, inputs = EXAMPLES[name]\n"
        "    make()(*inputs)\n"
        "print('ran', len(EXAMPLES))\n"
    )
    environment = {**os.environ, "KERAS_BACKEND": "numpy", "PYTHONPATH": os.pathsep.join(sys.path)}
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, cwd=root, capture_output=True, text=True
    )
    assert done.stdout.strip() == f"ran {len(EXAMPLES)}", done.stderr[-2000:]
