"""Where the query is read out of the last states."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from keras import ops

from tfprompt.encoders.token_plan import TokenPlan
from tfprompt.errors import ConfigError
from tfprompt.prompts.template import Template

if TYPE_CHECKING:
    from tfprompt.encoders.prompted import PromptedEncoder

ReadOut = Literal["last", "mask", "mean"]


def choose(wanted: ReadOut | None, template: Template) -> ReadOut:
    """The read-out, by the template where none was asked for.

    Raises:
        ConfigError: the template lacks what is to be read.
    """
    judged = template.candidate
    if wanted is None:
        if template.has_mask:
            return "mask"
        if judged is not None:
            return "last" if judged.form == "token" else "mean"
        return "last" if template.has_history else "mean"
    if wanted not in ("last", "mask", "mean"):
        raise ConfigError(f"A read-out is 'last', 'mask' or 'mean'. Received: {wanted!r}.")
    if wanted == "mask" and not template.has_mask:
        raise ConfigError("read_out='mask' needs a {mask} in the template.")
    if judged is not None and wanted == "last" and judged.form == "text":
        raise ConfigError(
            "read_out='last' reads a candidate's one token; {item:text} has many. Read 'mask' or "
            "'mean'."
        )
    if wanted == "last" and not template.has_history and judged is None:
        raise ConfigError("read_out='last' needs {history:items} in the template.")
    return wanted


def read(encoder: PromptedEncoder, states: Any, plan: TokenPlan, steps: Any, every: bool) -> Any:
    """What an encoder reads; linear in the states.

    Args:
        encoder: says what is read.
        states: last states of the columns that are read `[B, n, D]`, without a history of all.
        plan: what stands where.
        steps: int `[B, Q]`, the steps that are read, None without a history.
        every: True reads all steps, False the one of each row.

    Returns:
        `[B, D]`, or `[B, Q, D]` with `every`.
    """
    if steps is not None:
        return read_history(states, plan, steps, encoder.read_out, every)
    mask_order = encoder.text_plan.mask_order if encoder.read_out == "mask" else None
    template = encoder.template
    return read_text(states, plan, mask_order, template.prompt_tokens)


def read_text(states: Any, plan: TokenPlan, mask_order: int | None, prompts: int) -> Any:
    """Without a history: the mask token, or the mean of words and fields.

    Args:
        states: last states `[B, S, D]`.
        plan: what stands where.
        mask_order: template order of `{mask}`, None for the mean.
        prompts: how many tokens at the start are prompts and features; they are instructions,
            not content, and stay out of the mean.

    Returns:
        Queries `[B, D]`.
    """
    if mask_order is not None:
        # Padding has an order too, which may be that of a mask that comes first.
        chosen = ops.logical_and(plan.valid, plan.order == mask_order)
    else:
        place = ops.expand_dims(ops.arange(ops.shape(states)[1]), 0)
        chosen = ops.logical_and(plan.valid, place >= prompts)
    weights = ops.expand_dims(ops.cast(chosen, states.dtype), -1)
    return ops.sum(states * weights, axis=1) / ops.maximum(ops.sum(weights, axis=1), 1)


def read_history(states: Any, plan: TokenPlan, steps: Any, kind: ReadOut, every: bool) -> Any:
    """With a history: the copies of the mask token, or the item tokens.

    Args:
        states: last states of the columns that are read `[B, n, D]`.
        plan: what stands where.
        steps: int `[B, Q]`, the steps that are read.
        kind: "mask", "last" or "mean" (of all items up to the step).
        every: True reads all steps, False the one of each row.

    Returns:
        `[B, Q, D]`, or `[B, D]` for one step.
    """
    if kind == "mask":
        return states if every else states[:, 0]
    if kind == "mean":
        items = ops.shape(states)[1]
        real = ops.expand_dims(ops.cast(plan.valid[:, -items:], states.dtype), -1)
        states = ops.cumsum(states * real, axis=1) / ops.cumsum(real, axis=1)
    if every:
        return states
    return ops.take_along_axis(states, ops.expand_dims(steps, -1), axis=1)[:, 0]
