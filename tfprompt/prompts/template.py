"""A template: one line of text that says what the frozen encoder gets to see."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from tfprompt.errors import TemplateError
from tfprompt.prompts.segments import (
    Candidate,
    Feature,
    Field,
    History,
    Mask,
    Segment,
    Soft,
    Words,
)

if TYPE_CHECKING:
    from tfprompt.data.catalog import Column

__all__ = ["Template"]

KINDS = (
    '{soft:8}, {soft:8 "words"}, {soft:8 vocabulary}, {history:items}, {column}, '
    "{history:items rating}, {item:text}, {item:token}, {column:feature} and {mask}"
)
# Features that need no column of their own: they are read off the request's timestamp (UTC).
CLOCK_FEATURES = {"hour": 24, "weekday": 7, "month": 12}
# The free text of a request; it is not a column of any table.
WISH = "wish"

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_SOFT = re.compile(r'(\d+)(?:\s+(?:"([^"]*)"|(random|vocabulary)))?\s*\Z')


@dataclasses.dataclass(frozen=True)
class Template:
    """A parsed template.

    Written as text with placeholders in braces; a brace itself is written twice.

    | written | becomes |
    |---|---|
    | `A reader who liked` | word pieces |
    | `{occupation}` | word pieces of that column of the request (`{wish}`: the free text) |
    | `{soft:8}` | 8 trained vectors; `"words"` or `vocabulary` after the number says where they start |
    | `{history:items}` | one token per past item; `{history:items rating}` shows each one's rating |
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
        segments = tuple(_segments(source))
        if not segments:
            raise TemplateError(source, 0, f"A template must not be empty. It may hold {KINDS}.")
        once: tuple[tuple[type[Segment], str], ...] = (
            (History, "{history:items}"), (Mask, "{mask}"), (Candidate, "an {item:…} to judge"),
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
        """P: the number of trained vectors of all soft prompts together."""
        return sum(segment.length for segment in self.soft)

    @cached_property
    def soft(self) -> tuple[Soft, ...]:
        """The soft prompts, in order."""
        return tuple(segment for segment in self.segments if isinstance(segment, Soft))

    @cached_property
    def features(self) -> tuple[str, ...]:
        """Names of the feature tokens, in order."""
        return tuple(segment.name for segment in self.segments if isinstance(segment, Feature))

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
        available = sorted(
            name for name, column in columns.items() if column.source in ("user", "context")
        )
        for segment in self.segments:
            if isinstance(segment, History) and segment.ratings and "rating" not in columns:
                raise TemplateError(
                    self.source,
                    segment.position,
                    "{history:items rating} shows the ratings of past items, and the interactions "
                    "have none. Write {history:items}.",
                )
            if isinstance(segment, Field) and segment.name == WISH:
                continue
            if isinstance(segment, Feature) and self._is_clock(segment.name, columns):
                if not any(column.kind == "timestamp" for column in columns.values()):
                    raise TemplateError(
                        self.source,
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
                    self.source,
                    segment.position,
                    f"The data has no column '{segment.name}'. It has: "
                    f"{', '.join(available) or 'none besides the items'}.",
                )
            if column.source == "item":
                raise TemplateError(
                    self.source,
                    segment.position,
                    f"'{segment.name}' is a column of the items; a request is described by the "
                    f"user and the context: {', '.join(available) or 'no such columns'}. "
                    "Items enter as {history:items}.",
                )
            if column.source == "event":
                raise TemplateError(
                    self.source,
                    segment.position,
                    f"'{segment.name}' is known only after the event, so no request can show it. "
                    "Write {history:items rating} to show the ratings of past items.",
                )
            if isinstance(segment, Feature) and column.kind not in ("category", "number"):
                raise TemplateError(
                    self.source,
                    segment.position,
                    f"A feature is a categorical or numeric column. Received: '{segment.name}', "
                    f"which is {column.kind}. Write {{{segment.name}}} to read it as text.",
                )

    def _is_clock(self, name: str, columns: Mapping[str, Column]) -> bool:
        return name in CLOCK_FEATURES and name not in columns

    def render(self, values: Mapping[str, object], mask_token: str = "") -> str:
        """The text that the lower layers read: words and fields, joined with single spaces.

        Args:
            values: the request's columns by name; a missing or null one leaves nothing.
            mask_token: what `{mask}` is written as.
        """
        return " ".join(" ".join(self.pieces(values, mask_token)).split())

    def pieces(self, values: Mapping[str, object], mask_token: str = "") -> Iterable[str]:
        """The text of each segment in order, empty for those that are no text."""
        for segment in self.segments:
            if isinstance(segment, Words):
                yield segment.text
            elif isinstance(segment, Field):
                value = values.get(segment.name)
                yield "" if value is None else str(value)
            else:
                yield mask_token if isinstance(segment, Mask) else ""

    def __str__(self) -> str:
        return self.source


def _segments(source: str) -> Iterable[Segment]:
    """Yields the segments of `source`, merging escaped braces into the words around them."""
    words, words_start, at = "", 0, 0
    while at < len(source):
        character = source[at]
        if source[at : at + 2] in ("{{", "}}"):
            words, at = words + character, at + 2
        elif character == "}":
            raise TemplateError(source, at, "'}' closes nothing; a literal brace is written '}}'.")
        elif character == "{":
            if words.strip():
                yield Words(words, words_start)
            end = source.find("}", at)
            if end < 0:
                raise TemplateError(source, at, "This brace is never closed.")
            yield _placeholder(source, at, source[at + 1 : end])
            at = words_start = end + 1
            words = ""
        else:
            words, at = words + character, at + 1
    if words.strip():
        yield Words(words, words_start)


def _placeholder(source: str, start: int, body: str) -> Segment:
    """The segment of one `{body}` that starts at character `start`."""
    name, colon, argument = body.partition(":")
    name_at = start + 1 + _indent(name)
    argument_at = start + 1 + len(body) - len(argument) + _indent(argument)
    name, argument = name.strip(), argument.strip()
    if name == "mask" and not colon:
        return Mask(start)
    if name == "soft" and colon:
        return _soft(source, start, argument_at, argument)
    if not _NAME.match(name):
        raise TemplateError(
            source, name_at, f"A placeholder is one of {KINDS}. Received: '{{{body}}}'."
        )
    if not colon:
        if name in ("soft", "history"):
            # Read as columns, these would fail later with a list of columns that helps nobody.
            raise TemplateError(
                source, name_at, f"'{name}' needs an argument. A placeholder is one of {KINDS}."
            )
        return Field(name, start)
    if name == "history":
        if argument.split() not in (["items"], ["items", "rating"]):
            raise TemplateError(
                source,
                argument_at,
                "A history is written {history:items}, or {history:items rating} to show ratings. "
                f"Received: '{body}'.",
            )
        return History(start, ratings=argument != "items")
    if name == "item" and argument in ("text", "token"):
        return Candidate("text" if argument == "text" else "token", start)
    if argument == "feature":
        return Feature(name, start)
    raise TemplateError(
        source, argument_at, f"Unknown kind '{argument}'. A placeholder is one of {KINDS}."
    )


def _indent(text: str) -> int:
    """Number of spaces before the first character; 0 where there is none."""
    return len(text) - len(text.lstrip()) if text.strip() else 0


def _soft(source: str, start: int, argument_at: int, argument: str) -> Soft:
    match = _SOFT.match(argument)
    if match is None:
        raise TemplateError(
            source,
            argument_at,
            "A soft prompt is written {soft:8}, {soft:8 random}, {soft:8 vocabulary} or "
            f"{{soft:8 \"its first words\"}}. Received: '{argument}'.",
        )
    length = int(match.group(1))
    if length > 512:
        raise TemplateError(
            source, argument_at, f"A soft prompt has at most 512 vectors, not {length}."
        )
    if match.group(2) is not None:
        if not match.group(2).strip():
            raise TemplateError(
                source, argument_at, "The words of a soft prompt must not be empty."
            )
        return Soft(length, "words", match.group(2), start)
    vocabulary = match.group(3) == "vocabulary"
    return Soft(length, "vocabulary" if vocabulary else "random", "", start)
