"""Item-item neighbours: old, cheap, and often ahead of newer models that skipped it.

Deshpande and Karypis 2004, "Item-based top-N recommendation algorithms", with shrinkage as in Bell
and Koren 2007; Ferrari Dacrema et al. 2019 show how strong it is once its parameters are chosen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tfprompt.errors import ConfigError
from tfprompt.evaluation._flat import Ints, drop_repeats, row_of_each, take_rows

if TYPE_CHECKING:
    from tfprompt.data.requests import Requests
    from tfprompt.data.sequences import Sequences


class ItemKNN:
    """Sums, over the history, the similarity of its items to every candidate.

    With n_i users of item i and c_ij users of both, the similarity is
    `c_ij / (sqrt(n_i * n_j) + shrinkage)`; each item passes on only its `neighbours` most similar
    items (equal ones: lower catalog index). A history item that lies a events back weighs
    `decay ** a`; an item that occurs twice counts at its latest place.

    Time of the fit is about the sum over users of the squared number of their items.

    Args:
        train: the training part.
        neighbours: items that an item passes on.
        shrinkage: pulls similarities that rest on few users towards zero.
        decay: above 0, at most 1; 1 = the order of the history does not matter. The default was
            measured on up to 2,000 leave-one-out validation requests of four sets, NDCG@10 with
            1 → 0.6: MovieLens-latest-small .019 → .055, MovieTweetings .102 → .112, Amazon Toys
            .051 → .055, Goodbooks .017 → .141.

    Raises:
        ConfigError: a parameter out of its range.

    Example:
        `evaluate(ItemKNN(split.train, shrinkage=20), split.test, baselines=False)["ndcg@10"]`
    """

    name = "item_knn"

    def __init__(
        self,
        train: Sequences,
        *,
        neighbours: int = 100,
        shrinkage: float = 10.0,
        decay: float = 0.6,
    ) -> None:
        """Finds the neighbours."""
        if neighbours < 1 or shrinkage < 0 or not 0 < decay <= 1:
            raise ConfigError(
                "ItemKNN needs neighbours >= 1, shrinkage >= 0 and 0 < decay <= 1. Received: "
                f"neighbours={neighbours}, shrinkage={shrinkage}, decay={decay}."
            )
        self.decay = float(decay)
        self.shrinkage = float(shrinkage)
        self._n_items = len(train.catalog)
        size = min(neighbours, max(self._n_items - 1, 1))
        self._items, self._similarity = neighbours_of(train, size, self.shrinkage)  # [N, size]
        self.neighbours = neighbours

    @property
    def settings(self) -> dict[str, Any]:
        """The parameters, as a report shows them."""
        return {"neighbours": self.neighbours, "shrinkage": self.shrinkage, "decay": self.decay}

    def with_settings(self, *, neighbours: int, decay: float) -> ItemKNN:
        """The same fit with fewer neighbours and another decay, without fitting again.

        Args:
            neighbours: at most those of this one.
            decay: see the class.

        Raises:
            ConfigError: more neighbours than were found.
        """
        if not 1 <= neighbours <= self.neighbours or not 0 < decay <= 1:
            raise ConfigError(
                f"with_settings needs 1 to {self.neighbours} neighbours and 0 < decay <= 1. "
                f"Received: neighbours={neighbours}, decay={decay}. Fit anew for more."
            )
        other = object.__new__(ItemKNN)
        other.decay, other.shrinkage, other.neighbours = float(decay), self.shrinkage, neighbours
        other._n_items = self._n_items
        # Neighbours are kept best first, so that fewer are a prefix.
        other._items = self._items[:, :neighbours]
        other._similarity = self._similarity[:, :neighbours]
        return other

    def scores(self, requests: Requests, rows: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
        """Scores of all items; 0 for an item that is no neighbour of the history.

        Args:
            requests: the evaluation part.
            rows: int [B].

        Returns:
            float32 [B, N].
        """
        items, offsets = take_rows(requests.histories, requests.history_offsets, rows)
        table = np.zeros([len(rows), self._n_items], np.float32)
        for row in range(len(rows)):
            # Latest first, so that the first occurrence of an item is its latest place.
            latest = items[offsets[row] : offsets[row + 1]][::-1]
            history, age = np.unique(latest, return_index=True)
            weight = (self.decay**age)[:, None] * self._similarity[history]
            table[row] = np.bincount(
                self._items[history].ravel(), weight.ravel(), minlength=self._n_items
            )
        return table


def neighbours_of(
    train: Sequences, size: int, shrinkage: float
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The most similar items of each item, best first.

    Item by item rather than by one sparse product: memory stays at one row of N counts, and no
    sparse library is needed.

    Args:
        train: the training part.
        size: items that are kept of each item, at most.
        shrinkage: see `ItemKNN`.

    Returns:
        Catalog rows int32 `[N, size]` and similarities float32 `[N, size]`, 0 where there are no
        more.
    """
    n_items = len(train.catalog)
    by_user, user_offsets = drop_repeats(train.items, train.offsets, n_items)
    # The transposed view: the users of each item.
    order = np.argsort(by_user, kind="stable")
    users = row_of_each(user_offsets)[order]
    degree = np.bincount(by_user, minlength=n_items)
    starts = np.concatenate([[0], np.cumsum(degree)])
    found = np.zeros([n_items, size], np.int32)
    similarity = np.zeros([n_items, size], np.float32)
    for item in range(n_items):
        own = users[starts[item] : starts[item + 1]]
        if not len(own):
            continue
        # Everything that the users of this item have: its co-occurrence counts.
        together: Ints = np.bincount(take_rows(by_user, user_offsets, own)[0], minlength=n_items)
        together[item] = 0
        near = np.flatnonzero(together)
        value = together[near] / (np.sqrt(degree[item] * degree[near]) + shrinkage)
        # `near` rises, and the sort is stable: equal similarities by catalog index.
        best = np.argsort(-value, kind="stable")[:size]
        found[item, : len(best)] = near[best]
        similarity[item, : len(best)] = value[best]
    return found, similarity


def users_of_items(train: Sequences) -> NDArray[np.int64]:
    """How many users each item has, int64 `[N]`."""
    n_items = len(train.catalog)
    return np.bincount(drop_repeats(train.items, train.offsets, n_items)[0], minlength=n_items)
