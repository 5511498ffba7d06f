"""The prompted encoder against the uncut backbone, and against a slow loop written here."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.toy import LAYERS, WIDTH, encoder
from tfprompt.encoders.loading import LoadedBackbone
from tfprompt.encoders.prompted import PromptedEncoder

FAMILIES = ("bert", "roberta", "gpt2", "llama")
AGES = ["24", "a very old man", ""]
# Sums in another order: float32 rounding of hidden states of about 1 through three layers.
CLOSE = {"atol": 2e-5, "rtol": 1e-4}


def text_inputs(made: PromptedEncoder, ages: list[str] | None = None) -> dict[str, Any]:
    """The text part of a call, straight from the plan and the seam."""
    ages = AGES if ages is None else ages
    fields = {name: tf.constant(ages) for name in made.template.fields}
    plan = made.text_plan(fields, len(ages))
    states = made.seam.lower_states(plan["token_ids"], plan["padding_mask"])
    return {"states": states, "states_mask": plan["padding_mask"], "order": plan["order"]}


def item_inputs(counts: list[int], length: int, seed: int = 0) -> dict[str, Any]:
    """Random item vectors, left-aligned, garbage where there is no item."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(len(counts), length, WIDTH)).astype("float32")
    return {"items": vectors, "items_mask": np.arange(length) < np.array(counts)[:, None]}


def ready(template: str, family: str = "bert", **options: Any) -> PromptedEncoder:
    """Built, with every trained vector away from its start."""
    made = encoder(template, family, **options)
    made.build()
    rng = np.random.default_rng(7)
    for variable in made.trainable_variables:
        variable.assign(variable.value + 0.3 * rng.normal(size=variable.shape).astype("float32"))
    return made


# -- the backbone itself --------------------------------------------------------------------------


def uncut(made: PromptedEncoder, token_ids: Any, mask: Any) -> np.ndarray:
    output = made.loaded.backbone(made.seam.backbone_inputs(token_ids, mask), training=False)
    return np.asarray(output["sequence_output"] if isinstance(output, dict) else output)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("layer", range(LAYERS))
@pytest.mark.parametrize("template", ["the old {age} reads", "{soft:0}the old{soft:0} {age} reads"])
def test_without_prompts_it_is_the_backbone_read_as_a_mean(
    family: str, layer: int, template: str
) -> None:
    made = ready(template, family, prompt_layer=layer)
    plan = made.text_plan({"age": tf.constant(AGES)}, 3)
    mask = plan["padding_mask"].numpy()
    hidden = uncut(made, plan["token_ids"], mask)
    expected = [row[real].mean(axis=0) for row, real in zip(hidden, mask, strict=True)]
    np.testing.assert_allclose(made(text_inputs(made)), expected, **CLOSE)


@pytest.mark.parametrize("family", ["bert", "roberta"])
@pytest.mark.parametrize("layer", range(LAYERS))
@pytest.mark.parametrize("template", ["the {age} likes {mask} films", "{mask} {age}", "{mask}"])
def test_without_prompts_it_is_the_backbone_read_at_the_mask(
    family: str, layer: int, template: str
) -> None:
    made = ready(template, family, prompt_layer=layer)
    plan = made.text_plan({"age": tf.constant(AGES)}, 3)
    token_ids = plan["token_ids"].numpy()
    hidden = uncut(made, token_ids, plan["padding_mask"])
    expected = hidden[token_ids == made.loaded.tokenizer.mask_id]
    assert expected.shape == (3, WIDTH)
    np.testing.assert_allclose(made(text_inputs(made)), expected, **CLOSE)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("layer", range(LAYERS))
def test_a_prompt_of_words_starts_at_the_backbones_states(family: str, layer: int) -> None:
    made = encoder('{soft:5 "toy story"} {age}', family, prompt_layer=layer)
    made.build()
    tokenizer = made.loaded.tokenizer
    ids = tokenizer.pieces(["toy story"]).numpy()[0].tolist()
    last = [] if tokenizer.sep_id is None else [tokenizer.sep_id]
    first = tokenizer.cls_id
    if first is None:  # what divides texts stands where a start token would
        first = tokenizer.keras_tokenizer.end_token_id
    text = np.array([[first, *ids, *last]])
    states = np.asarray(made.seam.lower_states(text, np.ones_like(text)))[0, 1 : 1 + len(ids)]
    found = np.asarray(made.soft_prompts[0].prompt)
    np.testing.assert_allclose(found[: len(ids)], states[:5], atol=1e-6)
    # Repetitions lie near, but not on one place: equal vectors would stay equal.
    again = cosines_between(found[len(ids) :], states[np.arange(len(ids), 5) % len(ids)])
    assert (again > 0.9).all() and (again < 1 - 1e-5).all()


