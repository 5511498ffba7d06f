"""One column that a template may name, and how its values become numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl

Kind = Literal["text", "category", "number", "timestamp"]
Source = Literal["user", "item", "context", "event"]


@dataclass(frozen=True)
class Column:
    """Describes one column of the users, the items or the interactions.

    Args:
        name: the name that a template uses.
        kind: `"text"` and `"category"` hold strings, `"number"` finite numbers, `"timestamp"`
            seconds since 1970 in UTC.
        source: `"user"`, `"item"`, `"context"` (the other columns of the interactions) or
            `"event"`: the rating, which is known only once the event has happened.
        vocabulary: the values of a category, the most frequent first.
        mean: mean of a number over the rows that have one.
        std: standard deviation of a number (population); 1.0 where all are equal.

    Example:
        >>> age = Column("age", "number", "user", mean=30.0, std=10.0)
        >>> age.encode([20, None, 50]).tolist()
        [-1.0, 0.0, 2.0]
        >>> gender = Column("gender", "category", "user", vocabulary=("M", "F"))
        >>> gender.encode(["F", "M", "?", None]).tolist()
        [2, 1, 0, 0]
    """

    name: str
    kind: Kind
    source: Source
    vocabulary: tuple[str, ...] | None = None
    mean: float | None = None
    std: float | None = None

    def encode(self, values: Any) -> np.ndarray:
        """Turns raw values into what a layer takes.

        Args:
            values: a series, an array or a list, `[n]`.

        Returns:
            A category: int32 `[n]`, 1 + the place in the vocabulary, 0 where unknown or missing.
            A number: float32 `[n]`, standardised; 0 (the mean) where missing.
            A timestamp: float64 `[n]` seconds, NaN where missing. Text: the strings `[n]`.
        """
        if isinstance(values, np.ndarray) and values.dtype == object:
            values = values.tolist()  # polars would keep the objects opaque
        series = values if isinstance(values, pl.Series) else pl.Series(values, strict=False)
        if self.kind == "category":
            known = pl.Enum(self.vocabulary or ())
            codes = series.cast(pl.String).cast(known, strict=False).to_physical()
            return codes.cast(pl.Int32).fill_null(-1).to_numpy() + 1
        if self.kind == "number":
            raw = series.cast(pl.Float64).fill_nan(None)
            scaled = (raw - (self.mean or 0.0)) / (self.std or 1.0)
            return scaled.fill_null(0.0).to_numpy().astype(np.float32)
        if self.kind == "timestamp":
            return series.cast(pl.Float64).fill_null(float("nan")).to_numpy()
        return np.array(series.cast(pl.String).fill_null("").to_list(), dtype=object)


def describe(series: pl.Series, name: str, kind: Kind, source: Source) -> Column:
    """Measures a column: the vocabulary of a category, mean and deviation of a number."""
    if kind == "category":
        counts = series.drop_nulls().cast(pl.String).value_counts()
        # Equal counts fall back to the spelling, so that the order never depends on the file.
        ordered = counts.sort(["count", counts.columns[0]], descending=[True, False])
        return Column(name, kind, source, vocabulary=tuple(ordered[:, 0].to_list()))
    if kind == "number":
        values = series.cast(pl.Float64).drop_nulls().to_numpy()
        mean = float(values.mean()) if len(values) else 0.0
        std = float(values.std()) if len(values) else 0.0
        return Column(name, kind, source, mean=mean, std=std if std > 0 else 1.0)
    return Column(name, kind, source)
