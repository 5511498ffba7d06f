"""Trains and measures one method with one seed, in a process of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import results
from measuring import peak_memory_bytes
from prompted import describe, train
from recipes import Recipe
from rows import describe_requests  # noqa: F401 - for the header

import tfprompt as tp
from tfprompt.data import Catalog, Dataset


def load_data(name: str, users: int | None) -> Dataset:
    """A named data set, or what some of its users did with the items that these know."""
    data = tp.data.load(name)
    if users is None:
        return data
    chosen = np.random.default_rng(0).choice(data.user_ids, users, replace=False).tolist()
    events = data.interactions.filter(pl.col("user_id").is_in(chosen))
    items = data.items.frame.filter(pl.col("item_id").is_in(events["item_id"].unique()))
    catalog = Catalog(items, data.items.item_text, data.items.columns)
    people = None if data.users is None else data.users.filter(pl.col("user_id").is_in(chosen))
    return Dataset(f"{name}-{users}", events, catalog, people, data.report, data.order)


def run(
    data: str, users: int | None, row: str, recipe: Recipe, seed: int, number: int, test: bool
) -> dict[str, Any]:
    """Trains; looks at the test part only where `test` is true."""
    split = load_data(data, users).leave_one_out()
    model, facts = train(recipe, split, seed, verbose=0)
    found = {
        "row": row,
        "seed": seed,
        "number": number,
        "recipe": recipe,
        "date": results.now(),
        **facts,
        # Of training: what evaluation needs comes later.
        "peak_memory_bytes": peak_memory_bytes(),
    }
    if not test:
        return {**found, "validation_ndcg@10": max(facts["validation_ndcg@10"])}
    validation = tp.evaluate(model, split.validation, baselines=False, bootstrap=0)
    described = describe(model)
    return {
        **found,
        **described,
        "parameters": {**described["parameters"], **own_parameters(model)},
        "validation": validation.measures,
        "test": tp.evaluate(model, split.test, baselines=False).to_dict(),
    }


def own_parameters(model: Any) -> dict[str, int]:
    """How many trained numbers make the method, without what every row trains.

    Every row trains the items' projection, their tokens' places and norm, and the temperature.
    """
    from tfprompt.models.tensors import trained_variables

    shared = ("item_tower/", "prompted_encoder/item_tokens/", "item_table/", "log_temperature")
    own = [
        int(np.prod(variable.shape))
        for name, variable in trained_variables(model).items()
        if not name.startswith(shared)
    ]
    return {"method": sum(own)}
