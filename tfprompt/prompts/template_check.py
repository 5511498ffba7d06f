"""A template against the columns of the data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tfprompt.errors import TemplateError
from tfprompt.prompts.segments import CLOCK_FEATURES, WISH, Feature, Field, History

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
    available = sorted(
        name for name, column in columns.items() if column.source in ("user", "context")
    )
    for segment in template.segments:
        if isinstance(segment, History) and segment.ratings and "rating" not in columns:
            raise TemplateError(
                template.source,
                segment.position,
                "{history:items rating} shows the ratings of past items, and the interactions "
                "have none. Write {history:items}.",
            )
        if isinstance(segment, Field) and segment.name == WISH:
            continue
        if isinstance(segment, Feature) and _is_clock(segment.name, columns):
            if not any(column.kind == "timestamp" for column in columns.values()):
                raise TemplateError(
                    template.source,
                    segment.position,
                    f"{{{segment.name}:feature}} is read off the interactions' timestamp, "
                    "and the data has none.",
                )
            continue
        if not isinstance(segment, Field | Feature):
            continue
        column = columns.get(segment.name)
        if column is None:
            raise TemplateError(
                template.source,
                segment.position,
                f"The data has no column '{segment.name}'. It has: "
                f"{', '.join(available) or 'none besides the items'}.",
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
        if isinstance(segment, Feature) and column.kind not in ("category", "number"):
            raise TemplateError(
                template.source,
                segment.position,
                f"A feature is a categorical or numeric column. Received: '{segment.name}', "
                f"which is {column.kind}. Write {{{segment.name}}} to read it as text.",
            )


def _is_clock(name: str, columns: Mapping[str, Column]) -> bool:
    return name in CLOCK_FEATURES and name not in columns
