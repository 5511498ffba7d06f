"""A plan of tokens through the layers above the seam."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tfprompt.encoders.last_layer import apply_where_read, can_skip
from tfprompt.encoders.seam import set_dropout
from tfprompt.encoders.token_plan import TokenPlan, move_rows
from tfprompt.layers import attention_mask

if TYPE_CHECKING:
    from tfprompt.encoders.prompted import PromptedEncoder


def upper_states(
    encoder: PromptedEncoder,
    plan: TokenPlan,
    columns: Any,
    training: bool,
    deep: Any = None,
    watch: Callable[[Any, Any, Any], None] | None = None,
) -> Any:
    """The plan through the frozen upper layers.

    Args:
        encoder: gives layers, deep prompts and tuning.
        plan: what stands where.
        columns: how many columns at the end are read, None for all.
        training: runs dropout inside the layers.
        deep: deep prompts of each row `[B, L, P, D]`, None for the encoder's own.
        watch: called before each layer with the layer, its input and its mask `[B, S, S]`.

    Returns:
        Last states `[B, S, D]`, or `[B, columns, D]`.
    """
    causal = encoder.attention == "causal"
    states = plan.embeddings
    decoder = encoder.seam.causal
    if decoder:
        there, back = plan.template_order()
        sorted_plan = plan.permuted(there)
        mask = attention_mask(
            sorted_plan.valid, sorted_plan.role, sorted_plan.moment, causal=causal
        )
    else:
        mask = attention_mask(plan.valid, plan.role, plan.moment, causal=causal)
    if training:
        # Encoders may share a backbone; each sets its own rate when its step is traced.
        set_dropout(encoder.seam.upper_layers, encoder.upper_dropout)
    for number, layer in enumerate(encoder.seam.upper_layers):
        if number and encoder.deep_prompts:
            own = None if deep is None else deep[:, number - 1]
            states = encoder.deep_prompts[number - 1](states, own)
        if watch is not None:
            with encoder.tuning.layer(number):
                watch(layer, states, mask)
        last = number == len(encoder.seam.upper_layers) - 1
        if last and columns is not None and can_skip(layer):
            with encoder.tuning.layer(number):
                states = apply_where_read(
                    layer, states, states[:, -columns:], mask[:, -columns:], training
                )
            return encoder.final(encoder.tuning.after(number, states))
        if decoder:
            states = move_rows(states, there)
        with encoder.tuning.layer(number):
            states = encoder.seam.apply_upper_layer(layer, states, mask, training=training)
        states = encoder.tuning.after(number, states)
        if decoder:
            states = move_rows(states, back)
    states = encoder.final(states)
    return states if columns is None else states[:, -columns:]
