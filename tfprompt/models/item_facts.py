"""What a catalog's columns say about its items, as the tables that `Rerank` takes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from tfprompt.errors import ConfigError

if TYPE_CHECKING:
    from tfprompt.data.catalog import Catalog


def category_table(
    catalog: Catalog, column: str, separator: str | None = ", "
) -> tuple[np.ndarray, list[str]]:
    """Which item is in which category.

    Args:
        catalog: N items.
        column: a column of the items, as `genres` with "Action, Comedy".
        separator: what stands between the categories of one item; spaces around a category do
            not count. None takes each value whole, as for brands ("Mattel, Inc.").

    Returns:
        bool `[N, G]`, and the names of the G categories in alphabetical order. An item without a
        value is in none of them.

    Raises:
        ConfigError: there is no such column, or no item has a value in it.

    Example:
        >>> from tfprompt.data import Catalog
        >>> frame = pl.DataFrame({"item_id": ["a", "b"], "genres": ["War, Drama", "Drama"]})
        >>> table, names = category_table(Catalog(frame, "{genres}"), "genres")
        >>> table.tolist(), names
        ([[True, True], [True, False]], ['Drama', 'War'])
    """
    series = _column(catalog, column)
    if separator == "":
        raise ConfigError(
            "A separator has 1 or more characters. Received: ''. None takes each value whole."
        )
    cells = series.cast(pl.String).fill_null("").to_list()
    parts = [
        {part.strip() for part in (cell.split(separator) if separator else [cell])} - {""}
        for cell in cells
    ]
    names = sorted(set().union(*parts))
    if not names:
        raise ConfigError(
            f"A column of categories has a value in some item. Received: {column!r}, empty in all "
            f"{len(catalog):,}. The columns are {_names(catalog)}."
        )
    places = {name: place for place, name in enumerate(names)}
    table = np.zeros((len(cells), len(names)), dtype=bool)
    for row, found in enumerate(parts):
        table[row, [places[name] for name in found]] = True
    return table, names


def age_table(catalog: Catalog, column: str, now: float | None = None) -> np.ndarray:
    """How old each item is, in the unit of the column.

    Args:
        catalog: N items.
        column: a numeric column of the items that grows with time, as `year` or a Unix time.
        now: the value of something brand-new; the largest of the column by default. An item
            past it has an age below 0, which `Rerank` takes for 0.

    Returns:
        float64 `[N]`, `now` minus the value. NaN where there is none: `Rerank` takes that for
        the oldest there is, without any freshness.

    Raises:
        ConfigError: there is no such column, it is not numeric, or no item has a value in it.

    Example:
        >>> from tfprompt.data import Catalog
        >>> frame = pl.DataFrame({"item_id": ["a", "b", "c"], "year": [1995, 1979, None]})
        >>> age_table(Catalog(frame, "{year}"), "year").tolist()
        [0.0, 16.0, nan]
    """
    series = _column(catalog, column)
    if not series.dtype.is_numeric():
        numeric = [name for name in catalog.frame.columns if catalog.frame[name].dtype.is_numeric()]
        raise ConfigError(
            f"Ages come from a numeric column. Received: {column!r} of type {series.dtype}. "
            f"Numeric columns: {', '.join(map(repr, numeric)) or 'none'}."
        )
    values = series.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    values = np.where(np.isfinite(values), values, np.nan)
    if np.isnan(values).all():
        raise ConfigError(
            f"A column of ages has a value in some item. Received: {column!r}, empty in all "
            f"{len(catalog):,}."
        )
    if now is not None and not math.isfinite(now):
        raise ConfigError(f"now must be a finite value of {column!r}. Received: {now}.")
    return (np.nanmax(values) if now is None else now) - values


def rerank_facts(
    catalog: Catalog,
    *,
    caps: int | None,
    category: str,
    separator: str | None,
    freshness: float,
    age: str,
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """The categories and ages of the items that a `Recommender` needs; arguments as there.

    Returns:
        The tables of `category_table` and `age_table`, None for one that is not needed.

    Raises:
        ConfigError: a column that does not give them; the argument is named.
    """
    categories = ages = None
    try:
        if caps is not None:
            told = f"caps={caps} counts the categories of category={category!r}"
            categories, _ = category_table(catalog, category, separator)
        if freshness:
            told = f"freshness={freshness} goes by the age of age={age!r}"
            ages = age_table(catalog, age)
    except ConfigError as error:
        raise ConfigError(f"{told}. {error}") from error
    return categories, ages


def _column(catalog: Catalog, name: str) -> pl.Series:
    if name not in catalog.frame.columns[1:]:
        raise ConfigError(
            f"Facts about items come from a column of the items. Received: {name!r}. "
            f"The columns are {_names(catalog)}."
        )
    return catalog.frame[name]


def _names(catalog: Catalog) -> str:
    return ", ".join(map(repr, catalog.frame.columns[1:])) or "none but 'item_id'"
