"""The text of a request as a device writes it: token ids in one row of fixed length."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tfprompt.encoders.text_plan import TextPlan
from tfprompt.errors import ExportError
from tfprompt.prompts.segments import Field, Mask, Words

if TYPE_CHECKING:
    from tfprompt.encoders.prompted import PromptedEncoder


class DeviceText:
    """The words and fields of a template in T tokens, and a wish in T' tokens.

    Args:
        encoder: gives template and tokenizer.
        field_tokens: word pieces that each field may have; longer ones are cut.
        wish_tokens: tokens of a wish, [CLS] and [SEP] included; 0 for no wishes.

    Attributes:
        length: T, or 0 where the template has no field: its text is then a constant.
        wish_length: T'.

    Raises:
        ExportError: lengths out of range, or text for a backbone without word pieces.
    """

    def __init__(self, encoder: PromptedEncoder, field_tokens: int, wish_tokens: int) -> None:
        self.tokenizer = encoder.loaded.tokenizer
        self.template = encoder.template
        if self.template.text_history is not None:
            raise ExportError(
                "A device knows past items by their rows, as {history:items} reads them. "
                f"Received: {self.template.source!r}. Export a SavedModel, or use tokens."
            )
        reads = bool(self.template.fields) or wish_tokens > 0
        if reads and self.tokenizer.word_piece is None:
            raise ExportError(
                "A device reads fields and wishes as word pieces (BERT, DistilBERT, ELECTRA). "
                f"Received: {encoder.loaded.name} of the family {encoder.loaded.family}. Use a "
                "template without fields, and no wishes."
            )
        if field_tokens < 1 or (wish_tokens and wish_tokens < self.tokenizer.specials + 1):
            raise ExportError(
                "A field has 1 piece or more, and a wish 1 more than the special tokens. "
                f"Received: field_tokens={field_tokens}, wish_tokens={wish_tokens}."
            )
        self.plan = TextPlan(self.template, self.tokenizer, field_tokens)
        self.length = self.plan.max_length if self.template.fields else 0
        self.wish_length = self.tokenizer.check_length(wish_tokens) if wish_tokens else 0

    @property
    def reads_tokens(self) -> bool:
        """Whether any input holds token ids."""
        return bool(self.length or self.wish_length)

    def constant(self) -> dict[str, np.ndarray]:
        """The row of a template without fields: `token_ids`, `padding_mask`, `order` `[1, T]`."""
        return {name: np.asarray(value) for name, value in self.plan({}, 1).items()}

    def row(self, fields: Mapping[str, str]) -> np.ndarray:
        """Token ids of a request int32 `[1, T]`, padded at the end."""
        import tensorflow as tf

        texts = {name: tf.constant([fields[name]]) for name in self.template.fields}
        return self._padded(self.plan(texts, 1)["token_ids"], self.length)

    def wish_row(self, wish: str) -> np.ndarray:
        """Token ids of a wish int32 `[1, T']`; padding alone for none."""
        if not wish.strip():
            return np.full((1, self.wish_length), self.tokenizer.pad_id, np.int32)
        tokens = self.tokenizer([wish], sequence_length=self.wish_length)
        return self._padded(tokens["token_ids"], self.wish_length)

    def _padded(self, ids: Any, length: int) -> np.ndarray:
        row = np.full((1, length), self.tokenizer.pad_id, np.int32)
        row[:, : ids.shape[1]] = np.asarray(ids)
        return row

    def parts(self) -> list[dict[str, Any]]:
        """How `row` is put together: `{"ids": [...]}`, or `{"field": name, "max": pieces}`."""
        found: list[dict[str, Any]] = []
        if self.tokenizer.cls_id is not None:
            found.append({"ids": [self.tokenizer.cls_id]})
        for segment in self.template.segments:
            if isinstance(segment, Words):
                found.append({"ids": self.tokenizer.pieces([segment.text]).to_list()[0]})
            elif isinstance(segment, Field):
                found.append({"field": segment.name, "max": self.plan.field_tokens})
            elif isinstance(segment, Mask):
                found.append({"ids": [self.tokenizer.mask_id]})
        if self.tokenizer.sep_id is not None:
            found.append({"ids": [self.tokenizer.sep_id]})
        return found
