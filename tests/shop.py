"""Toy data with ratings, genres and years, and two stages over it."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import polars as pl

from tests.rated import moved
from tests.toy import TITLES, encoder
from tfprompt.data.dataset import Dataset
from tfprompt.data.reading import read
from tfprompt.models.ranker import Ranker
from tfprompt.models.recommender import Recommender
from tfprompt.models.retriever import Retriever

ITEMS = 24
RETRIEVER = "{soft:2} user {age} watched {history:items}"
RANKER = "{soft:2} {history:items rating} {occupation:feature} next {item:token}"
CROSS = "{soft:1} {history:items rating} would like {item:text} ? {mask}"


@functools.cache
def shop() -> Dataset:
    """Twelve users of 6 to 9 rated events over 24 items in three genres."""
    rng = np.random.default_rng(1)
    rows = [
        (f"u{user}", f"i{item}", 1_000_000_000.0 + step, float(1 + (item + user) % 5))
        for user in range(12)
        for step, item in enumerate(rng.permutation(ITEMS)[: 6 + user % 4])
    ]
    genres = ["drama", "action, war", "comedy"]
    items = pl.DataFrame(
        {
            "item_id": [f"i{i}" for i in range(ITEMS)],
            "title": [TITLES[i % 12] + (" two" if i >= 12 else "") for i in range(ITEMS)],
            "genres": [genres[i % 3] for i in range(ITEMS)],
            "year": [1970 + i for i in range(ITEMS)],
        }
    )
    people = pl.DataFrame(
        {
            "user_id": [f"u{i}" for i in range(12)],
            "age": [20 + i for i in range(12)],
            "occupation": [["artist", "student"][i % 2] for i in range(12)],
        }
    )
    events = pl.DataFrame(rows, ["user_id", "item_id", "timestamp", "rating"], orient="row")
    return read(events, items, people, item_text="{title} {genres}", name="shop",
                kinds={"genres": "text"})  # fmt: skip


@functools.cache
def stages(cross: bool = False) -> tuple[Retriever, Ranker]:
    """A retriever and a ranker of clicks, away from where they start."""
    data = shop()
    retriever = Retriever(encoder(RETRIEVER), data.items, collaborative=3)
    ranker = Ranker(encoder(CROSS if cross else RANKER), data.items, "click", collaborative=3)
    for model in (retriever, ranker):
        model.mark_warm(data.leave_one_out().train)
        # Far enough that scores differ by more than rounding, which a blend would magnify.
        moved(model)
    return retriever, ranker


def recommender(cross: bool = False, **options: Any) -> Recommender:
    """Both stages in one model."""
    settings = {"retrieve": 10, "rank": 6, **options}
    return Recommender(*stages(cross), **settings)
