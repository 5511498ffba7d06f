"""A template against the columns of the data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tfprompt.errors import TemplateError
from tfprompt.prompts.segments import (
    CLOCK_FEATURES,
    USER,
    WISH,
    Feature,
    Field,
    History,
    Personal,
    Soft,
    Task,
)

if TYPE_CHECKING:
    from tfprompt.data.catalog import Column
    from tfprompt.prompts.template import Template


def check_columns(template: Template, columns: Mapping[str, Column]) -> None:
    """Checks every named column against the data.

    Args:
        template: the template.
        columns: the columns of the data set by name, as in `Catalog.columns`.

    Raises:
        TemplateError: a column is missing, belongs to the items, or cannot be a feature.
    """
    for segment in template.segments:
        if isinstance(segment, History) and segment.ratings and "rating" not in columns:
            raise TemplateError(
                template.source,
                segment.position,
                "{history:items rating} shows the ratings of past items, and the interactions "
                "have none. Write {history:items}.",
            )
        if isinstance(segment, Soft) and segment.initializer == "labels":
            if segment.column not in columns:
                raise TemplateError(
                    template.source,
                    segment.position,
                    f"A prompt starts from the values of a column. Received: '{segment.column}'; "
                    f"the data has {', '.join(sorted(columns)) or 'none'}.",
                )
            continue
        if isinstance(segment, Personal) and segment.name == "history":
            if not template.has_history:
                raise TemplateError(
                    template.source,
                    segment.position,
                    "{history:personal P} is made from the past items, so the template must hold "
                    "{history:items} too.",
                )
            continue
        if isinstance(segment, Field) and segment.name == WISH:
            continue
        if not isinstance(segment, Field | Feature | Personal | Task):
            continue
        if not isinstance(segment, Field) and _is_clock(segment.name, columns):
            if not any(column.kind == "timestamp" for column in columns.values()):
                raise TemplateError(
                    template.source,
                    segment.position,
                    f"'{segment.name}' is read off the interactions' timestamp, and the data has "
                    "none.",
                )
            continue
        _check_column(template, segment, columns)


def _check_column(
    template: Template, segment: Field | Feature | Personal | Task, columns: Mapping[str, Column]
) -> None:
    """Refuses a column that is missing, unknown at the time of a request, or of a wrong kind."""
    available = sorted(
        name for name, column in columns.items() if column.source in ("user", "context")
    )
    column = columns.get(segment.name)
    if column is None:
        many = segment.name == USER and not isinstance(segment, Field)
        raise TemplateError(
            template.source,
            segment.position,
            f"The data has no column '{segment.name}'. It has: "
            f"{', '.join(available) or 'none besides the items'}."
            + (" Ids of more people than fit a prompt's table are left out." if many else ""),
        )
    if column.source == "item":
        raise TemplateError(
            template.source,
            segment.position,
            f"'{segment.name}' is a column of the items; a request is described by the "
            f"user and the context: {', '.join(available) or 'no such columns'}. "
            "Items enter as {history:items}.",
        )
    if column.source == "event":
        raise TemplateError(
            template.source,
            segment.position,
            f"'{segment.name}' is known only after the event, so no request can show it. "
            "Write {history:items rating} to show the ratings of past items.",
        )
    kinds = ("category",) if isinstance(segment, Task) else ("category", "number")
    if not isinstance(segment, Field) and column.kind not in kinds:
        what = {Task: "A task", Personal: "A personal prompt's column"}
        raise TemplateError(
            template.source,
            segment.position,
            f"{what.get(type(segment), 'A feature')} is a categorical"
            f"{' or numeric' * (len(kinds) > 1)} column. Received: '{segment.name}', "
            f"which is {column.kind}. Write {{{segment.name}}} to read it as text.",
        )


def _is_clock(name: str, columns: Mapping[str, Column]) -> bool:
    return name in CLOCK_FEATURES and name not in columns
