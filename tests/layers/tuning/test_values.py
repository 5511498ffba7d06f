"""What tuned layers compute, against a backbone whose own weights were changed by hand."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from tests.encoders.test_prompted import item_inputs, text_inputs
from tests.layers.tuning.by_hand import (
    MASK,
    MERGED,
    STATES,
    WITHOUT_BIAS,
    move,
    run,
    set_by_hand,
    tuned_layers,
)
from tests.tiny import ALIKE, FAMILIES, tiny_loaded_backbone
from tests.toy import LAYERS, WIDTH, encoder
from tfprompt.encoders.seam import Seam
from tfprompt.errors import BackboneError
from tfprompt.layers.tuning import IA3, Adapter, Lora

ALL = ("query", "key", "value", "attention_output", "intermediate", "output")
KINDS = [
    pytest.param(family, marks=pytest.mark.slow) if family in ALIKE else family
    for family in FAMILIES
]
# The same sums in another order, through two layers of hidden states of about 1.
CLOSE: dict[str, Any] = {"atol": 3e-5, "rtol": 1e-4}


@pytest.mark.parametrize("family", KINDS)
def test_a_start_is_the_frozen_backbone_itself(family: str) -> None:
    for tuning in (*MERGED, "adapter:3", "lora:2,ia3,layer_norm,adapter:2"):
        if tuning == "bitfit" and family in WITHOUT_BIAS:
            with pytest.raises(BackboneError, match="'bitfit' needs layers with biases. Received"):
                tuned_layers(tuning, family)
            continue
        seam, tuned = tuned_layers(tuning, family)
        assert tuned.trainable_variables
        np.testing.assert_array_equal(run(seam, tuned), run(seam), tuning)


@pytest.mark.parametrize("family", KINDS)
def test_a_changed_weight_is_one_that_was_set_by_hand(family: str) -> None:
    for tuning in MERGED:
        if tuning == "bitfit" and family in WITHOUT_BIAS:
            continue
        seam, tuned = tuned_layers(tuning, family)
        result = run(seam, move(tuned))
        with set_by_hand(seam, tuned):
            np.testing.assert_allclose(result, run(seam), **CLOSE, err_msg=tuning)
        assert np.abs(result - run(seam)).max() > 1e-2, tuning


@pytest.mark.parametrize("template", ["{soft:2} {history:items}", "{soft:2} user {age} {mask}"])
def test_so_it_is_at_every_read_out_and_under_deep_prompts(template: str) -> None:
    made = encoder(template, tuning=Lora(3, targets=ALL), prompt_layer=0, deep=True)
    made.build()
    move(made.tuning)
    plain = encoder(template, prompt_layer=0, deep=True)
    plain.build()
    inputs = text_inputs(made)
    every = {}
    if made.template.has_history:
        inputs |= item_inputs([3, 1, 4], 4)
        every = {"every_position": True}
    with set_by_hand(made.seam, made.tuning):
        expected = plain(inputs), plain(inputs, **every)
    np.testing.assert_allclose(made(inputs), expected[0], **CLOSE)
    np.testing.assert_allclose(made(inputs, **every), expected[1], **CLOSE)


@pytest.mark.parametrize("tuning", ["lora:3", "full"])
def test_so_it_is_for_items_that_are_judged(tuning: str) -> None:
    template = "{soft:2} {history:items} next {item:text}"
    made, plain = (encoder(template, tuning=each) for each in (tuning, None))
    made.build()
    plain.build()
    move(made.tuning)
    rng = np.random.default_rng(0)
    inputs = {
        **text_inputs(made, [""] * 3),
        **item_inputs([3, 1, 4], 4),
        "candidates": rng.normal(size=(3, 5, 2, WIDTH)).astype("float32"),
        "candidates_mask": np.ones((3, 5, 2), bool),
        "moments": rng.integers(0, 3, (3, 5)),
    }
    with set_by_hand(made.seam, made.tuning):
        expected = plain(inputs)
    np.testing.assert_allclose(made(inputs), expected, **CLOSE)


def test_an_adapter_stands_behind_requests_and_candidates() -> None:
    # A judged item sees the request: both must have passed the adapter of the layer below.
    template = "{soft:2} user {age} next {item:text}"
    made = encoder(template, tuning="adapter:3")
    made.build()
    move(made.tuning)
    text = text_inputs(made, ["24", "24"])
    tokens = np.random.default_rng(0).normal(size=(2, 1, 2, WIDTH)).astype("float32")
    masks = {"candidates_mask": np.ones((2, 1, 2), bool), "moments": np.zeros((2, 1), int)}
    judged = np.asarray(made({**text, **masks, "candidates": tokens}))
    # By a slow loop: request and candidate as one sequence that the adapters follow.
    prompts = np.asarray(made.soft_prompts[0](text["states"]))
    states = np.asarray(text["states"])
    own = np.asarray(made.candidate_tokens(tokens))[:, 0]
    order = np.concatenate([prompts, states], axis=1)
    length = order.shape[1]
    x: Any = np.concatenate([order, own], axis=1)
    mask = np.ones((2, length + 2, length + 2), bool)
    mask[:, :length, length:] = False
    for number, layer in enumerate(made.seam.upper_layers):
        x = made.tuning.after(number, made.seam.apply_upper_layer(layer, x, mask))
    np.testing.assert_allclose(judged[:, 0], np.asarray(x)[:, length:].mean(axis=1), **CLOSE)


def test_differences_add_and_scales_come_after() -> None:
    outer = Lora(1, alpha=2.0, targets=("query", "output"), name="outer")
    seam, tuned = tuned_layers(["ia3", outer, "lora:2"])
    weights = {"/".join(v.path.split("/")[-2:]): v.numpy() for v in move(tuned).weights}
    layer = seam.upper_layers[1]
    query, output = layer._self_attention_layer._query_dense, layer._feedforward_output_dense
    with tuned.layer(1):
        inside = query.kernel.numpy(), output.kernel.numpy()
    first = weights["outer/layer_2_query_a"] @ weights["outer/layer_2_query_b"]
    second = weights["lora/layer_2_query_a"] @ weights["lora/layer_2_query_b"]
    expected = query.kernel.numpy() + (2 * first + second).reshape(query.kernel.shape)
    np.testing.assert_allclose(inside[0], expected, atol=1e-5)
    scale = 1 + weights["ia3/layer_2_output"]
    first = weights["outer/layer_2_output_a"] @ weights["outer/layer_2_output_b"]
    expected = scale[:, None] * (output.kernel.numpy() + 2 * first)
    np.testing.assert_allclose(inside[1], expected, atol=1e-5)


def test_low_rank_is_what_keras_calls_lora() -> None:
    # Keras gives a dense layer a low rank of its own, in a copy of the backbone.
    seam, tuned = tuned_layers(Lora(3, alpha=6.0, targets=("intermediate", "output")))
    values = {v.path.split("/")[-1]: v for v in move(tuned).trainable_variables}
    copy = Seam(tiny_loaded_backbone(layers=LAYERS, width=WIDTH).backbone, 1)
    for number, layer in enumerate(copy.upper_layers, start=1):
        for name in ("intermediate", "output"):
            dense = getattr(layer, f"_feedforward_{name}_dense")
            dense.enable_lora(3, lora_alpha=6.0)
            dense.lora_kernel_a.assign(values[f"layer_{number}_{name}_a"])
            dense.lora_kernel_b.assign(values[f"layer_{number}_{name}_b"])
    np.testing.assert_allclose(run(seam, tuned), run(copy), **CLOSE)


def test_an_adapter_by_hand() -> None:
    seam, tuned = tuned_layers(Adapter(3))
    kernels = {"/".join(v.path.split("/")[-2:]): v.numpy() for v in move(tuned).weights}
    states: Any = STATES
    for number, layer in enumerate(seam.upper_layers, start=1):
        states = np.asarray(seam.apply_upper_layer(layer, states, MASK))
        down = states @ kernels[f"layer_{number}_down/kernel"]
        inside = np.asarray(keras.activations.gelu(down + kernels[f"layer_{number}_down/bias"]))
        up = inside @ kernels[f"layer_{number}_up/kernel"] + kernels[f"layer_{number}_up/bias"]
        states = states + up
    np.testing.assert_allclose(run(seam, tuned), states, **CLOSE)


def test_scales_are_those_of_activations() -> None:
    # The definition itself, on what passes between the parts of a layer.
    seam, tuned = tuned_layers(IA3())
    scales = {v.path.split("/")[-1]: 1 + v.numpy() for v in move(tuned).trainable_variables}
    layer = seam.upper_layers[0]
    attention = layer._self_attention_layer
    key, value = attention._key_dense(STATES), attention._value_dense(STATES)
    inner = layer._feedforward_intermediate_dense(STATES)
    expected_output = layer._feedforward_output_dense(inner * scales["layer_1_output"])
    with tuned.layer(0):
        scaled = (attention._key_dense(STATES), attention._value_dense(STATES))
        output = layer._feedforward_output_dense(inner)
    heads = ops.shape(key)[-2:]
    for name, before, after in zip(("key", "value"), (key, value), scaled, strict=True):
        expected = before * scales[f"layer_1_{name}"].reshape(heads)
        np.testing.assert_allclose(after, expected, **CLOSE)
    np.testing.assert_allclose(output, expected_output, **CLOSE)
