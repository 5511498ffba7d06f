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
    soft, deep = _own(encoder)
    if training:
        rows = ops.cast(
            keras.random.randint((batch,), 0, members, seed=encoder.member_generator), "int32"
        )
        found = {**inputs, "prompts": ops.take(soft, rows, axis=0)}
        if deep is not None:
            found["deep_prompts"] = ops.take(deep, rows, axis=0)
        return found
    given = {"prompts": inputs.get("prompts"), "deep_prompts": inputs.get("deep_prompts")}
    found = {
        name: ops.repeat(ops.convert_to_tensor(value), members, axis=0)
        for name, value in inputs.items()
        if name not in given and value is not None
    }
    for name, own in (("prompts", soft), ("deep_prompts", deep)):
        if own is None:
            continue
        if (value := given[name]) is None:
            value = ops.broadcast_to(ops.expand_dims(own, 0), (batch, *own.shape))
        found[name] = ops.reshape(value, (batch * members, *own.shape[1:]))
    return found


def mean_of_members(encoder: PromptedEncoder, outputs: Any) -> Any:
    """`[B·M, ...]` to the mean `[B, ...]` over the members."""
    shape = ops.shape(outputs)
    members = encoder.ensemble
    return ops.mean(ops.reshape(outputs, (shape[0] // members, members, *shape[1:])), axis=1)


def _own(encoder: PromptedEncoder) -> tuple[Any, Any]:
    """The members' prompts `[M, P, D]` and deep prompts `[M, L, P, D]`."""
    soft = ops.concatenate([layer.vectors() for layer in encoder.soft_prompts], axis=1)
    if not encoder.deep_prompts:
        return soft, None
    return soft, ops.stack([layer.vectors() for layer in encoder.deep_prompts], axis=1)
