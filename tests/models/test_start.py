"""A model that starts from what another one has trained."""

from __future__ import annotations

import numpy as np
import pytest

from tests import rated, toy
from tests.rated import moved, ranker, trained_values
from tfprompt import PromptedEncoder, Retriever
from tfprompt.errors import ConfigError

SAME = "{soft:2} likes {history:items}"


def test_a_ranker_takes_over_prompts_and_items_and_shares_nothing() -> None:
    data = rated.rated()
    retriever = moved(toy.retriever(SAME, data=data, collaborative=3))
    model = ranker(SAME + " and {item:token}", "click", data=data, collaborative=3)
    before, theirs = trained_values(model), rated.trained_values(retriever)
    taken = model.start_from(retriever)
    after = trained_values(model)
    assert {"item_table/ids/table", "prompted_encoder/soft_0/prompt"} <= set(taken) < set(after)
    for name, value in after.items():
        np.testing.assert_array_equal(value, theirs[name] if name in taken else before[name])
    moved(model)
    for name, value in rated.trained_values(retriever).items():
        np.testing.assert_array_equal(value, theirs[name])


def test_ids_stay_with_their_catalog_and_shapes_must_agree() -> None:
    few, many = rated.rated(items=8), rated.rated(items=9)
    other = moved(ranker(data=many, collaborative=3))
    model = ranker(data=few, collaborative=3)
    assert "item_table/ids/table" not in model.start_from(other)
    wide = moved(ranker(data=few, collaborative=2))
    model = ranker(data=few, collaborative=3)
    assert "item_table/ids/table" not in model.start_from(wide)


def test_refusals() -> None:
    data = rated.rated()
    encoder = PromptedEncoder(toy.backbone("bert", seed=1), SAME, prompt_layer=1)
    with pytest.raises(ConfigError, match="same backbone"):
        ranker(data=data).start_from(Retriever(encoder, data.items))
