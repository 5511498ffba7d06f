"""The seam: the two parts together are the backbone, in every family and at every layer."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.tiny import FAMILIES, tiny_loaded_backbone
from tfprompt.encoders import LoadedBackbone, Seam
from tfprompt.errors import ConfigError

TEXTS = ["the toy story of a good king", "drama!", "a"]
# Any ids will do where the cut is the subject; tracing a byte-pair tokenizer takes seconds.
TOKENS = {
    "token_ids": tf.constant([[5, 9, 31, 77, 100, 8], [12, 40, 0, 0, 0, 0], [7, 0, 0, 0, 0, 0]]),
    "padding_mask": tf.sequence_mask([6, 2, 1]),
}


def _uncut(loaded: LoadedBackbone, tokens: dict[str, tf.Tensor]) -> np.ndarray:
    inputs = Seam(loaded.backbone, 0).backbone_inputs(**tokens)
    output = loaded.backbone(inputs, training=False)
    return (output["sequence_output"] if isinstance(output, dict) else output).numpy()


def _cut(loaded: LoadedBackbone, tokens: dict[str, tf.Tensor], layer: int) -> np.ndarray:
    seam = Seam(loaded.backbone, layer)
    states = seam.lower_states(**tokens)
    mask = tokens["padding_mask"]
    return seam.apply_upper(states, tf.repeat(mask[:, None, :], tf.shape(mask)[1], 1)).numpy()


@pytest.mark.parametrize("family", FAMILIES)
def test_lower_and_upper_are_the_backbone(family: str) -> None:
    loaded = tiny_loaded_backbone(family=family)
    real = TOKENS["padding_mask"].numpy()
    expected = _uncut(loaded, TOKENS)[real]
    assert expected.std(axis=0).min() > 1e-3  # The comparison is about something.
    # Decoders get their causal mask merged in another order: rounding, no more.
    tolerance = 1e-5 if loaded.causal else 0.0
    for layer in range(4):
        difference = np.abs(_cut(loaded, TOKENS, layer)[real] - expected).max()
        assert difference <= tolerance, (family, layer, difference)


@pytest.mark.parametrize("layer", [0, 4])
def test_minilm_is_reproduced_exactly(minilm: LoadedBackbone, layer: int) -> None:
    tokens = minilm.tokenizer(["Toy Story (1995)", "Heat"])
    real = tokens["padding_mask"].numpy()
    np.testing.assert_array_equal(_cut(minilm, tokens, layer)[real], _uncut(minilm, tokens)[real])


def test_parts_share_the_layers(tiny: LoadedBackbone) -> None:
    seam = Seam(tiny.backbone, 1)
    assert seam.upper_layers == tiny.backbone.transformer_layers[1:]
    below = [w for w in tiny.backbone.weights if any(w is v for v in seam.lower.weights)]
    assert len(below) == len(seam.lower.weights) > 0
    assert not seam.lower.trainable_variables


def test_nothing_is_dropped_out_in_training(tiny: LoadedBackbone) -> None:
    seam = Seam(tiny.backbone, 2)
    tokens = tiny.tokenizer(TEXTS)
    mask = tf.repeat(tokens["padding_mask"][:, None, :], tokens["padding_mask"].shape[1], 1)

    class Surrounding(keras.Model):
        def call(self, inputs: dict, training: bool = False) -> tf.Tensor:
            return seam.apply_upper(seam.lower_states(**inputs), mask)

    model = Surrounding()
    np.testing.assert_array_equal(model(tokens, training=True), model(tokens, training=False))
    states = seam.lower_states(**tokens)
    layer = seam.upper_layers[0]
    dropped = seam.apply_upper_layer(layer, states, mask, training=True)
    kept = seam.apply_upper_layer(layer, states, mask)
    assert np.abs(dropped - kept).max() > 1e-3


@pytest.mark.parametrize("family", ["bert", "gpt2", "llama"])
def test_a_masked_position_changes_nothing(family: str) -> None:
    loaded = tiny_loaded_backbone(family=family)
    seam = Seam(loaded.backbone, 1)
    rng = np.random.default_rng(0)
    states = rng.normal(size=(1, 5, 32)).astype("float32")
    mask = np.ones((1, 5, 5), bool)
    mask[:, :, 1] = False
    changed = states.copy()
    changed[:, 1] += 10
    first = seam.apply_upper(states, mask).numpy()
    second = seam.apply_upper(changed, mask).numpy()
    np.testing.assert_allclose(np.delete(first, 1, 1), np.delete(second, 1, 1), atol=1e-5)


@pytest.mark.parametrize("family", ["gpt2", "llama", "qwen"])
def test_a_decoder_never_sees_the_future(family: str) -> None:
    loaded = tiny_loaded_backbone(family=family)
    seam = Seam(loaded.backbone, 0)
    assert seam.causal
    states = np.random.default_rng(0).normal(size=(1, 5, 32)).astype("float32")
    changed = states.copy()
    changed[:, 4] += 10
    mask = np.ones((1, 5, 5), bool)
    first, second = seam.apply_upper(states, mask), seam.apply_upper(changed, mask)
    np.testing.assert_allclose(first[:, :4], second[:, :4], atol=1e-5)


def test_a_second_model_over_the_layers_does_not_move_the_seam(tiny: LoadedBackbone) -> None:
    inputs = keras.Input((None, 32))
    tiny.backbone.transformer_layers[2](inputs)
    tokens = tiny.tokenizer(TEXTS)
    real = tokens["padding_mask"].numpy()
    np.testing.assert_array_equal(_cut(tiny, tokens, 2)[real], _uncut(tiny, tokens)[real])


@pytest.mark.parametrize("layer", [-1, 4])
def test_a_layer_out_of_range_is_refused(tiny: LoadedBackbone, layer: int) -> None:
    with pytest.raises(ConfigError, match=rf"one of 0 … 3.*Received: prompt_layer={layer}"):
        Seam(tiny.backbone, layer)
