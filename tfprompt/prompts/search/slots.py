"""A template with alternatives in it."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tfprompt.errors import ConfigError, TemplateError
from tfprompt.prompts.template import Template


@dataclasses.dataclass(frozen=True)
class Slots:
    """Places of a template that can be filled in several ways, and the ways.

    Written as a template with alternatives in parentheses, `(liked|watched)`; an empty one,
    `(very |)`, leaves the place out. Parentheses without `|` are words, and inside of `{…}`
    nothing is read as an alternative.

    Attributes:
        parts: the template in order, each part a tuple of one or more texts.

    Raises:
        ConfigError: a part without a text.

    Example:
        >>> slots = Slots.parse("(a fan|someone) liked (these|) {history:items}")
        >>> len(slots), slots.template((1, 0))
        (4, 'someone liked these {history:items}')
        >>> [slots.template(choice) for choice in slots][-1]
        'someone liked {history:items}'
    """

    parts: tuple[tuple[str, ...], ...]

    def __post_init__(self) -> None:
        if not self.parts or not all(self.parts):
            raise ConfigError(
                f"Every part of a template has one text or more. Received: {self.parts!r}."
            )

    @classmethod
    def parse(cls, source: str) -> Slots:
        """Reads alternatives out of a template's text.

        Raises:
            TemplateError: a parenthesis that is not closed, or alternatives within alternatives.
        """
        parts: list[tuple[str, ...]] = []
        begin = place = 0
        while place < len(source):
            place = _opening(source, place)
            if place == len(source):
                break
            end = _closing(source, place)
            inside = _split(source[place + 1 : end])
            if len(inside) > 1:
                parts.append((source[begin:place],))
                parts.append(tuple(inside))
                begin = end + 1
            place = end + 1
        parts.append((source[begin:],))
        return cls(tuple(part for part in parts if part != ("",)) or (("",),))

    @classmethod
    def of(cls, parts: Sequence[str | Sequence[str]]) -> Slots:
        """From texts and lists of alternatives, in order.

        Example:
            >>> len(Slots.of([["a fan", "someone"], " who liked ", "{history:items}"]))
            2
        """
        return cls(tuple((part,) if isinstance(part, str) else tuple(part) for part in parts))

    @property
    def choices(self) -> tuple[int, ...]:
        """How many alternatives each slot has; parts that are fixed are no slots."""
        return tuple(len(part) for part in self.parts if len(part) > 1)

    def __len__(self) -> int:
        """How many templates there are."""
        return math.prod(self.choices)

    def __iter__(self) -> Iterator[tuple[int, ...]]:
        """Every choice, one number a slot."""
        return itertools.product(*(range(count) for count in self.choices))

    def template(self, choice: Sequence[int]) -> str:
        """The template of a choice; spaces that an empty alternative leaves behind are closed up.

        Args:
            choice: the number of an alternative for each slot.

        Raises:
            ConfigError: another number of slots, or an alternative that there is not.
        """
        if len(choice) != len(self.choices) or not all(
            0 <= number < count for number, count in zip(choice, self.choices, strict=True)
        ):
            raise ConfigError(
                f"A choice has a number below {self.choices} for each slot. Received: {choice!r}."
            )
        numbers = iter(choice)
        text = ""
        for part in self.parts:
            piece = part[next(numbers)] if len(part) > 1 else part[0]
            text += piece.lstrip(" ") if text.endswith(" ") or not text else piece
        return text.strip(" ")

    def check(self, test: Callable[[str], Any] = Template.parse) -> None:
        """Tests the first template and, of each slot, every alternative.

        Args:
            test: raises for what is no template; by default its language alone counts.

        Raises:
            TemplateError: one of them is no template.
        """
        first = [0] * len(self.choices)
        test(self.template(first))
        for slot, count in enumerate(self.choices):
            for number in range(1, count):
                test(self.template([*first[:slot], number, *first[slot + 1 :]]))


def _opening(source: str, place: int) -> int:
    """The next parenthesis outside of braces, or the end."""
    depth = 0
    for at, letter, change in _letters(source, place):
        depth += change
        if letter == "(" and depth <= 0:
            return at
    return len(source)


def _closing(source: str, begin: int) -> int:
    depth = 0
    for place, letter, change in _letters(source, begin + 1):
        depth += change
        if depth <= 0 and letter == "(":
            raise TemplateError(
                source, place, "Alternatives do not nest. Received: a second parenthesis."
            )
        elif depth <= 0 and letter == ")":
            return place
    raise TemplateError(source, begin, "A parenthesis must be closed. Received: none that ends it.")


def _split(inside: str) -> list[str]:
    """Cuts at each `|` outside of braces."""
    found, depth = [""], 0
    for _, letter, change in _letters(inside, 0):
        depth += change
        if letter == "|" and depth <= 0:
            found.append("")
        else:
            found[-1] += letter
    return found


def _letters(source: str, place: int) -> Iterator[tuple[int, str, int]]:
    """Each letter from a place on, with where it stands and how much deeper it leads in braces.

    A brace that is written twice is a letter of the text, as for `parse_segments`.
    """
    while place < len(source):
        pair = source[place : place + 2]
        if pair in ("{{", "}}"):
            yield place, pair, 0
            place += 2
        else:
            yield place, pair[0], {"{": 1, "}": -1}.get(pair[0], 0)
            place += 1
