"""What a trained prompt is near to, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tfprompt.encoders.loading import LoadedBackbone

# Word pieces are numbered by frequency, near enough: the first ones are the common words.
CANDIDATES = 4000


def nearest_words(
    loaded: LoadedBackbone, prompt_layer: int, vectors: np.ndarray, count: int = 5
) -> list[list[tuple[str, float]]]:
    """The vocabulary's words whose states at the seam point where the vectors point.

    A prompt need not mean anything in words, and most do not; a cosine near 1 says that training
    hardly moved it from a word. Only the first 4,000 whole words of the vocabulary are looked at.

    Args:
        loaded: the backbone.
        prompt_layer: the seam.
        vectors: trained vectors `[P, D]`.
        count: words for each.

    Returns:
        For each vector, `count` words with their cosines, the nearest first. Cosines are taken
        after subtracting the mean of all words.
    """
    from tfprompt.encoders.seam import Seam

    words, ids = _whole_words(loaded)
    seam = Seam(loaded.backbone, prompt_layer)
    parts = []
    for at in range(0, len(ids), 512):
        tokens = ids[at : at + 512, None]
        parts.append(np.asarray(seam.lower_states(tokens, np.ones_like(tokens)))[:, 0])
    states = np.concatenate(parts)
    # What all words have in common is most of a state: without it every cosine is 1.00.
    common = states.mean(axis=0)
    cosines = _unit(vectors - common) @ _unit(states - common).T
    best = np.argsort(-cosines, axis=1, kind="stable")[:, :count]
    return [
        [(words[place], float(row[place])) for place in places]
        for row, places in zip(cosines, best, strict=True)
    ]


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


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.sqrt((rows**2).sum(axis=1, keepdims=True) + 1e-12)
