"""What the read-out looks at, against the layers themselves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.shop import RANKER, shop
from tests.toy import encoder, retriever
from tfprompt.data.request import Request
from tfprompt.encoders.upper import upper_states
from tfprompt.errors import BackboneError, ConfigError
from tfprompt.explain import attention
from tfprompt.explain.attending import attention_weights
from tfprompt.explain.explained import laid_out
from tfprompt.layers.attention_rules import ITEM
from tfprompt.models.ranker import Ranker
from tfprompt.models.retriever import Retriever

REQUEST = Request(history=["i1", "i4", "i2"], profile={"age": 30})
TEMPLATE = "{soft:2} user {age} watched {history:items}"


def watched(model: Retriever, request: Request = REQUEST) -> tuple[Any, list[tuple[Any, Any, Any]]]:
    """The plan of a request, and each upper layer with its input and mask."""
    laid, seen = laid_out(model, request), []
    upper_states(
        model.encoder, laid.plan, laid.read, training=False, watch=lambda *each: seen.append(each)
    )
    return laid, seen


@pytest.mark.parametrize("family", ["bert", "roberta", "distil_bert"])
def test_the_layers_output_is_reproduced_from_the_weights(family: str) -> None:
    model = retriever(TEMPLATE, encoder={"family": family})
    _, seen = watched(model)
    assert len(seen) == 2
    for layer, states, mask in seen:
        part = layer._self_attention_layer
        weights = np.asarray(attention_weights(layer, states, mask))
        np.testing.assert_allclose(weights.sum(-1), 1, atol=1e-6)
        value = np.asarray(part._value_dense(states))
        mixed = np.einsum("bhqk,bkhd->bqhd", weights, value)
        output, own = part(
            query=states, value=states, attention_mask=mask, return_attention_scores=True
        )
        np.testing.assert_allclose(part._output_dense(mixed), output, atol=1e-5)
        np.testing.assert_allclose(weights, own, atol=1e-6)


@pytest.mark.parametrize(
    ("template", "options"),
    [
        (TEMPLATE, {}),
        (TEMPLATE, {"deep": True, "prompt_layer": 0}),
        (TEMPLATE + " next {mask}", {}),
        (TEMPLATE, {"read_out": "mean"}),
        ("{soft:1} user {age} likes {mask}", {}),
        ("{hour:feature} user {age} likes", {}),
    ],
)
def test_all_of_it_goes_to_some_segment(template: str, options: dict[str, Any]) -> None:
    model = retriever(template, encoder=options)
    found = attention(model, REQUEST)
    names, shares = found.by_segment()
    layers, heads = len(model.encoder.seam.upper_layers), 4
    assert found.weights.shape[:2] == shares.shape[:2] == (layers, heads)
    assert found.layers == tuple(range(model.encoder.prompt_layer, 3))
    np.testing.assert_allclose(found.weights.sum(-1), 1, atol=1e-5)
    np.testing.assert_allclose(shares.sum(-1), 1, atol=1e-5)
    assert "field age" in names and len(set(names)) == len(names)
    assert (found.weights > 0).all()


def test_it_is_the_row_of_the_newest_item() -> None:
    model = retriever(TEMPLATE)
    laid, seen = watched(model)
    place = next(c.place for c in laid.columns if c.label == "red king")
    row = np.asarray(attention_weights(*seen[-1]))[0, :, place]
    found = attention(model, REQUEST)
    assert found.labels[-2] == "red king"  # [SEP] stands behind it
    np.testing.assert_allclose(found.weights[-1, :, -2], row[:, place], atol=1e-6)
    at = found.segments.index("soft prompt")
    np.testing.assert_allclose(found.weights[-1, :, at : at + 2], row[:, :2], atol=1e-6)


@pytest.mark.parametrize("deep", [False, True])
def test_of_an_ensemble_it_is_the_mean_of_the_members(deep: bool) -> None:
    model = retriever(TEMPLATE, encoder={"ensemble": 2, "deep": deep})
    layers = [*model.encoder.soft_prompts, *model.encoder.deep_prompts]
    own = [np.array(layer.prompt) for layer in layers]
    both = attention(model, REQUEST).weights
    alone = []
    for member in range(2):
        for layer, value in zip(layers, own, strict=True):
            layer.assign(np.stack([value[member]] * 2))
        alone.append(attention(model, REQUEST).weights)
    np.testing.assert_allclose(both, np.mean(alone, axis=0), atol=1e-6)
    assert np.abs(alone[0] - alone[1]).max() > 1e-3


def test_no_item_looks_at_a_later_one_and_nobody_at_padding() -> None:
    model = retriever(TEMPLATE + " next {mask}")
    laid, seen = watched(model)
    role, moment = np.asarray(laid.plan.role)[0], np.asarray(laid.plan.moment)[0]
    items, valid = np.flatnonzero(role == ITEM), np.asarray(laid.plan.valid)[0]
    for each in seen:
        weights = np.asarray(attention_weights(*each))[0]
        assert not weights[..., ~valid].any()
        for place in items:
            later = items[moment[items] > moment[place]]
            assert not weights[:, place, later].any()
            assert weights[:, place, items[moment[items] <= moment[place]]].all()


def test_pieces_of_a_word_are_one() -> None:
    found = attention(retriever("user {occupation} {history:items}"),
                      Request(history=["i1"], profile={"occupation": "filmmaker"}))  # fmt: skip
    assert found.labels.count("filmmaker") == 1
    shown = found.to_dict()
    assert sum(sum(row) for row in shown["mean_of_heads"]) == pytest.approx(2, abs=1e-4)
    assert "filmmaker" in found.to_text()


def test_refusals() -> None:
    with pytest.raises(BackboneError, match="tiny-gpt2.*tp.explain.attribute"):
        attention(retriever(TEMPLATE, encoder={"family": "gpt2"}), REQUEST)
    with pytest.raises(ConfigError, match="Received: a Ranker"):
        attention(Ranker(encoder(RANKER), shop().items, "click"), REQUEST)  # type: ignore[arg-type]