def test_members_of_an_ensemble_that_starts_from_words_start_apart() -> None:
    made = encoder('{soft:2 "toy story"} {age}', ensemble=3)
    made.build()
    first, *others = np.asarray(made.soft_prompts[0].prompt)
    for other in others:
        between = cosines_between(first, other)
        assert (between > 0.9).all() and (between < 1 - 1e-5).all()


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("start", ["", " vocabulary"])
def test_the_vectors_of_a_prompt_start_apart(family: str, start: str) -> None:
    made = encoder(f"{{soft:6{start}}} {{age}} {{history:items}}", family, deep=True)
    made.build()
    for layer in [*made.soft_prompts, *made.deep_prompts]:
        assert cosines(np.asarray(layer.prompt)).max() < 0.9


@pytest.mark.parametrize("layer", [0, 3, 5])
def test_minilms_prompts_and_past_items_start_apart(minilm: LoadedBackbone, layer: int) -> None:
    """Its lower layers bring every token that stands first to one and the same state."""
    template = '{soft:8} {soft:8 vocabulary} {soft:6 "the next film"} {age} {history:items}'
    made = PromptedEncoder(minilm, template, prompt_layer=layer)
    made.build()
    for soft in made.soft_prompts:
        found = np.asarray(soft.prompt)
        assert cosines(found[: 3 if len(found) == 6 else 8]).max() < 0.9
    # Past items: the layer norm spreads them as words are spread.
    assert made.item_tokens is not None
    vectors = np.random.default_rng(0).standard_normal((1, 8, minilm.width)).astype("float32")
    assert cosines(np.asarray(made.item_tokens(vectors))[0, :8]).max() < 0.9


