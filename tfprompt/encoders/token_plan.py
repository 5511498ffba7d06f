"""Which token stands where: embeddings at the seam and what each position is."""

from __future__ import annotations

import dataclasses
from typing import Any

from keras import ops

from tfprompt.layers.attention_rules import READOUT, STATIC


@dataclasses.dataclass(frozen=True)
class Part:
    """Tokens of one kind: `embeddings` `[B, n, D]`; all else `[B, n]`."""

    embeddings: Any
    valid: Any
    role: Any
    moment: Any
    order: Any

    @classmethod
    def of(
        cls,
        embeddings: Any,
        role: int = STATIC,
        valid: Any | None = None,
        moment: Any | None = None,
        order: Any = 0,
    ) -> Part:
        """Fills in what is left out: all valid, moment 0, one order for all."""
        shape = ops.shape(embeddings)[:2]
        zeros = ops.zeros(shape, "int32")
        return cls(
            embeddings,
            ops.ones(shape, "bool") if valid is None else ops.cast(valid, "bool"),
            zeros + role,
            zeros if moment is None else zeros + moment,
            zeros + order,
        )


@dataclasses.dataclass(frozen=True)
class TokenPlan(Part):
    """All parts in one row, and the way to the order that a decoder needs.

    Encoders do not mind the physical order, since positions are inside the states; it is always
    prompts, features, text, items, read-outs. Decoders count positions by physical place, so
    their layers see the row sorted by template order with the padding last.
    """

    @classmethod
    def join(cls, parts: list[Part]) -> TokenPlan:
        """Lays parts side by side: `[B, S]` with S the sum of their lengths."""
        columns = {
            field.name: ops.concatenate([getattr(part, field.name) for part in parts], axis=1)
            for field in dataclasses.fields(Part)
        }
        return cls(**columns)

    def template_order(self) -> tuple[Any, Any]:
        """Permutation `[B, S]` into template order, padding last, and its inverse."""
        far = ops.cast(2**30, "int32")
        there = ops.argsort(ops.where(self.valid, self.order, far), axis=1)
        return there, ops.argsort(there, axis=1)

    def permuted(self, permutation: Any) -> TokenPlan:
        """The same row in another order; `embeddings` are left out, since layers change them."""
        moved = {
            name: ops.take_along_axis(getattr(self, name), permutation, axis=1)
            for name in ("valid", "role", "moment", "order")
        }
        return TokenPlan(embeddings=None, **moved)


def move_rows(states: Any, permutation: Any) -> Any:
    """Reorders the sequence of `states` `[B, S, D]` by `permutation` `[B, S]`."""
    return ops.take_along_axis(states, ops.expand_dims(permutation, -1), axis=1)


def readout_part(mask_state: Any, steps: Any, order: int) -> Part:
    """One copy of the mask token's state for every step.

    Args:
        mask_state: `[B, D]`, the `{mask}` token's state at the seam.
        steps: int `[B, Q]`, the moment of each copy.
        order: the template order of `{mask}`.
    """
    states = ops.broadcast_to(
        ops.expand_dims(mask_state, 1),
        (ops.shape(steps)[0], ops.shape(steps)[1], mask_state.shape[-1]),
    )
    return Part.of(states, READOUT, moment=steps, order=order)
