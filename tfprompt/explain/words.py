"""What trained prompts are near to, in words."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tfprompt.errors import ConfigError
from tfprompt.explain._vocabulary import nearest, word_states
from tfprompt.explain.prompt_vectors import PromptVectors, prompts_of_model
from tfprompt.explain.report import Listing, Report, Shown

if TYPE_CHECKING:
    from tfprompt.encoders.loading import LoadedBackbone

Words = list[list[tuple[str, float]]]


@dataclasses.dataclass(frozen=True, repr=False)
class NearestWords(Shown):
    """The words that trained vectors are near to.

    Attributes:
        words: by the prompt's tensor, for each of its vectors words and cosines, nearest first.
        layers: by the prompt's tensor, the layer at which it was compared.
    """

    words: dict[str, Words]
    layers: dict[str, int]

    def report(self) -> Report:
        """A list a prompt."""
        sections = tuple(
            Listing(
                f"Nearest words of {name} (layer {self.layers[name]})",
                tuple(
                    (str(number), ", ".join(f"{word} {cosine:.2f}" for word, cosine in near))
                    for number, near in enumerate(vectors)
                ),
            )
            for name, vectors in self.words.items()
        )
        note = (
            "A cosine near 1 says that training hardly moved a vector from a word; most trained "
            "vectors mean nothing in words."
        )
        return Report("Nearest words", (note,), sections)

    def to_dict(self) -> dict[str, Any]:
        """As JSON: by tensor, a list a vector of `{"word", "cosine"}`."""
        return {
            name: [
                [{"word": word, "cosine": round(cosine, 4)} for word, cosine in near]
                for near in vectors
            ]
            for name, vectors in self.words.items()
        }


def nearest_words(model: Any, k: int = 5) -> NearestWords:
    """The vocabulary's words whose states point where a model's trained prompts point.

    Each prompt is compared with the words' states at the input of its own layer: soft prompts at
    the seam, deep prompts further up. A prompt need not mean anything in words, and most do not.
    Only the first 4,000 whole words of the vocabulary are looked at.

    Args:
        model: a retriever or ranker; or a recommender or several tasks, for all of their prompts.
        k: words for each vector.

    Returns:
        The words with their cosines, which are taken after subtracting the mean of all words.

    Raises:
        ConfigError: k below 1, or a model without prompts.

    Example:
        print(tp.explain.nearest_words(model, k=3))

    Reference:
        Lester et al., 2021, section 7 (nearest neighbours of trained prompts).
    """
    prompts, loaded = prompts_of_model(model)
    return words_of(prompts, loaded, k)


def words_of(prompts: Sequence[PromptVectors], loaded: LoadedBackbone, k: int) -> NearestWords:
    """The nearest words of some prompts, see `nearest_words`.

    Args:
        prompts: trained on `loaded`.
        loaded: the backbone.
        k: words for each vector.

    Raises:
        ConfigError: k below 1, or no prompts.
    """
    if not prompts:
        raise ConfigError(
            "Nearest words are those of soft and deep prompts, and the template has none. "
            "Write {soft:8} into it."
        )
    if k < 1:
        raise ConfigError(f"A vector has 1 nearest word or more. Received: {k}.")
    known = {layer: word_states(loaded, layer) for layer in {p.layer for p in prompts}}
    found = {p.name: nearest(*known[p.layer], p.vectors, k) for p in prompts}
    return NearestWords(found, {p.name: p.layer for p in prompts})
