"""The segments of a template laid side by side: prompts, features, text, items, read-outs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from keras import ops

from tfprompt.encoders.prompt_layers import prompt_parts
from tfprompt.encoders.text_plan import ORDER_STEP
from tfprompt.encoders.token_plan import Part, TokenPlan, readout_part
from tfprompt.layers.attention_rules import ITEM
from tfprompt.prompts.segments import History

if TYPE_CHECKING:
    from tfprompt.encoders.prompted import PromptedEncoder


def lay_out(
    encoder: PromptedEncoder, inputs: Mapping[str, Any], every_position: bool, training: bool | None
) -> tuple[TokenPlan, Any, Any]:
    """Plans the tokens of a batch; inputs as for `PromptedEncoder.call`.

    Returns:
        The plan, the steps `[B, Q]` that are read out, and how many columns they stand in. What
        is read stands last: copies of the mask, or else the items. Both are None without a
        history.
    """
    text, text_mask = inputs["states"], ops.cast(inputs["states_mask"], "bool")
    text_order = ops.cast(inputs["order"], "int32")
    parts = prompt_parts(encoder, inputs, training)
    at_mask = None
    judged = encoder.candidate_tokens is not None
    if encoder.read_out == "mask" and (encoder.item_tokens is not None or judged):
        # The mask token is read once per step of the history, or once per candidate: it leaves
        # the static text, and copies of its state stand in for it.
        at_mask = ops.logical_and(text_order == encoder.text_plan.mask_order, text_mask)
        text_mask = ops.logical_and(text_mask, ops.logical_not(at_mask))
    parts.append(Part.of(text, valid=text_mask, order=text_order))
    if encoder.item_tokens is None:
        return TokenPlan.join(parts), None, None

    items_mask = ops.cast(inputs["items_mask"], "bool")
    items = inputs["items"]
    if encoder.rating_tokens is not None:
        ratings = inputs.get("ratings")
        if ratings is None:  # who asks may know none
            ratings = ops.full(ops.shape(items_mask), float("nan"), dtype=items.dtype)
        items = encoder.rating_tokens(items, ratings)
    tokens = encoder.item_tokens(items, training=training)
    length = ops.shape(tokens)[1]
    step = ops.expand_dims(ops.arange(length, dtype="int32"), 0)
    counts = ops.sum(ops.cast(items_mask, "int32"), axis=1, keepdims=True)
    numbered = enumerate(encoder.template.segments)
    order = next(n for n, s in numbered if isinstance(s, History)) * ORDER_STEP
    parts.append(Part.of(tokens, ITEM, valid=step <= counts, moment=step, order=order + step))
    steps = ops.broadcast_to(step, (ops.shape(tokens)[0], length)) if every_position else counts
    if at_mask is not None and not judged:
        mask_state = mask_token(encoder, inputs)
        parts.append(readout_part(mask_state, steps, encoder.text_plan.mask_order))
        length = ops.shape(steps)[1]
    return TokenPlan.join(parts), steps, length


def mask_token(encoder: PromptedEncoder, inputs: Mapping[str, Any]) -> Any:
    """The `{mask}` token's state at the seam `[B, D]`."""
    chosen = ops.logical_and(
        ops.cast(inputs["order"], "int32") == encoder.text_plan.mask_order,
        ops.cast(inputs["states_mask"], "bool"),
    )
    states = inputs["states"]
    return ops.sum(states * ops.expand_dims(ops.cast(chosen, states.dtype), -1), axis=1)
