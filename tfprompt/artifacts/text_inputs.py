"""How a signature takes text: as strings, or as token ids that the client made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import tensorflow as tf

if TYPE_CHECKING:
    from tfprompt.encoders.tokenizer import TextTokenizer


class TextInputs(tf.Module):
    """Text inputs of a signature by name.

    With `tokens`, an input `wish` becomes `wish_tokens`, int32 `[B, T]` of the tokenizer's full
    length T, special tokens included and padded with `pad_id`: what the tokenizer gives for the
    same text with `pad_to_length`. The graph then needs no operation of TensorFlow Text.

    Args:
        tokenizer: the backbone's.
        tokens: takes token ids instead of strings.
    """

    def __init__(self, tokenizer: TextTokenizer, tokens: bool = False) -> None:
        super().__init__(name="text_inputs")
        self.tokens = tokens
        self.length = tokenizer.sequence_length
        self.specials = [i for i in (tokenizer.cls_id, tokenizer.sep_id) if i is not None]
        self.pad_id = tokenizer.pad_id
        # Only what is used is held: an attribute would be written to the artifact.
        self.tokenizer = None if tokens else tokenizer

    def input_signature(self, name: str) -> dict[str, tf.TensorSpec]:
        """The input that carries the text `name`."""
        if not self.tokens:
            return {name: tf.TensorSpec([None], tf.string, name=name)}
        name = f"{name}_tokens"
        return {name: tf.TensorSpec([None, self.length], tf.int32, name=name)}

    def sequence(self, name: str, inputs: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """A whole text: `token_ids` int32 and `padding_mask` bool `[B, T]`, T the longest here."""
        if self.tokenizer is not None:
            return self.tokenizer(inputs[name])
        token_ids = inputs[f"{name}_tokens"]
        mask = self._real(token_ids)
        lengths = tf.reduce_sum(tf.cast(mask, tf.int32), axis=1)
        longest = tf.maximum(tf.reduce_max(lengths, axis=0), 1)
        return {"token_ids": token_ids[:, :longest], "padding_mask": mask[:, :longest]}

    def pieces(self, name: str, inputs: Mapping[str, tf.Tensor]) -> tf.RaggedTensor:
        """The pieces of a field, without special tokens: int32 `[B, (pieces)]`."""
        if self.tokenizer is not None:
            return self.tokenizer.pieces(inputs[name])
        token_ids = inputs[f"{name}_tokens"]
        kept = self._real(token_ids)
        for special in self.specials:
            kept &= token_ids != special
        return tf.ragged.boolean_mask(token_ids, kept)

    def given(self, name: str, inputs: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Whether there is a text, bool `[B]`."""
        if self.tokenizer is not None:
            return tf.strings.length(tf.strings.strip(inputs[name])) > 0
        return self.pieces(name, inputs).row_lengths() > 0

    def _real(self, token_ids: tf.Tensor) -> tf.Tensor:
        """Where tokens stand, bool `[B, T]`: the padding is what follows the last other id."""
        other = tf.cast(token_ids != self.pad_id, tf.int32)
        return tf.cumsum(other, axis=1, reverse=True) > 0
