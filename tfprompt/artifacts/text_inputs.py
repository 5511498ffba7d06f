"""How a signature takes text: as strings, or as token ids that the client made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import tensorflow as tf

if TYPE_CHECKING:
    from tfprompt.encoders.tokenizer import TextTokenizer


class ItemWords(tf.Module):
    """What each item is called, in a variable whose N is free.

    Args:
        names: N strings, or for a graph without a tokenizer their pieces, ragged int32
            `[N, (pieces)]`.

    Example:
        >>> words = ItemWords(["Heat", "Alien"])
        >>> words(tf.ragged.constant([[1, 0], []], tf.int32)).to_list()
        [[b'Alien', b'Heat'], []]
    """

    def __init__(self, names: Any) -> None:
        super().__init__(name="item_words")
        pieces = isinstance(names, tf.RaggedTensor)
        values = names.to_tensor(-1) if pieces else tf.constant(names, tf.string)
        shape = [None, *values.shape[1:]]
        self.names = tf.Variable(values, trainable=False, shape=shape, name="item_words")

    def __call__(self, rows: tf.RaggedTensor) -> tf.RaggedTensor:
        """Rows `[B, (items)]` as strings `[B, (items)]`, or as pieces `[B, (items), (pieces)]`."""
        found = tf.gather(self.names, rows.values)
        if found.shape.rank == 2:
            found = tf.RaggedTensor.from_tensor(found, padding=-1)
        return rows.with_values(found)


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
        # Items are cut into pieces here where the graph cannot.
        self._cut = tokenizer.pieces

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

    def item_words(self, names: Sequence[str]) -> ItemWords:
        """What items are called `[N]`, as a graph that can read them looks them up."""
        return ItemWords(self._cut(names) if self.tokens else names)

    def given(self, name: str, inputs: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Whether there is a text, bool `[B]`."""
        if self.tokenizer is not None:
            return tf.strings.length(tf.strings.strip(inputs[name])) > 0
        return self.pieces(name, inputs).row_lengths() > 0

    def _real(self, token_ids: tf.Tensor) -> tf.Tensor:
        """Where tokens stand, bool `[B, T]`: the padding is what follows the last other id."""
        other = tf.cast(token_ids != self.pad_id, tf.int32)
        return tf.cumsum(other, axis=1, reverse=True) > 0