def cosines_between(ones: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Of each two rows at the same place of two matrices `[n, D]`."""
    lengths = np.linalg.norm(ones, axis=1) * np.linalg.norm(others, axis=1)
    found: np.ndarray = (ones * others).sum(axis=1) / lengths
    return found


def cosines(vectors: np.ndarray) -> np.ndarray:
    """Of each two of some vectors `[n, D]`."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return (unit @ unit.T)[~np.eye(len(unit), dtype=bool)]


# -- a slow, plain oracle -------------------------------------------------------------------------


def oracle(made: PromptedEncoder, inputs: dict[str, Any], row: int, step: int) -> np.ndarray:
    """One query of one request, token by token, without padding: the design in a loop."""
    static, items, place_of = [], [], made.template.segments
    soft = iter(made.soft_prompts)
    order = np.asarray(inputs["order"][row])
    mask_at = made.text_plan.mask_order
    copies = made.read_out == "mask" and made.item_tokens is not None
    physical: list[tuple[tuple[int, int, int], str, int, np.ndarray]] = []
    prompts: list[np.ndarray] = []
    for number, segment in enumerate(place_of):
        if type(segment).__name__ == "Soft":
            prompts += list(np.asarray(next(soft).prompt))
            start = len(prompts) - segment.length
            for place in range(start, len(prompts)):
                physical.append(((number, 0, place), "prompt", place, prompts[place]))
    for place in np.flatnonzero(np.asarray(inputs["states_mask"][row])):
        state = np.asarray(inputs["states"][row, place])
        number, within = divmod(int(order[place]), 1024)
        kind = "readout" if copies and order[place] == mask_at else "text"
        physical.append(((number, within, 0), kind, step, state))
    if made.item_tokens is not None:
        number = [type(s).__name__ for s in place_of].index("History")
        tokens = np.asarray(made.item_tokens(inputs["items"][row][None]))[0]
        count = int(np.sum(inputs["items_mask"][row]))
        # Only causal rules hide later items from the step that is read.
        for t in range(step + 1 if made.attention == "causal" else count + 1):
            physical.append(((number, t, 0), "item", t, tokens[t]))
    physical.sort(key=lambda token: token[0])
    kinds = [token[1] for token in physical]
    states = np.stack([token[3] for token in physical])

    def sees(q: int, k: int) -> bool:
        if made.seam.causal and k > q:
            return False
        if made.attention == "full" or kinds[k] in ("prompt", "text"):
            return True
        if kinds[q] in ("prompt", "text"):
            return False
        return k == q or (kinds[k] == "item" and physical[k][2] <= physical[q][2])

    size = len(physical)
    mask = np.array([[[sees(q, k) for k in range(size)] for q in range(size)]])
    for number, layer in enumerate(made.seam.upper_layers):
        if number and made.deep_prompts:
            fresh = np.asarray(made.deep_prompts[number - 1].prompt)
            for place, kind in enumerate(kinds):
                if kind == "prompt":
                    states[place] = fresh[physical[place][2]]
        states = np.array(made.seam.apply_upper_layer(layer, states[None], mask))[0]
    states = np.asarray(made.seam.final(states[None]))[0]
    static = [place for place, kind in enumerate(kinds) if kind == "text"]
    items = [place for place, kind in enumerate(kinds) if kind == "item"]
    if made.read_out == "mask":
        wanted = (
            made.template.segments.index(next(s for s in place_of if type(s).__name__ == "Mask")),
            0,
            0,
        )
        return states[[token[0] for token in physical].index(wanted)]
    if made.read_out == "last":
        return states[items[step]]
    return states[items[: step + 1] if items else static].mean(axis=0)


CONFIGURATIONS = [
    ("bert", "{soft:2} the {age} saw {history:items} today", {}),
    ("bert", "{soft:2} the {age} saw {history:items} {soft:1} end", {"deep": True}),
    ("bert", "{soft:2} the {age} saw {history:items}", {"read_out": "mean"}),
    ("bert", "{soft:2} the {age} saw {history:items} next {mask}", {}),
    ("bert", "{mask} next {age} {soft:2} {history:items}", {"prompt_layer": 0}),
    ("bert", "{mask} {history:items} {age}", {"read_out": "mean", "prompt_layer": 2}),
    ("bert", "{soft:3} {age} {history:items}", {"attention": "full"}),
    ("bert", "{soft:3} {age} {history:items} {mask}", {"attention": "full", "deep": True}),
    ("bert", "{age} {soft:3} likes {mask}", {"deep": True}),
    ("bert", "{age} {soft:3} likes", {"prompt_layer": 0}),
    ("roberta", "{history:items} {age} {mask} {soft:2}", {"prompt_layer": 0, "deep": True}),
    ("distil_bert", "{soft:2} {age} {history:items}", {}),
    ("gpt2", "{soft:2} the {age} saw {history:items}", {"prompt_layer": 0}),
    ("gpt2", "the {age} {soft:2} saw {history:items} today", {"deep": True, "prompt_layer": 0}),
    ("gpt2", "{age} {soft:2} {history:items}", {"attention": "full"}),
    ("llama", "the {age} {soft:2} saw {history:items} today", {"deep": True, "prompt_layer": 0}),
    ("llama", "{history:items} {age} {soft:2}", {"read_out": "mean"}),
    ("llama", "{age} {soft:2} end", {"prompt_layer": 0}),
    ("qwen", "{age} {soft:2} {history:items}", {"attention": "full"}),
]  # fmt: skip


@pytest.mark.parametrize(("family", "template", "options"), CONFIGURATIONS)
def test_every_option_equals_a_plain_loop(
    family: str, template: str, options: dict[str, Any]
) -> None:
    made = ready(template, family, **options)
    inputs, counts = text_inputs(made), [3, 0, 5]
    if made.item_tokens is not None:
        inputs |= item_inputs(counts, 6)
    queries = np.asarray(made(inputs))
    for row, count in enumerate(counts):
        np.testing.assert_allclose(queries[row], oracle(made, inputs, row, count), **CLOSE)
    if made.item_tokens is not None and made.attention == "causal":
        steps = np.asarray(made(inputs, every_position=True))
        assert steps.shape == (3, 7, WIDTH)
        for row, step in ((0, 0), (0, 2), (2, 4), (2, 5)):
            np.testing.assert_allclose(steps[row, step], oracle(made, inputs, row, step), **CLOSE)
