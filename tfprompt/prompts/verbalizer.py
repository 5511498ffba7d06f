"""Words that stand for the answers to a prompt."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

from tfprompt.errors import ConfigError

__all__ = ["Verbalizer"]


@dataclasses.dataclass(frozen=True)
class Verbalizer:
    """The words of each class, several a class where wanted.

    Args:
        words: one tuple of words or phrases a class.
        values: what each class is worth; None for no and yes, in this order.
        soft: the classes' vectors are trained, from those of their words on (Hambardzumyan et
            al., 2021). Else the words stay what they mean.
        calibrated: what a request that says nothing is answered is taken off every answer (Zhao
            et al., 2021): words that are likely anyway count no more than others. See
            `Ranker.calibrate`.

    Raises:
        ConfigError: a class without words, not two classes where there are no values, or values
            that are not one finite number a class.

    Example:
        >>> Verbalizer.of({1: "terrible", 3: ["okay", "fine"], 5: "great"}).values
        (1.0, 3.0, 5.0)
        >>> Verbalizer.of(["no", "yes"]).words
        (('no',), ('yes',))

    References:
        Schick and Schütze, 2021 (words for classes); Hambardzumyan et al., 2021, "WARP";
        Zhao et al., 2021, "Calibrate Before Use".
    """

    words: tuple[tuple[str, ...], ...]
    values: tuple[float, ...] | None = None
    soft: bool = False
    calibrated: bool = False

    def __post_init__(self) -> None:
        groups = self.words
        if isinstance(groups, str) or any(isinstance(group, str) for group in groups):
            raise ConfigError(
                "A verbalizer's words are tuples, one a class; Verbalizer.of takes plain words. "
                f"Received: {groups!r}."
            )
        if not all(group and all(map(_is_word, group)) for group in groups):
            raise ConfigError(f"Each class of a verbalizer has words. Received: {groups}.")
        if self.values is None and len(self.words) != 2:
            raise ConfigError(
                "A verbalizer without values has two classes, no and yes in this order. "
                f"Received: {len(self.words)}."
            )
        if self.values is not None and (
            len(self.values) != len(self.words)
            or len(self.values) < 2
            or not all(map(_is_finite, self.values))
        ):
            raise ConfigError(
                "A verbalizer of values has two classes or more, each worth a finite number. "
                f"Received: {len(self.words)} classes worth {self.values}."
            )

    @classmethod
    def of(
        cls,
        words: Sequence[str | Sequence[str]] | Mapping[float, str | Sequence[str]],
        *,
        soft: bool = False,
        calibrated: bool = False,
    ) -> Verbalizer:
        """From [no, yes], or from a mapping of values to words.

        Args:
            words: a word, a phrase or several for each class.
            soft: as of the class.
            calibrated: as of the class.
        """
        if isinstance(words, Mapping):
            if not all(map(_is_finite, words)):
                raise ConfigError(
                    "A verbalizer maps numbers to words, {1: 'terrible', 5: 'great'}. "
                    f"Received: {list(words)}."
                )
            ordered = sorted(words)
            groups = tuple(_group(words[value]) for value in ordered)
            return cls(groups, tuple(map(float, ordered)), soft, calibrated)
        if isinstance(words, str) or not isinstance(words, Sequence):
            raise ConfigError(
                f"A verbalizer is [no, yes], or {{1: 'terrible', 5: 'great'}}. Received: {words!r}."
            )
        return cls(tuple(_group(group) for group in words), None, soft, calibrated)

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "words": [list(group) for group in self.words],
            "values": None if self.values is None else list(self.values),
            "soft": self.soft,
            "calibrated": self.calibrated,
        }

    @classmethod
    def from_dict(cls, described: Mapping[str, Any]) -> Verbalizer:
        """What `to_dict` gave."""
        values = described["values"]
        words = tuple(tuple(group) for group in described["words"])
        return cls(
            words,
            None if values is None else tuple(values),
            # Files of before these options have neither.
            bool(described.get("soft", False)),
            bool(described.get("calibrated", False)),
        )


def _group(words: str | Sequence[str]) -> tuple[str, ...]:
    # What is neither stays as it is, for the check to name.
    group: Any = tuple(words) if isinstance(words, list | tuple) else (words,)
    return group


def _is_word(word: object) -> bool:
    return isinstance(word, str) and bool(word.strip())


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
