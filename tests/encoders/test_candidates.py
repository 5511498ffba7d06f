"""Items to judge, against one joint sequence [request; candidate] through the frozen layers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.encoders.test_prompted import CLOSE, item_inputs, text_inputs
from tests.toy import LAYERS, WIDTH, encoder
from tfprompt.data.column import Column
from tfprompt.encoders.prompted import PromptedEncoder
from tfprompt.errors import BackboneError, ConfigError

COUNTS, LENGTH = [3, 0, 5], 6
RATING = {"rating": Column("rating", "number", "event", mean=3.0, std=1.5)}
# Each row's candidates see so many items of its history.
MOMENTS = np.array([[0, 3, 2, 3], [0, 0, 0, 0], [5, 1, 4, 0]], "int32")


def candidate_inputs(made: PromptedEncoder, length: int = 4, seed: int = 1) -> dict[str, Any]:
    """Four candidates a row; one token each, or up to `length` with garbage behind them."""
    rng = np.random.default_rng(seed)
    length = 1 if made.template.candidate.form == "token" else length
    shape = (*MOMENTS.shape, length)
    lengths = 1 + np.arange(MOMENTS.size).reshape(MOMENTS.shape) % length
    return {
        "candidates": rng.normal(size=(*shape, WIDTH)).astype("float32"),
        "candidates_mask": np.arange(length) < lengths[..., None],
        "moments": MOMENTS,
    }


def every_input(made: PromptedEncoder) -> dict[str, Any]:
    inputs = {**text_inputs(made), **candidate_inputs(made)}
    if made.item_tokens is not None:
        inputs |= item_inputs(COUNTS, LENGTH)
    if made.rating_tokens is not None:
        given = np.random.default_rng(2).integers(1, 6, (3, LENGTH)).astype("float32")
        inputs["ratings"] = np.where(given == 2, np.float32("nan"), given)
    return inputs


def marked(made: PromptedEncoder, states: np.ndarray) -> np.ndarray:
    """Candidate tokens `[T, D]` by hand: the role, and a layer norm for projected ones."""
    layer: Any = made.candidate_tokens
    states = states + np.asarray(layer.role)
    if layer.normalize:
        centred = states - states.mean(axis=-1, keepdims=True)
        deviation = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-6)
        states = centred / deviation * np.asarray(layer.norm.gamma) + np.asarray(layer.norm.beta)
    return states


def soft_vectors(made: PromptedEncoder) -> list[Any]:
    return [soft.prompt for soft in made.soft_prompts]


def joint(made: PromptedEncoder, inputs: dict[str, Any], row: int, place: int) -> np.ndarray:
    """What is read of one candidate: one sequence without padding, one mask written by hand."""
    real = np.asarray(inputs["states_mask"][row])
    text, order = np.asarray(inputs["states"][row])[real], np.asarray(inputs["order"][row])[real]
    is_mask = order == made.text_plan.mask_order
    masked = made.read_out == "mask"
    prompts = np.concatenate([np.zeros((0, WIDTH)), *map(np.asarray, soft_vectors(made))])
    static = [prompts, text[~is_mask] if masked else text]
    items = np.zeros((0, WIDTH))
    if made.item_tokens is not None:
        count = int(inputs["items_mask"][row].sum())
        vectors = inputs["items"][row][:count]
        if made.rating_tokens is not None:
            unknown = np.isnan(inputs["ratings"][row][:count, None])
            z = np.where(unknown, 0, (inputs["ratings"][row][:count, None] - 3.0) / 1.5)
            up, square, absent = np.asarray(made.rating_tokens.table)
            vectors = vectors * (1 + z * np.asarray(made.rating_tokens.scale))
            vectors = vectors + np.where(unknown, absent, z * up + (z**2 - 1) * square)
        items = np.asarray(made.item_tokens(vectors[None].astype("float32")))[0]
    known = inputs["candidates_mask"][row, place]
    own = marked(made, inputs["candidates"][row, place])[known]
    if masked:
        own = np.concatenate([own, text[is_mask]])
    states = np.concatenate([*static, items, own]).astype("float32")
    request, start = sum(map(len, static)), len(states) - len(own)
    moment = inputs["moments"][row, place]
    mask = np.zeros((len(states), len(states)), bool)
    mask[:, :request] = True
    for step in range(len(items)):  # The start token is item 0, the first item is item 1 …
        mask[request + step, request : request + step + 1] = True
    mask[start:, request : request + min(len(items), moment + 1)] = True
    mask[start:, start:] = True
    for number, layer in enumerate(made.seam.upper_layers):
        if number and made.deep_prompts:
            states[: len(prompts)] = np.asarray(made.deep_prompts[number - 1].prompt)
        states = np.array(made.seam.apply_upper_layer(layer, states[None], mask[None]))[0]
    read = np.asarray(made.seam.final(states[None]))[0][start:]
    return read[-1] if masked else read.mean(axis=0)


CONFIGURATIONS = [
    ("bert", "{soft:2} the {age} saw {history:items} {item:token}", {}),
    ("bert", "{soft:2} the {age} saw {history:items} {item:text}", {"deep": True}),
    ("bert", "{soft:2} {history:items} {mask} {item:token}", {"prompt_layer": 0, "deep": True}),
    ("bert", "{item:text} {age} {mask} {history:items}", {"prompt_layer": 2}),
    ("bert", "{history:items} {mask} {item:text}", {"read_out": "mean"}),
    ("bert", "{age} {soft:3} {item:text}", {"prompt_layer": 0}),
    ("bert", "{soft:3} {age} {item:token} {mask}", {"deep": True}),
    ("bert", "{soft:1} {age} {history:items rating} {item:token}", {}),
    ("roberta", "{soft:2} {age} {history:items rating} {item:text} {mask}", {"deep": True}),
    ("distil_bert", "{soft:2} {age} {history:items} {item:text}", {}),
    ("electra", "{soft:2} {age} {history:items} {item:token}", {"prompt_layer": 0}),
]  # fmt: skip


def judging(template: str, family: str = "bert", **options: Any) -> PromptedEncoder:
    """An encoder with every trained vector, ratings' included, away from its start."""
    made = encoder(template, family, **options)
    if made.template.shows_ratings:
        made.fit_columns({**RATING, "age": Column("age", "text", "user")})
    made.build()
    rng = np.random.default_rng(7)
    for variable in made.trainable_variables:
        variable.assign(variable.value + 0.3 * rng.normal(size=variable.shape).astype("float32"))
    return made


