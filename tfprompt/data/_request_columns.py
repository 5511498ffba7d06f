"""Are the columns of a request those of the data, and do their values fit?"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tfprompt.errors import ConfigError

if TYPE_CHECKING:
    from tfprompt.data.column import Column
    from tfprompt.prompts.template import Template


def check_columns(
    values: Mapping[str, Any], columns: Mapping[str, Column], template: Template
) -> None:
    """Refuses columns that the data does not have, and values that a column cannot hold.

    Args:
        values: the request's profile and context by column.
        columns: of the catalog.
        template: says which of them are read, and how.

    Raises:
        ConfigError: an unknown name, with the nearest one; or a value that cannot be read.
    """
    # A template's own room stands above this one; only the names of its special columns are read.
    from tfprompt.prompts.segments import CLOCK_FEATURES, WISH

    read = sorted({*template.fields, *template.features} - {WISH})
    known = {*read, *CLOCK_FEATURES, "user_id", "timestamp"}
    known |= {name for name, c in columns.items() if c.source in ("user", "context")}
    for name, value in values.items():
        if name not in known:
            raise ConfigError(_unknown(name, read, known, columns))
        column = columns.get(name)
        if column is None and name in CLOCK_FEATURES:
            _check_whole(name, value, CLOCK_FEATURES[name])
        elif name == "timestamp":
            _check_number(name, value, "seconds since 1970 in UTC")
        elif column is not None and column.kind == "number" and name in template.features:
            _check_number(name, value, "a number")


def _unknown(name: str, read: list[str], known: set[str], columns: Mapping[str, Column]) -> str:
    near = difflib.get_close_matches(name, sorted(known), 1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    if name in columns:
        hint = " It is a column of the items." if columns[name].source == "item" else hint
    return (
        "A profile or context gives columns of the users and of the events; this template reads "
        f"{', '.join(read) or 'none'}. Received: {name!r}.{hint}"
    )


def _check_number(name: str, value: Any, rule: str) -> None:
    try:
        float("nan" if value is None else value)
    except (TypeError, ValueError):
        raise ConfigError(f"{name} is {rule}. Received: {value!r}.") from None


def _check_whole(name: str, value: Any, count: int) -> None:
    if value is None:
        return
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = -1.0
    if not (number.is_integer() and 0 <= number < count):
        raise ConfigError(f"{name} is a whole number, 0 to {count - 1}. Received: {value!r}.")
