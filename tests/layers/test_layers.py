"""Every layer: configuration, `.keras` file, shapes, refusals, other backends."""

from __future__ import annotations

import ast
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfprompt import layers
from tfprompt.errors import ConfigError
from tfprompt.layers import (
    CandidateTokens,
    DeepPrompt,
    FeatureToken,
    HistoryCode,
    HistoryRatings,
    Interaction,
    ItemTokens,
    ItemTower,
    LowRankIds,
    PersonalPrompt,
    PromptPool,
    RatedNeighbours,
    RatingBias,
    ScoreHead,
    SoftPrompt,
    TakenTogether,
    TaskPrompt,
    ValueCode,
    Whitening,
)
from tfprompt.models.item_states import ItemStates
from tfprompt.models.item_table import ItemTable

NAN = float("nan")
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
    "personal": (lambda: PersonalPrompt(2, 4, rank=3, seed=1), (random(3, 3),)),
    "task": (lambda: TaskPrompt(2, 4, tasks=3), (np.array([1, 3, 0, 9], "int32"),)),
    "pool": (lambda: PromptPool(2, 3, size=4, width=5, query_width=6), (random(3, 6),)),
    "code, history": (
        lambda: HistoryCode(3, 4),
        (random(2, 3, 4), np.array([[True, True, False], [False] * 3])),
    ),
    "code, category": (lambda: ValueCode(3, 4), (np.array([0, 4, 9, -7], "int32"),)),
    "code, number": (lambda: ValueCode(3), (np.array([0.5, np.nan], "float32"),)),
    "category": (lambda: FeatureToken(4, 3), (np.array([0, 3, 9], "int32"),)),
    "number": (lambda: FeatureToken(4), (np.array([0.5, np.nan], "float32"),)),
    "items": (lambda: ItemTokens(4, 5, dropout=0.1, seed=3), (random(2, 3, 4),)),
    "tower": (lambda: ItemTower(4), (random(3, 6),)),
    "tower, residual": (lambda: ItemTower(6, initial_scale=0, residual=True), (random(3, 6),)),
    "tower, ids": (lambda: ItemTower(4), (random(3, 6), random(3, 2))),
    "ids": (lambda: LowRankIds(4, 2, drop_rate=0.5), (np.array([[0, 3], [-1, 2]], "int32"),)),
    "whitening": (lambda: Whitening(4, shrinkage=0.5), (random(3, 4),)),
    "table": (lambda: ItemTable(4, 3, rank=2), (np.array([[0, 3], [-1, 2]], "int32"),)),
    "states": (lambda: ItemStates(4, 3, 2), (np.array([[0, 3], [-1, 2]], "int32"),)),
    "candidate": (lambda: CandidateTokens(4, dropout=0.1, seed=3), (random(2, 3, 1, 4),)),
    "candidate, text": (lambda: CandidateTokens(4, normalize=False), (random(2, 3, 5, 4),)),
    "ratings": (
        lambda: HistoryRatings(4, mean=3.0, std=2.0),
        (random(2, 2, 4), np.array([[5, NAN], [1, 4]], "float32")),
    ),
    "head": (lambda: ScoreHead(), (random(2, 3, 4),)),
    "head, words": (lambda: ScoreHead([[1, 0, 0, 0], [0, 0, 1, 0]]), (random(2, 3, 4),)),
    "head, values": (lambda: ScoreHead(np.eye(3, 4), [1, 3, 5]), (random(2, 3, 4),)),
    "head, trained": (
        lambda: ScoreHead(np.eye(3, 4), [1, 3, 5], soft=True, calibrated=True),
        (random(2, 3, 4),),
    ),
    "interaction": (lambda: Interaction(2), (random(2, 3, 4), random(2, 3, 4, seed=1))),
    "neighbours": (
        lambda: RatedNeighbours(3),
        (
            (random(2, 3, 4), random(2, 3, 2)), (random(2, 2, 4, seed=1), random(2, 2, 2, seed=1)),
            np.array([[0.5, NAN], [-1, 2]], "float32"), np.array([[0, 1, 2], [2, 2, 0]], "int32"),
        ),
    ),
    "together": (
        lambda: TakenTogether(4, neighbours=2),
        (
            np.array([[0, 3, -1], [1, 2, 2]], "int32"), np.array([[0, -1], [1, 3]], "int32"),
            np.array([[0, 1, 1], [1, 2, 2]], "int32"),
        ),
    ),
    "bias": (
        lambda: RatingBias(4, mean=3.0, std=2.0),
        (
            np.array([[0, 3], [-1, 2]], "int32"), np.array([[0, 2], [1, 0]], "int32"),
            np.array([[1, 2], [0, -1]], "int32"), np.array([[5, NAN], [1, NAN]], "float32"),
        ),
    ),
}  # fmt: skip


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
    inputs = tf.nest.map_structure(lambda v: keras.Input(v.shape[1:], dtype=v.dtype), values)
    outputs = [out for out in tf.nest.flatten(layer(*inputs)) if out is not None]
    model, values = keras.Model(tf.nest.flatten(inputs), outputs), tf.nest.flatten(values)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for expected, received in zip(model(values), loaded(values), strict=True):
        np.testing.assert_array_equal(received, expected)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_announced_shape_is_the_shape(name: str) -> None:
    layer, values = built(name), EXAMPLES[name][1]
    outputs = [out for out in tf.nest.flatten(layer(*values)) if out is not None]
    given = tf.nest.map_structure(lambda v: keras.Input(v.shape[1:], dtype=v.dtype), values)
    symbolic = layer(*given)
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
        (lambda: SoftPrompt(1, 4, members=0), "members=0"),
        (lambda: PersonalPrompt(1, 4, rank=0), "rank=0"),
        (lambda: PersonalPrompt(1, 4, drop_rate=1.0), "drop_rate=1.0"),
        (lambda: PersonalPrompt(1, 4, drop_rate=-0.1), "drop_rate=-0.1"),
        (lambda: PersonalPrompt(-1, 4), "length=-1"),
        (lambda: TaskPrompt(1, 4, tasks=0), "Received: 0"),
        (lambda: TaskPrompt(1, 0, tasks=2), "width=0"),
        (lambda: PromptPool(3, 1, size=2, width=4, query_width=4), "3x1 of 2"),
        (lambda: PromptPool(0, 1, size=2, width=4, query_width=4), "0x1 of 2"),
        (lambda: PromptPool(1, 0, size=2, width=4, query_width=4), "1x0 of 2"),
        (lambda: HistoryCode(0, 4), "Received: 0, 4"),
        (lambda: HistoryCode(2, 0), "Received: 2, 0"),
        (lambda: ValueCode(0), "rank=0"),
        (lambda: ValueCode(2, 0), "categories=0"),
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
        (lambda: CandidateTokens(0), "width=0"),
        (lambda: HistoryRatings(0), "width=0"),
        (lambda: HistoryRatings(4, std=0.0), "std=0.0"),
        (lambda: Interaction(0), "Received: 0"),
        (lambda: RatedNeighbours(0), "Received: 0"),
        (lambda: RatingBias(0), "count=0"),
        (lambda: RatingBias(3, user_shrinkage=0.0), "0.0 and 4.0"),
        (lambda: ScoreHead(np.eye(3)), "3 classes without values"),
        (lambda: ScoreHead(np.eye(1), [1.0]), "1 class"),
        (lambda: ScoreHead(np.eye(3), [1.0, 2.0]), "3 classes, 2 values"),
        (lambda: ItemStates(3, 2, 4).fill(random(3, 3, 4), random(3, 3) > 0), r"\(3, 3, 4\)"),
        (lambda: ItemStates(3, 2, 4).fill(random(2, 2, 4), random(2, 2) > 0), r"\(2, 2, 4\)"),
        (lambda: ItemTokens(4, 2)(random(1, 3, 4)), "at most 2 items. Received: 3"),
    ],
)
def test_what_cannot_work_is_refused(make: object, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        make()  # type: ignore[operator]


@pytest.mark.parametrize("path", sorted(ROOM.glob("*.py")), ids=lambda path: path.name)
def test_layers_import_no_tensorflow(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert not [name for name in names if name.split(".")[0] in ("tensorflow", "tf_keras")]
