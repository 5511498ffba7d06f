"""Requests small enough to check by hand, and the ranking in its slowest, plainest form."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from tfprompt.data.catalog import Catalog
from tfprompt.data.requests import Requests
from tfprompt.data.sequences import Sequences

Ragged = Sequence[Sequence[int]]
Numbers = Sequence[Sequence[float]]


def flat(rows: Ragged) -> tuple[np.ndarray, np.ndarray]:
    """Flat array and offsets of ragged rows."""
    lengths = [len(row) for row in rows]
    values = np.array([value for row in rows for value in row], np.int32)
    return values, np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def catalog(n_items: int) -> Catalog:
    """Items `i0`, `i1`, …"""
    return Catalog(pl.DataFrame({"item_id": [f"i{i}" for i in range(n_items)]}), "{item_id}")


def sequences(n_items: int, events: Ragged, ratings: Numbers | None = None) -> Sequences:
    """A training part."""
    items, offsets = flat(events)
    users = np.array([f"u{u}" for u in range(len(events))])
    return Sequences(catalog(n_items), users, items, offsets, ratings=_numbers(ratings))


def requests(
    n_items: int,
    histories: Ragged,
    targets: Ragged,
    *,
    train: Sequences | None = None,
    users: Sequence[str] | None = None,
    exclude_seen: bool = True,
    history_ratings: Numbers | None = None,
    target_ratings: Numbers | None = None,
) -> Requests:
    """An evaluation part; trained on the histories unless told otherwise."""
    train = train or sequences(n_items, histories)
    return Requests(
        train.catalog,
        np.array(users if users is not None else [f"u{u}" for u in range(len(histories))]),
        *flat(histories),
        *flat(targets),
        train,
        "toy protocol",
        exclude_seen=exclude_seen,
        history_ratings=_numbers(history_ratings),
        target_ratings=_numbers(target_ratings),
    )


def _numbers(rows: Numbers | None) -> np.ndarray | None:
    return None if rows is None else np.array([x for row in rows for x in row], np.float32)


class Fixed:
    """A scorer with a given table [R, N]."""

    def __init__(self, table: np.ndarray, name: str = "fixed") -> None:
        self.table = np.asarray(table)
        self.name = name

    def scores(self, requests: Requests, rows: np.ndarray) -> np.ndarray:
        return self.table[rows]


def ranks_by_sorting(
    scores: np.ndarray, targets: Ragged, seen: Ragged, exclude_seen: bool = True
) -> list[int]:
    """Full sort of each row: by falling score, then other items, then targets as listed."""
    ranks: list[int] = []
    for row, wanted, known in zip(scores.tolist(), targets, seen, strict=True):
        listed = [
            item
            for item in range(len(row))
            if item in wanted or not (exclude_seen and item in known)
        ]
        listed.sort(key=lambda i: (-row[i], 1 + wanted.index(i) if i in wanted else 0))
        ranks += [listed.index(target) + 1 for target in wanted]
    return ranks
