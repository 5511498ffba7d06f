"""The fields of a request as plain types, or a clear no."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from tfprompt.errors import ConfigError

MAX_WISH_CHARACTERS = 10_000


def id(name: str, value: Any) -> str:
    """An id as a string; whole numbers are written out."""
    if isinstance(value, str | int | np.integer) and not isinstance(value, bool):
        return str(value)
    raise ConfigError(f"{name}: an id is a string. Received: {value!r}.")


def ids(name: str, values: Any) -> tuple[str, ...]:
    """Ids in their order."""
    if isinstance(values, str | bytes):
        raise ConfigError(f"{name} is a list of item ids. Received: the string {values!r}.")
    if isinstance(values, Mapping) or not isinstance(values, Iterable):
        raise ConfigError(f"{name} is a list of item ids. Received: {type(values).__name__}.")
    return tuple(id(name, value) for value in values)


def ratings(values: Any, history: Sequence[str] | None) -> tuple[float | None, ...]:
    """Ratings as floats, None where missing, one for each item of the history."""
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise ConfigError(f"history_ratings is a list of numbers. Received: {values!r}.")
    listed = list(values)
    if len(listed) != len(history or ()):
        raise ConfigError(
            f"history_ratings gives one rating for each item of the history. Received: "
            f"{len(listed)} for {len(history or ())}. Write None where a rating is missing."
        )
    return tuple(_rating(value) for value in listed)


def _rating(value: Any) -> float | None:
    number = isinstance(value, int | float | np.integer | np.floating)
    if value is None or (number and math.isnan(value)):
        return None
    if not number or isinstance(value, bool) or math.isinf(value):
        raise ConfigError(f"A rating is a finite number or None. Received: {value!r}.")
    return float(value)


def values(name: str, values: Any) -> dict[str, Any]:
    """Columns to scalar values."""
    if not isinstance(values, Mapping):
        raise ConfigError(
            f"{name} is a mapping of columns to values, as {{'age': 30}}. Received: {values!r}."
        )
    for key, value in values.items():
        if not isinstance(key, str):
            raise ConfigError(f"{name}: the name of a column is a string. Received: {key!r}.")
        if isinstance(value, bytes | Iterable) and not isinstance(value, str):
            raise ConfigError(f"{name}: {key} has one value. Received: {value!r}.")
    return dict(values)


def wish(wish: Any) -> str:
    """A wish without the space around it; empty for None."""
    if wish is None:
        return ""
    if not isinstance(wish, str):
        raise ConfigError(f"A wish is a string. Received: {type(wish).__name__}.")
    wish = wish.strip()
    if len(wish) > MAX_WISH_CHARACTERS:
        raise ConfigError(
            f"A wish has at most {MAX_WISH_CHARACTERS:,} characters. Received: {len(wish):,}."
        )
    return wish
