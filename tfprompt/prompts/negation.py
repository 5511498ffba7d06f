"""What an English wish says that it does not want, found by rules.

A text encoder hardly reads "no": the vector of "a thriller but no horror" is near to horror. So
what is denied is taken out of the text, and can push items down instead.

The rules: a cue ("no", "without", "I don't want" …) denies what follows it up to the end of its
clause. Set phrases ("not only", "no doubt", titles) deny nothing, nor do quoted words. A clause
that tells the story ("about a boy with no name", "who hates men") denies nothing but properties of
a work (violence, romance …).

Limits: English alone; no sarcasm; nothing that is only implied ("for once a happy ending"); a list
with commas is followed only up to its "or" or "and"; "about love no war", without a comma, is
read as a story.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tfprompt.prompts import _negation_words as words

_TOKEN = re.compile(rf"\b(?:{words.PAIRS})\b|w/o\b|[^\W_]+(?:['-][^\W_]+)*|[^\w\s]|_", re.I)
_QUOTED = re.compile(r'"[^"]+"')
_STOPS = set(".;!?:()")


class Token(NamedTuple):
    """A word or a mark of the text."""

    word: str
    start: int
    end: int


def split_negations(text: str, titles: Iterable[str] = ()) -> tuple[str, tuple[str, ...]]:
    """Parts a wish into what it wants and what it does not want.

    Args:
        text: the wish, spaces already single and apostrophes straight.
        titles: titles of items; where one of two words or more stands in the wish, it denies
            nothing.

    Returns:
        The text without what is denied, possibly "", and the denied parts in their order.

    Example:
        >>> split_negations("a thriller but no horror, gore or sequels")
        ('a thriller', ('horror', 'gore', 'sequels'))
        >>> split_negations("nothing but robots, no doubt")
        ('nothing but robots, no doubt', ())
    """
    tokens = [Token(m.group().lower(), m.start(), m.end()) for m in _TOKEN.finditer(text)]
    fixed = _protected(text, tokens, titles)
    story = _story(tokens)
    removed = [False] * len(tokens)
    unwanted: list[str] = []
    at = 0
    while at < len(tokens):
        begin, after = _cue(tokens, at, fixed)
        if after == at:
            at += 1
            continue
        end = _end(tokens, after, begin, fixed)
        parts = _parts(text, tokens[after:end])
        told = story[at] and not any(t.word in words.PROPERTIES for t in tokens[after:end])
        if told or (not parts and tokens[at].word != "no"):
            at = max(after, at + 1)
            continue
        unwanted += parts
        for place in range(begin, end):
            removed[place] = True
        at = end
    if not any(removed):
        return text, ()
    return _rest(text, tokens, removed), tuple(dict.fromkeys(unwanted))


def _protected(text: str, tokens: Sequence[Token], titles: Iterable[str]) -> list[bool]:
    """Which tokens belong to a set phrase, a title or a quotation."""
    fixed = [False] * len(tokens)
    spans = [match.span() for match in _QUOTED.finditer(text)]
    low = text.lower()
    for title in titles:
        title = title.strip().lower()
        if " " in title and title in low:
            spans += [m.span() for m in re.finditer(rf"(?<!\w){re.escape(title)}(?!\w)", low)]
    for place, token in enumerate(tokens):
        for phrase in words.HARMLESS:
            if _matches(tokens, place, phrase):
                fixed[place : place + len(phrase)] = [True] * len(phrase)
                break
        if any(start <= token.start and token.end <= end for start, end in spans):
            fixed[place] = True
    return fixed


def _story(tokens: Sequence[Token]) -> list[bool]:
    """Which tokens stand in a clause that tells the story."""
    inside, found = False, []
    for token in tokens:
        if token.word in words.STORY:
            inside = True
        elif token.word in _STOPS or token.word in (",", "but", "though"):
            inside = False
        found.append(inside)
    return found


def _matches(tokens: Sequence[Token], at: int, phrase: tuple[str, ...]) -> bool:
    return tuple(token.word for token in tokens[at : at + len(phrase)]) == phrase


def _cue(tokens: Sequence[Token], at: int, fixed: Sequence[bool]) -> tuple[int, int]:
    """Where what belongs to the cue at `at` begins, and where it ends: `at` itself for no cue."""
    for phrase in words.PERSONAL:
        if _matches(tokens, at, phrase) and not fixed[at]:
            begin = at
            while begin and tokens[begin - 1].word in words.SUBJECTS:
                begin -= 1
            starts = begin == 0 or tokens[begin - 1].word in _STOPS | {",", "-"}
            first = any(token.word in words.FIRST_PERSON for token in tokens[begin:at])
            if starts or first:
                return begin, at + len(phrase)
    for phrase in words.CUES:
        if _matches(tokens, at, phrase) and not fixed[at]:
            return at, at + len(phrase)
    return at, at


def _end(tokens: Sequence[Token], after: int, begin: int, fixed: Sequence[bool]) -> int:
    """Where the denied part ends: at a mark, a new clause, another cue."""
    attributive = begin and tokens[begin - 1].word in words.DETERMINERS
    if tokens[after - 1].word == "not" and attributive:  # "a not too scary film"
        end = after
        while end < len(tokens) - 1 and tokens[end].word in words.DEGREES:
            end += 1
        return min(end + 1, len(tokens))
    end = after
    while end < len(tokens):
        word = tokens[end].word
        if word in _STOPS or (word in words.ENDS and end > after):
            break
        if end > after and _cue(tokens, end, fixed)[1] > end:
            break
        if word in (",", "and", "with") and _resumes(tokens, end, after):
            break
        end += 1
    return end


def _resumes(tokens: Sequence[Token], at: int, after: int) -> bool:
    """Whether the comma, "and" or "with" at `at` ends the denied part."""
    if at == after:
        return tokens[at].word == ","
    following = tokens[at + 1].word if at + 1 < len(tokens) else ""
    if tokens[at].word == "with":
        return following in words.RESUMES
    rest = []
    for token in tokens[at + 1 :]:
        if token.word in _STOPS or token.word in words.ENDS:
            break
        rest.append(token.word)
    if tokens[at].word == "and":
        return following in words.RESUMES or len(rest) > 4 or not rest
    # A comma goes on with a list only where the list is closed: "horror, gore or violence".
    closed = any(word in ("or", "nor", "and") for word in rest[:6])
    return following in words.RESUMES or not closed


def _parts(text: str, tokens: Sequence[Token]) -> list[str]:
    """The denied things, without the words around them."""
    groups: list[list[Token]] = [[]]
    for token in tokens:
        if token.word in (",", "and", "or", "nor", "/", "&"):
            groups.append([])
        elif token.word[0].isalnum():
            groups[-1].append(token)
    found = []
    for group in groups:
        while group and group[0].word in words.LEADING | words.DEGREES:
            group = group[1:]
        while group and group[-1].word in words.TRAILING:
            group = group[:-1]
        if group:
            found.append(text[group[0].start : group[-1].end])
    return found


def _rest(text: str, tokens: Sequence[Token], removed: list[bool]) -> str:
    """What is left, without words and marks that led to what was taken out."""
    for place in range(len(tokens)):
        before = place - 1
        while removed[place] and before >= 0 and _dangling(tokens[before].word):
            removed[before] = True
            before -= 1
    first = removed.index(False) if False in removed else len(tokens)
    kept = [token for token, gone in zip(tokens, removed, strict=True) if not gone]
    while first and kept and _leads_on(kept[0].word):
        kept = kept[1:]
    if all(token.word in words.EMPTY or not token.word[0].isalnum() for token in kept):
        return ""
    pieces, last = [], kept[0].start
    for token in kept:
        pieces.append(" " if text[last : token.start].strip() else text[last : token.start])
        pieces.append(text[token.start : token.end])
        last = token.end
    joined = re.sub(r"\s+([,.;!?])", r"\1", " ".join("".join(pieces).split()))
    return re.sub(r"([,.;!?])[,.;]+", r"\1", joined)


def _dangling(word: str) -> bool:
    return word in words.DANGLING or word in ",;:-&/"


def _leads_on(word: str) -> bool:
    return word in words.CONNECTORS or word in _STOPS or word in ",;:-&/"
