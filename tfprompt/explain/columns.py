"""What stands at each column of a request's token plan, in words."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tfprompt.encoders.text_plan import ORDER_STEP
from tfprompt.explain.request_text import RequestText, pieces, words
from tfprompt.layers.attention_rules import ITEM
from tfprompt.prompts.segments import (
    Feature,
    Field,
    Mask,
    Personal,
    Soft,
    Task,
    TextHistory,
    Words,
)

if TYPE_CHECKING:
    from tfprompt.encoders.prompted import PromptedEncoder
    from tfprompt.encoders.token_plan import TokenPlan

SPECIAL, START, ITEMS = "special tokens", "start of the history", "past items"
ITEM_WORDS = "past items as words"


@dataclasses.dataclass(frozen=True)
class Column:
    """One token of a plan.

    Attributes:
        place: its column.
        segment: the segment of the template it belongs to, in words.
        label: what it is within the segment; columns of one word share it.
        order: where it stands in the template.
        text: whether its state at the seam comes from text.
        item: place of the past item whose token it is, None for anything else.
        unit: columns that are shown as one (the pieces of a word, the words of a past item) have
            the same.
    """

    place: int
    segment: str
    label: str
    order: int
    text: bool
    item: int | None
    unit: tuple[int, int]


def columns_of(
    encoder: PromptedEncoder, plan: TokenPlan, text: RequestText, titles: Sequence[str]
) -> list[Column]:
    """The real columns of a plan of one request, in the template's order; padding is left out.

    Args:
        encoder: has the template.
        plan: of one request; its first row is read.
        text: the request's word pieces.
        titles: names of the past items.
    """
    valid, role = np.asarray(plan.valid)[0], np.asarray(plan.role)[0]
    moment, order = np.asarray(plan.moment)[0], np.asarray(plan.order)[0]
    segments = encoder.template.segments
    names = _names(encoder, text)
    token_at = {int(place): n for n, place in enumerate(text.order)}
    written = pieces(encoder.loaded.tokenizer, text.token_ids)
    vectors: dict[int, int] = {}
    found = []
    for place in np.flatnonzero(valid):
        number = int(order[place] // ORDER_STEP)
        segment = segments[number] if 0 <= number < len(segments) else None
        name = SPECIAL if segment is None else names[number]
        unit = (number, int(order[place] % ORDER_STEP))
        item = None
        is_text = segment is None or isinstance(segment, Words | Field | TextHistory | Mask)
        if role[place] == ITEM:
            step = int(moment[place])
            item = step - 1 if step else None
            name = ITEMS if step else START
            label = "start" if item is None else titles[item]
        elif isinstance(segment, TextHistory):
            past, label = text.past[int(order[place])]
            unit = (number, past)
        elif is_text:
            label = written[token_at[int(order[place])]]
            if isinstance(segment, Words | Field):
                word, label = _word(text, written, number, int(order[place]))
                unit = (number, word)
        elif isinstance(segment, Feature):
            label = text.values.get(segment.name) or "unknown"
        else:
            count = vectors[number] = vectors.get(number, -1) + 1
            label, unit = f"vector {count}", (number, count)
        found.append(
            Column(int(place), name, label, int(order[place]), is_text, item, unit)
        )  # fmt: skip
    return sorted(found, key=lambda column: (column.order, column.place))


def _word(text: RequestText, written: list[str], number: int, order: int) -> tuple[int, str]:
    """The word of a piece: its number within the segment, and its text."""
    inside = np.flatnonzero(text.order // ORDER_STEP == number)
    here = int(np.flatnonzero(text.order[inside] == order)[0])
    return words([written[place] for place in inside])[here]


def _names(encoder: PromptedEncoder, text: RequestText) -> list[str]:
    """A name for each segment of the template, all different."""
    names: list[str] = []
    soft = 0
    for segment in encoder.template.segments:
        if isinstance(segment, Soft):
            name = "soft prompt" if len(encoder.template.soft) == 1 else f"soft prompt {soft}"
            soft += 1
        elif isinstance(segment, Words):
            name = f'words "{segment.text.strip()}"'
        elif isinstance(segment, Field):
            name = f"field {segment.name}"
        elif isinstance(segment, Feature):
            name = f"feature {segment.name}"
        elif isinstance(segment, Mask):
            name = "mask"
        elif isinstance(segment, TextHistory):
            name = ITEM_WORDS
        elif isinstance(segment, Personal | Task):
            kind = "personal prompt" if isinstance(segment, Personal) else "task prompt"
            name = f"{kind} of {segment.name}"
        else:
            name = type(segment).__name__.lower()
        again = sum(other == name or other.startswith(f"{name} (") for other in names)
        names.append(f"{name} ({again + 1})" if again else name)
    return names
