"""What a model's encoder and catalog know of words, for reading wishes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

from tfprompt.prompts.languages import scripts_read
from tfprompt.prompts.spelling import Speller

if TYPE_CHECKING:
    from tfprompt.encoders.loading import LoadedBackbone
    from tfprompt.models.retriever import Retriever

# Items whose texts teach the speller its words: more would cost seconds and add rare words.
_TAUGHT = 50_000
_MAY_DENY = re.compile(r"n't\b|\b(?:no|not|nothing|without|except|hate|avoid|neither|nor)\b", re.I)
_UNKNOWN = ("[UNK]", "<unk>")


class WordKnowledge(NamedTuple):
    """What `Wish.parse` and its checks go by.

    Attributes:
        speller: knows the encoder's whole words and the catalog's.
        titles: of the catalog, those that hold a word like "no".
        scripts: what the encoder reads.
        unknown_id: its piece for unknown words, None for byte-pair vocabularies.
    """

    speller: Speller
    titles: tuple[str, ...]
    scripts: frozenset[str]
    unknown_id: int | None


_KNOWN: WeakKeyDictionary[Any, WordKnowledge] = WeakKeyDictionary()


def word_knowledge(model: Retriever) -> WordKnowledge:
    """Gathers the words of a model's encoder and catalog, once a model (0.1 s on 1,682 films)."""
    if model not in _KNOWN:
        tokenizer = model.encoder.loaded.tokenizer.keras_tokenizer
        pieces = vocabulary_text(model.encoder.loaded)
        frame = model.catalog.frame
        titles = frame["title"].drop_nulls().to_list() if "title" in frame.columns else []
        texts = model.catalog.texts(model.item_text)[:_TAUGHT]
        unknown = [name for name in _UNKNOWN if name in tokenizer.get_vocabulary()]
        _KNOWN[model] = WordKnowledge(
            Speller([word for word in pieces if word.isalpha()], [*texts, *titles[:_TAUGHT]]),
            tuple(title for title in titles if _MAY_DENY.search(title)),
            scripts_read(pieces),
            int(tokenizer.token_to_id(unknown[0])) if unknown else None,
        )
    return _KNOWN[model]


def vocabulary_text(loaded: LoadedBackbone) -> list[str]:
    """The vocabulary of a backbone as text.

    Returns:
        The pieces in id order. One that stands inside of a word starts with "##", whatever the
        family's own sign is; one that starts a word has no sign.
    """
    pieces = [str(piece) for piece in loaded.tokenizer.keras_tokenizer.get_vocabulary()]
    if any(piece.startswith("##") for piece in pieces):  # word pieces
        return pieces
    if any(piece.startswith("Ġ") for piece in pieces):  # byte pairs
        return [_from_bytes(piece) for piece in pieces]
    return [piece[1:] if piece.startswith("▁") else f"##{piece}" for piece in pieces]


def _from_bytes(piece: str) -> str:
    """A byte-pair piece as text: each of its characters stands for a byte."""
    text = bytes(_BYTES.get(character, 0) for character in piece).decode("utf-8", "ignore")
    return text[1:] if text.startswith(" ") else f"##{text}"


def _byte_characters() -> dict[str, int]:
    """The 256 printable characters that stand for bytes in byte-pair vocabularies (GPT-2)."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [byte for byte in range(256) if byte not in plain]
    return {chr(b): b for b in plain} | {chr(256 + place): b for place, b in enumerate(rest)}


_BYTES = _byte_characters()
