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
    "Personal",
    "Pool",
    "Segment",
    "Soft",
    "Task",
    "TextHistory",
    "Words",
]

# Features that need no column of their own: they are read off the request's timestamp (UTC).
CLOCK_FEATURES = {"hour": 24, "weekday": 7, "month": 12}
# The free text of a request; it is not a column of any table.
WISH = "wish"
# The id of who asks; a column of its own where there are not too many people.
USER = "user"
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


Start = Literal["random", "vocabulary", "words", "labels", "items"]


@dataclasses.dataclass(frozen=True)
class Soft:
    """`{soft:8}`: `length` trained vectors.

    Attributes:
        length: number of vectors P, 0 or more.
        initializer: "random" (normal, with the mean and deviation of word states at the seam),
            "vocabulary" (states there of random pieces), "words", "labels" (the values of a column,
            such as genres) or "items" (k-means of the item vectors).
        words: the text whose states at the seam start the vectors (`initializer="words"`);
            cut to `length`, or repeated with a little noise.
        position: character in the template.
        column: whose values start the vectors (`initializer="labels"`).
        reparameterized: trained through a small network, which is folded away when it is saved.
    """

    length: int
    initializer: Start = "random"
    words: str = ""
    position: int = 0
    column: str = ""
    reparameterized: bool = False


@dataclasses.dataclass(frozen=True)
class Personal:
    """`{user:personal 4}`: `length` vectors that depend on who asks.

    Attributes:
        name: "user" (the person's id), "history" (the past items), or a column of the person or
            of the moment, "hour", "weekday" and "month" among them.
        length: number of vectors P.
        position: character in the template.
    """

    name: str
    length: int
    position: int = 0


@dataclasses.dataclass(frozen=True)
class Task:
    """`{market:task 8}`: one prompt for all values of a column, scaled in rank one for each.

    Attributes:
        name: a categorical column: market, domain, task.
        length: number of vectors P.
        position: character in the template.
    """

    name: str
    length: int
    position: int = 0


@dataclasses.dataclass(frozen=True)
class Pool:
    """`{pool:2x4 of 10}`: the 2 prompts of 4 vectors, of 10, whose keys fit the request best.

    Attributes:
        chosen: prompts of a request.
        each: vectors of a prompt.
        size: prompts of the pool.
        position: character in the template.
    """

    chosen: int
    each: int
    size: int
    position: int = 0

    @property
    def length(self) -> int:
        """Vectors of a request."""
        return self.chosen * self.each


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
    length = 1


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


Segment = (
    Words
    | Field
    | Soft
    | Personal
    | Task
    | Pool
    | History
    | TextHistory
    | Feature
    | Mask
    | Candidate
)
