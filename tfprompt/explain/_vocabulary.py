"""The words that prompts are compared with, as states of the frozen network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tfprompt.encoders.loading import LoadedBackbone

# Word pieces are numbered by frequency, near enough: the first ones are the common words.
CANDIDATES = 4000


def word_states(loaded: LoadedBackbone, layer: int) -> tuple[list[str], np.ndarray]:
    """Common words, and the state of each, as a text of its own, at the input of a layer.

    Args:
        loaded: the backbone.
        layer: 0 … L-1.

    Returns:
        The first 4,000 whole words of the vocabulary, and their states `[n, D]`.
    """
    from tfprompt.encoders.in_context import states_in_context
    from tfprompt.encoders.seam import Seam

    words, ids = _whole_words(loaded)
    seam = Seam(loaded.backbone, layer)
    parts = [
        states_in_context(loaded, seam, ids[at : at + 512, None])[:, 0]
        for at in range(0, len(ids), 512)
    ]
    return words, np.concatenate(parts)


def nearest(
    words: list[str], states: np.ndarray, vectors: np.ndarray, count: int
) -> list[list[tuple[str, float]]]:
    """For each vector `[P, D]`, `count` of the words with their cosines, the nearest first.

    Cosines are taken after subtracting the mean of all words: what all words have in common is
    most of a state, and without it every cosine is 1.00.
    """
    common = states.mean(axis=0)
    cosines = unit(vectors - common) @ unit(states - common).T
    best = np.argsort(-cosines, axis=1, kind="stable")[:, :count]
    return [
        [(words[place], float(row[place])) for place in places]
        for row, places in zip(cosines, best, strict=True)
    ]


def unit(rows: np.ndarray) -> np.ndarray:
    """Rows `[n, D]` of length 1."""
    scaled: np.ndarray = rows / np.sqrt((rows**2).sum(axis=1, keepdims=True) + 1e-12)
    return scaled


def _whole_words(loaded: LoadedBackbone) -> tuple[list[str], np.ndarray]:
    """Words of three letters and more, and their token ids `[n]`."""
    tokenizer = loaded.tokenizer.keras_tokenizer
    inside = any(
        str(tokenizer.id_to_token(i)).startswith("##") for i in range(tokenizer.vocabulary_size())
    )
    words, ids = [], []
    for token_id in range(tokenizer.vocabulary_size()):
        piece = str(tokenizer.id_to_token(token_id))
        # Byte-pair and SentencePiece vocabularies mark the start of a word, word pieces its rest.
        word = piece if inside else piece.lstrip("Ġ▁")
        if len(word) > 2 and word.isalpha() and (inside or piece != word):
            words.append(word)
            ids.append(token_id)
        if len(words) == CANDIDATES:
            break
    return words, np.array(ids, np.int32)
