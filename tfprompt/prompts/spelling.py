"""Misspelt words of a wish, corrected towards words that the catalog and the encoder know."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from rapidfuzz import process
from rapidfuzz.distance import OSA, Levenshtein

from tfprompt.prompts._wish_words import COMMON, RIGHT

_WORD = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*")
# Shorter words have too many neighbours: "nior" may be noir, nor, prior.
_SHORTEST = 4
# Below this length, only words of the list of common ones are near enough.
_SURE = 6
# From this length on two slips are undone, below it one.
_LONG = 9
# Of the encoder's words, so many of the most frequent ones are what a misspelt word may be.
_FREQUENT = 4_000
# A word with one of these taken off, and known without it, is a form of that word.
_ENDINGS = """s es ed d ing er ers or ly y ish like less ness ful ist ists able en ian ic ism men
    man""".split()
_VOWELS = set("aeiouy")
# Consonants that stand for one another in misspelt words.
_ALIKE = {frozenset(pair) for pair in ("cs", "ck", "sz", "gj", "fv", "qk", "td", "mn", "xc")}


class Speller:
    """Corrects single words, and leaves alone what is known or looks like a name.

    A word is corrected where neither the encoder nor the catalog holds it as a whole, and one
    slip (two from nine letters on) leads to a word of the catalog or a common one: a letter left
    out or added, two letters swapped, a vowel or a like consonant taken for another. Of several,
    the words of a short list come first, then those of the catalog by frequency, then those that
    are frequent in the encoder's vocabulary.

    Args:
        vocabulary: whole words of the encoder, frequent ones first.
        catalog: texts of the catalog, titles included.

    Example:
        >>> speller = Speller(["the", "with", "robots"], ["Babe", "Science Fiction"])
        >>> speller.correct("sience ficton with robtos")[0]
        'science fiction with robots'
    """

    def __init__(self, vocabulary: Iterable[str], catalog: Iterable[str]) -> None:
        """Collects the words once; `correct` then takes about a millisecond a word."""
        ours = Counter(word.lower() for text in catalog for word in _WORD.findall(text))
        theirs = [word for word in vocabulary if word.isalpha()]
        self._catalog = frozenset(ours)
        self._known = self._catalog | set(theirs) | RIGHT | COMMON
        frequent = [word for word in theirs if len(word) >= _SHORTEST][:_FREQUENT]
        ranked = [
            *sorted(COMMON),
            *sorted(RIGHT),
            *(word for word, _ in ours.most_common()),
            *frequent,
        ]
        # dict keeps the order and drops repetitions.
        self._candidates = [
            word for word in dict.fromkeys(ranked)
            if len(word) >= _SHORTEST and word.isascii() and word.isalpha()
        ]  # fmt: skip

    def correct(self, text: str) -> tuple[str, tuple[tuple[str, str], ...]]:
        """Corrects a text.

        Args:
            text: the wish.

        Returns:
            The corrected text, and each corrected word with what it became.
        """
        changes: list[tuple[str, str]] = []
        shouted = text.isupper()

        def one(match: re.Match[str]) -> str:
            word = match.group()
            name = word[:1].isupper() and not shouted and bool(text[: match.start()].strip())
            found = self._nearest(word.lower(), only_catalog=name)
            if found is None:
                return word
            found = found.upper() if word.isupper() else found
            found = found.capitalize() if word.istitle() else found
            changes.append((word, found))
            return found

        return _WORD.sub(one, text), tuple(dict.fromkeys(changes))

    def _nearest(self, word: str, only_catalog: bool) -> str | None:
        """The right spelling of an unknown word, None where there is none or none is needed."""
        if len(word) < _SHORTEST or not (word.isascii() and word.isalpha()) or self._knows(word):
            return None
        slips = 2 if len(word) >= _LONG else 1
        found = process.extract(
            word, self._candidates, scorer=OSA.distance, score_cutoff=slips, limit=20
        )
        # Writers lose vowels and double letters sooner than consonants: "musicl" is no "music".
        found.sort(key=lambda each: (each[1], _skeleton(each[0]) != _skeleton(word), each[2]))
        for candidate, _, _ in found:
            sure = candidate in COMMON or len(word) >= _SURE
            wanted = candidate in self._catalog if only_catalog else sure
            if wanted and _is_slip(word, candidate):
                return str(candidate)
        return None

    def _knows(self, word: str) -> bool:
        """Whether a word, or one that it is a form of, is known."""
        if word in self._known:
            return True
        for ending in _ENDINGS:
            stem = word.removesuffix(ending)
            if stem != word and len(stem) >= 3:
                forms = {stem, stem + "e", stem[:-1] if stem[-1] == stem[-2] else stem}
                forms |= {stem[:-1] + "y"} if stem[-1] == "i" else set()
                if forms & self._known:
                    return True
        # Two known words written as one: "spaceship", "girlfriend".
        return any(
            word[:at] in self._known and word[at:] in self._known for at in range(4, len(word) - 3)
        )


def _is_slip(word: str, candidate: str) -> bool:
    """Whether the difference is one that writers make, not another word."""
    if word[0] != candidate[0] and sorted(word[:2]) != sorted(candidate[:2]):
        return False
    for edit in Levenshtein.editops(word, candidate):
        if edit.tag != "replace":
            continue
        at, to = edit.src_pos, edit.dest_pos
        pair = {word[at], candidate[to]}
        swapped = any(
            word[at + d : at + d + 2] == candidate[to + d : to + d + 2][::-1] for d in (0, -1)
        )
        if not (pair <= _VOWELS or frozenset(pair) in _ALIKE or swapped):
            return False
    return True


def _skeleton(word: str) -> str:
    """The consonants of a word in alphabetical order, each once."""
    return "".join(sorted(set(word) - _VOWELS))
