"""Some parts of a model trained alone, and what is kept of it meanwhile."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import tfprompt as tp
from tests import rated, toy
from tfprompt.errors import CheckpointError, ConfigError
from tfprompt.models.tensors import measured_variables

TEMPLATE = "{soft:2} {age:feature} watched {history:items}"


def test_a_second_prompt_of_one_model(tmp_path: Path) -> None:
    split = toy.dataset().leave_one_out()
    model = toy.retriever(TEMPLATE, collaborative=2)
    model.save_prompts(tmp_path / "shop")
    other = tp.load(tmp_path / "shop", model.catalog, backbone=model.encoder.loaded)
    before = toy.trained_values(other)
    with other.training_only("soft"):
        other.compile(run_eagerly=True)
        other.fit(split.train, epochs=1, batch_size=4, verbose=0)
        other.save_prompts(tmp_path / "de")
        assert other.trainable_parameters == 2 * toy.WIDTH
    assert all(variable.trainable for variable in other.trainable_variables)
    after = toy.trained_values(other)
    changed = {name for name in after if not np.array_equal(after[name], before[name])}
    assert len(changed) == 1 and "soft_0/prompt" in changed.pop()

    # What was saved inside the block is a whole model, and a prompt of the first.
    loaded = tp.load(tmp_path / "de", model.catalog, backbone=model.encoder.loaded)
    expected = tp.recommend(other, history=["i3"], profile={"age": 24}, k=4)
    assert tp.recommend(loaded, history=["i3"], profile={"age": 24}, k=4) == expected
    model.prompts.add("de", tmp_path / "de")
    found = tp.recommend(model, history=["i3"], profile={"age": 24}, k=4, prompt="de")
    assert [item.item_id for item in found] == [item.item_id for item in expected]


@pytest.mark.parametrize(
    ("objective", "tables"),
    [
        ("rating", ("rating_bias/items",)),
        ("click", ("taken_together/near", "taken_together/similarity", "taken_together/users")),
    ],
)
def test_a_second_prompt_of_a_ranker_leaves_what_is_known_of_items(
    objective: str, tables: tuple[str, ...]
) -> None:
    data = rated.rated()
    train = data.leave_one_out().train
    model = rated.ranker(objective=objective, collaborative=2)
    model.mark_warm(train)
    rated.moved(model)
    before = {name: np.array(v.value) for name, v in measured_variables(model).items()}
    assert {"item_table/ids/warm", *tables} <= set(before)
    some = data.interactions.filter(pl.col("user_id").is_in(["u1", "u5"]))
    few = tp.data.read(some, data.items.frame, data.users, item_text="{title}")
    with model.training_only("soft"):
        model.compile(run_eagerly=True)
        model.fit(few.leave_one_out().train, epochs=1, verbose=0)
    for name, variable in measured_variables(model).items():
        np.testing.assert_array_equal(variable.value, before[name], err_msg=name)


def test_what_was_compiled_for_other_parts_is_refused() -> None:
    train = toy.dataset().leave_one_out().train
    model = toy.retriever(TEMPLATE)
    model.compile(run_eagerly=True)
    model.fit(train, epochs=1, verbose=0)
    with model.training_only("soft"):
        with pytest.raises(ConfigError, match="1 trained tensors now"):
            model.fit(train, epochs=1, verbose=0)
        model.compile(run_eagerly=True)
        model.fit(train, epochs=1, verbose=0)
    with pytest.raises(ConfigError, match="and 1 then"):
        model.fit(train, epochs=1, verbose=0)


def test_prompts_alone_are_more_than_the_soft_ones(tmp_path: Path) -> None:
    model = toy.retriever(TEMPLATE)
    with model.training_only("prompts"):
        names = {variable.path.split("/")[-2] for variable in model.trainable_variables}
    assert len(names) == 2 and "soft_0" in names
    with pytest.raises(ConfigError, match="'weights'"), model.training_only("weights"):
        pass


def test_what_was_frozen_by_hand_is_missing_and_the_error_says_how(tmp_path: Path) -> None:
    model = toy.retriever("{soft:2} watched {history:items}")
    for variable in model.trainable_variables:
        variable.trainable = "soft" in variable.path
    model.save_prompts(tmp_path / "de")
    with pytest.raises(CheckpointError, match=r"training_only"):
        tp.load(tmp_path / "de", model.catalog, backbone=model.encoder.loaded)
