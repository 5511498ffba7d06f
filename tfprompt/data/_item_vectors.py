"""Vectors of items that come with the data: checked, one row an item, zeros where there is none."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from tfprompt.data._tables import ROW, Table
from tfprompt.errors import DataError


def taken_out(table: Table) -> tuple[Table, dict[str, np.ndarray]]:
    """Takes the columns that hold lists of decimals out of a table of items.

    Lists of anything else stay: they are read as text, as "drama, war".

    Returns:
        The table without them, and float32 `[N, V]` by name.

    Raises:
        DataError: the lists of one column differ in length, or hold what is no number.
    """
    frame, found = table.frame, {}
    for name in frame.columns:
        kind = frame[name].dtype
        if not isinstance(kind, pl.List | pl.Array) or not kind.inner.is_float():
            continue
        series = frame[name].cast(pl.List(pl.Float32))
        lengths = series.list.len()
        width = int(lengths.max() or 0)  # type: ignore[arg-type]
        wrong = (lengths != width).fill_null(False)
        if wrong.any():
            place = int(wrong.arg_max() or 0)
            raise table.error(
                f"the vectors of a column have one length. Received: {lengths[place]} numbers "
                f"beside {width}. Leave an item without a vector empty (null).",
                record=int(frame[ROW][place]) if ROW in frame.columns else None,
                column=name,
            )
        rows = np.zeros((frame.height, width), np.float32)
        present = np.flatnonzero(series.is_not_null().to_numpy())
        if len(present):
            rows[present] = np.stack(series.drop_nulls().to_list())
        found[name] = rows
        frame = frame.drop(name)
    return Table(frame, table.role, table.path), checked(found, table.frame.height)


def checked(vectors: Mapping[str, ArrayLike] | None, count: int) -> dict[str, np.ndarray]:
    """Vectors `[N, V]` by name as float32.

    Raises:
        DataError: another number of rows, or numbers that are not finite.
    """
    found = {}
    for name, values in (vectors or {}).items():
        array = np.ascontiguousarray(values, np.float32)
        if array.ndim != 2 or len(array) != count or not array.shape[1]:
            raise DataError(
                f"item vectors are numbers [N, V], a row for each of the {count:,} items in the "
                f"catalog's order. Received: shape {array.shape}. Rows of zeros stand for items "
                "without a vector.",
                column=name,
            )
        if not np.isfinite(array).all():
            row = int(np.flatnonzero(~np.isfinite(array).all(axis=1))[0])
            raise DataError(
                "item vectors are finite. Received: NaN or infinity. Rows of zeros stand for "
                "items without a vector.",
                row=row + 1,
                column=name,
            )
        found[name] = array
    return found
