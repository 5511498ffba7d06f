"""A wish as vectors of the item table's space: what is wanted, and what is not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tfprompt.encoders.texts import encode_texts
from tfprompt.models.word_knowledge import word_knowledge
from tfprompt.prompts.wish import UNREADABLE_SHARE, Wish, sentences, unreadable

if TYPE_CHECKING:
    from tfprompt.encoders.loading import LoadedBackbone
    from tfprompt.encoders.tokenizer import TextTokenizer
    from tfprompt.models.retriever import Retriever

# The sentences of a long wish count by their similarity to so many items, to this power: 0, the
# plain mean, loses a wish among chatter; 8 finds it less often than 16 does.
_NEAREST, _SHARPNESS = 5, 16
_WORD = re.compile(r"[^\W_]+")


class ReadWish(NamedTuple):
    """A wish and its vectors.

    Attributes:
        wish: the wish, taken apart.
        wanted: float32 `[1, V]`, zeros where the wish only says what is not wanted.
        unwanted: float32 `[U, V]`, one row for each thing.
    """

    wish: Wish
    wanted: np.ndarray
    unwanted: np.ndarray


def read_wish(model: Retriever, text: str) -> ReadWish:
    """Parses a wish with what the model knows: its encoder's words, its catalog's titles.

    Args:
        model: has an encoder, a catalog and an item table that is filled.
        text: the wish.

    Raises:
        ConfigError: a wish that the encoder cannot read, see `Wish.parse`.

    Example:
        `read_wish(model, "a thriller but no horror").unwanted.shape` is `(1, 384)`.
    """
    knowledge = word_knowledge(model)
    wish = Wish.parse(
        text, speller=knowledge.speller, titles=knowledge.titles, scripts=knowledge.scripts
    )
    loaded = model.encoder.loaded
    _check_pieces(loaded, wish, knowledge.unknown_id)
    vectors = np.zeros((1 + len(wish.unwanted), model.item_table.width), np.float32)
    for row, part in enumerate((wish.wanted, *wish.unwanted)):
        if part:
            vectors[row] = text_vector(model, part)[0]
    return ReadWish(wish, vectors[:1], vectors[1:])


def text_vector(model: Retriever, text: str) -> np.ndarray:
    """A text of any length in the item table's space, float32 `[1, V]`.

    What is longer than the tokenizer's limit is the mean of its sentences, each of which counts
    by how near it comes to the items that are nearest to it: most of what fills a long wish is
    about the person's day and not about an item. benchmarks/paraphrases.py compares the lists of
    long wishes with those of short ones.

    Args:
        model: has an encoder and an item table that is filled.
        text: any text.
    """
    parts = chunks(model.encoder.loaded.tokenizer, text)
    raw = encode_texts(model.encoder.loaded, parts, cache=False, progress=False)
    if len(parts) > 1:
        mean = (sentence_weights(model, raw)[:, None] * raw).sum(axis=0, keepdims=True)
        raw = mean / np.sqrt(np.maximum((mean**2).sum(), 1e-24))
    vector: np.ndarray = np.asarray(model.item_table.from_text(raw), np.float32)
    return vector


def sentence_weights(model: Retriever, raw: np.ndarray) -> np.ndarray:
    """How much each sentence of a long wish counts `[n]`, the most 1.

    Args:
        model: has an item table that is filled.
        raw: text vectors of the sentences, as the backbone gives them `[n, D]`.
    """
    near = _nearness(np.asarray(model.item_table.from_text(raw)), model)
    weights: np.ndarray = (near / near.max()) ** _SHARPNESS
    return weights


def _nearness(vectors: np.ndarray, model: Retriever) -> np.ndarray:
    """The mean similarity of each text `[n, V]` to its nearest items `[n]`, 0 at least."""
    items = np.asarray(model.item_table.all_items()[0])
    nearest = min(_NEAREST, len(items))
    found = np.zeros(len(vectors), np.float32)
    for at in range(0, len(vectors), 64):  # [64, N] at a time
        similar = vectors[at : at + 64] @ items.T
        found[at : at + 64] = np.partition(similar, -nearest, axis=1)[:, -nearest:].mean(axis=1)
    return np.maximum(found, 1e-3)


def chunks(tokenizer: TextTokenizer, text: str) -> list[str]:
    """A text that fits the tokenizer's limit as it is; else its sentences, long ones halved."""
    limit = tokenizer.sequence_length - tokenizer.specials
    if _lengths(tokenizer, [text])[0] <= limit:
        return [text]
    parts = sentences(text)
    while True:
        lengths = _lengths(tokenizer, parts)
        # A single word past the limit is cut by the tokenizer.
        long = [n > limit and " " in part for n, part in zip(lengths, parts, strict=True)]
        if not any(long):
            return parts
        parts = [
            half
            for part, halve in zip(parts, long, strict=True)
            for half in (_halves(part) if halve else [part])
        ]


def _halves(text: str) -> list[str]:
    words = text.split()
    middle = len(words) // 2
    return [" ".join(words[:middle]), " ".join(words[middle:])]


def _lengths(tokenizer: TextTokenizer, texts: Sequence[str]) -> list[int]:
    return [int(n) for n in tokenizer.pieces(texts).row_lengths()]


def _check_pieces(loaded: LoadedBackbone, wish: Wish, unknown: int | None) -> None:
    """Refuses a wish most of whose words are unknown pieces."""
    text = " ".join((wish.wanted, *wish.unwanted))
    words = " ".join(_WORD.findall(text))
    pieces = loaded.tokenizer.pieces([words]).flat_values.numpy()
    if unknown is None or not len(pieces):
        return
    share = float((pieces == unknown).mean())
    if share >= UNREADABLE_SHARE:
        raise unreadable(text, f"{share:.0%} of its pieces are unknown")
