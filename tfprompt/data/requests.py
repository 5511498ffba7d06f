"""The evaluation part of a split: who asks, what is known, what came next."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from tfprompt.data.catalog import Catalog

if TYPE_CHECKING:
    from tfprompt.data.sequences import Sequences


def ranking_words(catalog: Catalog) -> str:
    """How a protocol ends that ranks: what the candidates are."""
    return f", all {len(catalog):,} items ranked, seen items excluded"


@dataclass(frozen=True, eq=False)
class Requests:
    """R requests, each with a history and one or more targets that came after it.

    Args:
        catalog: the items.
        user_ids: strings `[R]`.
        histories: int32, all histories in a row; places in the catalog, oldest first.
        history_offsets: int64 `[R+1]`; request `r` owns `histories[o[r]:o[r+1]]`.
        targets: int32, all targets in a row.
        target_offsets: int64 `[R+1]`.
        train: the training part that belongs to these requests (baselines need it).
        protocol: in words, what is asked and how it is ranked.
        users: profile columns, row-aligned with `user_ids`.
        timestamps: float64 `[R]`, seconds since 1970: the time of the first target.
        context: other columns of the interactions at the first target, each `[R]`.
        exclude_seen: what is in the history is no candidate; a target that is in it stays one.
        history_ratings: float32, aligned with `histories`, NaN where missing; None without ratings.
        target_ratings: float32, aligned with `targets`, likewise. What is asked for when a model
            rates: it must not look at them.
    """

    catalog: Catalog
    user_ids: np.ndarray
    histories: np.ndarray
    history_offsets: np.ndarray
    targets: np.ndarray
    target_offsets: np.ndarray
    train: Sequences
    protocol: str
    users: pl.DataFrame | None = None
    timestamps: np.ndarray | None = None
    context: dict[str, np.ndarray] = field(default_factory=dict)
    exclude_seen: bool = True
    history_ratings: np.ndarray | None = None
    target_ratings: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.user_ids)

    def __repr__(self) -> str:
        return f"Requests({len(self):,} requests, {len(self.targets):,} targets; {self.protocol})"

    def history(self, row: int) -> np.ndarray:
        """History of one request, oldest first, int32."""
        return self.histories[self.history_offsets[row] : self.history_offsets[row + 1]]

    def target(self, row: int) -> np.ndarray:
        """Targets of one request, int32."""
        return self.targets[self.target_offsets[row] : self.target_offsets[row + 1]]
