"""A catalog from a table of items alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from tfprompt.data import _columns, _item_vectors, _joining
from tfprompt.data._tables import ROW, read_table
from tfprompt.data.catalog import Catalog
from tfprompt.data.column import Kind
from tfprompt.data.report import CleaningReport


def read_items(
    items: str | Path | pl.DataFrame,
    *,
    item_text: str,
    columns: Mapping[str, str] | None = None,
    kinds: Mapping[str, Kind] | None = None,
) -> Catalog:
    """Reads a catalog without events, as the next one of a model that is served.

    Args:
        items: one row per item with `item_id`: a path (.csv, .tsv, .jsonl, .parquet) or a polars
            DataFrame. Columns of lists of decimals are vectors, as for `read`.
        item_text: template that says an item in words.
        columns: our name → name in the file, as `{"item_id": "sku"}`.
        kinds: kind of a column where the guess from its values is wrong.

    Raises:
        DataError: the table breaks a rule; with file, row and column.
        TemplateError: `item_text` names a column that the table lacks.

    Example:
        >>> frame = pl.DataFrame({"item_id": [7, 8], "title": ["Alien", "Heat"]})
        >>> read_items(frame, item_text="{title}").texts()
        ['Alien', 'Heat']
    """
    report = CleaningReport()
    table = read_table(items, "items", dict(columns or {}), ("item_id",))
    table = _joining.unique(table, "item_id", report)
    table, vectors = _item_vectors.taken_out(table)
    frame, described = _columns.prepare(table, "item", ("item_id",), kinds or {}, {}, report)
    frame = frame.select("item_id", pl.exclude("item_id", ROW))
    return Catalog(frame, item_text, described, vectors)
