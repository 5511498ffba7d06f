"""The kinds of segment that a template is made of.

Each segment knows its character `position` in the template, so that an error found long after
parsing (a column that the data lacks, say) can still point at it.
"""

from __future__ import annotations

import dataclasses
from typing import Literal

__all__ = [
    "Candidate",
    "Feature",
    "Field",
    "History",
    "Mask",
    "Segment",
    "Soft",
    "TextHistory",
    "Words",
]

# Features that need no column of their own: they are read off the request's timestamp (UTC).
CLOCK_FEATURES = {"hour": 24, "weekday": 7, "month": 12}
# The free text of a request; it is not a column of any table.
WISH = "wish"
# What stands between the texts of two past items.
SEPARATOR = ", "


@dataclasses.dataclass(frozen=True)
class Words:
    """Literal text: becomes word pieces, never trained."""

    text: str
    position: int = 0


@dataclasses.dataclass(frozen=True)
class Field:
    """`{age}`: the text of a column of the request; becomes word pieces, never trained."""

    name: str
    position: int = 0


@dataclasses.dataclass(frozen=True)
class Soft:
    """`{soft:8}`: `length` trained vectors.

    Attributes:
        length: number of vectors P, 0 or more.
        initializer: "random" (normal, at the scale of the backbone's word vectors),
            "vocabulary" (a sample of the backbone's word vectors) or "words".
        words: the text whose states at the seam start the vectors (`initializer="words"`);
            repeated or cut to `length`.
        position: character in the template.
    """

    length: int
    initializer: Literal["random", "vocabulary", "words"] = "random"
    words: str = ""
    position: int = 0


@dataclasses.dataclass(frozen=True)
class History:
    """`{history:items}`: one token per past item, oldest first.

    Attributes:
        position: character in the template.
        ratings: `{history:items rating}`: each token also shows how the item was rated.
    """

    position: int = 0
    ratings: bool = False


@dataclasses.dataclass(frozen=True)
class TextHistory:
    """`{history:text 5}`, `{history:titles 5}`: the newest items as words, the newest last.

    Attributes:
        count: items n, at most; their texts are separated by ", ".
        form: "text" (how the model says an item, see `item_text`) or "titles".
        position: character in the template.
    """

    count: int
    form: Literal["text", "titles"] = "text"
    position: int = 0


@dataclasses.dataclass(frozen=True)
class Feature:
    """`{price:feature}`: one trained token from a categorical or numeric column."""

    name: str
    position: int = 0


@dataclasses.dataclass(frozen=True)
class Mask:
    """`{mask}`: the backbone's mask token, where the query is read out."""

    position: int = 0


@dataclasses.dataclass(frozen=True)
class Candidate:
    """`{item:text}` or `{item:token}`: the item to judge.

    Attributes:
        form: "text" (the word pieces of the item's text) or "token" (one token, as in a history).
        position: character in the template.
    """

    form: Literal["text", "token"]
    position: int = 0


Segment = Words | Field | Soft | History | TextHistory | Feature | Mask | Candidate
