"""WordPiece as the reference BERT tokenizer does it, in graph operations."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf
import tensorflow_text as tf_text

from tfprompt.encoders import _bert_characters as characters

# The reference gives [UNK] for a longer word; it counts characters, TF Text counts bytes.
_MAX_WORD_CHARACTERS = 100
_MAX_BYTES_PER_CHARACTER = 4

# `tf.strings.lower` asks ICU, which (a) turns a final Σ into ς where the reference goes character
# by character, and (b) follows the locale of the process: under tr_TR, "I" would become "ı", and a
# server would see other tokens than the training machine did. These are lowered beforehand.
_LOWERED_FIRST = (
    ("Σ", "σ"),
    ("I", "i"),
    ("J", "j"),
    ("İ", "i\u0307"),
    ("Ì", "ì"),
    ("Í", "í"),
    ("Ĩ", "ĩ"),
    ("Į", "į"),
)


class WordPiece:
    """Text to word pieces, equal to the `tokenizers` library character by character.

    Cleans the text, sets ideographs apart, lowers and strips accents where the model wants it,
    splits at spaces and punctuation, and takes the longest pieces first. KerasHub's own steps
    differ from the reference on accents, symbols, case folding (ß, final Σ, Cherokee), format
    characters and long words that are not ASCII.

    Special tokens written in a text ("[SEP]") are text, not tokens: what a user typed must not
    end the sequence. The reference does the same with `encode_special_tokens = True`.

    Args:
        vocabulary: the pieces in id order; `##` marks a piece inside a word.
        lowercase: lower the text.
        strip_accents: remove accents; `None` means the same as `lowercase`.
        split_ideographs: set Chinese characters apart.
        unknown_token: the piece for a word that cannot be built.

    Example:
        >>> pieces = WordPiece(["[UNK]", "am", "##elie", "!"], lowercase=True)
        >>> pieces(tf.constant(["Amélie!"])).to_list()
        [[1, 2, 3]]
    """

    def __init__(
        self,
        vocabulary: Sequence[str],
        *,
        lowercase: bool,
        strip_accents: bool | None = None,
        split_ideographs: bool = True,
        unknown_token: str = "[UNK]",
    ) -> None:
        self.lowercase = lowercase
        self.strip_accents = lowercase if strip_accents is None else strip_accents
        self.split_ideographs = split_ideographs
        self.unknown_token = unknown_token
        self.max_word_characters = _MAX_WORD_CHARACTERS
        self._pieces = tf_text.FastWordpieceTokenizer(
            vocab=list(vocabulary),
            token_out_type=tf.int32,
            suffix_indicator="##",
            max_bytes_per_word=_MAX_WORD_CHARACTERS * _MAX_BYTES_PER_CHARACTER,
            unknown_token=unknown_token,
            no_pretokenization=True,
        )

    def normalize(self, strings: tf.Tensor) -> tf.Tensor:
        """Cleaned text, as the reference's normalizer writes it: `[B]` to `[B]`."""
        # Bytes that are no UTF-8 become the replacement character, which the next line removes.
        text = tf.strings.unicode_transcode(strings, "UTF-8", "UTF-8", errors="replace")
        text = tf.strings.regex_replace(text, characters.REMOVED, "")
        text = tf.strings.regex_replace(text, characters.SPACES, " ")
        if self.split_ideographs:
            text = tf.strings.regex_replace(text, characters.IDEOGRAPHS, r" \0 ")
        if self.strip_accents:
            text = tf_text.normalize_utf8(text, "NFD")
            text = tf.strings.regex_replace(text, characters.MARKS, "")
        if self.lowercase:
            for upper, lower in _LOWERED_FIRST:
                text = tf.strings.regex_replace(text, upper, lower)
            text = tf.strings.lower(text, encoding="utf-8")
        return text

    def words(self, strings: tf.Tensor) -> tf.RaggedTensor:
        """Words and punctuation marks of normalized text: `[B]` to `[B, (words)]`."""
        words = tf_text.regex_split(
            self.normalize(strings),
            delim_regex_pattern=rf"{characters.SPACES}+|{characters.PUNCTUATION}",
            keep_delim_regex_pattern=characters.PUNCTUATION,
        )
        too_long = tf.strings.length(words.flat_values, unit="UTF8_CHAR") > _MAX_WORD_CHARACTERS
        return words.with_flat_values(tf.where(too_long, self.unknown_token, words.flat_values))

    def __call__(self, strings: tf.Tensor) -> tf.RaggedTensor:
        """Ids of the pieces without special tokens: `[B]` to int32 `[B, (pieces)]`."""
        return self._pieces.tokenize(self.words(strings)).merge_dims(-2, -1)
