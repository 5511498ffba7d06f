"""The template language: from one line of text to segments."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import cast

from tfprompt.errors import TemplateError
from tfprompt.prompts.segments import (
    Candidate,
    Feature,
    Field,
    History,
    Mask,
    Personal,
    Pool,
    Segment,
    Soft,
    Start,
    Task,
    TextHistory,
    Words,
)

KINDS = (
    '{soft:8}, {soft:8 "words"}, {soft:8 vocabulary}, {soft:8 labels column}, {soft:8 items}, '
    "{user:personal 4}, {column:task 8}, {pool:2x4 of 10}, {history:items}, {column}, "
    "{history:items rating}, {history:text 5}, {history:titles 5}, {item:text}, {item:token}, "
    "{column:feature} and {mask}"
)
LONGEST = 512
# Prompts of a pool.
_LARGEST_POOL = 10_000

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_SOFT = re.compile(
    r'(\d{1,6})(?:\s+(?:"([^"]*)"|(random|vocabulary|items)|labels\s+([A-Za-z_]\w*)))?(\s+mlp)?\s*\Z'
)
_COUNTED = re.compile(r"(personal|task)\s+(\d{1,6})\Z")
_POOL = re.compile(r"(?:(\d{1,6})\s*x\s*)?(\d{1,6})\s+of\s+(\d{1,6})\Z")
_TEXT_HISTORY = re.compile(r"(text|titles)\s+(\d{1,6})\Z")
# More texts than these have pieces past what orders a segment's tokens.
_MOST_TEXTS = 32


def parse_segments(source: str) -> Iterable[Segment]:
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
    if name == "pool" and colon:
        return _pool(source, start, argument_at, argument)
    if not _NAME.match(name):
        raise TemplateError(
            source, name_at, f"A placeholder is one of {KINDS}. Received: '{{{body}}}'."
        )
    if not colon:
        if name in ("soft", "history", "pool"):
            # Read as columns, these would fail later with a list of columns that helps nobody.
            raise TemplateError(
                source, name_at, f"'{name}' needs an argument. A placeholder is one of {KINDS}."
            )
        return Field(name, start)
    if argument.split()[:1] in (["personal"], ["task"]):
        return _counted(source, start, argument_at, name, argument)
    if name == "history" and argument.split()[:1] in (["text"], ["titles"]):
        return _text_history(source, start, argument_at, argument)
    if name == "history":
        if argument.split() not in (["items"], ["items", "rating"]):
            raise TemplateError(
                source,
                argument_at,
                "A history is written {history:items}, {history:items rating} to show ratings, or "
                f"{{history:text 5}} to read the newest 5 as words. Received: '{body}'.",
            )
        return History(start, ratings=argument != "items")
    if name == "item" and argument in ("text", "token"):
        return Candidate("text" if argument == "text" else "token", start)
    if argument == "feature":
        return Feature(name, start)
    if name == "item":
        raise TemplateError(
            source,
            argument_at,
            "Of the item to judge a template reads {item:text} or {item:token}. What else is known "
            'of items goes into these and into {history:items}: words by item_text="{title}. '
            '{facts}" of the data, vectors by item_vectors=["image"] of the model. '
            f"Received: '{body}'.",
        )
    raise TemplateError(
        source, argument_at, f"Unknown kind '{argument}'. A placeholder is one of {KINDS}."
    )


def _indent(text: str) -> int:
    """Number of spaces before the first character; 0 where there is none."""
    return len(text) - len(text.lstrip()) if text.strip() else 0


def _text_history(source: str, start: int, argument_at: int, argument: str) -> TextHistory:
    match = _TEXT_HISTORY.match(argument)
    count = int(match.group(2)) if match is not None else 0
    if match is None or not 1 <= count <= _MOST_TEXTS:
        raise TemplateError(
            source,
            argument_at,
            f"A history as words is that of the newest 1 to {_MOST_TEXTS} items, "
            f"{{history:text 5}} or {{history:titles 5}}. Received: '{argument}'.",
        )
    return TextHistory(count, "text" if match.group(1) == "text" else "titles", start)


def _soft(source: str, start: int, argument_at: int, argument: str) -> Soft:
    match = _SOFT.match(argument)
    if match is None:
        raise TemplateError(
            source,
            argument_at,
            "A soft prompt is written {soft:8} and may say where it starts (random, vocabulary, "
            '"its first words", labels of a column, items), then mlp. '
            f"Received: '{argument}'.",
        )
    number, words, start_name, column, network = match.groups()
    length = _length(source, argument_at, number, least=0)
    if words is not None and not words.strip():
        raise TemplateError(source, argument_at, "The words of a soft prompt must not be empty.")
    found = start_name or ("words" if words else "labels" if column else "random")
    initializer = cast("Start", found)
    return Soft(length, initializer, words or "", start, column or "", network is not None)


def _counted(source: str, start: int, argument_at: int, name: str, argument: str) -> Segment:
    """`{name:personal 4}` or `{name:task 8}`."""
    match = _COUNTED.match(argument)
    if match is None:
        raise TemplateError(
            source,
            argument_at,
            "A prompt that depends on a column is written {user:personal 4} or {market:task 8}. "
            f"Received: '{argument}'.",
        )
    kind, number = match.groups()
    length = _length(source, argument_at, number)
    return (Personal if kind == "personal" else Task)(name, length, start)


def _pool(source: str, start: int, argument_at: int, argument: str) -> Pool:
    match = _POOL.match(argument)
    if match is None:
        raise TemplateError(
            source,
            argument_at,
            "A pool is written {pool:4 of 10}, or {pool:2x4 of 10} for the best 2 prompts, of 4 "
            f"vectors each, out of 10. Received: '{argument}'.",
        )
    chosen, each, size = match.groups()
    # Without an x, the number is that of one-vector prompts.
    counts = (int(chosen), int(each)) if chosen else (int(each), 1)
    if min(*counts, int(size)) < 1 or counts[0] > int(size):
        raise TemplateError(
            source, argument_at, f"A pool holds what is chosen from it. Received: '{argument}'."
        )
    if int(size) > _LARGEST_POOL:
        raise TemplateError(
            source, argument_at, f"A pool has {_LARGEST_POOL:,} prompts at most, not {size}."
        )
    _length(source, argument_at, str(counts[0] * counts[1]))
    return Pool(*counts, int(size), start)


def _length(source: str, argument_at: int, number: str, least: int = 1) -> int:
    length = int(number)
    if not least <= length <= LONGEST:
        raise TemplateError(
            source, argument_at, f"A prompt has {least} to {LONGEST} vectors, not {length}."
        )
    return length
