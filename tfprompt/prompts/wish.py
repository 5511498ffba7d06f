"""A wish in words, taken apart: what is wanted, what is not, and what was changed on the way."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tfprompt.errors import ConfigError
from tfprompt.prompts.languages import is_multilingual, latin_language, unread_share
from tfprompt.prompts.negation import split_negations

if TYPE_CHECKING:
    from tfprompt.prompts.spelling import Speller

# A wish is refused where half of its letters, or of its pieces, say nothing to the encoder.
UNREADABLE_SHARE = 0.5
_QUOTES = str.maketrans({"’": "'", "‘": "'", "ʼ": "'", "`": "'", "“": '"', "”": '"', "„": '"'})
_SHOWN = 40
_SPOKEN = {"CJK": "Chinese or Japanese"}


@dataclass(frozen=True)
class Wish:
    r"""What a person asks for, as the encoder should read it.

    Attributes:
        wanted: the text to look for; "" where the wish only says what is not wanted.
        unwanted: what to keep away from, each for itself.
        notes: what was changed, left out or may not be understood; for the person who asked.

    Example:
        >>> wish = Wish.parse("a  thriller, but no horror \U0001f600")
        >>> wish.wanted, wish.unwanted
        ('a thriller', ('horror',))
        >>> wish.notes
        ('signs and pictures are left out', 'pushed down: horror')
    """

    wanted: str
    unwanted: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @classmethod
    def parse(
        cls,
        text: str,
        *,
        speller: Speller | None = None,
        titles: Iterable[str] = (),
        scripts: frozenset[str] | None = None,
    ) -> Wish:
        """Reads a wish.

        In this order: the text is normalised; a script that the encoder does not read is refused;
        misspelt words are corrected; what is denied is taken out (`negation` has the rules). The
        last two know English alone, and leave other languages as they are.

        Args:
            text: the wish.
            speller: corrects words; None leaves them.
            titles: of the catalog, in which "no" and "not" deny nothing.
            scripts: what the encoder reads (`languages.scripts_read`); None checks nothing.

        Raises:
            ConfigError: no word in it, a script that the encoder does not read, or nothing that
                is asked for.
        """
        if not isinstance(text, str):
            raise ConfigError(f"A wish is a string. Received: {type(text).__name__}.")
        clean, dropped = normalise(text)
        if not any(character.isalnum() for character in clean):
            raise ConfigError(
                f"A wish holds at least one word. Received: {_shown(text)}. Say what is wanted, "
                'as "a slow thriller".'
            )
        notes = ["signs and pictures are left out"] if dropped else []
        if scripts is not None:
            notes += _check_scripts(clean, scripts)
        language = latin_language(clean)
        if language != "English":
            if scripts is None or not is_multilingual(scripts):
                notes.append(
                    f"the wish looks {language}; the encoder reads English best, so the list may "
                    "miss what is meant"
                )
            return cls(clean, (), tuple(notes))
        if speller is not None:
            clean, changes = speller.correct(clean)
            notes += [f"read {wrong!r} as {right!r}" for wrong, right in changes]
        wanted, unwanted = split_negations(clean, titles)
        if unwanted:
            notes.append(f"pushed down: {', '.join(unwanted)}")
        elif not any(character.isalnum() for character in wanted):
            raise ConfigError(
                f"A wish says what is wanted or what is not. Received: {_shown(text)}, which "
                'denies nothing in particular. Name it, as "no horror".'
            )
        return cls(wanted, unwanted, tuple(notes))


def normalise(text: str) -> tuple[str, bool]:
    r"""A text in the usual characters: NFKC, straight quotes, single spaces.

    Args:
        text: as it was typed.

    Returns:
        The text without control characters, pictures and signs, and whether pictures or signs
        were dropped.

    Example:
        >>> normalise("ﬁlm\x00\tnoir \u200b‘40s’ ☂")
        ("film noir '40s'", True)
    """
    kept: list[str] = []
    dropped = False
    for character in unicodedata.normalize("NFKC", text.translate(_QUOTES)).translate(_QUOTES):
        category = unicodedata.category(character)
        if character.isspace() or category == "Cc":
            kept.append(" ")
        elif category in ("So", "Co", "Cn", "Cs") or character == "\ufffd":
            dropped = True
            kept.append(" ")
        elif category != "Cf" and not "\ufe00" <= character <= "\ufe0f":
            kept.append(character)
    return " ".join("".join(kept).split()), dropped


def sentences(text: str) -> list[str]:
    """The sentences of a text, each with its mark.

    Example:
        >>> sentences("Slow. Set in space; no war!")
        ['Slow.', 'Set in space;', 'no war!']
    """
    return [part for part in re.split(r"(?<=[.!?;])\s+", text) if part]


def _check_scripts(text: str, scripts: frozenset[str]) -> list[str]:
    """A note on letters that the encoder does not read, an error where they are many."""
    share, name = unread_share(text, scripts)
    if name is None:
        return []
    name = _SPOKEN.get(name, name.capitalize())
    if share >= UNREADABLE_SHARE:
        raise unreadable(text, f"{share:.0%} of its letters are {name}")
    return [f"letters that are {name} are hardly read"]


def unreadable(text: str, reason: str) -> ConfigError:
    """The refusal of a wish that would be noise to the encoder."""
    return ConfigError(
        f"A wish is written in a language that the encoder reads. Received: {_shown(text)}: "
        f"{reason}, and the encoder has hardly a word of that. Write it in English, or train on a "
        "multilingual backbone, as PromptedEncoder.from_preset('multilingual-e5-small', ...)."
    )


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…")
