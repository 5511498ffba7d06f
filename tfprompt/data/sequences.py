"""The training part of a split: what each user did, in order."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import polars as pl

from tfprompt.data.catalog import Catalog
from tfprompt.data.requests import Requests

__all__ = ["Requests", "Sequences"]


@dataclass(frozen=True, eq=False)
class Sequences:
    """Ordered events of U users, E in all, user after user.

    Args:
        catalog: the items.
        user_ids: strings `[U]`.
        items: int32 `[E]`, places in the catalog (0..N-1).
        offsets: int64 `[U+1]`; user `u` owns `items[offsets[u]:offsets[u+1]]`.
        users: profile columns, row-aligned with `user_ids`.
        timestamps: float64 `[E]`, seconds since 1970 in UTC.
        context: other columns of the interactions, each `[E]`.
        ratings: float32 `[E]`, NaN where missing. Not context: it is known only afterwards.

    Example:
        ```python
        split = tp.data.load("movielens-100k").leave_one_out()
        history_of_first_user = split.train.items[: split.train.offsets[1]]
        ```
    """

    catalog: Catalog
    user_ids: np.ndarray
    items: np.ndarray
    offsets: np.ndarray
    users: pl.DataFrame | None = None
    timestamps: np.ndarray | None = None
    context: dict[str, np.ndarray] = field(default_factory=dict)
    ratings: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.user_ids)

    def __repr__(self) -> str:
        return f"Sequences({len(self):,} users, {len(self.items):,} events)"

    def counts(self) -> np.ndarray:
        """Training events of each item, int64 `[N]`."""
        return np.bincount(self.items, minlength=len(self.catalog)).astype(np.int64)