@pytest.mark.parametrize(("family", "template", "options"), CONFIGURATIONS)
def test_a_candidate_is_read_from_one_joint_sequence(
    family: str, template: str, options: dict[str, Any]
) -> None:
    made = judging(template, family, **options)
    inputs = every_input(made)
    read = np.asarray(made(inputs))
    assert read.shape == (*MOMENTS.shape, WIDTH)
    for row, place in np.ndindex(*MOMENTS.shape):
        np.testing.assert_allclose(read[row, place], joint(made, inputs, row, place), **CLOSE)


TEMPLATES = [
    "{soft:2} {age} saw {history:items rating} {item:token}",
    "{soft:2} {age} saw {history:items rating} {item:text}",
    "{soft:2} {age} saw {history:items rating} {item:text} {mask}",
]


@pytest.mark.parametrize("template", TEMPLATES)
def test_who_stands_beside_a_candidate_does_not_matter(template: str) -> None:
    made = judging(template, deep=True)
    inputs = every_input(made)
    together = np.asarray(made(inputs))
    names = ("candidates", "candidates_mask", "moments")
    for place in range(MOMENTS.shape[1]):
        alone = {**inputs, **{name: inputs[name][:, [place]] for name in names}}
        np.testing.assert_allclose(made(alone)[:, 0], together[:, place], **CLOSE)
    turned = {**inputs, **{name: inputs[name][:, ::-1] for name in names}}
    np.testing.assert_allclose(made(turned), together[:, ::-1], **CLOSE)


@pytest.mark.parametrize("template", TEMPLATES)
def test_padding_and_later_items_do_not_matter(template: str) -> None:
    made = judging(template)
    inputs = every_input(made)
    before = np.asarray(made(inputs))
    changed = {name: np.array(value) for name, value in inputs.items()}
    changed["candidates"][~changed["candidates_mask"]] = 50.0
    changed["states"][~changed["states_mask"]] = 50.0
    changed["items"][~changed["items_mask"]] = 50.0
    changed["ratings"][~changed["items_mask"]] = 50.0
    np.testing.assert_allclose(made(changed), before, **CLOSE)
    # Row 2 has five items; its candidates see 5, 1, 4 and 0 of them.
    for cut in range(LENGTH):
        later = {name: np.array(value) for name, value in inputs.items()}
        later["items"][2, cut:], later["ratings"][2, cut:] = -9.0, 1.0
        after = np.asarray(made(later))
        for place, moment in enumerate(MOMENTS[2]):
            same = np.allclose(after[2, place], before[2, place], **CLOSE)
            assert same == (moment <= cut)


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_moment_is_the_request_of_that_moment(template: str) -> None:
    made = judging(template, deep=True)
    inputs = every_input(made)
    trained = np.asarray(made(inputs))
    for place, moment in enumerate(MOMENTS[2]):
        row = {name: np.array(value)[2:] for name, value in inputs.items()}
        row["items"], row["ratings"] = row["items"][:, :moment], row["ratings"][:, :moment]
        row["items_mask"] = row["items_mask"][:, :moment]
        row["moments"][:] = moment
        np.testing.assert_allclose(made(row)[0, place], trained[2, place], **CLOSE)


