"""Prompts that depend on the request stand where a soft prompt of the same vectors stands."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from tests import toy
from tfprompt.models.retriever import Retriever
from tfprompt.models.tensors import trained_variables

# A template with one such prompt of two vectors, and the backbone: a decoder counts positions.
OF_VALUES = [
    ("user {age} {occupation:task 2} watched {history:items}", "bert"),
    ("user {age} {occupation:task 2} watched {history:items}", "gpt2"),
    ("{user:personal 2} user {age} watched {history:items}", "bert"),
    ("watched {history:items} by {user:personal 2}", "gpt2"),
    ("{age} watched {history:items} {occupation} {age:personal 2}", "llama"),
    ("user {age} {history:personal 2} watched {history:items} {mask}", "bert"),
]
POOLS = [
    ("watched {pool:1x2 of 1} {history:items}", "bert"),
    ("watched {pool:1x2 of 1} {history:items}", "gpt2"),
    ("{pool:2x1 of 2} a {age} year old {mask}", "bert"),
]
MADE = re.compile(r"\{(?:(\w+):(?:task|personal)|pool:[\dx]+ of) \d\}")


def pair(template: str, family: str) -> tuple[Retriever, Retriever]:
    """A model away from its start, and one with a soft prompt in the place of what it makes."""
    options = {"family": family, "prompt_layer": int(family == "bert")}
    made = toy.moved(toy.retriever(template, encoder=options))
    source, replaced = MADE.subn("{soft:2}", template)
    assert replaced == 1
    soft = toy.retriever(source, encoder=options)
    theirs = trained_variables(made)
    for name, variable in trained_variables(soft).items():
        if "/soft_" not in name:
            variable.assign(theirs[name])
    soft.prepare()
    return made, soft


def part(model: Retriever, kind: str) -> Any:
    """The layer of that kind."""
    layers = model.encoder.made_prompts.items()
    (found,) = [layer for name, layer in layers if name.startswith(kind)]
    return found


def answers(model: Retriever, inputs: dict[str, Any]) -> np.ndarray:
    return np.asarray(model(inputs, every_position=model.encoder.template.has_history))


def same(made: Retriever, soft: Retriever, inputs: dict[str, Any], given: dict[str, Any]) -> None:
    """Both answer alike, and the prompt is what they answer by."""
    expected = answers(soft, {**inputs, **given})
    # The vectors of a pool lie in the order of its keys, in which float32 sums are taken.
    np.testing.assert_allclose(answers(made, inputs), expected, atol=1e-6)
    assert (
        np.abs(answers(soft, inputs | {"prompts": np.zeros((3, 2, toy.WIDTH))}) - expected).max()
        > 1e-3
    )


@pytest.mark.parametrize(("template", "family"), [*OF_VALUES, *POOLS])
def test_untrained_it_is_a_soft_prompt_in_its_place(template: str, family: str) -> None:
    made, soft = pair(template, family)
    if "task" in template:
        layer = part(made, "task")
        vectors = layer.prompt
        for scale in (layer.by_vector, layer.by_column):
            scale.assign(np.ones(scale.shape))
    elif "personal" in template:
        vectors, code = part(made, "personal").prompt, part(made, "code").trainable_variables[-1]
        code.assign(np.zeros(code.shape))
    else:
        vectors = np.reshape(part(made, "pool").prompts, (2, toy.WIDTH))
    soft.encoder.soft_prompts[0].assign(vectors)
    same(made, soft, toy.batches(made)[0][0], {})


@pytest.mark.parametrize(("template", "family"), OF_VALUES)
def test_trained_each_row_has_its_own_there(template: str, family: str) -> None:
    made, soft = pair(template, family)
    inputs = toy.batches(made)[0][0]
    name = MADE.search(template)[1]  # type: ignore[index]  # `pair` has found it
    if "task" in template:
        vectors = part(made, "task")(inputs[name])
    else:
        seen = [inputs.get(name)]
        if name == "history":
            items = made.item_tower.tokens(*made.item_table(inputs["history"]))
            seen = [items, inputs["glimpse"]]
        vectors = part(made, "personal")(part(made, "code")(*seen))
    assert len(np.unique(np.asarray(vectors), axis=0)) > 1
    same(made, soft, inputs, {"prompts": vectors})
