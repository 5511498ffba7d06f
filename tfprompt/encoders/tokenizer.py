"""Strings to token ids, inside the graph, for the backbone at hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tfprompt.encoders.wordpiece import WordPiece
from tfprompt.errors import ConfigError

_DEFAULT_SEQUENCE_LENGTH = 128


class TextTokenizer(tf.Module):
    """Tokenizes strings with TensorFlow operations only, so that an artifact can take text.

    Word-piece backbones (BERT, DistilBERT, ELECTRA) go through `WordPiece`, which equals the
    reference tokenizer; byte-pair and SentencePiece backbones through KerasHub's own operations.
    As a `tf.Module` it carries its lookup tables into a SavedModel: make it an attribute of the
    module that is exported.

    Args:
        tokenizer: the KerasHub tokenizer of the backbone: special ids, and pieces where
            `word_piece` is not given.
        word_piece: the in-graph word pieces, for families that have them.
        sequence_length: longest sequence T, special tokens included; longer text is cut.
            By default 128, or what the position table allows if that is less.
        max_sequence_length: rows of the backbone's position table; `None` for rotary positions.
        causal: a decoder gets its start token, if it has one, and no end token.

    Shapes:
        strings `[B]` to `token_ids` int32 `[B, T]` and `padding_mask` bool `[B, T]` (True = real),
        T being the longest of the batch.

    Raises:
        ConfigError: `sequence_length` leaves no room for a piece or exceeds the position table.

    Example:
        ```python
        tokenizer = load_backbone("all-minilm-l6-v2").tokenizer
        tokenizer(["Amélie (2001)"])["token_ids"]   # [[101, 25285, 1006, 2541, 1007, 102]]
        ```
    """

    def __init__(
        self,
        tokenizer: Any,
        *,
        word_piece: WordPiece | None = None,
        sequence_length: int | None = None,
        max_sequence_length: int | None = None,
        causal: bool = False,
    ) -> None:
        super().__init__(name="text_tokenizer")
        self.keras_tokenizer = tokenizer
        self.word_piece = word_piece
        self.max_sequence_length = max_sequence_length
        self.causal = causal
        self.cls_id: int | None = getattr(tokenizer, "start_token_id", None)
        self.sep_id: int | None = None if causal else getattr(tokenizer, "end_token_id", None)
        self.mask_id: int | None = getattr(tokenizer, "mask_token_id", None)
        pad_id = getattr(tokenizer, "pad_token_id", None)
        self.pad_id: int = 0 if pad_id is None else int(pad_id)
        if sequence_length is None:
            sequence_length = min(
                _DEFAULT_SEQUENCE_LENGTH, max_sequence_length or _DEFAULT_SEQUENCE_LENGTH
            )
        self.sequence_length = self.check_length(sequence_length)
        self._trace()

    def _trace(self) -> None:
        # A traced function, so that eager calls run the graph operations too: KerasHub tokenizes
        # with another library outside a graph, and the two need not agree.
        self._pieces = tf.function(
            self._untraced_pieces, input_signature=[tf.TensorSpec([None], tf.string)]
        )

    def _untraced_pieces(self, strings: tf.Tensor) -> tf.RaggedTensor:
        pieces = (self.word_piece or self.keras_tokenizer)(strings)
        return tf.cast(pieces, tf.int32)

    @property
    def specials(self) -> int:
        """Special tokens added to every text: 0, 1 or 2."""
        return (self.cls_id is not None) + (self.sep_id is not None)

    def check_length(self, sequence_length: int) -> int:
        """Returns `sequence_length` if the backbone can take it.

        Args:
            sequence_length: tokens of the longest sequence, special tokens included.

        Raises:
            ConfigError: too short for one piece, or longer than the position table.
        """
        shortest = self.specials + 1
        if sequence_length < shortest:
            raise ConfigError(
                f"sequence_length must be at least {shortest}: {self.specials} special token(s) "
                f"and one piece. Received: sequence_length={sequence_length}"
            )
        if self.max_sequence_length is not None and sequence_length > self.max_sequence_length:
            raise ConfigError(
                f"sequence_length must not exceed the backbone's position table of "
                f"{self.max_sequence_length} positions. Received: sequence_length="
                f"{sequence_length}. Choose {self.max_sequence_length} or less, or a backbone "
                f"with a longer table."
            )
        return sequence_length

    def pieces(self, strings: tf.Tensor | Sequence[str]) -> tf.RaggedTensor:
        """Ids of the pieces without special tokens and without truncation.

        Args:
            strings: text, `[B]`.

        Returns:
            int32 `[B, (pieces)]`.
        """
        strings = tf.convert_to_tensor(strings, dtype=tf.string)
        try:
            return self._pieces(strings)
        except tf.errors.NotFoundError:
            # A SentencePiece model lives in TensorFlow's kernel cache, which setting a global seed
            # empties (`keras.utils.set_random_seed`): it is put there again.
            if not hasattr(self.keras_tokenizer, "set_proto"):
                raise
            self.keras_tokenizer.set_proto(self.keras_tokenizer.proto)
            self._trace()
            return self._pieces(strings)

    def __call__(
        self,
        strings: tf.Tensor | Sequence[str],
        *,
        sequence_length: int | None = None,
        pad_to_length: bool = False,
    ) -> dict[str, tf.Tensor]:
        """Token ids with special tokens, cut to `sequence_length` and padded.

        Args:
            strings: text, `[B]`.
            sequence_length: another limit for this call.
            pad_to_length: pad to exactly `sequence_length`, for a static shape, instead of to
                the longest of the batch.

        Returns:
            `token_ids` int32 `[B, T]` and `padding_mask` bool `[B, T]`.

        Raises:
            ConfigError: `sequence_length` exceeds the position table.
        """
        length = (
            self.sequence_length if sequence_length is None else self.check_length(sequence_length)
        )
        pieces = self.pieces(strings)[:, : length - self.specials]
        column = [pieces.nrows(), 1]
        parts: list[Any] = [pieces]
        if self.cls_id is not None:
            parts.insert(0, tf.fill(column, self.cls_id))
        if self.sep_id is not None:
            parts.append(tf.fill(column, self.sep_id))
        rows = tf.concat(parts, axis=1) if len(parts) > 1 else pieces
        shape = [None, length] if pad_to_length else None
        token_ids = rows.to_tensor(default_value=self.pad_id, shape=shape)
        mask = tf.sequence_mask(rows.row_lengths(), maxlen=tf.shape(token_ids)[1])
        if pad_to_length:
            mask = tf.ensure_shape(mask, [None, length])
        return {"token_ids": token_ids, "padding_mask": mask}
