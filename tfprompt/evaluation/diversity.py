"""What lists are like that no hit rate tells: alike, popular, the same for everybody?

Intra-list distance: Ziegler et al. 2005; novelty as self-information: Zhou et al. 2010; Gini index
of exposure: Castells, Hurley and Vargas 2015, section 8.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfprompt.errors import ConfigError

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Diversity:
    """Properties of R lists of at most k items out of N; made by `list_diversity`.

    Attributes:
        distance: float64 [R], mean of 1 - cosine over the pairs of a list; NaN where a list has
            fewer than two items.
        novelty: float64 [R], mean over a list of -log2 of the share of users who have the item;
            NaN for an empty list, None where no counts were given.
        coverage: share of the catalog that is in any list.
        gini: inequality of how often the N items are shown, 0 (all alike) to 1 - 1/N (one alone);
            NaN where nothing is shown.
    """

    distance: Floats
    novelty: Floats | None
    coverage: float
    gini: float

    def to_dict(self) -> dict[str, float]:
        """Means over the requests where they are defined, and the two properties of all lists."""
        found = {"distance": _mean(self.distance)}
        if self.novelty is not None:
            found["novelty"] = _mean(self.novelty)
        return {**found, "coverage": self.coverage, "gini": self.gini}


def list_diversity(
    lists: ArrayLike,
    vectors: ArrayLike,
    *,
    counts: ArrayLike | None = None,
    n_users: int | None = None,
) -> Diversity:
    """Measures how different, new and evenly shown the items of lists are.

    The distance of a list takes no pass over its pairs: the sum of the cosines of all pairs is
    (|sum of the unit vectors|² - number of them) / 2.

    Args:
        lists: int [R, k], catalog indexes, each once in a list; -1 = nothing.
        vectors: float [N, D], one per item; a zero vector is at distance 1 from everything.
        counts: int [N], how many users have each item, for the novelty; an item that nobody has
            counts as if half a user had it, since -log2 of nothing is infinite.
        n_users: U, which `counts` is out of.

    Returns:
        The properties, per request and of all lists.

    Raises:
        ConfigError: shapes that do not fit, indexes outside the catalog, an item twice in a list.

    Example:
        >>> found = list_diversity([[0, 1], [0, -1]], [[1.0, 0.0], [0.0, 2.0]])
        >>> found.distance.tolist(), found.coverage
        ([1.0, nan], 1.0)
    """
    table, points = np.asarray(lists), np.asarray(vectors, np.float64)
    _check(table, points)
    n_items = len(points)
    norms = np.linalg.norm(points, axis=1, keepdims=True)
    units = points / np.where(norms > 0, norms, 1.0)
    listed = table >= 0
    length = listed.sum(axis=1)
    distance = np.full(len(table), np.nan)
    for row in np.flatnonzero(length > 1):
        chosen = units[table[row, listed[row]]]
        # Own squares, 1 each, or 0 for a zero vector.
        cosines = np.square(chosen.sum(axis=0)).sum() - np.square(chosen).sum()
        distance[row] = 1.0 - cosines / (length[row] * (length[row] - 1))
    shown = np.bincount(table[listed], minlength=n_items)
    return Diversity(
        distance=distance,
        novelty=None if counts is None else _novelty(table, listed, length, counts, n_users),
        coverage=float(np.count_nonzero(shown)) / n_items,
        gini=_gini(shown),
    )


def _novelty(
    table: NDArray[Any],
    listed: NDArray[np.bool_],
    length: NDArray[Any],
    counts: ArrayLike,
    n_users: int | None,
) -> Floats:
    known = np.asarray(counts, np.float64)
    if n_users is None or n_users < 1 or known.ndim != 1 or known.max(initial=0) > n_users:
        raise ConfigError(
            "Novelty needs `counts` [N] of users and `n_users`, which no count exceeds. Received: "
            f"counts of shape {known.shape} up to {known.max(initial=0):g}, n_users={n_users}."
        )
    if table.max(initial=-1) >= len(known):
        raise ConfigError(
            f"`counts` must have one number per item. Received: {len(known)} and a list with item "
            f"{table.max()}."
        )
    surprise = -np.log2(np.maximum(known, 0.5) / n_users)
    total = np.where(listed, surprise[np.maximum(table, 0)], 0.0).sum(axis=1)
    return total / np.where(length > 0, length, np.nan)


def _gini(shown: NDArray[Any]) -> float:
    total = shown.sum()
    if not total:
        return float("nan")
    n = len(shown)
    weight = 2 * np.arange(1, n + 1) - n - 1
    return float(weight @ np.sort(shown)) / (n * float(total))


def _check(table: NDArray[Any], points: Floats) -> None:
    if (
        table.ndim != 2
        or not np.issubdtype(table.dtype, np.integer)
        or points.ndim != 2
        or not len(points)
        or not np.isfinite(points).all()
    ):
        raise ConfigError(
            "list_diversity needs lists of integers [R, k] and finite vectors [N, D]. Received: "
            f"lists of shape {table.shape} and type {table.dtype}, vectors of shape "
            f"{points.shape}."
        )
    if table.min(initial=0) < -1 or table.max(initial=-1) >= len(points):
        raise ConfigError(
            f"Lists must hold catalog indexes from 0 to {len(points) - 1}, or -1 for nothing. "
            f"Received: values from {table.min()} to {table.max()}."
        )
    ordered = np.sort(table, axis=1)
    twice = (ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)
    if twice.any():
        raise ConfigError(
            "A list must hold an item at most once. Received: an item twice in list "
            f"{int(np.flatnonzero(twice.any(axis=1))[0])}."
        )


def _mean(values: Floats) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")
