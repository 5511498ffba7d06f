"""A model that starts from what another one has trained."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from tests import rated, toy
from tests.rated import moved, ranker, trained_values
from tfprompt import PromptedEncoder, Retriever
from tfprompt.data.reading import read
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


def test_rows_stay_with_the_values_that_they_stand_for() -> None:
    one = "{age:personal 2} {occupation:task 2} {device:feature} {history:items}"
    other = "{occupation:personal 2} {occupation:task 2} {device:feature} {history:items}"
    source = toy.moved(toy.retriever(one))
    taken = set(toy.retriever(one).start_from(source))
    rows = {"code_0/table", "personal_0/lift"}
    assert {f"prompted_encoder/{name}" for name in rows | {"task_1/by_column"}} <= taken
    # As many values, but of another column: what all of them share is taken over alone.
    model = toy.retriever(other)
    left = taken - set(model.start_from(source))
    assert left == {f"prompted_encoder/{name}" for name in rows}
    assert not np.asarray(model.encoder.made_prompts["code_0"].table).any()
    # The same column, its values in another order.
    people = toy.dataset().users
    assert people is not None
    turned = {"artist": "student", "student": "artist"}
    again = read(
        toy.dataset().interactions, toy.dataset().items.frame,
        people.with_columns(pl.col("occupation").replace(turned)), item_text="{title}",
    )  # fmt: skip
    words = [data.items.columns["occupation"].vocabulary for data in (again, toy.dataset())]
    assert words[0] is not None and words[0][::-1] == words[1]
    model = toy.retriever(other, data=again)
    taken = set(model.start_from(toy.moved(toy.retriever(other))))
    assert not {"prompted_encoder/code_0/table", "prompted_encoder/task_1/by_column"} & taken
    assert {f"prompted_encoder/{n}" for n in ("task_1/prompt", "feature_device/table")} <= taken


def test_parts_are_taken_over_alone() -> None:
    source = toy.moved(toy.retriever("{soft:2 mlp} {hour:personal 1} {history:items}"))
    model = toy.retriever("{soft:2 mlp} {hour:personal 1} {history:items}")
    before = trained_values(model)
    assert model.start_from(source, "soft") == ["prompted_encoder/soft_0/prompt"]
    # What is kept of the other's network is what it makes: this one's gives the same vectors.
    theirs, (soft,) = source.encoder.soft_prompts[0].vectors(), model.encoder.soft_prompts
    np.testing.assert_allclose(soft.vectors(), theirs, atol=1e-6)
    for name, value in trained_values(model).items():
        if not name.startswith("prompted_encoder/soft_0/"):
            np.testing.assert_array_equal(value, before[name], err_msg=name)
    assert "prompted_encoder/soft_0/prompt" not in model.start_from(source, "items", "temperature")
    with pytest.raises(ConfigError, match="one or more of"):
        model.start_from(source, "sofa")
    with pytest.raises(ConfigError, match="same name and shape"):
        toy.retriever("words of {history:items}").start_from(source, "soft")


def test_what_was_not_taken_over_starts_from_the_catalog() -> None:
    source = toy.moved(toy.retriever("{soft:2} {history:items}"))
    model = toy.retriever("{soft:2} {soft:3 items} {history:items}")
    model.start_from(source)
    fresh = toy.retriever("{soft:2} {soft:3 items} {history:items}")
    for made in (model, fresh):
        made.prepare()
    taken, started = model.encoder.soft_prompts
    np.testing.assert_array_equal(taken.prompt, source.encoder.soft_prompts[0].prompt)
    np.testing.assert_allclose(started.prompt, fresh.encoder.soft_prompts[1].prompt, atol=1e-6)


def test_refusals() -> None:
    data = rated.rated()
    encoder = PromptedEncoder(toy.backbone("bert", seed=1), SAME, prompt_layer=1)
    with pytest.raises(ConfigError, match="same backbone"):
        ranker(data=data).start_from(Retriever(encoder, data.items))
