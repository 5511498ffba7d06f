"""A data set of three genres and four seasons."""

from __future__ import annotations

import functools

import numpy as np
import polars as pl

from tests.toy import TITLES
from tfprompt.continual import Stream, markets
from tfprompt.data.dataset import Dataset
from tfprompt.data.reading import read

USERS, ITEMS, EVENTS = 10, 24, 18
DAY = 86400.0


@functools.cache
def rented() -> Dataset:
    """Ten users of 18 events, one a day; item i is of genre i mod 3, every fifth of two."""
    rng = np.random.default_rng(3)
    rows = [
        (f"u{user}", f"i{item}", 1e9 + step * DAY + 60 * user, ["tv", "web"][step % 2])
        for user in range(USERS)
        for step, item in enumerate(rng.permutation(ITEMS)[:EVENTS])
    ]
    genres = ["drama", "action", "comedy"]
    items = pl.DataFrame(
        {
            "item_id": [f"i{i}" for i in range(ITEMS)],
            "title": [TITLES[i % 12] + (" two" if i >= 12 else "") for i in range(ITEMS)],
            "genres": [
                genres[i % 3] + (f", {genres[(i + 1) % 3]}" if i % 5 == 0 else "")
                for i in range(ITEMS)
            ],
        }
    )
    people = pl.DataFrame(
        {
            "user_id": [f"u{i}" for i in range(USERS)],
            "home": [["town", "land"][i % 2] for i in range(USERS)],
        }
    )
    events = pl.DataFrame(rows, ["user_id", "item_id", "timestamp", "device"], orient="row")
    return read(events, items, people, item_text="{title} {genres}", name="rented",
                kinds={"genres": "text"})  # fmt: skip


@functools.cache
def genres() -> Stream:
    return markets(rented(), "genres", ["comedy", "drama", "action"])
