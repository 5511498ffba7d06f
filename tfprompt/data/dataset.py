"""Interactions, items and users after cleaning, ready to be split."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from tfprompt.data import cold, splits
from tfprompt.data.catalog import Catalog, codes
from tfprompt.data.report import CleaningReport
from tfprompt.data.split import Split

# Columns of the interactions that are not context: known only afterwards, or mere order.
_NOT_CONTEXT = ("user_id", "item_id", "rating", "timestamp", "file_order")


class Dataset:
    """Checked tables. Made by `tp.data.read` and `tp.data.load`.

    Args:
        name: what reports call it.
        interactions: `user_id`, `item_id`, optionally `rating`, `timestamp` (seconds, float) and
            context columns; user after user, each user's events in order.
        items: the catalog; it knows every item of `interactions`.
        users: profiles, one row per user in the order of `interactions`; or None.
        report: what cleaning did.
        order: what the order within a user follows (`"position"`, `"timestamp"` …).

    Example:
        ```python
        data = tp.data.load("movielens-100k")
        print(data.report)
        split = data.leave_one_out()
        ```
    """

    def __init__(
        self,
        name: str,
        interactions: pl.DataFrame,
        items: Catalog,
        users: pl.DataFrame | None,
        report: CleaningReport,
        order: str = "file order",
    ) -> None:
        self.name = name
        self.interactions = interactions
        self.items = items
        self.users = users
        self.report = report
        self.order = order

    def __repr__(self) -> str:
        return (
            f"Dataset({self.name!r}: {len(self.user_ids):,} users, {len(self.items):,} items, "
            f"{self.interactions.height:,} events, in order of {self.order})"
        )

    @cached_property
    def _users_in_order(self) -> pl.Series:
        return self.interactions["user_id"].unique(maintain_order=True)

    @cached_property
    def user_ids(self) -> np.ndarray:
        """User ids as a string array `[U]`."""
        return np.array(self._users_in_order.to_list(), dtype=str)

    @cached_property
    def event_users(self) -> np.ndarray:
        """Row of each event's user, int32 `[E]`, ascending."""
        return codes(self.interactions["user_id"], self._users_in_order)

    @cached_property
    def event_offsets(self) -> np.ndarray:
        """int64 `[U+1]`; user `u` owns the events `offsets[u]` to `offsets[u+1]`."""
        counts = np.bincount(self.event_users, minlength=len(self.user_ids))
        return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)

    @cached_property
    def event_items(self) -> np.ndarray:
        """Place of each event's item in the catalog, int32 `[E]`."""
        return self.items.index_of(self.interactions["item_id"])

    @cached_property
    def timestamps(self) -> np.ndarray | None:
        """Seconds since 1970 in UTC, float64 `[E]`, if there are any."""
        return self._numbers("timestamp", np.float64)

    @cached_property
    def ratings(self) -> np.ndarray | None:
        """Ratings, float32 `[E]`, NaN where missing, if there are any."""
        return self._numbers("rating", np.float32)

    @cached_property
    def context(self) -> dict[str, np.ndarray]:
        """The other columns of the interactions, each `[E]`."""
        names = [name for name in self.interactions.columns if name not in _NOT_CONTEXT]
        return {name: self.interactions[name].to_numpy() for name in names}

    def _numbers(self, name: str, dtype: type[np.floating]) -> np.ndarray | None:
        if name not in self.interactions.columns:
            return None
        values = self.interactions[name].cast(pl.Float64).fill_null(float("nan"))
        return values.to_numpy().astype(dtype)

    @cached_property
    def fingerprint(self) -> str:
        """sha256 over the catalog, every event in order, the profiles and the items' vectors."""
        digest = hashlib.sha256(self.items.fingerprint.encode())
        for frame in (self.interactions, self.users):
            for series in () if frame is None else frame.get_columns():
                digest.update(f"\x1d{series.name}\x1d".encode())
                if series.dtype.is_numeric():
                    values = series.cast(pl.Float64).fill_null(float("nan")).to_numpy()
                    digest.update(values.astype("<f8").tobytes())
                else:
                    texts = series.cast(pl.String).fill_null("\0").to_list()
                    digest.update("\x1e".join(texts).encode())
        for name in sorted(self.items.vectors):
            digest.update(self.items.vectors_fingerprint(name).encode())
        return digest.hexdigest()

    def with_item_vectors(self, **vectors: ArrayLike) -> Dataset:
        """The same data whose items have vectors too, as of their images.

        Args:
            **vectors: float32 `[N, V]` by name, a row for each item in the catalog's order, zeros
                for an item without one.

        Returns:
            A data set whose splits know the vectors.

        Raises:
            DataError: another number of rows, or numbers that are not finite.

        Example:
            ```python
            data = data.with_item_vectors(image=np.load("posters.npy"))
            model = tp.Retriever(encoder, data.items, item_vectors=["image"])
            ```
        """
        items = self.items.with_vectors(**vectors)
        return Dataset(self.name, self.interactions, items, self.users, self.report, self.order)

    def leave_one_out(self, min_events: int = 3) -> Split:
        """Test is each user's last event, validation the one before. See `splits`."""
        return splits.leave_one_out(self, min_events)

    def temporal(self, validation: float = 0.1, test: float = 0.1) -> Split:
        """Two moments cut all users at once: the future is never seen. See `splits`."""
        return splits.temporal(self, validation, test)

    def ratio(
        self,
        validation: float = 0.1,
        test: float = 0.1,
        min_events: int = 3,
        users: Sequence[str] | None = None,
    ) -> Split:
        """The last share of each user's events is held out, of `users` only. See `splits`."""
        return splits.ratio(self, validation, test, min_events, users)

    def cold_items(self, fraction: float = 0.1, seed: int = 0) -> Split:
        """Some items never occur in training, and are what is asked for. See `cold`."""
        return cold.cold_items(self, fraction, seed)

    def cold_users(self, fraction: float = 0.1, seed: int = 0) -> Split:
        """Some users never occur in training, and are who asks. See `cold`."""
        return cold.cold_users(self, fraction, seed)
