"""Ragged rows as one flat array and offsets: row r is `flat[offsets[r]:offsets[r + 1]]`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfprompt.errors import DataError

Ints = NDArray[np.integer[Any]]


def row_of_each(offsets: Ints) -> NDArray[np.int64]:
    """The row that each element of the flat array belongs to, int64 [E]."""
    return np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))


def take_rows(flat: Ints, offsets: Ints, rows: Ints) -> tuple[Ints, NDArray[np.int64]]:
    """The ragged rows `rows`, in that order, as a new flat array and offsets."""
    lengths = (offsets[1:] - offsets[:-1])[rows]
    taken = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    # Within a row positions run on from its old start; `taken` is where its new one is.
    position = np.repeat(offsets[:-1][rows] - taken[:-1], lengths) + np.arange(taken[-1])
    return flat[position], taken


def drop_repeats(flat: Ints, offsets: Ints, size: int) -> tuple[Ints, NDArray[np.int64]]:
    """Keeps the first occurrence of each value within a row; values lie in 0..size-1."""
    first = np.zeros(len(flat), bool)
    first[np.unique(row_of_each(offsets) * size + flat, return_index=True)[1]] = True
    before = np.concatenate([[0], np.cumsum(first)]).astype(np.int64)
    return flat[first], before[offsets]


def check_rows(what: str, flat: Ints, offsets: Ints, rows: int, size: int) -> None:
    """Refuses offsets that do not describe `rows` rows, and values outside 0..size-1.

    Raises:
        DataError: either is broken.
    """
    if (
        len(offsets) != rows + 1
        or offsets[0] != 0
        or offsets[-1] != len(flat)
        or (np.diff(offsets) < 0).any()
    ):
        raise DataError(
            f"The offsets of `{what}` must rise from 0 to the number of {what} in {rows + 1} "
            f"steps, one row per request. Received: {len(offsets)} offsets for {rows} requests "
            f"and {len(flat)} {what}. Build them with np.concatenate([[0], np.cumsum(lengths)])."
        )
    if len(flat) and (flat.min() < 0 or flat.max() >= size):
        wrong = int(flat.min()) if flat.min() < 0 else int(flat.max())
        raise DataError(
            f"`{what}` must be catalog indexes from 0 to {size - 1}. Received: {wrong}. Drop "
            "items that are not in the catalog before you evaluate."
        )
