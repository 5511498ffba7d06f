"""The toy data with ratings of 1 to 5, some missing, and rankers over it."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import polars as pl

from tests.toy import ITEMS, USERS, dataset, encoder
from tfprompt.data.dataset import Dataset
from tfprompt.data.reading import read
from tfprompt.models.ranker import Ranker
from tfprompt.models.tensors import trained_variables

TOKEN = "{soft:2} user {age} saw {history:items rating} would rate {item:token}"
TEXT = "{soft:2} user {age} saw {history:items rating} would rate {item:text}"


def rating_of(user: int, item: int) -> float:
    """What user `u{user}` gave to item `i{item}`; NaN where nothing."""
    return float("nan") if (user + item) % 5 == 0 else 1.0 + (3 * user + 2 * item) % 5


@functools.cache
def rated(items: int = ITEMS, users: int = USERS) -> Dataset:
    """The events of `toy.dataset`, rated by `rating_of`."""
    plain = dataset(items, users)
    given = [
        rating_of(int(user[1:]), int(item[1:]))
        for user, item in plain.interactions.select("user_id", "item_id").iter_rows()
    ]
    events = plain.interactions.with_columns(rating=pl.Series(given).fill_nan(None))
    return read(events, plain.items.frame, plain.users, item_text="{title}", name="rated toy")


def ranker(
    template: str = TOKEN, objective: Any = "rating", *, data: Dataset | None = None, **options: Any
) -> Ranker:
    """A ranker over the rated toy data; options of the encoder under `encoder`."""
    of_encoder = options.pop("encoder", {})
    options = {"max_item_tokens": 8, **options}
    return Ranker(encoder(template, **of_encoder), (data or rated()).items, objective, **options)


def moved(model: Ranker, by: float = 0.3) -> Ranker:
    """The model, prepared, with every trained value away from its start."""
    model.prepare()
    rng = np.random.default_rng(7)
    for variable in model.trainable_variables:
        variable.assign(variable.value + by * rng.normal(size=variable.shape).astype("float32"))
    return model


def trained_values(model: Ranker) -> dict[str, np.ndarray]:
    """Copies of what training changes, by the names in a file of prompts."""
    return {name: np.array(v.value) for name, v in trained_variables(model).items()}


def batches(model: Ranker, batch_size: int = 3, seed: int = 0, **options: Any) -> list[Any]:
    """The training batches of the first epoch, as tensors."""
    model.prepare()
    train = rated().leave_one_out().train
    model.mark_warm(train)
    return list(
        model.pipeline.training(train, batch_size=batch_size, seed=seed, epoch=lambda: 0, **options)
    )
