"""The items that can be recommended, and the text that stands for each."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from tfprompt.data import _item_vectors, _rendering
from tfprompt.data.column import Column
from tfprompt.errors import DataError

__all__ = ["Catalog", "Column"]


class Catalog:
    """All N items of a data set, in the order of their file.

    Args:
        frame: one row per item; the first column is `item_id` (strings, unique, none missing).
        item_text: a template over the columns of `frame`, as `"{title} ({year})"`. A missing
            field vanishes with its brackets and its label.
        columns: every column that a template may name: of the items, the users, the context.
        vectors: vectors of all items by name, float32 `[N, V]` each, as of their images; a row
            of zeros where an item has none. Models take those that they name (`item_vectors`).

    Raises:
        DataError: there are no items, ids are missing or repeated, or vectors are not `[N, V]`.
        TemplateError: `item_text` names a column that `frame` lacks.

    Example:
        >>> frame = pl.DataFrame(
        ...     {"item_id": ["a", "b"], "title": ["Alien", None], "year": [1979, 80]}
        ... )
        >>> catalog = Catalog(frame, "{title} ({year})")
        >>> catalog.texts()
        ['Alien (1979)', '(80)']
        >>> catalog.index_of(["b", "?"]).tolist()
        [1, -1]
    """

    def __init__(
        self,
        frame: pl.DataFrame,
        item_text: str,
        columns: Mapping[str, Column] | None = None,
        vectors: Mapping[str, ArrayLike] | None = None,
    ) -> None:
        if frame.columns[:1] != ["item_id"]:
            raise DataError(
                f"the first column of the items must be 'item_id'. Received: {frame.columns}.",
                column="item_id",
            )
        if frame.height == 0:
            raise DataError(
                "a catalog needs at least one item. Received: an empty table.", column="item_id"
            )
        ids = frame["item_id"]
        if ids.dtype != pl.String or ids.null_count() or ids.n_unique() != frame.height:
            raise DataError(
                "item ids must be strings, each once and none missing. "
                f"Received: {frame.height - ids.drop_nulls().n_unique()} rows too many of type "
                f"{ids.dtype}.",
                column="item_id",
            )
        _rendering.parse(item_text, frame.columns)
        self.frame = frame
        self.item_text = item_text
        self.columns = dict(columns or {})
        self.vectors = _item_vectors.checked(vectors, frame.height)
        self._texts: dict[str, list[str]] = {}

    def __len__(self) -> int:
        return self.frame.height

    def __repr__(self) -> str:
        return f"Catalog({len(self):,} items, item_text={self.item_text!r})"

    @cached_property
    def ids(self) -> np.ndarray:
        """The item ids as a string array `[N]`."""
        return np.array(self.frame["item_id"].to_list(), dtype=str)

    def index_of(self, ids: Sequence[str] | np.ndarray | pl.Series) -> np.ndarray:
        """Places of items in the catalog.

        Args:
            ids: item ids `[n]`.

        Returns:
            int32 `[n]`; -1 where the catalog has no such item.
        """
        if not isinstance(ids, pl.Series):
            ids = pl.Series([str(i) for i in ids], dtype=pl.String)
        return codes(ids, self.frame["item_id"])

    def texts(self, item_text: str | None = None) -> list[str]:
        """The text of every item.

        Args:
            item_text: another template than the catalog's own.

        Returns:
            N strings, none empty: an item with nothing to say is called by its id.

        Raises:
            TemplateError: the template names a column that the items lack.
        """
        template = self.item_text if item_text is None else item_text
        if template not in self._texts:
            self._texts[template] = _rendering.render(template, self.frame, fallback="item_id")
        return list(self._texts[template])

    def titles(self) -> list[str]:
        """What the items are called `[N]`: their titles, and the text of those without one."""
        texts = self.texts()
        if "title" not in self.frame.columns:
            return texts
        titles = self.frame["title"].to_list()
        return [title or text for title, text in zip(titles, texts, strict=True)]

    def with_vectors(self, **vectors: ArrayLike) -> Catalog:
        """The same catalog with further vectors, `[N, V]` by name.

        Example:
            >>> catalog = Catalog(pl.DataFrame({"item_id": ["a", "b"]}), "{item_id}")
            >>> catalog.with_vectors(image=np.eye(2)).vectors["image"].shape
            (2, 2)
        """
        return Catalog(self.frame, self.item_text, self.columns, {**self.vectors, **vectors})

    def vectors_fingerprint(self, name: str) -> str:
        """sha256 over the vectors of that name, `[N, V]`."""
        values = self.vectors[name]
        digest = hashlib.sha256(f"{name}\x1d{values.shape}\x1d".encode())
        digest.update(values.astype("<f4").tobytes())
        return digest.hexdigest()

    @cached_property
    def fingerprint(self) -> str:
        """sha256 over the ids and the texts: equal catalogs have equal text vectors."""
        digest = hashlib.sha256()
        for strings in (self.ids.tolist(), self.texts()):
            digest.update("\x1e".join(strings).encode())
            digest.update(b"\x1d")
        return digest.hexdigest()


def codes(values: pl.Series, known: pl.Series) -> np.ndarray:
    """Place of each value in `known` (unique strings) as int32, -1 where it is none of them."""
    enum = values.cast(pl.String).cast(pl.Enum(known), strict=False)
    return enum.to_physical().cast(pl.Int32).fill_null(-1).to_numpy()
