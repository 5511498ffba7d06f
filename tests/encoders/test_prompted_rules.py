"""What must hold of the prompted encoder whatever its weights: padding, time, options."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.encoders.test_prompted import CLOSE, item_inputs, ready, text_inputs
from tests.toy import LAYERS, WIDTH, backbone, encoder
from tfprompt.encoders.layout import lay_out
from tfprompt.encoders.prompted import PromptedEncoder
from tfprompt.encoders.upper import upper_states
from tfprompt.errors import BackboneError, ConfigError, TemplateError

HISTORY = "{soft:2} the {age} saw {history:items}"
CAUSAL = [
    ("bert", HISTORY, {}),
    ("bert", HISTORY + " next {mask}", {"deep": True}),
    ("bert", HISTORY, {"read_out": "mean"}),
    ("gpt2", HISTORY, {"prompt_layer": 0}),
    ("llama", HISTORY + " then", {"deep": True}),
]
ALL = [
    *CAUSAL,
    ("bert", HISTORY, {"attention": "full"}),
    ("bert", "{mask} {age}", {}),
    ("bert", "{soft:2} {age} reads", {}),
    ("llama", "{soft:2} {age} reads", {"prompt_layer": 0}),
]


def padded(inputs: dict[str, Any], text: int, items: int) -> dict[str, Any]:
    """More padding at the end of the text and the history, filled with garbage."""
    rng = np.random.default_rng(5)
    out = {name: np.asarray(value) for name, value in inputs.items()}
    for name, more in (("states", text), ("states_mask", text), ("order", text),
                       ("items", items), ("items_mask", items)):  # fmt: skip
        if name in out:
            shape = (len(out[name]), more, *out[name].shape[2:])
            garbage = rng.normal(size=shape) if out[name].ndim == 3 else np.zeros(shape)
            out[name] = np.concatenate([out[name], garbage.astype(out[name].dtype)], axis=1)
    return out


@pytest.mark.parametrize(("family", "template", "options"), ALL)
def test_padding_changes_nothing(family: str, template: str, options: dict[str, Any]) -> None:
    made = ready(template, family, **options)
    inputs = text_inputs(made)
    if made.item_tokens is not None:
        inputs |= item_inputs([3, 0, 4], 4)
    more = padded(inputs, 3, 2)
    np.testing.assert_allclose(made(more), made(inputs), **CLOSE)
    # Nor does the company of longer rows.
    alone = {name: value[:1] for name, value in more.items()}
    np.testing.assert_allclose(made(alone)[0], made(inputs)[0], **CLOSE)


@pytest.mark.parametrize(("family", "template", "options"), CAUSAL)
def test_a_later_item_changes_no_earlier_query(
    family: str, template: str, options: dict[str, Any]
) -> None:
    made = ready(template, family, **options)
    inputs = text_inputs(made) | item_inputs([5, 5, 5], 5)
    changed = {**inputs, "items": inputs["items"].copy()}
    # Not a shift by a constant, which a layer norm takes out again.
    changed["items"][:, 3] = np.random.default_rng(9).normal(size=WIDTH)
    before = np.asarray(made(inputs, every_position=True))
    after = np.asarray(made(changed, every_position=True))
    # Step t stands behind item t-1: the fourth item is first seen by step 4.
    np.testing.assert_array_equal(after[:, :4], before[:, :4])
    assert (np.abs(after[:, 4:] - before[:, 4:]).max(axis=-1) > 1e-3).all()


@pytest.mark.parametrize(("family", "template", "options"), CAUSAL)
def test_a_served_query_is_its_training_position(
    family: str, template: str, options: dict[str, Any]
) -> None:
    made = ready(template, family, **options)
    inputs = text_inputs(made) | item_inputs([5, 5, 5], 5)
    trained = np.asarray(made(inputs, every_position=True))
    for step in range(6):
        cut = {**inputs, "items": inputs["items"][:, :step]}
        cut["items_mask"] = inputs["items_mask"][:, :step]
        np.testing.assert_allclose(made(cut), trained[:, step], **CLOSE)


def test_prompts_and_words_never_see_items() -> None:
    made = ready(HISTORY)
    inputs = text_inputs(made) | item_inputs([5, 5, 5], 5)
    changed = {**inputs, "items": inputs["items"][::-1]}
    outputs = []
    for x in (inputs, changed):
        plan, *_ = lay_out(made, x, True, False)
        outputs.append(np.asarray(upper_states(made, plan, None, training=False))[:, :-6])
    np.testing.assert_array_equal(*outputs)


def test_the_order_of_items_matters_and_full_attention_sees_all() -> None:
    for attention in ("causal", "full"):
        made = ready(HISTORY, attention=attention)
        inputs = text_inputs(made) | item_inputs([4, 4, 4], 4)
        turned = {**inputs, "items": inputs["items"][:, ::-1]}
        assert np.abs(made(inputs) - made(turned)).max() > 1e-3


@pytest.mark.parametrize("family", ["bert", "gpt2"])
def test_graph_equals_eager(family: str) -> None:
    made = ready(HISTORY, family)
    inputs = text_inputs(made) | item_inputs([3, 0, 4], 4)
    graph = tf.function(lambda x: made(x, every_position=True))
    np.testing.assert_allclose(graph(inputs), made(inputs, every_position=True), **CLOSE)


def test_dropout_acts_in_training_alone_and_never_in_the_backbone() -> None:
    kept = ready(HISTORY)
    inputs = text_inputs(kept) | item_inputs([3, 0, 4], 4)
    np.testing.assert_array_equal(kept(inputs, training=True), kept(inputs, training=False))
    dropped = ready(HISTORY, dropout=0.5)
    assert np.abs(dropped(inputs, training=True) - dropped(inputs)).max() > 1e-3


@pytest.mark.parametrize(
    ("template", "options", "trained"),
    [
        ("{soft:3} {age}", {}, 3 * WIDTH),
        ("{soft:3} {age}", {"deep": True}, (LAYERS - 1) * 3 * WIDTH),
        ("{soft:0} {age}", {"deep": True}, 0),
        ("{age} reads", {}, 0),
        # Start, 7 positions, the norm's two, 2 prompts.
        (HISTORY, {}, (1 + 7 + 2 + 2) * WIDTH),
    ],
)
def test_only_prompts_and_item_tokens_are_trained(
    template: str, options: dict[str, Any], trained: int
) -> None:
    made = ready(template, **options)
    assert sum(int(np.prod(v.shape)) for v in made.trainable_variables) == trained
    frozen = {id(w) for w in made.loaded.backbone.weights}
    assert not frozen & {id(v) for v in made.trainable_variables}


@pytest.mark.parametrize(
    ("template", "options", "error", "says"),
    [
        ("{age}", {"read_out": "last"}, ConfigError, "needs {history:items}"),
        (HISTORY, {"read_out": "mask"}, ConfigError, "needs a {mask}"),
        (HISTORY, {"read_out": "first"}, ConfigError, "'first'"),
        (HISTORY, {"attention": "backwards"}, ConfigError, "'backwards'"),
        (HISTORY, {"prompt_layer": LAYERS}, ConfigError, f"prompt_layer={LAYERS}"),
        (HISTORY, {"prompt_layer": -1}, ConfigError, "prompt_layer=-1"),
        (HISTORY, {"max_history": 0}, ConfigError, "max_history=0"),
        (HISTORY, {"sequence_length": 5}, ConfigError, "never truncated"),
        (HISTORY, {"family": "gpt2", "template": "{age} {mask}"}, TemplateError, "no mask token"),
        ("the " * 200, {}, ConfigError, "128 positions"),
        ('{soft:2 " "}', {}, TemplateError, "must not be empty"),
    ],
)
def test_what_cannot_work_is_refused(
    template: str, options: dict[str, Any], error: type[Exception], says: str
) -> None:
    options = {"template": template, **options}
    with pytest.raises(error, match=says):
        made = encoder(**options)
        made.build()
        made.text_plan({}, 1)


@pytest.mark.parametrize("prompt_layer", [None, 1])
def test_a_backbone_without_layers_is_refused(prompt_layer: int | None) -> None:
    plain = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    loaded = dataclasses.replace(backbone(), backbone=plain)
    with pytest.raises(BackboneError, match="transformer_layers"):
        PromptedEncoder(loaded, "{soft:1} words", prompt_layer)


@pytest.mark.parametrize("wanted", [6, 3])
def test_a_bound_on_the_sequence_cuts_the_history_never_the_prompts(wanted: int) -> None:
    template = "{soft:4} the {history:items}"
    # [CLS] the [SEP], 4 prompts, the start token.
    fixed = 3 + 4 + 1
    if wanted == 6:
        made = encoder(template, max_history=6, sequence_length=fixed + 6)
        assert made.max_history == 6
        return
    with pytest.warns(UserWarning, match="newest 3 items"):
        made = encoder(template, max_history=6, sequence_length=fixed + 3)
    assert made.max_history == 3
    assert made.template.prompt_length == 4


def test_a_bound_on_the_sequence_holds_without_a_history_too() -> None:
    template = "{soft:6} the old {age} reads"
    tokens = encoder(template).text_plan.max_length + 6
    assert encoder(template, sequence_length=tokens).sequence_length == tokens
    with pytest.raises(ConfigError, match=f"{tokens} tokens here. Received: sequence_length=8"):
        encoder(template, sequence_length=8)


def test_no_warning_where_all_fits(recwarn: pytest.WarningsRecorder) -> None:
    encoder("{soft:4} the {history:items}", sequence_length=100)
    assert not [w for w in recwarn if "history" in str(w.message)]
