"""A template: one line of text that says what the frozen encoder gets to see."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from tfprompt.errors import TemplateError
from tfprompt.prompts.parsing import KINDS, parse_segments
from tfprompt.prompts.segments import (
    SEPARATOR,
    Candidate,
    Feature,
    Field,
    History,
    Mask,
    Personal,
    Pool,
    Segment,
    Soft,
    Task,
    TextHistory,
    Words,
)
from tfprompt.prompts.template_check import check_columns

if TYPE_CHECKING:
    from tfprompt.data.catalog import Column

__all__ = ["Template"]


@dataclasses.dataclass(frozen=True)
class Template:
    """A parsed template.

    Written as text with placeholders in braces; a brace itself is written twice.

    | written | becomes |
    |---|---|
    | `A reader who liked` | word pieces |
    | `{occupation}` | word pieces of that column of the request (`{wish}`: the free text) |
    | `{soft:8}` | 8 trained vectors; after the number `"words"`, `vocabulary`, `labels genres` or `items` say where they start, and `mlp` that they are trained through a small network |
    | `{user:personal 4}` | 4 vectors of the person: by id (`user`), past items (`history`), or a column |
    | `{market:task 8}` | 8 vectors that all values of a column share, scaled for each |
    | `{pool:2x4 of 10}` | the 2 prompts of 4 vectors, of 10, that fit the request best |
    | `{history:items}` | one token per past item; `{history:items rating}` shows each one's rating |
    | `{history:text 5}`, `{history:titles 5}` | word pieces of the newest 5 items, separated by ", ", the newest last |
    | `{item:text}`, `{item:token}` | the item to judge, as its word pieces or as one token |
    | `{price:feature}` | one trained token of a categorical or numeric column; `hour`, `weekday` and `month` come from the timestamp |
    | `{mask}` | the mask token, where the query may be read out |

    Attributes:
        source: the text it was parsed from.
        segments: the parts, in order.

    Example:
        >>> template = Template.parse("{soft:4} {age} years old, watched {history:items}")
        >>> template.prompt_length, template.fields
        (4, ('age',))
        >>> template.render({"age": 24})
        '24 years old, watched'
    """  # noqa: E501 - a table row cannot be broken

    source: str
    segments: tuple[Segment, ...]

    @classmethod
    def parse(cls, source: str) -> Template:
        """Parses `source`.

        Raises:
            TemplateError: it does not follow the language; the message points at the character.
        """
        if not isinstance(source, str):
            raise TemplateError(
                str(source), 0, f"A template is a string. Received: {type(source).__name__}."
            )
        segments = tuple(parse_segments(source))
        if not segments:
            raise TemplateError(source, 0, f"A template must not be empty. It may hold {KINDS}.")
        once: tuple[tuple[type[Segment], str], ...] = (
            (History, "{history:items}"), (TextHistory, "a history as words"), (Mask, "{mask}"),
            (Candidate, "an {item:…} to judge"),
        )  # fmt: skip
        for kind, label in once:
            found = [segment for segment in segments if isinstance(segment, kind)]
            if len(found) > 1:
                raise TemplateError(
                    source, found[1].position, f"A template holds {label} at most once."
                )
        return cls(source, segments)

    @cached_property
    def prompt_length(self) -> int:
        """P: the number of vectors of all soft prompts together."""
        return sum(segment.length for segment in self.soft)

    @cached_property
    def soft(self) -> tuple[Soft, ...]:
        """The soft prompts, in order."""
        return tuple(segment for segment in self.segments if isinstance(segment, Soft))

    @cached_property
    def prompt_tokens(self) -> int:
        """All trained tokens that do not depend on the text: prompts of every kind, features."""
        kinds = Soft | Personal | Task | Pool | Feature
        return sum(segment.length for segment in self.segments if isinstance(segment, kinds))

    @cached_property
    def features(self) -> tuple[str, ...]:
        """Columns that enter as values, not as text, each once: features, persons, tasks."""
        names = [
            segment.name
            for segment in self.segments
            if isinstance(segment, Feature | Personal | Task) and segment.name != "history"
        ]
        return tuple(dict.fromkeys(names))

    @cached_property
    def glimpses(self) -> bool:
        """Whether a prompt is made from the past items, before they are read as tokens."""
        if not self.has_history:
            return False
        personal = (segment.name for segment in self.segments if isinstance(segment, Personal))
        return self.has_pool or "history" in personal

    @cached_property
    def has_pool(self) -> bool:
        """Whether prompts are chosen from a pool."""
        return any(isinstance(segment, Pool) for segment in self.segments)

    @cached_property
    def fields(self) -> tuple[str, ...]:
        """Names of the text fields, in order, each once."""
        names = [segment.name for segment in self.segments if isinstance(segment, Field)]
        return tuple(dict.fromkeys(names))

    @cached_property
    def has_history(self) -> bool:
        """Whether it holds `{history:items}`."""
        return any(isinstance(segment, History) for segment in self.segments)

    @cached_property
    def text_history(self) -> TextHistory | None:
        """The history as words, None where there is none."""
        found = [segment for segment in self.segments if isinstance(segment, TextHistory)]
        return found[0] if found else None

    @cached_property
    def reads_history(self) -> bool:
        """Whether past items are seen, as tokens or as words."""
        return self.has_history or self.text_history is not None

    @cached_property
    def has_mask(self) -> bool:
        """Whether it holds `{mask}`."""
        return any(isinstance(segment, Mask) for segment in self.segments)

    @cached_property
    def shows_ratings(self) -> bool:
        """Whether the tokens of the history show how items were rated."""
        return any(segment.ratings for segment in self.segments if isinstance(segment, History))

    @cached_property
    def candidate(self) -> Candidate | None:
        """The item to judge, None for a template that only asks."""
        found = [segment for segment in self.segments if isinstance(segment, Candidate)]
        return found[0] if found else None

    def check(self, columns: Mapping[str, Column]) -> None:
        """Checks every named column against the data.

        Args:
            columns: the columns of the data set by name, as in `Catalog.columns`.

        Raises:
            TemplateError: a column is missing, belongs to the items, or cannot be a feature.
        """
        check_columns(self, columns)

    def render(
        self, values: Mapping[str, object], mask_token: str = "", items: Sequence[str] = ()
    ) -> str:
        """The text that the lower layers read: words and fields, joined with single spaces.

        Args:
            values: the request's columns by name; a missing or null one leaves nothing.
            mask_token: what `{mask}` is written as.
            items: texts of the past items, oldest first.

        Example:
            >>> Template.parse("liked {history:titles 2}").render({}, items=["Heat", "Alien", "Up"])
            'liked Alien, Up'
        """
        return " ".join(" ".join(self.pieces(values, mask_token, items)).split())

    def pieces(
        self, values: Mapping[str, object], mask_token: str = "", items: Sequence[str] = ()
    ) -> Iterable[str]:
        """The text of each segment in order, empty for those that are no text."""
        for segment in self.segments:
            if isinstance(segment, Words):
                yield segment.text
            elif isinstance(segment, Field):
                value = values.get(segment.name)
                yield "" if value is None else str(value)
            elif isinstance(segment, TextHistory):
                yield SEPARATOR.join(items[-segment.count :])
            else:
                yield mask_token if isinstance(segment, Mask) else ""

    def __str__(self) -> str:
        return self.source
