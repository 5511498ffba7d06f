"""States that the frozen layers know: where prompts start."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from tfprompt.errors import ConfigError

if TYPE_CHECKING:
    from tfprompt.encoders.loading import LoadedBackbone
    from tfprompt.encoders.prompted import PromptedEncoder
    from tfprompt.encoders.seam import Seam


def start_prompts(encoder: PromptedEncoder) -> None:
    """Starts an encoder's trained vectors among the states that its frozen layers know.

    Item tokens and random prompts get the mean and deviation of a sample of word states at the
    seam; prompts with words or a vocabulary sample get those states themselves.
    """
    loaded, seam = encoder.loaded, encoder.seam
    generator = np.random.default_rng(encoder.seed)
    sample = vocabulary_states(loaded, seam, 256, generator)
    mean, deviation = sample.mean(axis=0), sample.std(axis=0)

    def drawn(count: int) -> np.ndarray:
        noise = generator.standard_normal((count, encoder.width))
        return (mean + deviation * noise).astype("float32")

    if encoder.item_tokens is not None:
        encoder.item_tokens.match(mean, deviation)
    if encoder.candidate_tokens is not None:
        encoder.candidate_tokens.match(mean, deviation)
    for soft, layer in zip(encoder.template.soft, encoder.soft_prompts, strict=True):
        if soft.length and soft.initializer == "words":
            layer.initialize(word_states(loaded, seam, soft.words))
        elif soft.length and soft.initializer == "vocabulary":
            layer.initialize(vocabulary_states(loaded, seam, soft.length, generator))
        elif soft.length:
            layer.initialize(drawn(soft.length))
    for layer in encoder.deep_prompts:
        layer.initialize(drawn(layer.length))


def vocabulary_states(
    loaded: LoadedBackbone, seam: Seam, count: int, generator: np.random.Generator
) -> np.ndarray:
    """States `[count, D]` at the seam of random pieces of the vocabulary, each alone."""
    size = loaded.tokenizer.keras_tokenizer.vocabulary_size()
    drawn = generator.choice(size, size=(count, 1), replace=size < count)
    with warnings.catch_warnings():
        # Keras finds a softmax over a sequence of one token suspicious; here it is meant.
        warnings.filterwarnings("ignore", message="You are using a softmax over axis")
        return np.asarray(seam.lower_states(drawn, np.ones_like(drawn)))[:, 0]


def word_states(loaded: LoadedBackbone, seam: Seam, words: str) -> np.ndarray:
    """States `[n, D]` at the seam of some words, without special tokens.

    Raises:
        ConfigError: the tokenizer leaves nothing of the words.
    """
    pieces = np.asarray(loaded.tokenizer.pieces([words]).to_tensor())
    if not pieces.size:
        raise ConfigError(f"No word piece is left of the prompt words {words!r}.")
    return np.asarray(seam.lower_states(pieces, np.ones_like(pieces)))[0]
