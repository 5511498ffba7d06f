"""The words and fields of a template as tokens of the backbone."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

import tensorflow as tf

from tfprompt.errors import ConfigError, TemplateError
from tfprompt.prompts.segments import SEPARATOR, Field, Mask, TextHistory, Words
from tfprompt.prompts.template import Template

if TYPE_CHECKING:
    from tfprompt.encoders.tokenizer import TextTokenizer

# The template order of a token is its segment's number times this, plus its place in the segment.
ORDER_STEP = 1024


class TextPlan:
    """Turns the text of a request into token ids, and says which segment each came from.

    Every op is a TensorFlow graph op, so the same plan runs while training and inside a
    SavedModel.

    Args:
        template: the template.
        tokenizer: the backbone's tokenizer.
        max_field_tokens: a field longer than this many word pieces is cut; less where the
            backbone's position table leaves no room for all fields and items.
        max_item_tokens: the same of each item of a history as words.

    Raises:
        TemplateError: the template holds `{mask}` and the backbone has no mask token.

    Example:
        plan = TextPlan(Template.parse("{age} year old who watched {history:items}"), tokenizer)
        plan({"age": tf.constant(["24"])})["token_ids"]   # [[CLS] 24 year old who watched [SEP]]
    """

    def __init__(
        self,
        template: Template,
        tokenizer: TextTokenizer,
        max_field_tokens: int = 48,
        max_item_tokens: int = 24,
    ) -> None:
        self.template = template
        self.tokenizer = tokenizer
        self.max_field_tokens = max_field_tokens
        self.max_item_tokens = max_item_tokens
        self.mask_order = -1
        for number, segment in enumerate(template.segments):
            if isinstance(segment, Mask):
                self.mask_order = number * ORDER_STEP
                if tokenizer.mask_id is None:
                    raise TemplateError(
                        template.source,
                        segment.position,
                        "This backbone has no mask token; leave {mask} out and read out the last "
                        "item instead.",
                    )

    @cached_property
    def _word_pieces(self) -> list[list[int]]:
        """Ids of the pieces of each segment of words, tokenized once and constant in a graph."""
        words = [s.text for s in self.template.segments if isinstance(s, Words)]
        if not words:
            return []
        with tf.init_scope():  # Numbers are needed here, even while a graph is traced.
            return self.tokenizer.pieces(tf.constant(words)).to_list()

    @property
    def _word_tokens(self) -> int:
        """Tokens of every row whatever its fields: words, mask and specials."""
        words = sum(map(len, self._word_pieces))
        return words + self.tokenizer.specials + int(self.template.has_mask)

    @cached_property
    def field_tokens(self) -> int:
        """Word pieces that each field may have.

        Raises:
            ConfigError: the words and one piece a field exceed the backbone's position table.
        """
        return self._shares[0]

    @property
    def item_tokens(self) -> int:
        """Word pieces that each item of a history as words may have; errors as `field_tokens`."""
        return self._shares[1]

    @cached_property
    def _shares(self) -> tuple[int, int]:
        """Pieces of a field and of an item: all they want, or the same share of it each."""
        fields, items = self._fields, self._items
        bound = self.tokenizer.max_sequence_length
        if bound is None:
            return self.max_field_tokens, self.max_item_tokens
        between = self._separators
        room = bound - self._word_tokens - between
        if room < fields + items:
            parts = [f"{self._word_tokens + between} tokens of words", f"{fields} fields"]
            parts += [f"{items} items of a history"] if items else []
            raise ConfigError(
                f"The backbone has {bound} positions for the text of a template. Received: "
                f"{' and '.join(parts)}. Shorten the template."
            )
        wanted = fields * self.max_field_tokens + items * self.max_item_tokens
        share = min(1.0, room / max(wanted, 1))
        field, item = int(self.max_field_tokens * share), int(self.max_item_tokens * share)
        if field < 1 or item < 1:
            # So little room that one of them would get nothing: all get as much.
            field = item = room // (fields + items)
        return field, item

    @property
    def _fields(self) -> int:
        return sum(isinstance(segment, Field) for segment in self.template.segments)

    @property
    def _items(self) -> int:
        """Items n of a history as words."""
        history = self.template.text_history
        return 0 if history is None else history.count

    @cached_property
    def _separator(self) -> list[int]:
        """Ids of the pieces between two items."""
        with tf.init_scope():
            return self.tokenizer.pieces(tf.constant([SEPARATOR])).to_list()[0]

    @property
    def _separators(self) -> int:
        return (self._items - 1) * len(self._separator) if self._items > 1 else 0

    @property
    def max_length(self) -> int:
        """The longest row T in tokens, specials included."""
        pieces = self._fields * self.field_tokens + self._items * self.item_tokens
        return self._word_tokens + self._separators + pieces

    def __call__(
        self,
        fields: Mapping[str, tf.Tensor | tf.RaggedTensor],
        batch: tf.Tensor | int,
        history: tf.RaggedTensor | None = None,
    ) -> dict:
        """Tokenizes.

        Args:
            fields: for each text field, strings `[B]` or the ids of their pieces, int32
                `[B, (pieces)]`; a missing one counts as empty.
            batch: B.
            history: of a history as words the texts of past items, oldest first, strings
                `[B, (items)]` or the ids of their pieces `[B, (items), (pieces)]`; only the
                newest n are read. None for no items.

        Returns:
            `token_ids` int32 `[B, T]`, `padding_mask` bool `[B, T]`, and `order` int32 `[B, T]`,
            each token's place in the template.

        Raises:
            ConfigError: the words do not fit the backbone's position table.
        """
        parts, orders, field_tokens = [], [], self.field_tokens

        def add(pieces: tf.RaggedTensor, first_order: int) -> None:
            parts.append(pieces)
            steps = tf.ragged.range(pieces.row_lengths())
            orders.append(tf.cast(steps, tf.int32) + first_order)

        def constant(*tokens: int | None) -> tf.RaggedTensor:
            values = [token for token in tokens if token is not None]
            row = tf.constant([values], tf.int32, shape=(1, len(values)))
            return tf.RaggedTensor.from_tensor(tf.tile(row, [batch, 1]))

        words = iter(self._word_pieces)
        add(constant(self.tokenizer.cls_id), -ORDER_STEP)
        for number, segment in enumerate(self.template.segments):
            if isinstance(segment, Words):
                add(constant(*next(words)), number * ORDER_STEP)
            elif isinstance(segment, Field):
                text = fields.get(segment.name)
                if text is None:
                    text = tf.fill([batch], "")
                if not isinstance(text, tf.RaggedTensor):
                    text = tf.cast(self.tokenizer.pieces(text), tf.int32)
                add(text[:, :field_tokens], number * ORDER_STEP)
            elif isinstance(segment, TextHistory):
                if history is not None:
                    add(self._listed(history[:, -segment.count :]), number * ORDER_STEP)
            elif isinstance(segment, Mask):
                add(constant(self.tokenizer.mask_id), number * ORDER_STEP)
        add(constant(self.tokenizer.sep_id), len(self.template.segments) * ORDER_STEP)

        token_ids = tf.concat(parts, axis=1)
        padding_mask = tf.sequence_mask(token_ids.row_lengths())
        return {
            "token_ids": token_ids.to_tensor(self.tokenizer.pad_id or 0),
            "padding_mask": padding_mask,
            "order": tf.concat(orders, axis=1).to_tensor(0),
        }

    def _listed(self, history: tf.RaggedTensor) -> tf.RaggedTensor:
        """Items `[B, (items)]` or `[B, (items), (pieces)]` as one list: int32 `[B, (pieces)]`."""
        of_row = history.row_splits
        pieces = history.values
        if not isinstance(pieces, tf.RaggedTensor):
            pieces = self.tokenizer.pieces(pieces)
        pieces = tf.cast(pieces, tf.int32)[:, : self.item_tokens]
        # Every item but the newest of its row is followed by a separator.
        last = tf.scatter_nd(
            of_row[1:, tf.newaxis], tf.ones_like(of_row[1:]), [pieces.nrows() + 1]
        )[1:]
        lengths = tf.where(last > 0, tf.zeros_like(last), len(self._separator))
        count = tf.reduce_sum(tf.cast(last == 0, tf.int32))
        between = tf.tile(tf.constant(self._separator, tf.int32), [count])
        separators = tf.RaggedTensor.from_row_lengths(between, lengths)
        listed = tf.concat([pieces, separators], axis=1)
        return tf.RaggedTensor.from_row_splits(listed.values, tf.gather(listed.row_splits, of_row))


def fitting_history(wanted: int, others: int, sequence_length: int) -> int:
    """The history that fits a sequence; prompts and text are never cut.

    Args:
        wanted: items asked for.
        others: all other tokens.
        sequence_length: bound on the whole sequence.

    Raises:
        ConfigError: there is no room for a single item.
    """
    room = sequence_length - others
    if room < 1:
        raise ConfigError(
            "Prompts are never truncated, so a sequence must hold all of them, the text and 1 "
            f"item: {others + 1} tokens here. Received: sequence_length={sequence_length}."
        )
    if room < wanted:
        warnings.warn(
            f"The history is cut to the newest {room} items (asked for: {wanted}): prompts and "
            f"text take {others} of {sequence_length} tokens.",
            stacklevel=4,
        )
    return min(room, wanted)
