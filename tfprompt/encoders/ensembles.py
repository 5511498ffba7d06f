"""Several soft prompts of one template in one forward pass."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import keras
from keras import ops

if TYPE_CHECKING:
    from tfprompt.encoders.prompted import PromptedEncoder


def with_members(
    encoder: PromptedEncoder, inputs: Mapping[str, Any], training: bool | None
) -> dict[str, Any]:
    """The inputs with the prompts of each row.

    While training, a row is answered by one member drawn at random, so M prompts cost no more than
    one and each learns from other rows. Else all members answer: M rows for each of the batch.

    Args:
        encoder: has M members.
        inputs: as for `PromptedEncoder.call`; `prompts` `[B, M, P, D]` and `deep_prompts`
            `[B, M, L, P, D]` where rows have prompts of their own.
        training: draws members.

    Returns:
        `prompts` `[B, P, D]` or `[B·M, P, D]`, and everything else to match.
    """
    members = encoder.ensemble
    batch = ops.shape(inputs["states"])[0]
    makers = {"prompts": _soft, "deep_prompts": _deep}
    if training:
        rows = keras.random.randint((batch,), 0, members, seed=encoder.member_generator)
        own = {name: make(encoder) for name, make in makers.items()}
        drawn = {n: ops.take(v, rows, axis=0) for n, v in own.items() if v is not None}
        return {**inputs, **drawn}
    found = {
        name: ops.repeat(ops.convert_to_tensor(value), members, axis=0)
        for name, value in inputs.items()
        if name not in makers and value is not None
    }
    for name, make in makers.items():
        value = inputs.get(name)
        if value is None and (own := make(encoder)) is not None:
            value = ops.broadcast_to(ops.expand_dims(own, 0), (batch, *own.shape))
        if value is not None:
            found[name] = ops.reshape(value, (batch * members, *value.shape[2:]))
    return found


def mean_of_members(encoder: PromptedEncoder, outputs: Any) -> Any:
    """`[B·M, ...]` to the mean `[B, ...]` over the members."""
    shape = ops.shape(outputs)
    members = encoder.ensemble
    return ops.mean(ops.reshape(outputs, (shape[0] // members, members, *shape[1:])), axis=1)


def _soft(encoder: PromptedEncoder) -> Any:
    """The members' soft prompts `[M, P, D]`."""
    return ops.concatenate([layer.vectors() for layer in encoder.soft_prompts], axis=1)


def _deep(encoder: PromptedEncoder) -> Any:
    """The members' deep prompts `[M, L, P, D]`, None without any."""
    if not encoder.deep_prompts:
        return None
    return ops.stack([layer.vectors() for layer in encoder.deep_prompts], axis=1)