@pytest.mark.parametrize("layer", range(LAYERS))
@pytest.mark.parametrize("family", ["bert", "roberta"])
def test_without_prompts_a_text_is_read_by_the_frozen_layers(family: str, layer: int) -> None:
    made = encoder("{soft:0}the {age} likes{item:text}", family, prompt_layer=layer)
    made.build()  # nothing moved: the role is untrained
    titles, inputs = ["star wars", "the red king and the blue city"], text_inputs(made)
    tokens = made.loaded.tokenizer(titles)
    mask = np.asarray(tokens["padding_mask"], bool)
    states = np.asarray(made.seam.lower_states(tokens["token_ids"], mask))
    inputs |= {
        "candidates": np.stack([states] * 3),
        "candidates_mask": np.stack([mask] * 3),
        "moments": np.zeros((3, 2), "int32"),
    }
    read = np.asarray(made(inputs))
    for row, place in np.ndindex(3, 2):
        text = np.asarray(inputs["states"][row])[np.asarray(inputs["states_mask"][row])]
        both = np.concatenate([text, states[place][mask[place]]])[None]
        allowed = np.ones((1, both.shape[1], both.shape[1]), bool)
        allowed[:, : len(text), len(text) :] = False
        last = np.asarray(made.seam.apply_upper(both, allowed))[0, len(text) :]
        np.testing.assert_allclose(read[row, place], last.mean(axis=0), **CLOSE)


def test_dropout_acts_in_training_alone() -> None:
    made = judging(TEMPLATES[0], upper_dropout=0.3)
    inputs = every_input(made)
    np.testing.assert_array_equal(made(inputs), made(inputs, training=False))
    assert np.abs(made(inputs, training=True) - made(inputs)).max() > 1e-3


@pytest.mark.parametrize("family", ["gpt2", "llama"])
@pytest.mark.parametrize("form", ["text", "token"])
def test_decoders_are_refused(family: str, form: str) -> None:
    with pytest.raises(BackboneError, match=rf"Received: tiny-{family} with .item:{form}"):
        encoder(f"{{history:items}} {{item:{form}}}", family)


def test_full_attention_and_another_read_out_are_refused() -> None:
    with pytest.raises(ConfigError, match="attention='full'"):
        encoder("{history:items} {item:token}", attention="full")
    with pytest.raises(ConfigError, match="item:text"):
        encoder("{history:items} {item:text}", read_out="last")


def test_ratings_may_be_missing_or_left_out() -> None:
    made = judging(TEMPLATES[0])
    inputs = every_input(made)
    unknown = {**inputs, "ratings": np.full((3, LENGTH), np.nan, "float32")}
    left_out = {name: value for name, value in inputs.items() if name != "ratings"}
    np.testing.assert_array_equal(made(left_out), made(unknown))
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(tf.square(made(inputs)))
    table = made.rating_tokens.table  # type: ignore[union-attr]
    gradient = np.asarray(tape.gradient(total, table.value))
    assert np.isfinite(gradient).all() and np.abs(gradient).min(axis=1).max() > 0


def test_members_of_an_ensemble_judge_together() -> None:
    """With deep prompts of each member too, at every layer above the seam's."""
    template = "{soft:2} likes {history:items} {item:token}"
    together = judging(template, deep=True, ensemble=2, prompt_layer=0)
    alone = judging(template, deep=True, prompt_layer=0)
    inputs = every_input(together)
    answers = []
    for member in range(2):
        for layer, of_all in zip(
            [*alone.soft_prompts, *alone.deep_prompts],
            [*together.soft_prompts, *together.deep_prompts],
            strict=True,
        ):
            layer.assign(of_all.prompt[member])
        for name in ("item_tokens", "candidate_tokens"):
            getattr(alone, name).set_weights(getattr(together, name).get_weights())
        answers.append(np.asarray(alone(inputs)))
    assert np.abs(answers[0] - answers[1]).max() > 1e-3
    np.testing.assert_allclose(np.asarray(together(inputs)), np.mean(answers, axis=0), **CLOSE)
